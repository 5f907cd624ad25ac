"""The transaction log of an Item: an append-only log of the states of each transaction.

An event is valid from its ``seq`` until ``superseded_by``, the seq of the next event of the same transaction.
So every past state can still be read, which the pagination of ``/transactions/sync`` needs.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sandbox.bank import accounts
from sandbox.context import AppContext
from sandbox.errors import PlaidError
from sandbox.identifiers import derived_id
from sandbox.json_codec import dumps, loads
from sandbox.personas.drafts import TransactionDraft

SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    item_id TEXT NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL, transaction_id TEXT NOT NULL,
    account_id TEXT NOT NULL, body TEXT NOT NULL, superseded_by INTEGER
);
CREATE UNIQUE INDEX IF NOT EXISTS events_in_order ON events (item_id, seq);
CREATE INDEX IF NOT EXISTS events_of_transaction ON events (item_id, transaction_id, seq);
"""
INSERT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, NULL)"

Row = dict[str, Any]


@dataclass(frozen=True)
class Changes:
    """Changes at the bank: added and modified rows, as ``row`` builds them, and ids of removed transactions."""

    added: list[Row] = field(default_factory=list)
    modified: list[Row] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.added or self.modified or self.removed)


def transaction_id(account_id: str, key: str) -> str:
    """Return the id of the transaction with a persona's ``key`` on this account."""
    return derived_id(account_id, key)


def row(account_id: str, draft: TransactionDraft) -> Row:
    """Build the row of a draft: the amount as Decimal text, dates as ISO text."""
    return {
        "transaction_id": transaction_id(account_id, draft.key),
        "account_id": account_id,
        "amount": str(draft.amount),
        "iso_currency_code": draft.currency,
        "unofficial_currency_code": draft.unofficial,
        "date": draft.day.isoformat(),
        "authorized_date": draft.authorized.isoformat() if draft.authorized else None,
        "name": draft.name,
        "merchant_name": draft.merchant,
        "category": draft.category,
        "confidence": draft.confidence,
        "pending": draft.pending,
        "pending_transaction_id": transaction_id(account_id, draft.replaces) if draft.replaces else None,
        "payment_channel": draft.channel,
        "original_description": draft.original,
        "check_number": draft.check_number,
        "city": draft.city,
        "region": draft.region,
    }


def write_history(context: AppContext, item_id: str, rows: Iterable[Row]) -> None:
    """Append the history of new accounts, in this order. Their balances already include it."""
    start = head(context, item_id) + 1
    context.store.many(INSERT, (_event(item_id, seq, "add", row) for seq, row in enumerate(rows, start)))


def append(context: AppContext, item_id: str, changes: Changes) -> None:
    """Append changes and update the balances.

    Raises PlaidError INVALID_FIELD for adding a known transaction or changing an unknown one.
    """
    with context.store.transaction():
        for gone in changes.removed:
            _supersede(context, item_id, "remove", {**_get(context, item_id, gone)})
        for changed in changes.modified:
            _supersede(context, item_id, "modify", changed)
        for new in changes.added:
            if find(context, item_id, new["transaction_id"]):
                raise PlaidError("INVALID_FIELD", "the transaction exists already")
            _supersede(context, item_id, "add", new)
        accounts.refresh(context, item_id)


def head(context: AppContext, item_id: str) -> int:
    """Return the seq of the newest event; 0 for an empty log."""
    newest = context.store.one("SELECT MAX(seq) AS seq FROM events WHERE item_id = ?", item_id)
    return (newest["seq"] or 0) if newest else 0


def current(context: AppContext, item_id: str) -> list[Row]:
    """List the current rows of all transactions, in the order of their last change."""
    rows = context.store.all(
        "SELECT body FROM events WHERE item_id = ? AND superseded_by IS NULL AND kind != 'remove' ORDER BY seq", item_id
    )
    return [loads(row["body"]) for row in rows]


def find(context: AppContext, item_id: str, transaction_id: str) -> Row | None:
    """Return the current row of a transaction, or None if it does not exist."""
    row = context.store.one(
        "SELECT body FROM events WHERE item_id = ? AND transaction_id = ? AND superseded_by IS NULL "
        "AND kind != 'remove'",
        *(item_id, transaction_id),
    )
    return loads(row["body"]) if row else None


def post_pending(row: Row, *, day: str, key: str) -> Row:
    """Build the posted row of a pending one: with a new id, and the pending row's id in ``pending_transaction_id``."""
    return {
        **row,
        "transaction_id": derived_id(row["transaction_id"], key),
        "pending": False,
        "pending_transaction_id": row["transaction_id"],
        "authorized_date": row["authorized_date"] or row["date"],
        "date": day,
    }


def move_balances(context: AppContext, row: Row, sign: int) -> None:
    """Apply the amount of a row to the live balances of its account; with ``sign`` -1, take it back."""
    amount = Decimal(row["amount"]) * sign
    accounts.move(context, row["account_id"], posted=Decimal(0) if row["pending"] else amount, held=amount)


def _get(context: AppContext, item_id: str, transaction_id: str) -> Row:
    row = find(context, item_id, transaction_id)
    if row is None:
        raise PlaidError("INVALID_FIELD", "there is no such transaction on this item")
    return row


def _supersede(context: AppContext, item_id: str, kind: str, row: Row) -> None:
    """Append one event, end its predecessor, and update the balances by the difference."""
    before = None if kind == "add" else _get(context, item_id, row["transaction_id"])
    seq = head(context, item_id) + 1
    context.store.execute(
        "UPDATE events SET superseded_by = ? WHERE item_id = ? AND transaction_id = ? AND superseded_by IS NULL",
        *(seq, item_id, row["transaction_id"]),
    )
    context.store.execute(INSERT, *_event(item_id, seq, kind, row))
    if before:
        move_balances(context, before, -1)
    if kind != "remove":
        move_balances(context, row, 1)


def _event(item_id: str, seq: int, kind: str, row: Row) -> tuple[str, int, str, str, str, str]:
    return (item_id, seq, kind, row["transaction_id"], row["account_id"], dumps(row))
