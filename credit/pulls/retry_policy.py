"""What follows from a pull that brought no report: what the person reads, and whether the clock asks again.

Whether a repeat may happen depends on the error's outcome alone. Its class only says how long to wait and what to say.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from credit.enrollment.schedule import period
from credit.provider import (
    BureauAuthError,
    BureauConfigError,
    BureauError,
    BureauInputError,
    BureauUnavailable,
    FileFrozen,
    FileRestricted,
    NoHit,
    Outcome,
    RateLimited,
)
from credit.statuses import EnrollmentStatus

# After the last of these the bureau is left alone until the person's next day.
RETRIES = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=6))
# How long a report whose outcome is unknown may still be in the making.
UNKNOWN_WAIT = timedelta(minutes=15)
# Between two answers without a report, however often a person clicks.
PAUSE = timedelta(minutes=15)

STATES: Mapping[type[BureauError], EnrollmentStatus] = MappingProxyType(
    {
        NoHit: EnrollmentStatus.NO_HIT,
        FileFrozen: EnrollmentStatus.FROZEN,
        FileRestricted: EnrollmentStatus.RESTRICTED,
        BureauInputError: EnrollmentStatus.INPUT,
        BureauAuthError: EnrollmentStatus.UNAVAILABLE,
        BureauConfigError: EnrollmentStatus.UNAVAILABLE,
    }
)


@dataclass(frozen=True)
class Aftermath:
    """What to write down. ``retry_in`` is when the clock asks again, and nobody may ask before ``pause`` is over.

    ``monthly`` says that without a retry the clock still asks on the person's next day. Where it is false, only the
    person can change what the bureau would say.
    """

    state: EnrollmentStatus
    pause: timedelta
    retry_in: timedelta | None = None
    monthly: bool = False
    alarming: bool = False


def aftermath(error: BureauError, *, failures: int, unknowns: int) -> Aftermath:
    """Judge an error. ``failures`` and ``unknowns`` are how many there were before it since anything else came."""
    if error.outcome is Outcome.MADE:
        return Aftermath(EnrollmentStatus.UNREADABLE, pause=period(), monthly=True)
    if error.outcome is Outcome.UNKNOWN:
        return _after_unknown(unknowns)
    if isinstance(error, BureauUnavailable):
        return _after_silence(error, failures)
    state = next((state for kind, state in STATES.items() if isinstance(error, kind)), EnrollmentStatus.UNAVAILABLE)
    ours = state is EnrollmentStatus.UNAVAILABLE
    return Aftermath(state, pause=PAUSE, monthly=ours, alarming=ours)


def _after_unknown(unknowns: int) -> Aftermath:
    """Ask once more and no oftener: each call whose outcome is unknown may have made a report."""
    if unknowns:
        return Aftermath(EnrollmentStatus.OUTCOME_UNKNOWN, pause=period(), monthly=True)
    wait = jittered(UNKNOWN_WAIT)
    return Aftermath(EnrollmentStatus.OUTCOME_UNKNOWN, pause=wait, retry_in=wait)


def _after_silence(error: BureauUnavailable, failures: int) -> Aftermath:
    if failures >= len(RETRIES):
        return Aftermath(EnrollmentStatus.UNAVAILABLE, pause=PAUSE, monthly=True)
    asked = timedelta(seconds=error.retry_after) if isinstance(error, RateLimited) else RETRIES[failures]
    wait = jittered(asked)
    return Aftermath(EnrollmentStatus.RETRYING, pause=wait, retry_in=wait)


def jittered(wait: timedelta) -> timedelta:
    """The wait and up to a fifth more, so that those who failed together do not come back together."""
    return wait + timedelta(seconds=secrets.randbelow(int(wait.total_seconds()) // 5 + 1))
