"""Anchors outside the database: what they find that the chains alone do not, and what they say about themselves."""

import json
import logging
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from io import FileIO, StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from compliance.audit import Action, record
from compliance.audit.anchors import writing
from compliance.audit.anchors.lines import (
    AnchoredHead,
    AnchorLine,
    InvalidAnchor,
    encode_json,
    hash_leaf,
    hash_line,
    merkle_root,
)
from compliance.audit.anchors.verification import AnchorVerification, FileProblem
from compliance.audit.anchors.writing import write_anchor
from compliance.audit.chain import Verification
from compliance.audit.checkpoints import purge_trail
from compliance.audit.faults import ChainFault, ChainProblem
from compliance.isolation import SYSTEM
from compliance.tasks import anchor_audit_trail
from compliance.tests.conftest import default_and_ops
from compliance.tests.tampering import (
    DELETE_CHAIN,
    FORGE_PAYLOAD,
    SET_HEAD_BACK,
    TAMPERING,
    connect_as_superuser,
    insert_old_events,
)
from compliance.tests.threads import in_threads

pytestmark = default_and_ops


@pytest.fixture
def anchor_file(tmp_path: Path, settings: Any) -> Path:
    settings.AUDIT_ANCHOR_FILE = str(tmp_path / "anchors.jsonl")
    return tmp_path / "anchors.jsonl"


@pytest.fixture(autouse=True)
def _one_line_per_anchor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write one line, however many chains other tests have left in the trail, which is never truncated."""
    monkeypatch.setattr(writing, "MOST_HEADS", 100_000)
    monkeypatch.setattr(writing, "LONGEST_LINE", 1 << 26)


@pytest.fixture
def chain(alice: Any, anchor_file: Path) -> str:
    """Alice's chain of five events, anchored."""
    for number in range(5):
        record(Action.SYNC, subject=alice, number=number)
    write_anchor()
    return str(alice.pk)


def describe_anchor_problems(path: Path) -> list[str]:
    return [problem.description for problem in list_anchor_problems(path)]


def list_anchor_problems(path: Path) -> list[ChainProblem | FileProblem]:
    return list(AnchorVerification(path).find_problems())


def list_chain_problems(path: Path) -> list[ChainProblem]:
    return [problem for problem in list_anchor_problems(path) if isinstance(problem, ChainProblem)]


def read_lines(path: Path) -> list[AnchorLine]:
    return [AnchorLine.parse(text) for text in path.read_text().splitlines()]


def run_audit_verify(path: Path) -> tuple[str, str]:
    """Return the output of the command, and the message with which it failed."""
    out = StringIO()
    try:
        call_command("audit_verify", anchors=path, stdout=out)
    except CommandError as error:
        return out.getvalue(), str(error)
    return out.getvalue(), ""


# --- Tampering --------------------------------------------------------------------------------------------

TAMPERING_CASES = {
    "content changed": (TAMPERING["content changed"][0], 3, ChainFault.CHANGED),
    "time moved": (TAMPERING["time moved by a microsecond"][0], 3, ChainFault.CHANGED),
    "event deleted": (TAMPERING["event deleted"][0], 3, ChainFault.EVENT_MISSING),
    "event and link deleted": (TAMPERING["event and link deleted"][0], 4, ChainFault.PREDECESSOR_MISSING),
    "end cut off": (TAMPERING["end cut off"][0], 5, ChainFault.CUT_SINCE_ANCHOR),
    "two swapped": (TAMPERING["two swapped"][0], 2, ChainFault.CHANGED),
    "event without link": (TAMPERING["event without link"][0], 0, ChainFault.UNLINKED),
    "end cut off and head set back": (SET_HEAD_BACK, 5, ChainFault.CUT_SINCE_ANCHOR),
    "payload forged and chain recalculated": (FORGE_PAYLOAD, 5, ChainFault.REPLACED_SINCE_ANCHOR),
    "whole chain deleted": (DELETE_CHAIN, 5, ChainFault.CHAIN_MISSING),
}


@pytest.mark.parametrize("name", TAMPERING_CASES)
def test_it_finds_and_names_every_kind_of_tampering(
    chain: str, anchor_file: Path, tamper: Callable[[str], None], name: str
) -> None:
    statement, sequence, fault = TAMPERING_CASES[name]
    tamper(statement.replace("{chain}", chain))
    output, message = run_audit_verify(anchor_file)
    problem = next(
        problem
        for problem in [*Verification().find_problems(), *list_anchor_problems(anchor_file)]
        if problem.fault == fault
    )
    assert (str(problem.subject), problem.sequence) == (chain, sequence)
    assert f"{chain} #{sequence}: {problem.description}\n" in output
    assert "problem(s) in" in message


@pytest.mark.parametrize("statement", [SET_HEAD_BACK, FORGE_PAYLOAD, DELETE_CHAIN], ids=["cut", "forged", "deleted"])
def test_only_anchors_find_what_was_rewritten_to_its_end(
    chain: str, anchor_file: Path, tamper: Callable[[str], None], statement: str
) -> None:
    tamper(statement.replace("{chain}", chain))
    assert list(Verification().find_problems()) == []
    (problem,) = list_anchor_problems(anchor_file)
    assert str(problem.subject) == chain


def test_it_finds_an_end_that_was_cut_off_before_others_were_appended(
    chain: str, alice: Any, anchor_file: Path, tamper: Callable[[str], None]
) -> None:
    tamper(SET_HEAD_BACK.replace("{chain}", chain))
    record(Action.CONNECT, subject=alice)
    assert list(Verification().find_problems()) == []
    assert list_anchor_problems(anchor_file) == [ChainProblem(alice.pk, 5, ChainFault.REPLACED_SINCE_ANCHOR)]


def test_it_cannot_find_what_was_rewritten_after_the_last_anchor(
    chain: str, alice: Any, anchor_file: Path, tamper: Callable[[str], None]
) -> None:
    """A documented limit: up to an hour passes until the next one."""
    record(Action.CONNECT, subject=alice)
    tamper(SET_HEAD_BACK.replace("{chain}", chain))
    write_anchor()
    assert list(Verification().find_problems()) == []
    assert list_anchor_problems(anchor_file) == []


def test_it_finds_a_forgery_that_was_anchored_again(
    chain: str, anchor_file: Path, tamper: Callable[[str], None]
) -> None:
    tamper(FORGE_PAYLOAD.replace("{chain}", chain))
    write_anchor()
    assert [problem.fault for problem in list_anchor_problems(anchor_file)] == [ChainFault.REPLACED_SINCE_ANCHOR]


def test_it_finds_no_problem_as_the_chains_grow(chain: str, anchor_file: Path) -> None:
    assert list_anchor_problems(anchor_file) == []
    for _ in range(3):
        record(Action.SYNC, subject=None)
        write_anchor()
        record(Action.SYNC, subject=None)
    verification = AnchorVerification(anchor_file)
    assert list(verification.find_problems()) == []
    assert verification.compared > 4
    output, message = run_audit_verify(anchor_file)
    assert message == ""
    assert f"{verification.compared} anchored heads verified." in output


# --- Purged chains ----------------------------------------------------------------------------------------


def test_it_accepts_anchors_of_what_was_purged_behind_a_checkpoint(
    anchor_file: Path, mallory: Any, alice: Any, tamper: Callable[[str], None], time_machine: Any
) -> None:
    now = timezone.now()
    with connect_as_superuser() as admin:
        for subject in (alice.pk, mallory.pk):
            insert_old_events(admin, subject, days=400, count=3)
    time_machine.move_to(now - timedelta(days=399))
    write_anchor()
    with connect_as_superuser() as admin:
        insert_old_events(admin, alice.pk, days=390, count=2)
    time_machine.move_to(now - timedelta(days=389))
    write_anchor()
    time_machine.move_to(now)
    record(Action.SYNC, subject=alice)
    assert purge_trail() == 8
    assert list_chain_problems(anchor_file) == []
    # Mallory's checkpoint is at her anchored head, Alice's after her first one.
    tamper(f"UPDATE audit_checkpoint SET hash = sha256('x') WHERE subject = '{mallory.pk}'")
    (problem,) = list_chain_problems(anchor_file)
    assert (problem.subject, problem.fault) == (mallory.pk, ChainFault.REPLACED_SINCE_ANCHOR)


def test_it_finds_a_checkpoint_that_is_older_than_what_it_stands_for(
    anchor_file: Path, alice: Any, tamper: Callable[[str], None], time_machine: Any
) -> None:
    """Written by somebody who can replace the database's functions, and signed by the site."""
    now = timezone.now()
    write_anchor()
    record(Action.SYNC, subject=alice)
    time_machine.move_to(now + timedelta(hours=1))
    write_anchor()
    forge = f"""
        INSERT INTO audit_checkpoint SELECT subject, sequence, hash, now() - interval '{{age}}', 'sig',
            sha256('a') || sha256('b') FROM audit_head WHERE subject = '{alice.pk}';
        DELETE FROM audit_link WHERE subject = '{alice.pk}'; DELETE FROM audit_event WHERE subject = '{alice.pk}'
    """
    tamper(forge.replace("{age}", "23 hours"))
    assert list_chain_problems(anchor_file) == []
    tamper(f"UPDATE audit_checkpoint SET purged_until = now() - interval '366 days' WHERE subject = '{alice.pk}'")
    (problem,) = list_chain_problems(anchor_file)
    assert (problem.subject, problem.fault) == (alice.pk, ChainFault.PURGED_TOO_EARLY)


@pytest.fixture
def purgeable_chain(alice: Any, anchor_file: Path, tamper: Callable[[str], None], time_machine: Any) -> UUID:
    """Alice's chain, unchanged for 400 days, in the first of two anchors, the second of which is a month old."""
    now = timezone.now()
    with connect_as_superuser() as admin:
        insert_old_events(admin, alice.pk, days=400, count=3)
    tamper(f"UPDATE audit_head SET changed_at = now() - interval '400 days' WHERE subject = '{alice.pk}'")
    for days in (399, 30):
        time_machine.move_to(now - timedelta(days=days))
        write_anchor()
    time_machine.move_to(now)
    return UUID(str(alice.pk))


def purge_and_list_problems(path: Path, subject: UUID) -> list[ChainProblem]:
    """Anchor what is there, purge, and return what an anchor file then says of a chain."""
    write_anchor()
    assert purge_trail() >= 3
    return [problem for problem in list_chain_problems(path) if problem.subject == subject]


@pytest.mark.parametrize("size", [70 << 10, 200 << 10])
def test_it_accepts_a_purge_after_a_line_left_unfinished(purgeable_chain: UUID, anchor_file: Path, size: int) -> None:
    """Otherwise all heads would be anchored again, also those that had not changed for a year."""
    with anchor_file.open("a") as file:
        file.write('{"at":"' + "9" * size)
    assert purge_and_list_problems(anchor_file, purgeable_chain) == []


def test_it_accepts_a_purge_after_an_anchor_left_unfinished(
    purgeable_chain: UUID, anchor_file: Path, mallory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for subject in (mallory, None):
        record(Action.SYNC, subject=subject)
    # The lines of the unfinished anchor are longer than what is read at once.
    monkeypatch.setattr(writing, "CHUNK_BYTES", 100)
    with monkeypatch.context() as one_head_per_line:
        one_head_per_line.setattr(writing, "MOST_HEADS", 1)
        write_anchor()
    anchor_file.write_text("".join(anchor_file.read_text().splitlines(keepends=True)[:-1]))
    assert not read_lines(anchor_file)[-1].is_last
    assert purge_and_list_problems(anchor_file, purgeable_chain) == []


# --- The file ---------------------------------------------------------------------------------------------


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


def forge(line: AnchorLine, **changes: Any) -> str:
    """Return the text of a line with another content and the old signature."""
    return json.dumps(json.loads(line.to_text()) | changes, sort_keys=True, separators=(",", ":"))


def test_it_finds_a_line_that_was_forged(chain: str, anchor_file: Path) -> None:
    write_anchor()
    first, second = read_lines(anchor_file)
    forged = forge(first, heads=[[chain, 4, "00" * 32]])
    anchor_file.write_text(f"{forged}\n{second.to_text()}\n")
    assert [problem[:2] for problem in list_anchor_problems(anchor_file)][:2] == [
        (1, "its signature is not of this site"),
        (2, "what stood before it in the file was removed or changed"),
    ]


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


# --- Hashes -----------------------------------------------------------------------------------------------

HEADS = [AnchoredHead(SYSTEM, number, bytes(32)) for number in range(6)]


@pytest.mark.parametrize("count", range(7))
def test_its_root_depends_on_every_head_and_their_order(count: int) -> None:
    leaves = [hash_leaf(head) for head in HEADS[:count]]
    others = {merkle_root(leaves[:number] + leaves[number + 1 :]) for number in range(count)}
    others |= {merkle_root(leaves[::-1])} if count > 1 else set()
    assert merkle_root(leaves) not in others
    assert len(merkle_root(leaves)) == 32


def test_it_does_not_take_a_node_for_a_leaf() -> None:
    left, right = hash_leaf(HEADS[0]), hash_leaf(HEADS[1])
    assert merkle_root([left, right]) != merkle_root([merkle_root([left, right])[:32], left])
    assert merkle_root([left, right]) != hash_leaf(AnchoredHead(SYSTEM, 0, left + right))


def test_it_refuses_to_store_a_line_without_a_signature() -> None:
    line = AnchorLine(timezone.now(), 0, merkle_root([]), (), is_last=True, previous="")
    with pytest.raises(InvalidAnchor):
        line.to_text()
    assert not line.is_signed()
    assert json.loads(encode_json({"b": 1, "a": 2})) == {"a": 2, "b": 1}
