"""An anchor file is appended to whatever its end is, and what was removed from it or changed in it is found."""

import logging
import tracemalloc
from datetime import timedelta
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from compliance.audit import Action, record
from compliance.audit.anchors import writing
from compliance.audit.anchors.lines import AnchorLine, hash_line
from compliance.audit.anchors.verification import AnchorVerification, FileProblem
from compliance.audit.anchors.writing import write_anchor
from compliance.tasks import anchor_audit_trail
from compliance.tests.anchor_files import (
    describe_anchor_problems,
    forge,
    list_anchor_problems,
    read_lines,
    run_audit_verify,
)
from compliance.tests.conftest import default_and_ops
from compliance.tests.threads import in_threads

pytestmark = [default_and_ops, pytest.mark.usefixtures("_one_line_per_anchor")]


def test_its_lines_hold_the_chains_that_grew_since_the_last_one(
    alice: Any, mallory: Any, anchor_file: Path, time_machine: Any
) -> None:
    record(Action.SYNC, subject=alice)
    write_anchor()
    first_lines = read_lines(anchor_file)
    # The database's clock does not move with ours, so the first anchor seems old to the second.
    time_machine.move_to(timezone.now() + timedelta(hours=3))
    write_anchor()
    record(Action.SYNC, subject=mallory)
    write_anchor()
    second, third = read_lines(anchor_file)[len(first_lines) :]
    assert alice.pk in {head.subject for line in first_lines for head in line.heads}
    assert first_lines[0].previous == ""
    assert third.heads == ()
    assert third.chains == second.chains + 1
    assert third.previous == hash_line(second.to_text())
    assert anchor_file.stat().st_mode & 0o777 == 0o600


def test_it_splits_an_anchor_into_lines_of_limited_length(
    alice: Any, mallory: Any, anchor_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MOST_HEADS", 1)
    record(Action.SYNC, subject=alice)
    record(Action.SYNC, subject=mallory)
    count = write_anchor()
    lines = read_lines(anchor_file)
    assert [line.is_last for line in lines] == [False] * (count - 1) + [True]
    assert list_anchor_problems(anchor_file) == []
    anchor_file.write_text("".join(anchor_file.read_text().splitlines(keepends=True)[:-1]))
    assert describe_anchor_problems(anchor_file) == ["the rest of its anchor is missing"]


def test_it_finds_a_line_that_was_forged(chain: str, anchor_file: Path) -> None:
    write_anchor()
    first, second = read_lines(anchor_file)
    forged = forge(first, heads=[[chain, 4, "00" * 32]])
    anchor_file.write_text(f"{forged}\n{second.to_text()}\n")
    assert [problem[:2] for problem in list_anchor_problems(anchor_file)][:2] == [
        (1, "its signature is not of this site"),
        (2, "what stood before it in the file was removed or changed"),
    ]


@pytest.mark.parametrize("changes", [{"at": "2036-01-01T00:00:00+00:00"}, {"chains": 1 << 62}], ids=str)
def test_it_continues_no_line_that_the_site_did_not_sign(
    chain: str, alice: Any, anchor_file: Path, changes: dict[str, Any]
) -> None:
    """Its time, in the future, would leave every head out of the next anchor."""
    [line] = read_lines(anchor_file)
    with anchor_file.open("a") as file:
        file.write(forge(line, previous=hash_line(line.to_text()), **changes) + "\n")
    record(Action.SYNC, subject=alice)
    write_anchor()
    *_, newest = read_lines(anchor_file)
    assert alice.pk in {head.subject for head in newest.heads}
    assert newest.previous == hash_line(line.to_text())
    assert list_anchor_problems(anchor_file) == [FileProblem(2, "its signature is not of this site")]


def test_it_takes_no_time_from_a_line_whose_key_is_missing(chain: str, alice: Any, anchor_file: Path) -> None:
    """The line keeps its place, so that it is as before once the key is back."""
    [line] = read_lines(anchor_file)
    unknown = forge(line, previous=hash_line(line.to_text()), at="2036-01-01T00:00:00+00:00", key="older")
    with anchor_file.open("a") as file:
        file.write(unknown + "\n")
    record(Action.SYNC, subject=alice)
    write_anchor()
    *_, newest = read_lines(anchor_file)
    assert alice.pk in {head.subject for head in newest.heads}
    assert newest.previous == hash_line(unknown)
    assert list_anchor_problems(anchor_file) == [
        FileProblem(2, "The key older is not in SIGNING_KEYS. Put it back, after the first.")
    ]


def test_it_goes_on_after_lines_that_only_resemble_anchors(chain: str, anchor_file: Path) -> None:
    [line] = read_lines(anchor_file)
    changes: list[dict[str, Any]] = [
        {"chains": float("inf")},
        {"at": "2026-11-30T08:15:00"},
        {"heads": [[chain, -1, ""]]},
    ]
    with anchor_file.open("a") as file:
        file.write("".join(f"{text}\n" for text in [*(forge(line, **change) for change in changes), "[" * 100_000]))
    write_anchor()
    assert list_anchor_problems(anchor_file) == []


def test_it_finds_a_line_that_was_signed_with_another_key(chain: str, anchor_file: Path, settings: Any) -> None:
    keys = settings.SIGNING_KEYS
    settings.SIGNING_KEYS = "sig-1:" + "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k="
    anchor_file.unlink()
    write_anchor()
    settings.SIGNING_KEYS = keys
    assert list_anchor_problems(anchor_file)[0] == FileProblem(
        1, "The key sig-1 is not in SIGNING_KEYS. Put it back, after the first."
    )


@pytest.mark.parametrize("kept", [slice(1, None), slice(0, None, 2)], ids=["beginning", "middle"])
def test_it_finds_that_lines_were_removed(chain: str, anchor_file: Path, kept: slice) -> None:
    write_anchor()
    write_anchor()
    lines = anchor_file.read_text().splitlines(keepends=True)
    anchor_file.write_text("".join(lines[kept]))
    assert "what stood before it in the file was removed or changed" in describe_anchor_problems(anchor_file)


def test_it_warns_of_a_time_without_anchors_and_accepts_it(chain: str, anchor_file: Path, time_machine: Any) -> None:
    """It is a time in which the site was down, unless somebody removed the end of the file before the next anchor."""
    start = timezone.now()
    for hours in (1, 10, 11):
        time_machine.move_to(start + timedelta(hours=hours, minutes=59))
        write_anchor()
    assert list_anchor_problems(anchor_file) == []
    output, message = run_audit_verify(anchor_file)
    since, until = (f"{start + timedelta(hours=hours, minutes=59):%Y-%m-%d %H:%M}" for hours in (1, 10))
    warning = f"Warning: anchor file, line 3: no anchor is between {since} and {until} UTC\n"
    assert (message, output.count("Warning"), output.count(warning)) == ("", 1, 1)


def test_it_warns_that_no_anchor_is_new(chain: str, anchor_file: Path, time_machine: Any) -> None:
    start = timezone.now()
    time_machine.move_to(start + timedelta(hours=1, minutes=59))
    assert "Warning" not in run_audit_verify(anchor_file)[0]
    time_machine.move_to(start + timedelta(hours=2, minutes=1))
    output, message = run_audit_verify(anchor_file)
    assert f"Warning: anchor file, line 1: no anchor is after {start:%Y-%m-%d %H:%M} UTC\n" in output
    assert message == ""


def test_it_finds_that_lines_were_removed_within_a_time_without_anchors(
    chain: str, anchor_file: Path, time_machine: Any
) -> None:
    start = timezone.now()
    for hours in (8, 16):
        time_machine.move_to(start + timedelta(hours=hours))
        write_anchor()
    first, _, third = anchor_file.read_text().splitlines(keepends=True)
    anchor_file.write_text(first + third)
    assert list_anchor_problems(anchor_file) == [
        FileProblem(2, "what stood before it in the file was removed or changed")
    ]
    assert run_audit_verify(anchor_file)[1].startswith("1 problem(s) in ")


def test_it_cannot_tell_a_removed_end_from_a_time_without_anchors(
    chain: str, anchor_file: Path, time_machine: Any
) -> None:
    """A documented limit: the next anchor continues the line that was left."""
    start, kept = timezone.now(), anchor_file.read_text()
    time_machine.move_to(start + timedelta(hours=1))
    write_anchor()
    anchor_file.write_text(kept)
    time_machine.move_to(start + timedelta(hours=3))
    write_anchor()
    verification = AnchorVerification(anchor_file)
    assert list(verification.find_problems()) == []
    assert [gap.line for gap in verification.gaps] == [2]


@pytest.mark.parametrize("content", ["", "\n", "{}\n", "[1]\n", "\x00\xff\n", '{"at": 1}\n', "null\n", '"x"\n'])
def test_it_finds_no_anchor_in_another_file(anchor_file: Path, content: str) -> None:
    anchor_file.write_text(content)
    assert describe_anchor_problems(anchor_file)[-1] == "there is no anchor in the file"


def test_it_says_that_a_file_cannot_be_read(anchor_file: Path) -> None:
    assert run_audit_verify(anchor_file)[1] == f"{anchor_file} cannot be read: No such file or directory."


def test_it_goes_on_after_a_line_that_a_killed_process_left_unfinished(chain: str, anchor_file: Path) -> None:
    with anchor_file.open("a") as file:
        file.write('{"at":"2026-')
    assert describe_anchor_problems(anchor_file) == ["the last line is not an anchor"]
    write_anchor()
    assert len(anchor_file.read_text().splitlines()) == 3
    assert list_anchor_problems(anchor_file) == []


@pytest.mark.parametrize("unfinished", ['{"at":"' + "9" * 70_000, "\0" * 200_000, '{"at":"\n' * 20_000])
def test_it_goes_on_after_unfinished_lines_of_any_length(chain: str, anchor_file: Path, unfinished: str) -> None:
    with anchor_file.open("a") as file:
        file.write(unfinished)
    write_anchor()
    assert list_anchor_problems(anchor_file) == []


def test_it_keeps_little_of_a_long_line_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "LONGEST_LINE", 1 << 20)
    with FileIO(tmp_path / "zeros", "w+") as file:
        file.truncate(64 << 20)
        tracemalloc.start()
        assert writing.read_end(file) == ("", None)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 8 << 20


def test_it_goes_on_after_a_line_that_lacks_only_its_end(chain: str, anchor_file: Path) -> None:
    write_anchor()
    anchor_file.write_text(anchor_file.read_text().removesuffix("\n"))
    write_anchor()
    assert len(read_lines(anchor_file)) == 3
    assert list_anchor_problems(anchor_file) == []


@pytest.mark.parametrize("complete", [0, 1])
def test_it_repeats_the_heads_of_an_anchor_that_was_left_unfinished(
    alice: Any, mallory: Any, anchor_file: Path, monkeypatch: pytest.MonkeyPatch, time_machine: Any, complete: int
) -> None:
    for _ in range(complete):
        write_anchor()
    for user in (alice, mallory):
        record(Action.SYNC, subject=user)
    # The database's clock does not move with ours, so what has changed seems old to an anchor after this one.
    time_machine.move_to(timezone.now() + timedelta(hours=1, minutes=59))
    monkeypatch.setattr(writing, "MOST_HEADS", 1)
    write_anchor()
    kept = anchor_file.read_text().splitlines(keepends=True)
    unfinished = kept.index(next(line for line in kept if not AnchorLine.parse(line).is_last))
    anchor_file.write_text("".join(kept[: unfinished + 1]))
    write_anchor()
    heads = {head.subject for line in read_lines(anchor_file) for head in line.heads}
    assert heads >= {alice.pk, mallory.pk}
    assert list_anchor_problems(anchor_file) == []


def test_it_begins_a_new_file_with_all_heads(chain: str, anchor_file: Path, time_machine: Any) -> None:
    anchor_file.rename(anchor_file.with_suffix(".old"))
    time_machine.move_to(timezone.now() + timedelta(days=1))
    write_anchor()
    (line,) = read_lines(anchor_file)
    assert len(line.heads) == line.chains
    assert list_anchor_problems(anchor_file) == []


def test_two_processes_write_one_after_the_other(chain: str, anchor_file: Path) -> None:
    in_threads(4, write_anchor)
    assert len(read_lines(anchor_file)) == 5
    assert list_anchor_problems(anchor_file) == []


def test_it_logs_each_line_and_needs_no_file(alice: Any, settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.AUDIT_ANCHOR_FILE = ""
    record(Action.SYNC, subject=alice)
    with caplog.at_level(logging.INFO):
        anchor_audit_trail()
    texts = [message.removeprefix("AUDIT_ANCHOR ") for message in caplog.messages if "AUDIT_ANCHOR" in message]
    lines = [AnchorLine.parse(text) for text in texts]
    assert all(line.is_signed() for line in lines)
    assert alice.pk in {head.subject for line in lines for head in line.heads}


def test_it_logs_what_it_cannot_write_to_the_file(
    alice: Any, settings: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings.AUDIT_ANCHOR_FILE = str(tmp_path)
    with caplog.at_level(logging.INFO), pytest.raises(IsADirectoryError):
        write_anchor()
    assert "AUDIT_ANCHOR {" in caplog.text
