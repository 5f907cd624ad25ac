"""Refreshes after ``/transactions/refresh``: after a delay, the bank's balances and new transactions are copied.

Before that, the bank's live balances include the transactions that wait to be fetched.
"""

from datetime import timedelta
from decimal import Decimal

from sandbox.bank import accounts, items, transaction_log
from sandbox.bank.items import Item
from sandbox.bank.transaction_log import Changes, Row
from sandbox.clock import stamp
from sandbox.context import AppContext
from sandbox.json_codec import dumps, loads
from sandbox.personas import dynamic
from sandbox.webhooks import notifications

SCHEMA = """
CREATE TABLE IF NOT EXISTS refreshes (id INTEGER PRIMARY KEY, item_id TEXT NOT NULL, due_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS unfetched (id INTEGER PRIMARY KEY, item_id TEXT NOT NULL, row TEXT NOT NULL);
"""
DELAYS = {"instant": 0.0, "fast": 1.0, "real": 10.0}
DYNAMIC = "user_transactions_dynamic"


def request_refresh(context: AppContext, item: Item) -> None:
    """Schedule a refresh after the profile's delay, or run it at once without one."""
    delay = DELAYS[context.profile]
    if not delay:
        refresh(context, item)
        return
    due = stamp(context.clock.now() + timedelta(seconds=delay))
    context.store.execute("INSERT INTO refreshes (item_id, due_at) VALUES (?, ?)", item.item_id, due)


def add_unfetched(context: AppContext, item: Item, rows: list[Row]) -> None:
    """Let the bank have new transactions that the next refresh fetches."""
    for row in rows:
        context.store.execute("INSERT INTO unfetched (item_id, row) VALUES (?, ?)", item.item_id, dumps(row))
        transaction_log.move_balances(context, row, 1)


def run_due(context: AppContext) -> None:
    """Refresh the Items whose delay has passed."""
    for row in context.store.all("SELECT * FROM refreshes WHERE due_at <= ?", stamp(context.clock.now())):
        with context.store.transaction():
            context.store.execute("DELETE FROM refreshes WHERE id = ?", row["id"])
            if items.exists(context, row["item_id"]):
                refresh(context, items.get(context, row["item_id"]))


def refresh(context: AppContext, item: Item) -> None:
    """Copy the bank's balances and new transactions, and send webhooks if anything changed."""
    with context.store.transaction():
        changes = _list_changes(context, item)
        transaction_log.append(context, item.item_id, changes)
        accounts.refresh(context, item.item_id)
        items.update(context, item.item_id, refreshed_at=stamp(context.clock.now()))
        if changes:
            notifications.transactions_changed(context, item, len(changes.added), changes.removed)


def post_pending_rows(context: AppContext, pending: list[Row]) -> Changes:
    """Return the changes by which these pending rows are posted today."""
    today = context.clock.today().isoformat()
    posted = [transaction_log.post_pending(row, day=today, key="posted") for row in pending]
    return Changes(added=posted, removed=[row["transaction_id"] for row in pending])


def _list_changes(context: AppContext, item: Item) -> Changes:
    """Fetch what waits. For the dynamic persona also post pending rows, add new ones, increase one amount by 1.00."""
    waiting = _fetch_waiting(context, item)
    if item.persona != DYNAMIC:
        return Changes(added=waiting)
    rows = transaction_log.current(context, item.item_id)
    posting = post_pending_rows(context, [row for row in rows if row["pending"]])
    corrected = [_increase_amount(row) for row in rows if not row["pending"] and row["payment_channel"] == "online"][:1]
    ids = {account.key: account.id for account in accounts.of_item(context, item.item_id)}
    drafts = dynamic.pendings(f"{item.item_id}/{transaction_log.head(context, item.item_id)}", context.clock.today())
    fresh = [transaction_log.row(ids[draft.account], draft) for draft in drafts if draft.account in ids]
    return Changes(added=waiting + posting.added + fresh, modified=corrected, removed=posting.removed)


def _fetch_waiting(context: AppContext, item: Item) -> list[Row]:
    """Return the rows that wait to be fetched, once. The transaction log then moves the balances itself."""
    stored = context.store.all("SELECT row FROM unfetched WHERE item_id = ? ORDER BY id", item.item_id)
    context.store.execute("DELETE FROM unfetched WHERE item_id = ?", item.item_id)
    rows = [loads(waiting["row"]) for waiting in stored]
    for row in rows:
        transaction_log.move_balances(context, row, -1)
    return rows


def _increase_amount(row: Row) -> Row:
    return {**row, "amount": str(Decimal(row["amount"]) + 1)}
