"""What tests of a sync share: run one, and see what it stored."""

from collections.abc import Callable

from banking.models import Item, SyncRun, Transaction
from banking.sync import sync_item
from banking.sync.outcome import SyncOutcome
from compliance.isolation import tenant

# The fixture ``stored_transactions``: Alice's transactions that count, by the provider's ids.
StoredTransactions = Callable[[], dict[str, Transaction]]


def run_sync(item: Item) -> SyncOutcome:
    outcome = sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="test")
    with tenant(item.owner_id):
        item.refresh_from_db()
    return outcome


def last_run(item: Item) -> SyncRun:
    with tenant(item.owner_id):
        return SyncRun.objects.filter(item=item).latest("started_at")
