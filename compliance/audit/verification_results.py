"""The last verification of each person's chain, for the page that shows it to them."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connections
from django.utils import timezone

from compliance.audit.actions import Action
from compliance.audit.chain import Verification
from compliance.audit.events import TrailVerification
from compliance.audit.faults import ChainFault, ChainProblem
from compliance.audit.recording import record

logger = logging.getLogger(__name__)

STORE: Final = """
    INSERT INTO compliance_trailverification AS stored (owner, at, events, fault, sequence, head_sequence)
    SELECT r.owner, r.at, r.events, r.fault, r.sequence, coalesce(h.sequence, 0)
      FROM unnest(%s::uuid[], %s::timestamptz[], %s::bigint[], %s::text[], %s::bigint[])
           AS r (owner, at, events, fault, sequence)
      LEFT JOIN audit_head h ON h.subject = r.owner
    ON CONFLICT (owner) DO UPDATE
    SET at = excluded.at, events = excluded.events, fault = excluded.fault, sequence = excluded.sequence,
        -- A shortened chain stays one at the next verification.
        head_sequence = greatest(stored.head_sequence, excluded.head_sequence)
"""
SHORTENED: Final = """
    SELECT v.owner, coalesce(h.sequence, 0) + 1
      FROM compliance_trailverification v LEFT JOIN audit_head h ON h.subject = v.owner
     WHERE coalesce(h.sequence, 0) < v.head_sequence ORDER BY v.owner
"""
BATCH_SIZE: Final = 1000


def verify_own_chain(owner: UUID) -> TrailVerification:
    """Recompute a person's own chain and store the result. Needs the owner as tenant."""
    at, verification = timezone.now(), Verification(using="default")
    problems = list(find_all_problems(verification))
    report_problems(problems)
    store_results(at=at, events={owner: verification.events[owner]}, problems=problems, using="default")
    return TrailVerification.objects.get(owner=owner)


def verify_all(*, using: str = "ops") -> None:
    """Recompute every chain and store the results; report broken ones in the log and in the system's own trail."""
    at, verification = timezone.now(), Verification(using=using)
    problems = list(find_all_problems(verification))
    report_problems(problems)
    store_results(at=at, events=verification.events, problems=problems, using=using)


def find_all_problems(verification: Verification) -> Iterator[ChainProblem]:
    """Yield what the chains themselves show, and what a comparison with earlier verifications does."""
    yield from verification.find_problems()
    yield from find_shortened_chains(using=verification.using)


def find_shortened_chains(*, using: str) -> Iterator[ChainProblem]:
    """Yield the first missing event of each chain whose head is before that of an earlier verification."""
    with connections[using].cursor() as cursor:
        cursor.execute(SHORTENED)
        for subject, sequence in cursor.fetchall():
            yield ChainProblem(subject, sequence, ChainFault.SHORTENED)


def report_problems(problems: Sequence[ChainProblem]) -> None:
    """Log each problem for operators, and record their number in the system's own trail."""
    for problem in problems:
        logger.error("Audit trail of %s at %s: %s", problem.subject, problem.sequence, problem.description)
    if problems:
        record(Action.SECURITY_ALERT, subject=None, resource="audit trail", outcome="failed", problems=len(problems))


def store_results(*, at: datetime, events: dict[UUID, int], problems: Iterable[ChainProblem], using: str) -> None:
    """Store the result of each chain, with its first problem."""
    first: dict[UUID, ChainProblem] = {}
    for problem in problems:
        first.setdefault(problem.subject, problem)
    subjects = sorted(events.keys() | first.keys())
    for start in range(0, len(subjects), BATCH_SIZE):
        batch = subjects[start : start + BATCH_SIZE]
        faults = [first.get(subject) for subject in batch]
        columns: list[list[Any]] = [
            batch,
            [at] * len(batch),
            [events.get(subject, 0) for subject in batch],
            [fault.fault.value if fault else "" for fault in faults],
            [fault.sequence if fault else 0 for fault in faults],
        ]
        with connections[using].cursor() as cursor:
            cursor.execute(STORE, columns)
