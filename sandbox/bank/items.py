"""Items: one user's login at one bank, and its access token.

Source: https://plaid.com/docs/api/items/ . An Item's transactions arrive in stages after its first access token was
issued: none, then the last 30 days, then all history. The profile says how fast.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sandbox import personas
from sandbox.bank import accounts, outages, transaction_log
from sandbox.bank.institutions import Institution, find
from sandbox.clock import parse_stamp, stamp
from sandbox.context import AppContext
from sandbox.errors import PlaidError
from sandbox.identifiers import derived_id, is_token, token
from sandbox.json_codec import dumps, loads
from sandbox.personas.drafts import AccountDraft, Book

SCHEMA = """
CREATE TABLE IF NOT EXISTS items (
    item_id TEXT PRIMARY KEY, institution_id TEXT NOT NULL, persona TEXT NOT NULL, config TEXT NOT NULL,
    products TEXT NOT NULL, consented TEXT NOT NULL, webhook TEXT NOT NULL, days_requested INTEGER NOT NULL,
    access_token TEXT UNIQUE, created_at TEXT NOT NULL, granted_at TEXT, removed_at TEXT,
    error TEXT NOT NULL DEFAULT '', consent_expires_at TEXT, initial_seq INTEGER NOT NULL DEFAULT 0,
    epoch INTEGER NOT NULL DEFAULT 0, first_synced_at TEXT, announced TEXT NOT NULL DEFAULT 'NOT_READY',
    refreshed_at TEXT, failed_at TEXT, lived_until TEXT NOT NULL, webhook_sent_at TEXT, webhook_code TEXT,
    force_status TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS streaming_items (item_id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS consent_notices (
    item_id TEXT NOT NULL, expires_at TEXT NOT NULL, PRIMARY KEY (item_id, expires_at)
);
CREATE TABLE IF NOT EXISTS item_error_reasons (item_id TEXT PRIMARY KEY, reason TEXT NOT NULL);
"""
DEFAULT_DAYS = 90
CONSENT_LIFE = timedelta(days=365)
INITIAL_DAYS = timedelta(days=30)
NOT_READY, INITIAL, HISTORICAL = "NOT_READY", "INITIAL_UPDATE_COMPLETE", "HISTORICAL_UPDATE_COMPLETE"
STAGES = (NOT_READY, INITIAL, HISTORICAL)
PROFILES = {"instant": (0.0, 0.0), "fast": (1.0, 3.0), "real": (10.0, 60.0)}


@dataclass(frozen=True)
class Item:
    """One Item. ``error`` is its error code, "" when it is healthy; ``announced`` is the last stage that a webhook
    announced; ``initial_seq`` is the last event of the first 30 days."""

    item_id: str
    institution_id: str
    persona: str
    config: str
    products: list[str]
    consented: list[str]
    webhook: str
    days_requested: int
    access_token: str | None
    created_at: str
    granted_at: str | None
    removed_at: str | None
    error: str
    consent_expires_at: str | None
    initial_seq: int
    epoch: int
    first_synced_at: str | None
    announced: str
    refreshed_at: str | None
    failed_at: str | None
    lived_until: str
    webhook_sent_at: str | None
    webhook_code: str | None
    force_status: str

    @property
    def institution(self) -> Institution | None:
        return find(self.institution_id)


def create(
    context: AppContext,
    *,
    item_id: str,
    institution_id: str,
    persona: str,
    config: str,
    products: list[str],
    consented: list[str],
    webhook: str,
    days_requested: int,
    account_ids: list[str] | None = None,
) -> None:
    """Create an Item with these accounts (all for None) and ``days_requested`` of history."""
    today = context.clock.today()
    book = personas.draw(persona, config, institution_id, today)
    with context.store.transaction():
        context.store.execute(
            "INSERT INTO items (item_id, institution_id, persona, config, products, consented, webhook, "
            "days_requested, created_at, lived_until) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(
                item_id,
                institution_id,
                persona,
                config,
                dumps(products),
                dumps(consented),
                webhook,
                days_requested,
                stamp(context.clock.now()),
                today.isoformat(),
            ),
        )
        drafts = [d for d in book.accounts if account_ids is None or derived_id(item_id, d.key, 0) in account_ids]
        initial = _open_accounts(context, item_id, Book(drafts, book.transactions), days_requested)
        context.store.execute("UPDATE items SET initial_seq = ? WHERE item_id = ?", initial, item_id)


def grant(context: AppContext, *, item_id: str) -> str:
    """Issue an access token of an Item. The first one starts its stages; each one invalidates the one before."""
    made = token("access")
    context.store.execute(
        "UPDATE items SET access_token = ?, granted_at = COALESCE(granted_at, ?) WHERE item_id = ?",
        *(made, stamp(context.clock.now()), item_id),
    )
    return made


def get(context: AppContext, item_id: str) -> Item:
    """Return the Item with this id, removed or not. Raises PlaidError ITEM_NOT_FOUND."""
    row = context.store.one("SELECT * FROM items WHERE item_id = ?", item_id)
    if row is None:
        raise PlaidError("ITEM_NOT_FOUND")
    return _item(row)


def exists(context: AppContext, item_id: str) -> bool:
    """Whether an Item with this id exists and has not been removed."""
    return context.store.one("SELECT 1 FROM items WHERE item_id = ? AND removed_at IS NULL", item_id) is not None


def list_active(context: AppContext) -> list[Item]:
    """List the Items with an access token that have not been removed."""
    rows = context.store.all("SELECT * FROM items WHERE removed_at IS NULL AND granted_at IS NOT NULL")
    return [_item(row) for row in rows]


def list_outdated(context: AppContext, today: date) -> list[Item]:
    """List the active Items whose last stage is not announced, or whose days are not simulated up to ``today``."""
    rows = context.store.all(
        "SELECT * FROM items WHERE removed_at IS NULL AND granted_at IS NOT NULL "
        "AND (announced != ? OR lived_until < ?)",
        *(HISTORICAL, today.isoformat()),
    )
    return [_item(row) for row in rows]


def list_with_consent(context: AppContext) -> list[Item]:
    """List the active Items without an error whose consent will expire."""
    rows = context.store.all(
        "SELECT * FROM items WHERE removed_at IS NULL AND granted_at IS NOT NULL "
        "AND consent_expires_at IS NOT NULL AND error = ''"
    )
    return [_item(row) for row in rows]


def take_consent_notice(context: AppContext, item_id: str, expires_at: str) -> bool:
    """Whether this end of the consent has not been announced yet; from now on it has."""
    return context.store.execute("INSERT OR IGNORE INTO consent_notices VALUES (?, ?)", item_id, expires_at) > 0


def find_by_token(context: AppContext, access_token: str) -> Item:
    """Return the Item of an access token, whatever its error.

    Raises PlaidError INVALID_ACCESS_TOKEN for an unknown or invalidated token or one of another environment,
    ITEM_NOT_FOUND after removal.
    """
    if not is_token(access_token, "access"):
        raise PlaidError("INVALID_ACCESS_TOKEN", "provided access token is for the wrong Plaid environment")
    row = context.store.one("SELECT * FROM items WHERE access_token = ?", access_token)
    if row is None:
        raise PlaidError("INVALID_ACCESS_TOKEN")
    if row["removed_at"]:
        raise PlaidError("ITEM_NOT_FOUND")
    return _item(row)


def find_by_any_token(context: AppContext, access_token: object) -> Item | None:
    """Return the Item of an access token, also a removed one, or None; only to log and match its id."""
    row = context.store.one("SELECT * FROM items WHERE access_token = ?", str(access_token or ""))
    return _item(row) if row else None


def find_without_error(context: AppContext, access_token: str) -> Item:
    """Return the Item of an access token. Raises PlaidError with the Item's error, or that of its bank's outage."""
    item = find_by_token(context, access_token)
    outages.check(context, item.institution_id)
    if error := read_error(context, item):
        raise error
    return item


def find_readable(context: AppContext, access_token: str) -> Item:
    """Return the Item of an access token. Raises PlaidError as above, unless its stored data may be read."""
    item = find_by_token(context, access_token)
    if item.error and context.store.one("SELECT 1 FROM streaming_items WHERE item_id = ?", item.item_id):
        return item
    return find_without_error(context, access_token)


def read_error(context: AppContext, item: Item) -> PlaidError | None:
    """Return the Item's error with its reason, None for a healthy Item."""
    if not item.error:
        return None
    row = context.store.one("SELECT reason FROM item_error_reasons WHERE item_id = ?", item.item_id)
    return PlaidError(item.error, reason=row["reason"] if row else None)


def set_error(context: AppContext, item_id: str, error: str, reason: str = "") -> None:
    """Set an Item's error, "" to clear it. Stored data can then no longer be read in spite of the error."""
    with context.store.transaction():
        update(context, item_id, error=error)
        set_streaming(context, item_id, streams=False)
        context.store.execute("DELETE FROM item_error_reasons WHERE item_id = ?", item_id)
        if reason:
            context.store.execute("INSERT INTO item_error_reasons VALUES (?, ?)", item_id, reason)


def set_streaming(context: AppContext, item_id: str, *, streams: bool) -> None:
    """Set whether stored data can be read in spite of the Item's error."""
    context.store.execute("DELETE FROM streaming_items WHERE item_id = ?", item_id)
    if streams:
        context.store.execute("INSERT INTO streaming_items VALUES (?)", item_id)


def use_product(context: AppContext, item: Item, product: str) -> None:
    """Add a product to the billed ones.

    Raises PlaidError PRODUCTS_NOT_SUPPORTED for one that the bank does not have, and ADDITIONAL_CONSENT_REQUIRED
    without the user's consent.
    """
    if item.institution and product not in item.institution.products:
        raise PlaidError("PRODUCTS_NOT_SUPPORTED")
    if product in item.products:
        return
    if product not in item.consented:
        raise PlaidError("ADDITIONAL_CONSENT_REQUIRED")
    update(context, item.item_id, products=dumps([*item.products, product]))


def use_add_on(context: AppContext, item: Item, product: str) -> None:
    """Add a product that needs no consent of its own to the billed ones. Raises PlaidError PRODUCTS_NOT_SUPPORTED."""
    if item.institution and product not in item.institution.products:
        raise PlaidError("PRODUCTS_NOT_SUPPORTED")
    if product not in item.products:
        update(context, item.item_id, products=dumps([*item.products, product]))


def stage(context: AppContext, item: Item) -> str:
    """Return how much of the history has arrived: one of ``STAGES``."""
    if item.force_status:
        return item.force_status
    if item.granted_at is None:
        return NOT_READY
    age = (context.clock.now() - parse_stamp(item.granted_at)).total_seconds()
    initial, historical = PROFILES[context.profile]
    return HISTORICAL if age >= historical else INITIAL if age >= initial else NOT_READY


def last_visible_event(context: AppContext, item: Item) -> int:
    """Return the last event of the transaction log that a client may see at this stage."""
    reached = stage(context, item)
    if reached == HISTORICAL:
        return transaction_log.head(context, item.item_id)
    return item.initial_seq if reached == INITIAL else 0


def update(context: AppContext, item_id: str, **columns: Any) -> None:
    """Set columns of one Item."""
    names = ", ".join(f"{name} = ?" for name in columns)
    statement = f"UPDATE items SET {names} WHERE item_id = ?"  # noqa: S608 - the names are our callers' keywords
    context.store.execute(statement, *columns.values(), item_id)


def remove(context: AppContext, item: Item) -> None:
    """Remove an Item; its access token is no longer valid."""
    update(context, item.item_id, removed_at=stamp(context.clock.now()))


def list_bank_accounts(context: AppContext, item_id: str) -> list[tuple[str, AccountDraft, bool]]:
    """List all accounts of the user at the bank: account id, account, whether it is shared with the Item."""
    item = get(context, item_id)
    shown = accounts.of_item(context, item_id)
    keys = {account.key for account in shown}
    book = personas.draw(item.persona, item.config, item.institution_id, context.clock.today())
    rest = [
        (derived_id(item_id, draft.key, accounts.times_opened(context, item_id, draft.key)), draft, False)
        for draft in book.accounts + accounts.list_offers(context, item_id)
        if draft.key not in keys
    ]
    return [(account.id, account.draft, True) for account in shown] + rest


def repair(
    context: AppContext, *, item_id: str, account_ids: list[str] | None = None, consented: Iterable[str] = ()
) -> None:
    """Sign in again: clear the error, renew an expiring consent for a year, add ``consented`` products.

    If ``account_ids`` are given, exactly these accounts are shared.
    """
    with context.store.transaction():
        set_error(context, item_id, "")
        item, now = get(context, item_id), context.clock.now()
        renewed = stamp(now + CONSENT_LIFE) if item.consent_expires_at else None
        added = dumps([*item.consented, *(product for product in consented if product not in item.consented)])
        update(context, item_id, refreshed_at=stamp(now), consent_expires_at=renewed, consented=added)
        if account_ids is not None:
            _share(context, item_id, set(account_ids))


def _share(context: AppContext, item_id: str, account_ids: set[str]) -> None:
    item = get(context, item_id)
    known = list_bank_accounts(context, item_id)
    for account_id, _, shown in known:
        if shown and account_id not in account_ids:
            accounts.close_account(context, account_id)
    new = [draft for account_id, draft, shown in known if not shown and account_id in account_ids]
    book = personas.draw(item.persona, item.config, item.institution_id, context.clock.today())
    _open_accounts(context, item_id, Book(new, book.transactions), item.days_requested)


def _open_accounts(context: AppContext, item_id: str, book: Book, days: int) -> int:
    """Open the book's accounts and store their history, newest first; return the last seq of the latest 30 days."""
    ids = {draft.key: accounts.open_account(context, item_id, draft) for draft in book.accounts}
    today = context.clock.today()
    seen = [t for t in reversed(book.transactions) if t.account in ids and t.day >= today - timedelta(days=days)]
    recent = [draft for draft in seen if draft.day >= today - INITIAL_DAYS]
    older = [draft for draft in seen if draft.day < today - INITIAL_DAYS]
    start = transaction_log.head(context, item_id)
    transaction_log.write_history(
        context, item_id, (transaction_log.row(ids[draft.account], draft) for draft in recent + older)
    )
    return start + len(recent)


def _item(row: sqlite3.Row) -> Item:
    values = dict(row)
    return Item(**{**values, "products": loads(values["products"]), "consented": loads(values["consented"])})
