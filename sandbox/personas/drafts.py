"""Accounts and transactions that a persona generates, before they belong to an Item.

Amounts follow Plaid: positive when money leaves the account, on cards too; negative when it comes in.
A credit or loan account's ``current`` is positive for a debt.
"""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

DEBTS = ("credit", "loan")
TRANSACTING = ("depository", "credit")


@dataclass(frozen=True, slots=True)
class AccountDraft:
    """One account. ``key`` identifies it in its book; an ``unofficial`` currency replaces ``currency``.

    ``persistent`` is Plaid's ``persistent_account_id``, which is the same in every Item. ``liability`` holds the terms
    of a debt, with the names of Plaid's custom users; see ``bank.liabilities``.
    """

    key: str
    name: str
    type: str
    subtype: str
    current: Decimal | None
    available: Decimal | None = None
    limit: Decimal | None = None
    official_name: str | None = None
    mask: str | None = None
    currency: str | None = "USD"
    unofficial: str | None = None
    holder: str = "personal"
    persistent: str | None = None
    liability: dict[str, Any] | None = None

    @property
    def owes(self) -> bool:
        """Whether a positive balance is a debt."""
        return self.type in DEBTS


@dataclass(frozen=True, slots=True)
class TransactionDraft:
    """One transaction on the account ``account``. ``key`` identifies it in its book, and determines its id.

    ``category`` is a detailed Plaid category ("" for none); ``replaces`` is the key of the pending draft that this
    one replaces.
    """

    key: str
    account: str
    day: date
    amount: Decimal
    name: str
    category: str = ""
    merchant: str | None = None
    confidence: str = "VERY_HIGH"
    authorized: date | None = None
    pending: bool = False
    channel: str = "in store"
    replaces: str = ""
    currency: str | None = "USD"
    unofficial: str | None = None
    original: str | None = None
    check_number: str | None = None
    city: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Book:
    """All accounts of one user at a bank, and their transactions, oldest first."""

    accounts: list[AccountDraft]
    transactions: list[TransactionDraft] = field(default_factory=list)
