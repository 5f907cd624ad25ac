"""Anchors outside the database find what the chains alone do not."""

from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from compliance.audit import Action, record
from compliance.audit.anchors import writing
from compliance.audit.anchors.verification import AnchorVerification
from compliance.audit.anchors.writing import write_anchor
from compliance.audit.chain import Verification
from compliance.audit.checkpoints import purge_trail
from compliance.audit.faults import ChainFault, ChainProblem
from compliance.tests.anchor_files import list_anchor_problems, read_lines, run_audit_verify
from compliance.tests.conftest import default_and_ops
from compliance.tests.tampering import (
    DELETE_CHAIN,
    FORGE_PAYLOAD,
    SET_HEAD_BACK,
    TAMPERING,
    connect_as_superuser,
    insert_old_events,
)

pytestmark = [default_and_ops, pytest.mark.usefixtures("_one_line_per_anchor")]


def list_chain_problems(path: Path) -> list[ChainProblem]:
    return [problem for problem in list_anchor_problems(path) if isinstance(problem, ChainProblem)]


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


FORGE_CHECKPOINT = """
    INSERT INTO audit_checkpoint SELECT subject, sequence, hash, now() - interval '{age}', 'sig',
        sha256('a') || sha256('b') FROM audit_head WHERE subject = '{subject}';
    DELETE FROM audit_link WHERE subject = '{subject}'; DELETE FROM audit_event WHERE subject = '{subject}'
"""


def test_it_finds_a_checkpoint_that_is_older_than_what_it_stands_for(
    anchor_file: Path, alice: Any, tamper: Callable[[str], None], time_machine: Any
) -> None:
    """Written by somebody who can replace the database's functions, and signed by the site."""
    now = timezone.now()
    write_anchor()
    record(Action.SYNC, subject=alice)
    time_machine.move_to(now + timedelta(hours=1))
    write_anchor()
    tamper(FORGE_CHECKPOINT.format(subject=alice.pk, age="23 hours"))
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


def test_it_accepts_a_purge_after_an_anchor_that_was_written_without_an_older_key(
    purgeable_chain: UUID, anchor_file: Path, settings: Any
) -> None:
    """Such an anchor has all heads, also those that had not changed for a year."""
    older = settings.SIGNING_KEYS
    settings.SIGNING_KEYS = "newer:" + b64encode(b"\x07" * 32).decode()
    write_anchor()
    assert purgeable_chain in {head.subject for head in read_lines(anchor_file)[-1].heads}
    settings.SIGNING_KEYS += f",{older}"
    assert purge_and_list_problems(anchor_file, purgeable_chain) == []


def test_it_finds_a_purge_that_is_too_early_for_an_anchor_that_repeats_the_head(
    anchor_file: Path, alice: Any, tamper: Callable[[str], None], settings: Any, time_machine: Any
) -> None:
    """The first anchor that has the head shows when it changed, with or without others that have it too."""
    write_anchor()
    record(Action.SYNC, subject=alice)
    time_machine.move_to(timezone.now() + timedelta(hours=1))
    write_anchor()
    older = settings.SIGNING_KEYS
    settings.SIGNING_KEYS = "newer:" + b64encode(b"\x07" * 32).decode()
    write_anchor()
    settings.SIGNING_KEYS += f",{older}"
    write_anchor()
    tamper(FORGE_CHECKPOINT.format(subject=alice.pk, age="366 days"))
    (problem,) = list_chain_problems(anchor_file)
    assert (problem.subject, problem.fault) == (alice.pk, ChainFault.PURGED_TOO_EARLY)


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
