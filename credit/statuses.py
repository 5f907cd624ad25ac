"""How things stand between a person and the bureau, in one word each."""

from datetime import timedelta
from enum import StrEnum

STALE_AFTER = timedelta(days=45)
"""From which age on a report no longer speaks of the present."""


class EnrollmentStatus(StrEnum):
    """What a person reads about their credit file. Those from ``NOT_PULLED`` on are written down with each pull."""

    OFF = "off"
    NO_CONSENT = "no_consent"
    CONSENT_OUTDATED = "consent_outdated"
    STALE = "stale"

    NOT_PULLED = "not_pulled"
    UNDER_WAY = "under_way"
    READY = "ready"
    MISMATCH = "mismatch"
    NO_HIT = "no_hit"
    FROZEN = "frozen"
    RESTRICTED = "restricted"
    INPUT = "input"
    RETRYING = "retrying"
    OUTCOME_UNKNOWN = "outcome_unknown"
    UNREADABLE = "unreadable"
    DETAILS_LOST = "details_lost"
    UNAVAILABLE = "unavailable"
