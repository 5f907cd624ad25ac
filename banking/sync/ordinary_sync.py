"""The sync of an Item whose stream has no changes: one call of the provider, and one row to write.

Most syncs are like this. The state of the connection and the balances are read by two more calls, which happen at every
other sync and at least once a day. Between them, webhooks say that the connection or an account has changed, so a site
that receives no webhooks always makes all calls.
"""

from django.db.models import Q
from django.utils import timezone

from banking.account_matching.precedence import is_synced_well
from banking.models import Account, Item, SyncRun
from banking.provider import Readiness
from banking.providers import provider_for
from banking.sync.staging_file import StagingFile

# Of any other sync, somebody waits for the result.
ORDINARY_TRIGGERS = frozenset({"beat", "webhook", "follow-up"})


def is_ordinary(*, item: Item, run: SyncRun, staging: StagingFile) -> bool:
    """Whether the stream had no changes, and nothing else has to be read from the provider or compared with it."""
    return (
        run.trigger in ORDINARY_TRIGGERS
        and not item.bank_refresh_requested
        and item.bank_refresh_until is None
        and is_unchanged(item=item, staging=staging)
        and was_read_today(item)
        and bool(provider_for(item.provider).link_settings().webhook_url)
        and is_healthy(item)
        and not has_matching_accounts(item)
    )


def is_unchanged(*, item: Item, staging: StagingFile) -> bool:
    """Whether the stream continued from a cursor and ended without a row, readable or not."""
    return bool(item.cursor) and not staging.sequence and not staging.row_errors


def was_read_today(item: Item) -> bool:
    """Whether the Item and its accounts were read today, so that every day has its balances."""
    return item.read_at is not None and timezone.localdate(item.read_at) == timezone.localdate()


def is_healthy(item: Item) -> bool:
    """Whether the last sync succeeded, was complete, and is recent enough for the accounts to keep precedence."""
    is_complete = item.readiness == Readiness.HISTORICAL and not item.skipped_transactions
    return is_complete and is_synced_well(item) and not item.failures and not item.is_slow


def has_matching_accounts(item: Item) -> bool:
    """Whether an account of the Item is also one of another connection; which of them counts is decided anew."""
    related = Q(successor__isnull=False) | Q(predecessors__isnull=False)
    return Account.objects.filter(related, item=item).exists()
