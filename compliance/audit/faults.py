"""What can be wrong with a chain of the audit trail."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID


class ChainFault(StrEnum):
    """A kind of fault. The values are stored with the result of a verification; never change or reuse one."""

    PREDECESSOR_MISSING = "predecessor_missing"
    EVENT_MISSING = "event_missing"
    CHANGED = "changed"
    UNLINKED = "unlinked"
    END_MOVED = "end_moved"
    CHAIN_MISSING = "chain_missing"
    CHECKPOINT_FORGED = "checkpoint_forged"
    CUT_SINCE_ANCHOR = "cut_since_anchor"
    REPLACED_SINCE_ANCHOR = "replaced_since_anchor"
    PURGED_TOO_EARLY = "purged_too_early"
    SHORTENED = "shortened"


DESCRIPTIONS: Final = {
    ChainFault.PREDECESSOR_MISSING: "what came before it is gone",
    ChainFault.EVENT_MISSING: "the event is gone",
    ChainFault.CHANGED: "the event or its link was changed",
    ChainFault.UNLINKED: "an event is in no chain",
    ChainFault.END_MOVED: "the chain does not end where its head says",
    ChainFault.CHAIN_MISSING: "the whole chain is gone",
    ChainFault.CHECKPOINT_FORGED: "its checkpoint was not signed with a key of SIGNING_KEYS",
    ChainFault.CUT_SINCE_ANCHOR: "it was anchored, and is gone with all that came after it",
    ChainFault.REPLACED_SINCE_ANCHOR: "it is not what was anchored: it, or something before it, was replaced",
    ChainFault.PURGED_TOO_EARLY: "its checkpoint says that it was deleted as older than it was",
    ChainFault.SHORTENED: "it and all that came after it were there at an earlier verification, and are gone",
}
"""For operators, in English. ``accounts/privacy/activity/trail_status.py`` has the sentences of the page."""


@dataclass(frozen=True)
class ChainProblem:
    """A fault in a chain: its subject, its position in the chain (0: in no chain), and what is wrong."""

    subject: UUID
    sequence: int
    fault: ChainFault

    @property
    def description(self) -> str:
        """What is wrong, for operators."""
        return DESCRIPTIONS[self.fault]
