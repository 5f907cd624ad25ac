"""One change between two reports, and its severity."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

import msgspec


class ChangeType(StrEnum):
    """The type of a change. Users turn notifications on and off by type."""

    SCORE_CHANGED = "score_changed"
    SCORE_APPEARED = "score_appeared"
    SCORE_VANISHED = "score_vanished"
    INQUIRY_ADDED = "inquiry_added"
    INQUIRY_APPEARED = "inquiry_appeared"
    ACCOUNT_OPENED = "account_opened"
    ACCOUNT_APPEARED = "account_appeared"
    ACCOUNT_TRANSFERRED = "account_transferred"
    ACCOUNT_CLOSED = "account_closed"
    ACCOUNT_PAID_OFF = "account_paid_off"
    ACCOUNT_VANISHED = "account_vanished"
    COLLECTION_ADDED = "collection_added"
    UTILIZATION_UP = "utilization_up"
    UTILIZATION_DOWN = "utilization_down"
    LATE_PAYMENT = "late_payment"
    LATE_WORSENED = "late_worsened"
    LATE_REMOVED = "late_removed"
    PAST_DUE = "past_due"
    BALANCE_CHANGED = "balance_changed"
    LIMIT_CHANGED = "limit_changed"
    PUBLIC_RECORD_ADDED = "public_record_added"
    PUBLIC_RECORD_CHANGED = "public_record_changed"
    DEROGATORY_ADDED = "derogatory_added"
    DEROGATORY_CLEARED = "derogatory_cleared"
    DISPUTE_CHANGED = "dispute_changed"
    REMARK_CHANGED = "remark_changed"
    PERSONAL_ADDED = "personal_added"
    FLAG_ADDED = "flag_added"
    FLAG_CLEARED = "flag_cleared"
    UNREADABLE = "unreadable"


class Severity(StrEnum):
    """How important a change is. ``info`` is only shown on the page of changes; the others may cause notifications."""

    INFO = "info"
    NOTICE = "notice"
    HIGH = "high"


Figure = int | str | None


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One change. ``entity`` identifies what changed, the same in every run; ``name`` is its display name.

    ``before`` and ``after`` are dollars, points or words. ``detail`` is one more word: a threshold, a month, a cause.
    ``key`` is the account's key if there is one, so that a page can link to it. A stored change with an unknown field,
    as after a rename, is not decoded: a default in its place would show wrong values.
    """

    type: ChangeType
    entity: str
    severity: Severity
    name: str = ""
    before: Figure = None
    after: Figure = None
    detail: str = ""
    key: str = ""

    def fingerprint(self, user_id: str, sha256: str) -> str:
        """Identify this change of this user in the report with this hash: each is notified once."""
        return hashlib.sha256("|".join((user_id, self.type, self.entity, sha256)).encode()).hexdigest()


# Shown in place of stored changes that cannot be decoded.
UNREADABLE_CHANGE = Change(ChangeType.UNREADABLE, "", Severity.INFO)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The smallest changes that count: points, dollars and percent. ``own_codes`` are our subscriber codes."""

    score: int = 10
    major_score: int = 20
    balance: int = 250
    balance_percent: int = 10
    own_codes: frozenset[str] = frozenset()


ORDINARY = Thresholds()
