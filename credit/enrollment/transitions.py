"""The state machine of an enrollment: its status, dates and counters change only here.

Each function takes an enrollment that the caller has locked, and changes it in memory; the caller saves it. None of
them reads the database, the clock or the settings of another layer, so ``TRANSITIONS`` can be tested as a table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from django.views.decorators.debug import sensitive_variables

from credit.enrollment.schedule import COOLDOWN, next_pull, refresh_interval
from credit.models import Enrollment
from credit.report import ReportStatus
from credit.statuses import ATTEMPT_TIMEOUT, NEEDS_DETAILS, EnrollmentStatus

STORED: Final = frozenset(EnrollmentStatus) - {
    EnrollmentStatus.OFF,
    EnrollmentStatus.NO_CONSENT,
    EnrollmentStatus.CONSENT_OUTDATED,
    EnrollmentStatus.STALE,
}
REPORTED: Final = frozenset(EnrollmentStatus(status) for status in ReportStatus)
# Other details may change these: the bureau found no file, rejected a field, or returned a file that does not match.
CORRECTABLE: Final = NEEDS_DETAILS | {EnrollmentStatus.MISMATCH}
# A report without a file does not use up the month: the user may pull again with other details,
# or when the freeze is lifted.
WITHOUT_FILE: Final = frozenset({EnrollmentStatus.FROZEN, EnrollmentStatus.NO_HIT})


class IllegalTransition(Exception):
    """The enrollment cannot do this in its status, or cannot end up in that one."""


@dataclass(frozen=True)
class FailureDecision:
    """The result of the retry policy for a pull without a report. ``retry_in`` is when Celery beat pulls again.

    No pull is possible before ``cooldown`` is over. ``monthly`` says that without a retry the next pull is the monthly
    one. If it is false, only the user can change how the bureau would respond.
    """

    status: EnrollmentStatus
    cooldown: timedelta
    retry_in: timedelta | None = None
    monthly: bool = False
    needs_operator: bool = False


class Event(StrEnum):
    """What can happen to an enrollment."""

    CHANGE_DETAILS = "change_details"
    BEGIN_PULL = "begin_pull"
    ABANDON_PULL = "abandon_pull"
    FAIL_PULL = "fail_pull"
    STORE_RAW_REPORT = "store_raw_report"
    COMPLETE_REPORT = "complete_report"
    POSTPONE_UNPARSED = "postpone_unparsed"
    LOSE_DETAILS = "lose_details"
    STOP_SCHEDULE = "stop_schedule"
    DELETE_SSN = "delete_ssn"
    WITHDRAW_CONSENT = "withdraw_consent"


@dataclass(frozen=True, slots=True)
class Transition:
    """In which statuses an event may happen, and in which it may end. Without ``targets`` the status stays.

    The many ``sources`` are intended. Details may change, consent may end and workers may die during a call, and a late
    report is stored whatever happened meanwhile.
    """

    sources: frozenset[EnrollmentStatus] = STORED
    targets: frozenset[EnrollmentStatus] | None = None
    while_withdrawn: bool = True


TRANSITIONS: Final[Mapping[Event, Transition]] = MappingProxyType(
    {
        Event.CHANGE_DETAILS: Transition(targets=STORED - CORRECTABLE),
        Event.BEGIN_PULL: Transition(
            sources=STORED - NEEDS_DETAILS, targets=frozenset({EnrollmentStatus.PULLING}), while_withdrawn=False
        ),
        Event.ABANDON_PULL: Transition(targets=frozenset({EnrollmentStatus.NOT_PULLED})),
        Event.FAIL_PULL: Transition(
            targets=STORED
            - {
                EnrollmentStatus.NOT_PULLED,
                EnrollmentStatus.PULLING,
                EnrollmentStatus.READY,
                EnrollmentStatus.MISMATCH,
                EnrollmentStatus.DETAILS_LOST,
            }
        ),
        Event.STORE_RAW_REPORT: Transition(targets=frozenset({EnrollmentStatus.UNPARSED}), while_withdrawn=False),
        Event.COMPLETE_REPORT: Transition(targets=REPORTED),
        Event.POSTPONE_UNPARSED: Transition(sources=frozenset({EnrollmentStatus.UNPARSED})),
        Event.LOSE_DETAILS: Transition(targets=frozenset({EnrollmentStatus.DETAILS_LOST})),
        Event.STOP_SCHEDULE: Transition(),
        Event.DELETE_SSN: Transition(),
        Event.WITHDRAW_CONSENT: Transition(while_withdrawn=False),
    }
)


def _check(enrollment: Enrollment, event: Event, target: EnrollmentStatus | None = None) -> None:
    """Raise ``IllegalTransition`` unless the event may happen now and may end in ``target``."""
    transition, source = TRANSITIONS[event], EnrollmentStatus(enrollment.status)
    is_withdrawn = enrollment.withdrawn_at is not None
    is_allowed = source in transition.sources and (transition.while_withdrawn or not is_withdrawn)
    if not is_allowed or (target is not None and target not in (transition.targets or {source})):
        raise IllegalTransition(f"{event} from {source}{' (withdrawn)' if is_withdrawn else ''} to {target or source}")


def _set_status(enrollment: Enrollment, status: EnrollmentStatus, now: datetime, *, rejected_field: str = "") -> None:
    enrollment.status, enrollment.status_changed_at, enrollment.rejected_field = status, now, rejected_field


def _schedule_pull(enrollment: Enrollment, at: datetime | None) -> None:
    """Schedule the next pull by Celery beat, or none. After a withdrawal there is none."""
    enrollment.next_pull_at = at if enrollment.withdrawn_at is None else None


def _schedule_monthly_pull(enrollment: Enrollment, *, pulled_at: datetime, due_on: date | None) -> None:
    """Schedule the pull that follows a report which was due on ``due_on``. Repeating it changes nothing."""
    following = next_pull(
        owner=enrollment.owner_id,
        day=enrollment.pull_day,
        after=pulled_at,
        due_on=due_on,
        earliest=enrollment.eligible_at,
    )
    enrollment.due_on = following.due_on
    _schedule_pull(enrollment, following.at)


# --- Details ------------------------------------------------------------------------------------------------


@sensitive_variables()
def change_details(enrollment: Enrollment, *, identity: str, ssn: str | None, consent_id: UUID, now: datetime) -> None:
    """Replace the details, under a consent. The user requests the first report right after they typed the number.

    New details allow no second report in the same month, unless the first one did not match.
    """
    is_returning = enrollment.withdrawn_at is not None
    status = EnrollmentStatus(enrollment.status)
    if status is EnrollmentStatus.MISMATCH and not enrollment.details_corrected:
        enrollment.eligible_at, enrollment.details_corrected = None, True
    # The same details, entered again, are no reason to pull sooner.
    if status in NEEDS_DETAILS - {EnrollmentStatus.DETAILS_LOST}:
        enrollment.eligible_at = None
    if status in CORRECTABLE or (is_returning and enrollment.succeeded_at is None):
        _check(enrollment, Event.CHANGE_DETAILS, EnrollmentStatus.NOT_PULLED)
        _set_status(enrollment, EnrollmentStatus.NOT_PULLED, now)
    if enrollment.succeeded_at is None:
        enrollment.pull_day, enrollment.next_pull_at = now.day, None
    elif enrollment.next_pull_at is None:
        enrollment.next_pull_at = enrollment.eligible_at or now
    enrollment.identity, enrollment.ssn = identity, ssn
    enrollment.consent_id, enrollment.enrolled_at, enrollment.withdrawn_at = consent_id, now, None


def lose_details(enrollment: Enrollment, *, now: datetime) -> None:
    """Stop all pulls: the details are stored, but cannot be decrypted."""
    _check(enrollment, Event.LOSE_DETAILS, EnrollmentStatus.DETAILS_LOST)
    _set_status(enrollment, EnrollmentStatus.DETAILS_LOST, now)
    _schedule_pull(enrollment, None)


def delete_ssn(enrollment: Enrollment) -> None:
    """Delete the stored Social Security number. The last four digits are enough for further pulls."""
    _check(enrollment, Event.DELETE_SSN)
    enrollment.ssn = None


def stop_schedule(enrollment: Enrollment) -> None:
    """Stop scheduled pulls, as when the consent has expired."""
    _check(enrollment, Event.STOP_SCHEDULE)
    _schedule_pull(enrollment, None)


def withdraw(enrollment: Enrollment, *, now: datetime) -> None:
    """Delete the details and stop all pulls."""
    _check(enrollment, Event.WITHDRAW_CONSENT)
    enrollment.identity = enrollment.ssn = enrollment.next_pull_at = None
    enrollment.withdrawn_at = now


# --- Pulls --------------------------------------------------------------------------------------------------


def begin_pull(enrollment: Enrollment, *, now: datetime) -> None:
    """Start a pull. If its worker dies, Celery beat later checks the result."""
    _check(enrollment, Event.BEGIN_PULL, EnrollmentStatus.PULLING)
    _set_status(enrollment, EnrollmentStatus.PULLING, now)
    _schedule_pull(enrollment, now + ATTEMPT_TIMEOUT)


def abandon_pull(enrollment: Enrollment, *, now: datetime) -> None:
    """Give up a pull before its call, because the consent has ended."""
    _check(enrollment, Event.ABANDON_PULL, EnrollmentStatus.NOT_PULLED)
    _set_status(enrollment, EnrollmentStatus.NOT_PULLED, now)
    _schedule_pull(enrollment, None)


def fail_pull(
    enrollment: Enrollment,
    decision: FailureDecision,
    *,
    at: datetime,
    now: datetime,
    due_on: date | None,
    rejected_field: str = "",
) -> None:
    """End a pull without a report. The delays of the decision start at ``at``.

    ``rejected_field`` is the field of the details that the bureau rejected. ``due_on`` is the day that the pull was
    for, which stays due.
    """
    _check(enrollment, Event.FAIL_PULL, decision.status)
    is_refused = decision.status is EnrollmentStatus.DETAILS_REFUSED
    _set_status(enrollment, decision.status, now, rejected_field=rejected_field if is_refused else "")
    enrollment.eligible_at = at + decision.cooldown
    if decision.retry_in is not None:
        enrollment.failures += 1
        enrollment.unknown_outcomes += decision.status is EnrollmentStatus.OUTCOME_UNKNOWN
        _schedule_pull(enrollment, at + decision.retry_in)
        return
    enrollment.failures = enrollment.unknown_outcomes = 0
    following = next_pull(
        owner=enrollment.owner_id,
        day=enrollment.pull_day,
        after=at,
        due_on=due_on,
        earliest=enrollment.eligible_at,
    )
    _schedule_pull(enrollment, following.at if decision.monthly else None)


def store_raw_report(enrollment: Enrollment, *, fetched_at: datetime, now: datetime) -> None:
    """Record that a raw report is stored but not parsed yet. If its worker dies, Celery beat has it parsed."""
    _check(enrollment, Event.STORE_RAW_REPORT, EnrollmentStatus.UNPARSED)
    _set_status(enrollment, EnrollmentStatus.UNPARSED, now)
    enrollment.failures = enrollment.unknown_outcomes = 0
    enrollment.eligible_at = fetched_at + refresh_interval()
    _schedule_pull(enrollment, now + ATTEMPT_TIMEOUT)


def complete_report(
    enrollment: Enrollment, status: ReportStatus, *, fetched_at: datetime, now: datetime, due_on: date | None
) -> None:
    """Take on the status of the newest report, and schedule the next pull unless the user has to act first."""
    target = EnrollmentStatus(status)
    _check(enrollment, Event.COMPLETE_REPORT, target)
    _set_status(enrollment, target, now)
    if target in WITHOUT_FILE:
        enrollment.eligible_at = fetched_at + COOLDOWN
        _schedule_pull(enrollment, None)
        return
    if enrollment.succeeded_at is None:
        enrollment.pull_day = fetched_at.day
    enrollment.succeeded_at = fetched_at
    if target is EnrollmentStatus.MISMATCH:
        _schedule_pull(enrollment, None)
        return
    enrollment.details_corrected = False
    _schedule_monthly_pull(enrollment, pulled_at=fetched_at, due_on=due_on)


def postpone_unparsed(enrollment: Enrollment, *, fetched_at: datetime, due_on: date | None) -> None:
    """Schedule the monthly pull after a raw report that this parser cannot parse. It counts as the month's report."""
    _check(enrollment, Event.POSTPONE_UNPARSED)
    _schedule_monthly_pull(enrollment, pulled_at=fetched_at, due_on=due_on)
