"""Accounts and transactions as a provider reports them, and what of them could not be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date as Day
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from msgspec import Struct


class Readiness(StrEnum):
    """How much of an Item's history the provider has prepared. It only ever increases."""

    NOT_READY = "not_ready"
    INITIAL = "initial"
    HISTORICAL = "historical"


class AccountRow(NamedTuple):
    """One account as the provider reports it. Balances keep the provider's sign.

    A credit or loan balance is positive when money is owed. ``None`` means that the bank does not report it.
    """

    provider_id: str
    persistent_id: str
    name: str
    official_name: str
    mask: str
    type: str
    subtype: str
    current: Decimal | None
    available: Decimal | None
    limit: Decimal | None
    currency: str


class Counterparty(Struct, frozen=True, omit_defaults=True, gc=False):
    """A merchant or another company in a transaction, such as a marketplace. It is stored as JSON with these names.

    ``type`` and ``confidence_level`` are the provider's own words, and ``entity_id`` is its id of the company.
    """

    name: str | None = None
    type: str | None = None
    entity_id: str | None = None
    website: str | None = None
    logo_url: str | None = None
    confidence_level: str | None = None


class TransactionRow(NamedTuple):
    """One transaction; ``amount`` is positive when money comes into the account.

    ``provider_amount`` is the amount as it was sent. ``pending_id`` names the pending transaction that
    this posted one replaces, or is empty. ``original_description`` is the bank's own text. Few banks send times, and
    some of these send midnight where they know only the day.
    """

    provider_id: str
    account_id: str
    amount: Decimal
    provider_amount: Decimal
    currency: str
    date: Day
    authorized_date: Day | None
    name: str
    merchant_name: str
    pending: bool
    pending_id: str
    category: str
    category_detail: str
    category_confidence: str
    payment_channel: str
    original_description: str = ""
    posted_at: datetime | None = None
    authorized_at: datetime | None = None
    counterparties: Sequence[Counterparty] = ()


class RowKind(StrEnum):
    """What could not be read: a row, or a field of the page around the rows, such as a list that is null."""

    TRANSACTION = "transaction"
    REMOVAL = "removal"
    ACCOUNT = "account"
    PAGE = "page"
    ACCOUNT_LIST = "account_list"
    LIABILITY = "liability"
    APR = "apr"
    STREAM = "stream"


# The fields of a page whose rows no later page repeats.
LISTS_OF_CHANGES: Final = ("added", "modified", "removed")


class SkippedRow(NamedTuple):
    """A row that cannot be stored: its kind, the invalid field, and its id if it has one.

    ``field`` is a name and never the field's value. A list that was not sent counts as one row of kind ``PAGE`` or
    ``ACCOUNT_LIST``: nobody knows how many rows it should have had.
    """

    kind: RowKind
    field: str
    provider_id: str = ""


@dataclass(frozen=True, slots=True)
class TransactionsPage:
    """One page of the provider's transaction stream. ``skipped`` lists the rows that could not be parsed."""

    added: Sequence[TransactionRow]
    modified: Sequence[TransactionRow]
    removed: Sequence[str]
    accounts: Sequence[AccountRow]
    next_cursor: str
    has_more: bool
    readiness: Readiness
    request_id: str
    skipped: Sequence[SkippedRow] = ()


@dataclass(frozen=True, slots=True)
class AccountsResponse:
    """All accounts of an Item, with balances as of the provider's last update. ``skipped`` could not be parsed."""

    accounts: Sequence[AccountRow]
    request_id: str
    skipped: Sequence[SkippedRow] = ()
