"""Read an Item's stream to its end and store it, neither losing nor doubling a row.

One worker at a time holds an Item by a lease. It reads every page with no transaction open, then stores rows,
balances and cursor in one. A worker that dies in between leaves nothing behind but a lease that runs out.
See docs/sync.md for the whole walk.
"""

from banking.sync.outcome import Outcome
from banking.sync.run import sync_item

__all__ = ["Outcome", "sync_item"]
