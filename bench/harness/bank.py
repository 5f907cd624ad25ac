"""A bank behind Plaid, as the bytes that Plaid would answer with: pages of 500 rows of about 1.5 KB each.

The bytes go through the project's own client, whose transport is the only part that is replaced: by `Bank`
itself where only our work is to be measured, by HTTP on a real socket where all of it is.
"""

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from uuid import uuid4

import simplejson

from banking.plaid.client import PlaidClient
from banking.plaid.settings import PlaidSettings
from bench.harness.merchants import VISITED, Merchant

PAGE = 500
NOWHERE = {"address": None, "postal_code": None, "country": "US", "lat": None, "lon": None, "store_number": "3318"}
NO_PAYMENT_META = dict.fromkeys(
    ("by_order_of", "payee", "payer", "payment_method", "payment_processor", "ppd_id", "reason", "reference_number")
)
Row = dict[str, Any]


def rows(count: int) -> list[Row]:
    """Transactions over two years, newest first, as Plaid sends them."""
    today = date.today()  # noqa: DTZ011  (a bank's calendar)
    return [transaction(random.choice(VISITED), today - timedelta(days=730 * n // count)) for n in range(count)]


def transaction(merchant: Merchant, day: date) -> Row:
    """One transaction with every field that Plaid documents. Money that comes in is below zero at Plaid."""
    cents = random.randint(-merchant.high * 100, -merchant.low * 100)
    entity = uuid4().hex
    return {
        "account_id": merchant.account,
        "account_owner": None,
        "amount": Decimal(cents) / 100,
        "authorized_date": str(day),
        "authorized_datetime": None,
        "category": None,
        "category_id": None,
        "check_number": None,
        "counterparties": [counterparty(merchant, entity)],
        "date": str(day + timedelta(days=1)),
        "datetime": None,
        "iso_currency_code": "USD",
        "location": {**NOWHERE, "city": "Portland", "region": "OR"},
        "logo_url": f"https://plaid-merchant-logos.plaid.com/{entity}.png",
        "merchant_entity_id": entity,
        "merchant_name": merchant.name,
        "name": f"{merchant.name.upper()} #{cents % 10_000:04d}",
        "payment_channel": merchant.channel,
        "payment_meta": NO_PAYMENT_META,
        "pending": False,
        "pending_transaction_id": None,
        "personal_finance_category": {
            "confidence_level": "VERY_HIGH",
            "detailed": merchant.detail,
            "primary": merchant.category,
            "version": "v2",
        },
        "personal_finance_category_icon_url": f"https://plaid-category-icons.plaid.com/PFC_{merchant.category}.png",
        "transaction_code": None,
        "transaction_id": uuid4().hex + "x1y2z",
        "transaction_type": "place",
        "unofficial_currency_code": None,
        "website": "merchant.example",
    }


def counterparty(merchant: Merchant, entity: str) -> Row:
    return {
        "confidence_level": "VERY_HIGH",
        "entity_id": entity,
        "logo_url": f"https://plaid-merchant-logos.plaid.com/{entity}.png",
        "name": merchant.name,
        "phone_number": None,
        "type": "merchant",
        "website": "merchant.example",
    }


def account(name: str) -> Row:
    balances = {"available": Decimal("4100.50"), "current": Decimal("4210.55"), "limit": None}
    return {
        "account_id": name,
        "balances": {**balances, "iso_currency_code": "USD", "unofficial_currency_code": None},
        "holder_category": "personal",
        "mask": "0000",
        "name": name,
        "official_name": f"Plumbline {name}",
        "subtype": "checking",
        "type": "depository",
    }


class Bank:
    """Answers the calls of one reading. Has the `Transport`'s method, so that a `PlaidClient` takes it for one."""

    def __init__(self, sent: Sequence[Row], *, kind: str = "added", after: str = "") -> None:
        """Lay out the pages that follow the cursor ``after``, their rows as "added" or as "modified"."""
        self.accounts = [account(name) for name in sorted({row["account_id"] for row in sent})]
        self.pages: dict[str, bytes] = {}
        for start in range(0, len(sent), PAGE):
            end = start + PAGE
            cursor = f"cursor-{uuid4().hex}"
            self.pages[after] = self.sync_page(kind, sent[start:end], cursor, more=end < len(sent))
            after = cursor

    def sync_page(self, kind: str, sent: Sequence[Row], cursor: str, *, more: bool) -> bytes:
        facts = {
            "added": [],
            "modified": [],
            "removed": [],
            kind: sent,
            "next_cursor": cursor,
            "has_more": more,
            "transactions_update_status": "HISTORICAL_UPDATE_COMPLETE",
        }
        return encode_response(facts, self.accounts)

    def respond(self, path: str, fields: Row) -> bytes:
        """The body for a call; the endpoint by its path in Plaid's API."""
        if path == "/transactions/sync":
            return self.pages[fields.get("cursor", "")]
        if path == "/item/get":
            return encode_response({"item": {"item_id": "item", "institution_id": None}, "status": {}}, self.accounts)
        return encode_response({}, self.accounts)

    def post(self, endpoint: str, fields: Row, *, seconds: float) -> bytes:
        """Answer as `Transport.post` does, without the network."""
        path = {"transactions_sync": "/transactions/sync", "item_get": "/item/get"}.get(endpoint, "/accounts/get")
        return self.respond(path, fields)

    def door(self) -> Callable[[], PlaidClient]:
        """What stands in for ``PlaidProvider.connect``."""
        client = PlaidClient(PlaidSettings.from_settings(), self)  # type: ignore[arg-type]
        return lambda: client


def encode_response(facts: Row, accounts: Sequence[Row]) -> bytes:
    return simplejson.dumps({"accounts": accounts, "request_id": "bench", **facts}, use_decimal=True).encode()


class Answers(Protocol):
    """What speaks for Plaid."""

    def respond(self, path: str, fields: Row) -> bytes:
        """The body for a call."""
        ...


@contextmanager
def over_http(bank: Answers) -> Iterator[str]:
    """Serve what answers for a bank on a free port of this machine, and give its address."""

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            fields = simplejson.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = bank.respond(self.path, fields)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
