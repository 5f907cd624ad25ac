"""The last verification of each person's chain, for the page that shows it to them."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connections
from django.utils import timezone

from compliance.audit.actions import Action
from compliance.audit.chain import Verification
from compliance.audit.events import TrailVerification
from compliance.audit.faults import ChainProblem
from compliance.audit.recording import record

logger = logging.getLogger(__name__)

STORE: Final = """
    INSERT INTO compliance_trailverification (owner, at, events, fault, sequence)
    SELECT * FROM unnest(%s::uuid[], %s::timestamptz[], %s::bigint[], %s::text[], %s::bigint[])
    ON CONFLICT (owner) DO UPDATE
    SET at = excluded.at, events = excluded.events, fault = excluded.fault, sequence = excluded.sequence
"""
BATCH_SIZE: Final = 1000


def verify_own_chain(owner: UUID) -> TrailVerification:
    """Recompute a person's own chain and store the result. Needs the owner as tenant."""
    at, verification = timezone.now(), Verification(using="default")
    problems = list(verification.find_problems())
    report_problems(problems)
    store_results(at=at, events={owner: verification.events[owner]}, problems=problems, using="default")
    return TrailVerification.objects.get(owner=owner)


def verify_all(*, using: str = "ops") -> None:
    """Recompute every chain and store the results; report broken ones in the log and in the system's own trail."""
    at, verification = timezone.now(), Verification(using=using)
    problems = list(verification.find_problems())
    report_problems(problems)
    store_results(at=at, events=verification.events, problems=problems, using=using)


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
