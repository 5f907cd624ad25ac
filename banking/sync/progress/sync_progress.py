"""The progress of a user's syncs, for pages that replace their figures when a sync brings new ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from banking.error_messages import bank_name
from banking.models import Health, Item

# The event that a response causes in the page: its figures may be out of date.
FIGURES_CHANGED: Final = "figures-changed"


@dataclass(frozen=True, slots=True)
class SyncProgress:
    """Whether any sync is under way, one sentence about it, and a ``version`` that changes with the data of a bank."""

    is_running: bool
    sentence: str
    version: str

    def is_news_to(self, seen: str) -> bool:
        """Whether a page whose figures are of the version ``seen`` should replace them."""
        return not self.is_running or self.version != seen


def sync_progress(items: Sequence[Item]) -> SyncProgress:
    """Return the progress of the syncs of a user's Items; no query."""
    checked = [item.checked_at for item in items if item.checked_at is not None]
    return SyncProgress(
        is_running=any(item.is_updating for item in items),
        sentence=progress_message(items),
        version=f"{max(checked).timestamp():.3f}" if checked else "",
    )


def progress_message(items: Sequence[Item]) -> str:
    """Say what is under way, or how it ended."""
    if any(item.is_syncing or item.has_pending_sync_request for item in items):
        return _("Syncing your banks")
    if awaited := [item for item in items if item.is_updating]:
        return describe_awaited(awaited)
    if failed := [item for item in items if item.health != Health.OK]:
        return describe_failed(failed)
    return _("Sync complete. The figures on this page are up to date with it.")


def describe_awaited(items: Sequence[Item]) -> str:
    """Say that banks were asked for new transactions."""
    if len(items) == 1:
        return _("We asked %(bank)s for new transactions. They can take up to two minutes.") % {
            "bank": bank_name(items[0].institution_name)
        }
    return ngettext(
        "We asked %(count)s bank for new transactions. They can take up to two minutes.",
        "We asked %(count)s banks for new transactions. They can take up to two minutes.",
        len(items),
    ) % {"count": len(items)}


def describe_failed(items: Sequence[Item]) -> str:
    """Say that the sync has ended, but not for all banks."""
    if len(items) == 1:
        return _("The sync ended, but we couldn't update %(bank)s. See Accounts for the reason.") % {
            "bank": bank_name(items[0].institution_name)
        }
    return ngettext(
        "The sync ended, but we couldn't update %(count)s bank. See Accounts for the reasons.",
        "The sync ended, but we couldn't update %(count)s banks. See Accounts for the reasons.",
        len(items),
    ) % {"count": len(items)}
