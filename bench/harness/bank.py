"""A bank behind Plaid, as the bytes of Plaid's responses: pages of 500 rows of about 1.5 KB each.

The project's own Plaid client reads them. To measure only our code, `Bank` replaces the client's transport; to measure
everything, `serve_over_http` sends the same bytes over a socket.
"""

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, Self
from uuid import uuid4

import simplejson

from banking.limits.rates import Caller
from banking.plaid.client import PlaidClient
from banking.plaid.settings import PlaidSettings
from bench.harness.merchants import WEIGHTED_MERCHANTS, Merchant

PAGE = 500
NO_LOCATION = {"address": None, "postal_code": None, "country": "US", "lat": None, "lon": None, "store_number": "3318"}
NO_PAYMENT_META = dict.fromkeys(
    ("by_order_of", "payee", "payer", "payment_method", "payment_processor", "ppd_id", "reason", "reference_number")
)
Row = dict[str, Any]


def make_rows(count: int) -> list[Row]:
    """Make random transactions over two years, newest first, in Plaid's format."""
    today = date.today()  # noqa: DTZ011  (a bank's calendar)
    return [
        make_transaction(random.choice(WEIGHTED_MERCHANTS), today - timedelta(days=730 * n // count))
        for n in range(count)
    ]


def make_transaction(merchant: Merchant, day: date) -> Row:
    """Make a transaction with every field that Plaid documents. Income is below zero, as at Plaid."""
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
        "counterparties": [make_counterparty(merchant, entity)],
        "date": str(day + timedelta(days=1)),
        "datetime": None,
        "iso_currency_code": "USD",
        "location": {**NO_LOCATION, "city": "Portland", "region": "OR"},
        "logo_url": f"https://plaid-merchant-logos.plaid.com/{entity}.png",
        "merchant_entity_id": entity,
        "merchant_name": merchant.name,
        "name": f"{merchant.name.upper()} #{cents % 10_000:04d}",
        "original_description": f"POS DEBIT {merchant.name.upper()} #{cents % 10_000:04d} PORTLAND OR",
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


def make_counterparty(merchant: Merchant, entity: str) -> Row:
    return {
        "confidence_level": "VERY_HIGH",
        "entity_id": entity,
        "logo_url": f"https://plaid-merchant-logos.plaid.com/{entity}.png",
        "name": merchant.name,
        "phone_number": None,
        "type": "merchant",
        "website": "merchant.example",
    }


def make_account(name: str) -> Row:
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
    """Responds to the calls of one sync. It has the method of `Transport`, so a `PlaidClient` can use it instead."""

    def __init__(self, rows: Sequence[Row], *, kind: str = "added", after: str = "") -> None:
        """Build the pages after the cursor ``after``, with the rows in the list ``kind``: "added" or "modified"."""
        self.accounts = [make_account(name) for name in sorted({row["account_id"] for row in rows})]
        self.pages: dict[str, bytes] = {}
        for start in range(0, len(rows), PAGE):
            end = start + PAGE
            cursor = f"cursor-{uuid4().hex}"
            self.pages[after] = self.build_page(kind, rows[start:end], cursor, more=end < len(rows))
            after = cursor

    def build_page(self, kind: str, rows: Sequence[Row], cursor: str, *, more: bool) -> bytes:
        fields = {
            "added": [],
            "modified": [],
            "removed": [],
            kind: rows,
            "next_cursor": cursor,
            "has_more": more,
            "transactions_update_status": "HISTORICAL_UPDATE_COMPLETE",
        }
        return encode_response(fields, self.accounts)

    def respond(self, path: str, fields: Row) -> bytes:
        """Return the body of the response to a call of this path of Plaid's API."""
        if path == "/transactions/sync":
            return self.pages[fields.get("cursor", "")]
        if path == "/item/get":
            return encode_response({"item": {"item_id": "item", "institution_id": None}, "status": {}}, self.accounts)
        return encode_response({}, self.accounts)

    def post(self, endpoint: str, fields: Row, *, seconds: float) -> bytes:
        """Respond as `Transport.post` does, without the network."""
        path = {"transactions_sync": "/transactions/sync", "item_get": "/item/get"}.get(endpoint, "/accounts/get")
        return self.respond(path, fields)

    def for_caller(self, _: Caller) -> Self:
        """Return itself: there are no limits."""
        return self

    def make_connect(self) -> Callable[[], PlaidClient]:
        """Return a replacement for ``PlaidProvider.connect``, whose client reads from this bank."""
        client = PlaidClient(PlaidSettings.from_settings(), self)  # type: ignore[arg-type]
        return lambda: client


def encode_response(fields: Row, accounts: Sequence[Row]) -> bytes:
    return simplejson.dumps({"accounts": accounts, "request_id": "bench", **fields}, use_decimal=True).encode()


class Responder(Protocol):
    """An object that responds to calls of Plaid's API."""

    def respond(self, path: str, fields: Row) -> bytes:
        """Return the body of the response to a call."""
        ...


@contextmanager
def serve_over_http(responder: Responder) -> Iterator[str]:
    """Serve a responder on a free port of 127.0.0.1 until the block ends, and yield its URL."""

    class RequestHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            fields = simplejson.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = responder.respond(self.path, fields)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), RequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
