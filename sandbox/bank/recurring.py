"""Recurring transactions: streams of similar amounts at one merchant in a regular rhythm, found in the transactions.

A stream is MATURE from its third transaction (an annual one from its second), EARLY_DETECTION before, and TOMBSTONED
if an early one did not continue. A mature one that has ended is no longer active.
Source: https://plaid.com/docs/api/products/transactions/#transactionsrecurringget
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import median

from sandbox.bank import transaction_log
from sandbox.bank.items import Item
from sandbox.bank.statements import add_months, round_cents
from sandbox.bank.transaction_log import Row
from sandbox.context import AppContext
from sandbox.identifiers import derived_id
from sandbox.json_codec import dumps, loads

SCHEMA = "CREATE TABLE IF NOT EXISTS recurring_streams (item_id TEXT PRIMARY KEY, summaries TEXT NOT NULL)"
PRODUCT = "recurring_transactions"
SIMILAR = Decimal("0.1")
REGULAR_SHARE = 0.8


@dataclass(frozen=True)
class Cadence:
    """One frequency: the days between two transactions, and how late the next one may be."""

    name: str
    least: int
    most: int
    grace: int
    mature: int = 3


CADENCES = (
    Cadence("WEEKLY", 6, 8, 3),
    Cadence("BIWEEKLY", 13, 15, 4),
    Cadence("SEMI_MONTHLY", 14, 17, 5),
    Cadence("MONTHLY", 26, 35, 7),
    Cadence("ANNUALLY", 355, 375, 20, mature=2),
)


@dataclass(frozen=True)
class Stream:
    """One stream: its rows, oldest first, and what follows from them."""

    id: str
    rows: list[Row]
    cadence: Cadence
    today: date

    @property
    def last_date(self) -> date:
        """The date of its last transaction."""
        return date.fromisoformat(self.rows[-1]["date"])

    @property
    def expected_date(self) -> date:
        """The date on which the next transaction is expected."""
        return _next_date(self.cadence, self.last_date)

    @property
    def is_active(self) -> bool:
        """Whether the next transaction can still come."""
        return self.today <= self.expected_date + timedelta(days=self.cadence.grace)

    @property
    def status(self) -> str:
        """Plaid's status of the stream."""
        if len(self.rows) >= self.cadence.mature:
            return "MATURE"
        return "EARLY_DETECTION" if self.is_active else "TOMBSTONED"

    @property
    def average(self) -> Decimal:
        """The average amount, with Plaid's sign."""
        return round_cents(sum((Decimal(row["amount"]) for row in self.rows), Decimal(0)) / len(self.rows))


def find_streams(context: AppContext, item: Item) -> list[Stream]:
    """Find the streams in the posted transactions of an Item, those with the latest transaction first."""
    today = context.clock.today()
    streams = [
        stream
        for (account_id, merchant, is_inflow), rows in _group(transaction_log.current(context, item.item_id)).items()
        for stream in _streams_of(derived_id("stream", account_id, merchant, is_inflow), rows, today)
    ]
    return sorted(streams, key=lambda stream: (stream.last_date, stream.id), reverse=True)


def take_changed_accounts(context: AppContext, item: Item) -> list[str]:
    """List the accounts whose streams changed since the last call; none before ``remember``, or if it is no change."""
    row = context.store.one("SELECT summaries FROM recurring_streams WHERE item_id = ?", item.item_id)
    if row is None:
        return []
    before, after = loads(row["summaries"]), remember(context, item, find_streams(context, item))
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def remember(context: AppContext, item: Item, streams: list[Stream]) -> dict[str, str]:
    """Store a summary of each account's streams, to recognize later changes."""
    summaries: dict[str, str] = {}
    for stream in streams:
        account_id = stream.rows[0]["account_id"]
        summary = f"{stream.id}/{stream.rows[-1]['transaction_id']}/{len(stream.rows)}/{stream.status};"
        summaries[account_id] = summaries.get(account_id, "") + summary
    context.store.execute("INSERT OR REPLACE INTO recurring_streams VALUES (?, ?)", item.item_id, dumps(summaries))
    return summaries


def _group(rows: list[Row]) -> dict[tuple[str, str, bool], list[Row]]:
    """Group posted rows by account, merchant and direction, each group oldest first."""
    groups: dict[tuple[str, str, bool], list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row["date"], row["transaction_id"])):
        amount = Decimal(row["amount"])
        if amount and not row["pending"]:
            groups[row["account_id"], _merchant_key(row), amount < 0].append(row)
    return groups


def _merchant_key(row: Row) -> str:
    """Return what identifies a merchant: its name, else the description without numbers."""
    return str(row["merchant_name"] or re.sub(r"[\W\d_]+", " ", row["name"])).strip().casefold()


def _streams_of(stream_id: str, rows: list[Row], today: date) -> Iterator[Stream]:
    """Yield the stream of all rows, if they have a rhythm; else one for each group of similar amounts that has."""
    if len(rows) > 2 and (cadence := _cadence(rows)):
        yield Stream(stream_id, rows, cadence, today)
        return
    for similar in _similar_amounts(rows):
        if _is_enough(similar) and (cadence := _cadence(similar)):
            part_id = stream_id if len(similar) == len(rows) else derived_id(stream_id, similar[0]["transaction_id"])
            yield Stream(part_id, similar, cadence, today)


def _similar_amounts(rows: list[Row]) -> list[list[Row]]:
    """Split rows where the sorted amounts jump by more than a tenth; each part is oldest first."""
    parts: list[list[Row]] = []
    last = Decimal(0)
    for row in sorted(rows, key=lambda row: abs(Decimal(row["amount"]))):
        amount = abs(Decimal(row["amount"]))
        if not parts or amount > last * (1 + SIMILAR):
            parts.append([])
        parts[-1].append(row)
        last = amount
    return [sorted(part, key=lambda row: (row["date"], row["transaction_id"])) for part in parts]


def _is_enough(rows: list[Row]) -> bool:
    """Whether rows can be a stream; two only if their amounts are equal, because two purchases are no habit."""
    return len(rows) > 2 or (len(rows) == 2 and rows[0]["amount"] == rows[1]["amount"])


def _cadence(rows: list[Row]) -> Cadence | None:
    """Return the frequency that fits at least four fifths of the intervals, None without one."""
    days = [date.fromisoformat(row["date"]) for row in rows]
    gaps = [(after - before).days for before, after in pairwise(days)]
    if not gaps or min(gaps) == 0:
        return None
    middle = median(gaps)
    for cadence in CADENCES:
        fitting = sum(cadence.least <= gap <= cadence.most for gap in gaps)
        if cadence.least <= middle <= cadence.most and fitting >= REGULAR_SHARE * len(gaps):
            return cadence
    return None


def _next_date(cadence: Cadence, last: date) -> date:
    match cadence.name:
        case "MONTHLY":
            return add_months(last, 1)
        case "ANNUALLY":
            return add_months(last, 12)
        case "SEMI_MONTHLY":
            return last + timedelta(days=15)
        case "WEEKLY":
            return last + timedelta(days=7)
    return last + timedelta(days=14)
