"""A scripted bank with random payments, and connections to it that start, fail, recover and end at random."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

import time_machine
from django.utils import timezone

from accounts.models import User
from banking.linking import disconnecting
from banking.models import VISIBLE_CONNECTIONS, Connection, Item
from banking.provider import InstitutionDown, ItemNotFound, LoginRequired, TransactionRow
from banking.tests.scripted_provider import CHECKING, ScriptedProvider, transaction_row, transactions_page
from banking.tests.sync_runs import run_sync
from compliance.isolation import tenant

ACCOUNTS = (
    CHECKING,
    CHECKING._replace(provider_id="acc-two", mask="1111"),
    CHECKING._replace(provider_id="acc-savings", name="Savings", subtype="savings", mask="2222"),
)
HISTORIES = (12, 30, 61)
ERRORS = {
    "withdraw": ItemNotFound("USER_PERMISSION_REVOKED"),
    "want a sign-in": LoginRequired("ITEM_LOGIN_REQUIRED"),
    "be away": InstitutionDown("INSTITUTION_DOWN"),
}
STEPS = ("link", *ERRORS, "mend", "mend", "move", "keep", "delete", *["wait"] * 4)


class Payment(NamedTuple):
    """A payment at the bank. ``pair`` is the same for both legs of a transfer between own accounts."""

    name: str
    account_id: str
    day: date
    amount: Decimal
    category: str
    pair: str = ""


@dataclass
class Login:
    """A connection and the payments stored under it. ``bank`` is the provider's id of the institution."""

    item: Item
    since: date
    bank: str
    knows: set[str] = field(default_factory=set)
    readings: int = 0
    trouble: str = ""
    is_linked: bool = True


class Bank:
    """Three accounts with payments, and all connections that there ever were. ``chance`` decides what happens."""

    def __init__(self, chance: random.Random, provider: ScriptedProvider, clock: time_machine.Traveller) -> None:
        self.chance, self.provider, self.clock = chance, provider, clock
        self.payments: list[Payment] = []
        self.logins: list[Login] = []
        for ago in range(61, -1, -1):
            self.add_payments(timezone.localdate() - timedelta(days=ago))

    def add_payments(self, day: date) -> None:
        for account in ACCOUNTS:
            for _ in range(self.chance.choice([0, 1, 1, 2])):
                self.pay(account.provider_id, day, *self.kind())
        if self.chance.random() < 0.3:
            # No other payment has this amount, so the pair is unambiguous.
            amount = Decimal(1000 + len(self.payments))
            left, came = self.chance.sample(ACCOUNTS, 2)
            self.pay(left.provider_id, day - timedelta(days=self.chance.randint(0, 3)), -amount, "", f"pair {amount}")
            self.pay(came.provider_id, day, amount, "", f"pair {amount}")

    def pay(self, account_id: str, day: date, amount: Decimal, category: str, pair: str = "") -> None:
        name = f"{account_id} {day} {len(self.payments)}"
        self.payments.append(Payment(name, account_id, day, amount, category, pair))

    def kind(self) -> tuple[Decimal, str]:
        """An amount and its category: mostly spending, sometimes a refund, income, a transfer or no category."""
        amount = Decimal(self.chance.choice(["5", "2.75", str(self.chance.randint(1, 99))]))
        category = self.chance.choice(["FOOD_AND_DRINK", "FOOD_AND_DRINK", "TRAVEL", "", "INCOME", "TRANSFER_OUT"])
        if category == "INCOME":
            return amount * 10, category
        if category == "TRANSFER_OUT" or self.chance.random() < 0.8:
            return -amount, category
        return amount + Decimal("0.37"), category

    def step(self, what: str, alice: User, make_item: Callable[..., Item]) -> None:
        """Let one thing happen, then sync every connection."""
        linked = [login for login in self.logins if login.is_linked]
        if what == "wait":
            for _ in range(self.chance.choice([1, 3])):
                self.clock.shift(timedelta(days=1))
                self.add_payments(timezone.localdate())
        elif what == "link" and len(linked) < len(HISTORIES):
            self.logins.append(self.link(alice, make_item))
        elif linked:
            self.change(what, self.chance.choice(linked), alice)
        for login in self.logins:
            self.run_sync(login)

    def link(self, alice: User, make_item: Callable[..., Item]) -> Login:
        number = len(self.logins)
        at = timezone.now() + timedelta(seconds=number)
        since = timezone.localdate() - timedelta(days=self.chance.choice(HISTORIES))
        # Two ids of one bank can only be matched after one connection had both.
        banks = sorted({login.bank for login in self.logins if login.knows}) or ["ins_1"]
        item = make_item(alice, provider_item_id=f"item {number}", connected_at=at)
        return Login(item, since, self.chance.choice(banks))

    def change(self, what: str, login: Login, alice: User) -> None:
        if what in ("keep", "delete"):
            disconnecting.disconnect_bank(user=alice, item_id=login.item.pk, keep_history=what == "keep")
            login.knows = login.knows if what == "keep" else set()
        elif what == "move" and not login.trouble and login.item.connection == Connection.ACTIVE:
            # A connection that cannot sync does not learn of its bank's new id.
            login.bank = "ins_9"
        elif what == "mend":
            login.trouble = ""
            with tenant(alice.pk):
                mended = Item.objects.filter(pk=login.item.pk, connection=Connection.LOGIN_REQUIRED)
                mended.update(connection=Connection.ACTIVE, failures=0)
        elif what in ERRORS:
            login.trouble = what

    def run_sync(self, login: Login) -> None:
        place, today = f" of {login.item.provider_item_id}", timezone.localdate()
        new = [paid for paid in self.payments if login.since <= paid.day <= today and paid.name not in login.knows]
        self.provider.item_details = replace(self.provider.item_details, institution_id=login.bank)
        self.provider.listed_accounts = [
            account._replace(provider_id=account.provider_id + place) for account in ACCOUNTS
        ]
        answer = transactions_page(added=[row(place, paid) for paid in new], cursor=f"c{login.readings + 1}")
        self.provider.pages = [ERRORS[login.trouble] if login.trouble else answer]
        if run_sync(login.item).ran and not login.trouble:
            login.knows |= {paid.name for paid in new}
            login.readings += 1

    def refresh_logins(self) -> None:
        """Read from the database which connections have ended."""
        for login in self.logins:
            with tenant(login.item.owner_id):
                login.item.refresh_from_db()
            login.is_linked = login.item.connection in VISIBLE_CONNECTIONS

    def known_payments(self) -> list[Payment]:
        """The payments that any connection has stored."""
        names = {name for login in self.logins for name in login.knows}
        return [paid for paid in self.payments if paid.name in names]


def row(place: str, paid: Payment) -> TransactionRow:
    return transaction_row(
        paid.name + place,
        str(paid.amount),
        account_id=paid.account_id + place,
        date=paid.day,
        authorized_date=None,
        name=paid.name,
        merchant_name="",
        category=paid.category,
        category_detail="",
    )


def sum_last_month(payments: Iterable[Payment], today: date) -> tuple[Decimal, dict[str, Decimal]]:
    """Return the income of 30 days and the spending by category, without transfers."""
    payments = list(payments)
    legs = Counter(paid.pair for paid in payments)
    income, spent = Decimal(0), defaultdict[str, Decimal](Decimal)
    for paid in payments:
        is_transfer = paid.category == "TRANSFER_OUT" or (paid.pair and legs[paid.pair] == 2)
        if is_transfer or not today - timedelta(days=30) < paid.day <= today:
            continue
        if paid.category == "INCOME" or (not paid.category and paid.amount > 0):
            income += paid.amount
        else:
            spent[paid.category] -= paid.amount
    return income, {category: amount for category, amount in spent.items() if amount}
