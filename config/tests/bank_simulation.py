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
    "revoke": ItemNotFound("USER_PERMISSION_REVOKED"),
    "require a sign-in": LoginRequired("ITEM_LOGIN_REQUIRED"),
    "be unavailable": InstitutionDown("INSTITUTION_DOWN"),
}
STEPS = ("link", *ERRORS, "repair", "repair", "change id", "keep", "delete", *["wait"] * 4)


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
    stored_names: set[str] = field(default_factory=set)
    sync_count: int = 0
    problem: str = ""
    is_linked: bool = True


class Bank:
    """Three accounts with payments, and all their connections, past and present. ``random`` decides what happens."""

    def __init__(self, source: random.Random, provider: ScriptedProvider, clock: time_machine.Traveller) -> None:
        self.random, self.provider, self.clock = source, provider, clock
        self.payments: list[Payment] = []
        self.logins: list[Login] = []
        for ago in range(61, -1, -1):
            self.add_payments(timezone.localdate() - timedelta(days=ago))

    def add_payments(self, day: date) -> None:
        for account in ACCOUNTS:
            for _ in range(self.random.choice([0, 1, 1, 2])):
                self.pay(account.provider_id, day, *self.choose_amount())
        if self.random.random() < 0.3:
            # No other payment has this amount, so the pair is unambiguous.
            amount = Decimal(1000 + len(self.payments))
            source, target = self.random.sample(ACCOUNTS, 2)
            self.pay(source.provider_id, day - timedelta(days=self.random.randint(0, 3)), -amount, "", f"pair {amount}")
            self.pay(target.provider_id, day, amount, "", f"pair {amount}")

    def pay(self, account_id: str, day: date, amount: Decimal, category: str, pair: str = "") -> None:
        name = f"{account_id} {day} {len(self.payments)}"
        self.payments.append(Payment(name, account_id, day, amount, category, pair))

    def choose_amount(self) -> tuple[Decimal, str]:
        """An amount and its category: mostly spending, sometimes a refund, income, a transfer or no category."""
        amount = Decimal(self.random.choice(["5", "2.75", str(self.random.randint(1, 99))]))
        category = self.random.choice(["FOOD_AND_DRINK", "FOOD_AND_DRINK", "TRAVEL", "", "INCOME", "TRANSFER_OUT"])
        if category == "INCOME":
            return amount * 10, category
        if category == "TRANSFER_OUT" or self.random.random() < 0.8:
            return -amount, category
        return amount + Decimal("0.37"), category

    def step(self, action: str, alice: User, make_item: Callable[..., Item]) -> None:
        """Take one of ``STEPS``, then sync every connection."""
        linked = [login for login in self.logins if login.is_linked]
        if action == "wait":
            for _ in range(self.random.choice([1, 3])):
                self.clock.shift(timedelta(days=1))
                self.add_payments(timezone.localdate())
        elif action == "link" and len(linked) < len(HISTORIES):
            self.logins.append(self.link(alice, make_item))
        elif linked:
            self.change(action, self.random.choice(linked), alice)
        for login in self.logins:
            self.run_sync(login)

    def link(self, alice: User, make_item: Callable[..., Item]) -> Login:
        number = len(self.logins)
        at = timezone.now() + timedelta(seconds=number)
        since = timezone.localdate() - timedelta(days=self.random.choice(HISTORIES))
        # Two ids of one bank can only be matched after one connection had both.
        banks = sorted({login.bank for login in self.logins if login.stored_names}) or ["ins_1"]
        item = make_item(alice, provider_item_id=f"item {number}", connected_at=at)
        return Login(item, since, self.random.choice(banks))

    def change(self, action: str, login: Login, alice: User) -> None:
        if action in ("keep", "delete"):
            disconnecting.disconnect_bank(user=alice, item_id=login.item.pk, keep_history=action == "keep")
            login.stored_names = login.stored_names if action == "keep" else set()
        elif action == "change id" and not login.problem and login.item.connection == Connection.ACTIVE:
            # A connection that cannot sync does not learn its bank's new id.
            login.bank = "ins_9"
        elif action == "repair":
            login.problem = ""
            with tenant(alice.pk):
                items = Item.objects.filter(pk=login.item.pk, connection=Connection.LOGIN_REQUIRED)
                items.update(connection=Connection.ACTIVE, failures=0)
        elif action in ERRORS:
            login.problem = action

    def run_sync(self, login: Login) -> None:
        id_suffix, today = f" of {login.item.provider_item_id}", timezone.localdate()
        payments = [payment for payment in self.payments if login.since <= payment.day <= today]
        new = [payment for payment in payments if payment.name not in login.stored_names]
        self.provider.item_details = replace(self.provider.item_details, institution_id=login.bank)
        self.provider.listed_accounts = [
            account._replace(provider_id=account.provider_id + id_suffix) for account in ACCOUNTS
        ]
        rows = [make_row(payment, id_suffix) for payment in new]
        page = transactions_page(added=rows, cursor=f"c{login.sync_count + 1}")
        self.provider.pages = [ERRORS[login.problem] if login.problem else page]
        if run_sync(login.item).ran and not login.problem:
            login.stored_names |= {payment.name for payment in new}
            login.sync_count += 1

    def refresh_logins(self) -> None:
        """Read from the database which connections have ended."""
        for login in self.logins:
            with tenant(login.item.owner_id):
                login.item.refresh_from_db()
            login.is_linked = login.item.connection in VISIBLE_CONNECTIONS

    def list_stored_payments(self) -> list[Payment]:
        """The payments that any connection has stored."""
        names = {name for login in self.logins for name in login.stored_names}
        return [payment for payment in self.payments if payment.name in names]


def make_row(payment: Payment, id_suffix: str) -> TransactionRow:
    return transaction_row(
        payment.name + id_suffix,
        str(payment.amount),
        account_id=payment.account_id + id_suffix,
        date=payment.day,
        authorized_date=None,
        name=payment.name,
        merchant_name="",
        category=payment.category,
        category_detail="",
        # What is paid in a store is no transfer.
        payment_channel="other",
    )


def sum_last_month(payments: Iterable[Payment], today: date) -> tuple[Decimal, dict[str, Decimal]]:
    """Return the income of 30 days and the spending by category, without transfers."""
    payments = list(payments)
    legs = Counter(payment.pair for payment in payments)
    income, spent = Decimal(0), defaultdict[str, Decimal](Decimal)
    for payment in payments:
        is_transfer = payment.category == "TRANSFER_OUT" or (payment.pair and legs[payment.pair] == 2)
        if is_transfer or not today - timedelta(days=30) < payment.day <= today:
            continue
        if payment.category == "INCOME" or (not payment.category and payment.amount > 0):
            income += payment.amount
        else:
            spent[payment.category] -= payment.amount
    return income, {category: amount for category, amount in spent.items() if amount}
