"""Run a sync in the test's own process, and read what it recorded."""

from collections.abc import Callable

from banking.models import Item, SyncRun, Transaction
from banking.sync import sync_item
from banking.sync.outcome import SyncOutcome
from compliance.isolation import tenant

# The type of the fixture ``stored_transactions``.
StoredTransactions = Callable[[], dict[str, Transaction]]


def run_sync(item: Item) -> SyncOutcome:
    outcome = sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="test")
    with tenant(item.owner_id):
        item.refresh_from_db()
    return outcome


def get_last_run(item: Item) -> SyncRun:
    with tenant(item.owner_id):
        return SyncRun.objects.filter(item=item).latest("started_at")
