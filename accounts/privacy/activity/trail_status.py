"""Whether a person's own chain verified last, in words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from compliance.audit.events import TrailVerification
from compliance.audit.faults import ChainFault

FAULT_SENTENCES: Final[dict[ChainFault, Promise]] = {
    ChainFault.PREDECESSOR_MISSING: _("The entry before it is missing."),
    ChainFault.EVENT_MISSING: _("The entry itself is missing. Only its place in the log is left."),
    ChainFault.CHANGED: _("The entry isn't what was written: it was changed, or its place in the log was."),
    ChainFault.UNLINKED: _("An entry was added without a place in the log."),
    ChainFault.END_MOVED: _("The log ends earlier or later than it did when its last entry was written."),
    ChainFault.CHAIN_MISSING: _("All entries are missing."),
    ChainFault.CHECKPOINT_FORGED: _("The record of the entries deleted after 365 days doesn't have our signature."),
    ChainFault.SHORTENED: _("The entry and all entries after it are missing. They were there when we verified before."),
    # Only ``audit_verify --anchors`` finds these, and it stores no result.
    ChainFault.CUT_SINCE_ANCHOR: _("The entry and all entries after it are missing."),
    ChainFault.PURGED_TOO_EARLY: _("The entry was deleted before it was 365 days old."),
    ChainFault.REPLACED_SINCE_ANCHOR: _("The entry isn't the one that was written."),
}


@dataclass(frozen=True)
class TrailStatus:
    """The result of the last verification. ``sentence`` says what is wrong; empty if nothing is.

    ``entry`` is the first entry with a fault, by its number in the log; 0 if that is not in the log.
    """

    at: datetime
    entries: int
    sentence: str
    entry: int


def get_trail_status(owner: UUID) -> TrailStatus | None:
    """Return the result of the last verification; None if there was none. Needs the owner as tenant."""
    verification = TrailVerification.objects.filter(owner=owner).first()
    if verification is None:
        return None
    sentence = str(FAULT_SENTENCES[ChainFault(verification.fault)]) if verification.fault else ""
    return TrailStatus(verification.at, verification.events, sentence, verification.sequence)
