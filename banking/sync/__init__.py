"""Download an Item's transaction stream to its end and store it, without losing or duplicating a row.

One worker at a time holds an Item by a lease. It downloads every page with no transaction open, then stores rows,
balances and cursor in one. If the worker dies before that, only its lease remains, and that expires. docs/sync.md has
all steps.
"""

from banking.sync.item_sync import sync_item
from banking.sync.outcome import SyncOutcome

__all__ = ["SyncOutcome", "sync_item"]
