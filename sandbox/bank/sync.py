"""The changes of a transaction log since a cursor, page by page.

A cursor contains three positions in the log: ``since`` (what the client has already applied), ``until`` (the end of the
log when pagination started) and ``place`` (the last event of the last page). If the log grows during pagination, the
next page is refused and the client restarts from ``since``. A cursor is signed together with the Item's id, so that it
is invalid for another Item. Source: https://plaid.com/docs/api/products/transactions/#transactionssync
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import sqlite3
from dataclasses import dataclass

from sandbox.bank.transaction_log import Row
from sandbox.context import AppContext
from sandbox.errors import PlaidError
from sandbox.json_codec import loads

KEY = "cursor.key"
MAC_LENGTH = 16

PAGE = """
SELECT seq, kind, transaction_id, account_id, body,
    EXISTS (
        SELECT 1 FROM events AS known
        WHERE known.item_id = events.item_id AND known.transaction_id = events.transaction_id
            AND known.seq <= :since AND known.superseded_by > :since AND known.kind != 'remove'
    ) AS seen
FROM events
WHERE item_id = :item_id AND seq > :place AND seq <= :until
    AND (superseded_by IS NULL OR superseded_by > :until)
    AND (:account_id = '' OR account_id = :account_id)
    AND (kind != 'remove' OR seen)
ORDER BY seq LIMIT :limit
"""


@dataclass(frozen=True)
class Cursor:
    """A position in one Item's log. ``account_id`` is "" unless the stream is of one account only."""

    since: int = 0
    until: int = 0
    place: int = 0
    account_id: str = ""

    @property
    def inside(self) -> bool:
        """Whether pagination has started and not ended."""
        return self.since != self.until


@dataclass(frozen=True)
class SyncPage:
    """One response: rows that are new to the client, changed rows, and (transaction_id, account_id) of removed ones."""

    added: list[Row]
    modified: list[Row]
    removed: list[tuple[str, str]]
    next_cursor: str
    has_more: bool


def read_page(
    context: AppContext, *, item_id: str, epoch: int, released: int, cursor: str, count: int, account_id: str = ""
) -> SyncPage:
    """Return the next ``count`` net changes after ``cursor`` ("" = from the start), up to event ``released``.

    Raises PlaidError INVALID_FIELD for a cursor of another Item, stream or epoch, and
    TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION when the log grew during pagination.
    """
    start = _decode_cursor(context, item_id, epoch, cursor) if cursor else Cursor(account_id=account_id)
    if start.account_id != account_id:
        raise PlaidError("INVALID_FIELD", "cursor belongs to another account_id")
    if cursor and start.inside and start.until != released:
        raise PlaidError("TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION")
    if not start.inside:
        start = Cursor(start.since, released, start.since, account_id)
    rows = _rows(context, item_id, start, count + 1)
    more = len(rows) > count
    rows = rows[:count]
    after = Cursor(start.since, start.until, rows[-1]["seq"], account_id) if more else _finish_loop(start)
    return _page(rows, _encode_cursor(context, item_id, epoch, after), more)


def _finish_loop(loop: Cursor) -> Cursor:
    return Cursor(loop.until, loop.until, loop.until, loop.account_id)


def _rows(context: AppContext, item_id: str, loop: Cursor, limit: int) -> list[sqlite3.Row]:
    values = {
        "item_id": item_id,
        "since": loop.since,
        "until": loop.until,
        "place": loop.place,
        "account_id": loop.account_id,
        "limit": limit,
    }
    return context.store.query(PAGE, values)


def _page(rows: list[sqlite3.Row], next_cursor: str, more: bool) -> SyncPage:
    gone = [(row["transaction_id"], row["account_id"]) for row in rows if row["kind"] == "remove"]
    alive = [row for row in rows if row["kind"] != "remove"]
    added = [loads(row["body"]) for row in alive if not row["seen"]]
    modified = [loads(row["body"]) for row in alive if row["seen"]]
    return SyncPage(added, modified, gone, next_cursor, more)


def _encode_cursor(context: AppContext, item_id: str, epoch: int, cursor: Cursor) -> str:
    text = f"{cursor.since}|{cursor.until}|{cursor.place}|{cursor.account_id}".encode()
    return base64.b64encode(_mac(context, item_id, epoch, text) + text).decode()


def _decode_cursor(context: AppContext, item_id: str, epoch: int, cursor: str) -> Cursor:
    try:
        sealed = base64.b64decode(cursor, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PlaidError("INVALID_FIELD", "cursor is not valid") from error
    mac, text = sealed[:MAC_LENGTH], sealed[MAC_LENGTH:]
    if not hmac.compare_digest(mac, _mac(context, item_id, epoch, text)):
        raise PlaidError("INVALID_FIELD", "cursor not associated with access_token")
    since, until, place, account_id = text.decode().split("|")
    return Cursor(int(since), int(until), int(place), account_id)


def _mac(context: AppContext, item_id: str, epoch: int, text: bytes) -> bytes:
    message = f"{item_id}|{epoch}|".encode() + text
    return hmac.new(_key(context), message, hashlib.sha256).digest()[:MAC_LENGTH]


def _key(context: AppContext) -> bytes:
    """Return the key that signs cursors; it is created with the first cursor."""
    if not context.store.setting(KEY):
        context.store.execute("INSERT OR IGNORE INTO settings VALUES (?, ?)", KEY, secrets.token_hex(32))
    return bytes.fromhex(context.store.setting(KEY))
