"""The statuses of an enrollment with the bureau."""

from datetime import timedelta
from enum import StrEnum

# A report older than this is no longer current.
STALE_AFTER = timedelta(days=45)
# The slowest call, including its tokens, takes less than half of this. A worker that takes longer has died.
ATTEMPT_TIMEOUT = timedelta(minutes=15)


class EnrollmentStatus(StrEnum):
    """The status that pages show. Those from ``NOT_PULLED`` on are stored; the others are derived."""

    OFF = "off"
    NO_CONSENT = "no_consent"
    CONSENT_OUTDATED = "consent_outdated"
    STALE = "stale"

    NOT_PULLED = "not_pulled"
    PULLING = "pulling"
    READY = "ready"
    MISMATCH = "mismatch"
    NO_HIT = "no_hit"
    FROZEN = "frozen"
    RESTRICTED = "restricted"
    DETAILS_REFUSED = "details_refused"
    RETRYING = "retrying"
    OUTCOME_UNKNOWN = "outcome_unknown"
    UNPARSED = "unparsed"
    DETAILS_LOST = "details_lost"
    UNAVAILABLE = "unavailable"


# Only other details can change these.
NEEDS_DETAILS = frozenset({EnrollmentStatus.NO_HIT, EnrollmentStatus.DETAILS_REFUSED, EnrollmentStatus.DETAILS_LOST})
