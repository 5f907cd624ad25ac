"""The retry policy for pulls without a report: the message for the user, and whether and when the pull is retried.

Whether a retry is allowed depends only on the error's outcome. Its class only decides the delay and the message.
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from compliance.backoff import add_jitter
from credit.enrollment.schedule import COOLDOWN, refresh_interval
from credit.enrollment.transitions import FailureDecision
from credit.provider import (
    BureauAuthError,
    BureauConfigError,
    BureauError,
    BureauInputError,
    BureauRateLimited,
    BureauUnavailable,
    FileFrozen,
    FileRestricted,
    NoHit,
    Outcome,
)
from credit.statuses import EnrollmentStatus

# After the last of these retries the next call is the user's monthly pull.
RETRY_DELAYS = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=6))
# How long the bureau may still be making a report after a call with an unknown outcome.
UNKNOWN_OUTCOME_DELAY = timedelta(minutes=15)

STATUSES: Mapping[type[BureauError], EnrollmentStatus] = MappingProxyType(
    {
        NoHit: EnrollmentStatus.NO_HIT,
        FileFrozen: EnrollmentStatus.FROZEN,
        FileRestricted: EnrollmentStatus.RESTRICTED,
        BureauInputError: EnrollmentStatus.DETAILS_REFUSED,
        BureauAuthError: EnrollmentStatus.UNAVAILABLE,
        BureauConfigError: EnrollmentStatus.UNAVAILABLE,
    }
)


def decide(error: BureauError, *, failures: int, unknown_outcomes: int) -> FailureDecision:
    """Return the status and the retry after an error. The counts are of earlier failures since the last report."""
    if error.outcome is Outcome.MADE:
        return FailureDecision(EnrollmentStatus.UNPARSED, cooldown=refresh_interval(), monthly=True)
    if error.outcome is Outcome.UNKNOWN:
        return _decide_unknown(unknown_outcomes)
    if isinstance(error, BureauUnavailable):
        return _decide_unavailable(error, failures)
    statuses = (status for error_class, status in STATUSES.items() if isinstance(error, error_class))
    status = next(statuses, EnrollmentStatus.UNAVAILABLE)
    is_ours = status is EnrollmentStatus.UNAVAILABLE
    return FailureDecision(status, cooldown=COOLDOWN, monthly=is_ours, needs_operator=is_ours)


def _decide_unknown(unknown_outcomes: int) -> FailureDecision:
    """Retry only once: each call with an unknown outcome may have made a report."""
    if unknown_outcomes:
        return FailureDecision(EnrollmentStatus.OUTCOME_UNKNOWN, cooldown=refresh_interval(), monthly=True)
    delay = add_jitter(UNKNOWN_OUTCOME_DELAY)
    return FailureDecision(EnrollmentStatus.OUTCOME_UNKNOWN, cooldown=delay, retry_in=delay)


def _decide_unavailable(error: BureauUnavailable, failures: int) -> FailureDecision:
    if failures >= len(RETRY_DELAYS):
        return FailureDecision(EnrollmentStatus.UNAVAILABLE, cooldown=COOLDOWN, monthly=True)
    base = timedelta(seconds=error.retry_after) if isinstance(error, BureauRateLimited) else RETRY_DELAYS[failures]
    delay = add_jitter(base)
    return FailureDecision(EnrollmentStatus.RETRYING, cooldown=delay, retry_in=delay)
