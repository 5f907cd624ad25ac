"""The accounts of an Item and their balances.

A bank's balance changes at once, while ``/accounts/get`` returns the balance of the last refresh. Every account
therefore has two sets of balances, live and cached, and ``refresh`` copies the live ones.
"""

import sqlite3
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any

from sandbox.clock import stamp
from sandbox.context import AppContext
from sandbox.errors import PlaidError
from sandbox.identifiers import derived_id
from sandbox.json_codec import dumps, loads
from sandbox.personas.drafts import AccountDraft

SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (
    account_id TEXT PRIMARY KEY, item_id TEXT NOT NULL, key TEXT NOT NULL, face TEXT NOT NULL,
    current TEXT, available TEXT, ceiling TEXT, cached_current TEXT, cached_available TEXT,
    refreshed_at TEXT NOT NULL, closed_at TEXT, verification_status TEXT
);
CREATE TABLE IF NOT EXISTS offered_accounts (item_id TEXT NOT NULL, draft TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS accounts_of_item ON accounts (item_id);
"""
SETTERS = {
    "current": "UPDATE accounts SET current = ? WHERE account_id = ?",
    "available": "UPDATE accounts SET available = ? WHERE account_id = ?",
    "limit": "UPDATE accounts SET ceiling = ? WHERE account_id = ?",
}


@dataclass(frozen=True)
class Account:
    """One open account. ``draft`` holds its names and either the cached or the live balances."""

    id: str
    key: str
    draft: AccountDraft
    refreshed_at: str
    verification_status: str | None


def open_account(context: AppContext, item_id: str, draft: AccountDraft) -> str:
    """Open an account and return its id, which is a new one when an account is opened again."""
    account_id = derived_id(item_id, draft.key, times_opened(context, item_id, draft.key))
    figures = [_text(draft.current), _text(draft.available), _text(draft.limit)]
    context.store.execute(
        "INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
        *(account_id, item_id, draft.key, _face(draft), *figures, figures[0], figures[1], stamp(context.clock.now())),
    )
    return account_id


def offer(context: AppContext, item_id: str, draft: AccountDraft) -> None:
    """Open an account at the bank that the user can share with the Item in update mode."""
    figures = {name: _text(getattr(draft, name)) for name in SETTERS}
    context.store.execute("INSERT INTO offered_accounts VALUES (?, ?)", item_id, dumps({**asdict(draft), **figures}))


def list_offers(context: AppContext, item_id: str) -> list[AccountDraft]:
    """List the accounts that were offered to an Item, shared since or not."""
    rows = context.store.all("SELECT draft FROM offered_accounts WHERE item_id = ? ORDER BY rowid", item_id)
    stored = [loads(row["draft"]) for row in rows]
    return [AccountDraft(**{**fields, **{name: _figure(fields[name]) for name in SETTERS}}) for fields in stored]


def times_opened(context: AppContext, item_id: str, key: str) -> int:
    """Count how often the Item has had this account, including closed ones."""
    row = context.store.one("SELECT COUNT(*) AS n FROM accounts WHERE item_id = ? AND key = ?", item_id, key)
    return row["n"] if row else 0


def close_account(context: AppContext, account_id: str) -> None:
    """Close an account. Its id is not used again."""
    context.store.execute(
        "UPDATE accounts SET closed_at = ? WHERE account_id = ?", stamp(context.clock.now()), account_id
    )


def of_item(context: AppContext, item_id: str, *, live: bool = False) -> list[Account]:
    """List the Item's open accounts in the bank's order, with cached or live balances."""
    rows = context.store.all("SELECT * FROM accounts WHERE item_id = ? AND closed_at IS NULL ORDER BY rowid", item_id)
    return [_account(row, live) for row in rows]


def pick(context: AppContext, item_id: str, account_ids: list[str] | None, *, live: bool = False) -> list[Account]:
    """List the open accounts with these ids, all for None. Raises PlaidError INVALID_ACCOUNT_ID for an unknown id."""
    accounts = of_item(context, item_id, live=live)
    if account_ids is None:
        return accounts
    if set(account_ids) - {account.id for account in accounts}:
        raise PlaidError("INVALID_ACCOUNT_ID")
    return [account for account in accounts if account.id in account_ids]


def move(context: AppContext, account_id: str, *, posted: Decimal, held: Decimal) -> None:
    """Apply an amount to the live balances: ``posted`` to the current, ``held`` to the available one; Plaid's signs."""
    row = context.store.one("SELECT * FROM accounts WHERE account_id = ?", account_id)
    if row is None:
        raise PlaidError("INVALID_ACCOUNT_ID")
    draft = _account(row, live=True).draft
    current = draft.current if draft.current is None else draft.current + (posted if draft.owes else -posted)
    available = draft.available if draft.available is None else draft.available - held
    set_figures(context, account_id, {"current": current, "available": available})


def set_figures(context: AppContext, account_id: str, figures: dict[str, Decimal | None]) -> None:
    """Set live balances by name (current, available, limit). The cached ones stay until ``refresh``."""
    for name, value in figures.items():
        if name not in SETTERS:
            raise PlaidError("INVALID_FIELD", f"balances know {', '.join(SETTERS)}, not {name}")
        context.store.execute(SETTERS[name], _text(value), account_id)


def refresh(context: AppContext, item_id: str) -> None:
    """Copy the live balances to the cached ones, which ``/accounts/get`` returns."""
    context.store.execute(
        "UPDATE accounts SET cached_current = current, cached_available = available, refreshed_at = ? "
        "WHERE item_id = ? AND closed_at IS NULL",
        *(stamp(context.clock.now()), item_id),
    )


def set_verification_status(context: AppContext, item_id: str, account_id: str, status: str) -> None:
    """Mark an account as verified or expired. Raises PlaidError INVALID_ACCOUNT_ID."""
    pick(context, item_id, [account_id])
    context.store.execute("UPDATE accounts SET verification_status = ? WHERE account_id = ?", status, account_id)


def _account(row: sqlite3.Row, live: bool) -> Account:
    prefix = "" if live else "cached_"
    draft = replace(
        AccountDraft(current=None, **loads(row["face"])),
        current=_figure(row[prefix + "current"]),
        available=_figure(row[prefix + "available"]),
        limit=_figure(row["ceiling"]),
    )
    return Account(row["account_id"], row["key"], draft, row["refreshed_at"], row["verification_status"])


def _face(draft: AccountDraft) -> str:
    """Return everything about an account but its balances, as JSON."""
    face: dict[str, Any] = asdict(draft)
    return dumps({name: value for name, value in face.items() if name not in SETTERS})


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _figure(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
