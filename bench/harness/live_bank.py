"""A bank behind Plaid whose Items get new transactions while a bench runs, and the key of the webhooks about them."""

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import uuid4

from accounts.models import User
from banking.models import Item
from banking.provider import Readiness
from bench.harness import database
from bench.harness.bank import Row, encode_response, make_account, make_transaction
from bench.harness.merchants import CHECKING, WEIGHTED_MERCHANTS
from bench.harness.webhooks import Signer

PURCHASES = tuple(merchant for merchant in WEIGHTED_MERCHANTS if merchant.account == CHECKING)


@dataclass(slots=True)
class Stream:
    """One Item's only account and all its transactions so far; a cursor is the number of those before it."""

    account: Row
    rows: list[Row] = field(default_factory=list)


class LiveBank:
    """Responds to the calls of syncs by access token, from several threads."""

    def __init__(self, signer: Signer) -> None:
        self.signer, self.lock = signer, threading.Lock()
        self.streams: dict[str, Stream] = {}

    def open_item(self, access_token: str, account_id: str) -> None:
        """Let the bank know an Item with one account, which has no transactions yet."""
        self.streams[access_token] = Stream(make_account(account_id))

    def add_rows(self, access_token: str, count: int) -> list[Row]:
        """Add transactions of today to an Item, and return them."""
        stream, today = self.streams[access_token], date.today()  # noqa: DTZ011  (a bank's calendar)
        account_id = stream.account["account_id"]
        rows = [make_transaction(random.choice(PURCHASES), today) | {"account_id": account_id} for _ in range(count)]
        with self.lock:
            stream.rows.extend(rows)
        return rows

    def respond(self, path: str, fields: dict[str, Any]) -> bytes:
        """Return the body of the response to a call of this path of Plaid's API."""
        if path == "/webhook_verification_key/get":
            return self.signer.respond(path, fields)
        stream = self.streams[fields["access_token"]]
        if path == "/transactions/sync":
            return self.respond_with_changes(stream, after=int(fields.get("cursor") or 0))
        if path == "/item/get":
            return encode_response({"item": {"item_id": uuid4().hex, "institution_id": None}, "status": {}}, [])
        return encode_response({}, [stream.account])

    def respond_with_changes(self, stream: Stream, *, after: int) -> bytes:
        with self.lock:
            added: Sequence[Row] = stream.rows[after:]
            end = len(stream.rows)
        changes = {"added": added, "modified": [], "removed": [], "next_cursor": str(end), "has_more": False}
        return encode_response(changes | {"transactions_update_status": "HISTORICAL_UPDATE_COMPLETE"}, [stream.account])


@dataclass(frozen=True, slots=True)
class LiveItem:
    """An Item of the site and the access token under which the bank knows it."""

    item: Item
    access_token: str


def create_live_items(bank: LiveBank, users: Sequence[User], count: int) -> list[LiveItem]:
    """Create Items that have been imported, each of another person where there are as many."""
    items = []
    for number in range(count):
        token = f"access-sandbox-{uuid4()}"
        item = database.connect_bank(
            users[number % len(users)], f"Live Bank {uuid4()}", access_token=token, cursor="0",
            readiness=Readiness.HISTORICAL,
        )  # fmt: skip
        (account,) = database.open_accounts(item, [(CHECKING, "depository", "checking", "100", None)])
        bank.open_item(token, account.provider_id)
        items.append(LiveItem(item, token))
    return items
