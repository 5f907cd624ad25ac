"""Further syncs after the bank was asked for new transactions, which come later.

The provider announces them by a webhook. Without a webhook URL the site looks for them itself; with one, once at the
end, in case the webhook was lost.
"""

from datetime import timedelta
from typing import Final

from django.utils import timezone

from banking.models import Item, SyncRun
from banking.providers import provider_for

# Seconds after the request. Most banks answer within ten, some need more than thirty.
WITHOUT_WEBHOOK: Final = (10, 30, 60, 110)
WITH_WEBHOOK: Final = (110,)


def plan_follow_up(*, item: Item, run: SyncRun) -> int | None:
    """Return the seconds until the next sync that looks for new transactions; ``None`` if none are awaited any more.

    Ends the waiting once they have come. The caller saves the Item.
    """
    requested_at, until = item.bank_refreshed_at, item.bank_refresh_until
    if requested_at is None or until is None:
        return None
    now = timezone.now()
    if now >= until or has_answer(item=item, run=run):
        item.bank_refresh_until = None
        return None
    webhook_url = provider_for(item.provider).link_settings().webhook_url
    elapsed = now - requested_at
    delays = [timedelta(seconds=seconds) - elapsed for seconds in (WITH_WEBHOOK if webhook_url else WITHOUT_WEBHOOK)]
    waits = [delay for delay in delays if delay > timedelta(0)]
    return max(int(waits[0].total_seconds()), 1) if waits else None


def has_answer(*, item: Item, run: SyncRun) -> bool:
    """Whether a later run than the one that asked has brought changes, or began after the bank's update.

    An update that the provider reports only at the end of a run may have come after its pages were downloaded.
    """
    if run.bank_refresh:
        return False
    as_of, requested_at = run.data_as_of_before_run, item.bank_refreshed_at
    has_changes = bool(run.written or run.removed)
    return has_changes or (as_of is not None and requested_at is not None and as_of > requested_at)
