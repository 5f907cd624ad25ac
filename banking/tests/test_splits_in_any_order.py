"""A person splits and joins transactions while the bank changes them, in any order: all sums equal the bank's."""

import csv
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from banking.models import Connection, Item, Transaction
from banking.provider import TransactionRow
from banking.splits.amounts import fit_amounts
from banking.splits.splitting import PartValues, join_parts, split_transaction
from banking.tests.scripted_provider import CHECKING, ScriptedProvider, transaction_row, transactions_page
from banking.tests.sync_runs import run_sync
from banking.transactions import csv_export, totals
from compliance.isolation import tenant

# A sync commits, so that its temporary tables are gone before the next one.
pytestmark = pytest.mark.django_db(transaction=True)

STEPS = ("add", "split", "split", "modify", "post", "remove", "join", "relink", "read_again")


@dataclass(frozen=True)
class Payment:
    """A payment as the bank has it now. Its name is its own, and stays."""

    name: str
    provider_id: str
    amount: Decimal
    pending: bool = False
    pending_id: str = ""


@dataclass
class Simulation:
    """The bank's payments, and the amounts of the parts that the person entered for some of them."""

    alice: User
    make_item: Callable[..., Item]
    provider: ScriptedProvider
    item: Item
    dice: random.Random
    payments: list[Payment] = field(default_factory=list)
    entered: dict[str, list[Decimal]] = field(default_factory=dict)
    numbers: Any = field(default_factory=count)
    links: int = 0

    def build_row(self, payment: Payment) -> TransactionRow:
        day = timezone.localdate() - timedelta(days=1)
        changes = {"pending": payment.pending, "pending_id": payment.pending_id, "name": payment.name}
        row = transaction_row(payment.provider_id, str(payment.amount), merchant_name="", **changes)
        return row._replace(account_id=f"account-{self.links}", date=day, authorized_date=day)

    def sync(self, *changed: Payment, removed: tuple[str, ...] = ()) -> None:
        account = CHECKING._replace(provider_id=f"account-{self.links}", persistent_id="the same")
        self.provider.listed_accounts = [account]
        cursor = f"c{next(self.numbers)}"
        self.provider.pages = [
            transactions_page(added=[self.build_row(payment) for payment in changed], removed=removed, cursor=cursor)
        ]
        run_sync(self.item)

    def pick_amount(self) -> Decimal:
        cents = self.dice.choice([1, 999, 5000, self.dice.randint(1, 9999)])
        return Decimal(cents * self.dice.choice([-1, -1, 1])) / 100

    def choose(self, *, pending: bool | None = None) -> Payment | None:
        """One of the payments; the first one stays as it is, so that the history has the same first day."""
        among = [payment for payment in self.payments[1:] if pending is None or payment.pending is pending]
        return self.dice.choice(among) if among else None

    def get_row(self, payment: Payment) -> Transaction:
        with tenant(self.alice.pk):
            return Transaction.objects.get(provider_id=payment.provider_id)

    # --- Steps

    def add(self, *, pending: bool | None = None) -> None:
        name = f"payment {next(self.numbers)}"
        self.payments.append(
            Payment(
                name,
                f"{name} {self.links}",
                self.pick_amount(),
                self.dice.random() < 0.5 if pending is None else pending,
            )
        )
        self.sync(self.payments[-1])

    def split(self) -> None:
        payment, first = self.choose(), self.pick_amount()
        if payment is None or first == payment.amount:
            return
        amounts, row = [first, payment.amount - first], self.get_row(payment)
        with tenant(self.alice.pk):
            known = list(Transaction.objects.filter(part_of=row.pk).order_by("pk").values_list("pk", flat=True))
        values = [PartValues(amount=amount) for amount in amounts]
        split_transaction(user=self.alice, transaction_id=row.pk, parts=values, known=known)
        self.entered[payment.name] = amounts

    def join(self) -> None:
        if payment := self.choose():
            join_parts(user=self.alice, transaction_id=self.get_row(payment).pk)
            self.entered.pop(payment.name, None)

    def modify(self) -> None:
        if payment := self.choose():
            self.change(payment, replace(payment, amount=self.pick_amount()))

    def post(self) -> None:
        """Post a pending payment; the bank removes some of them later, or never."""
        payment = self.choose(pending=True)
        if payment is None:
            return
        posted_id = f"{payment.provider_id} posted"
        posted = replace(
            payment, provider_id=posted_id, amount=self.pick_amount(), pending=False, pending_id=payment.provider_id
        )
        self.change(payment, posted, removed=(payment.provider_id,) if self.dice.random() < 0.5 else ())

    def change(self, old: Payment, new: Payment, removed: tuple[str, ...] = ()) -> None:
        self.payments[self.payments.index(old)] = new
        self.sync(new, removed=removed)

    def remove(self) -> None:
        if payment := self.choose(pending=False):
            self.payments.remove(payment)
            self.entered.pop(payment.name, None)
            pending = (payment.pending_id,) if payment.pending_id else ()
            self.sync(removed=(payment.provider_id, *pending))

    def relink(self) -> None:
        """Connect the bank anew: the old connection ends, and all payments have other ids."""
        with tenant(self.alice.pk):
            Item.objects.filter(pk=self.item.pk).update(connection=Connection.REVOKED)
        self.links += 1
        connected_at = timezone.now() + timedelta(seconds=self.links)
        self.item = self.make_item(
            self.alice, provider_item_id=f"item {next(self.numbers)} {self.item.pk}", connected_at=connected_at
        )
        self.payments = [
            replace(payment, provider_id=f"{payment.name} {self.links}", pending_id="") for payment in self.payments
        ]
        self.sync(*self.payments)

    def read_again(self) -> None:
        with tenant(self.alice.pk):
            Item.objects.filter(pk=self.item.pk).update(cursor="")
        self.sync(*self.payments)

    # --- What is shown

    def list_expected(self) -> Counter[tuple[str, Decimal]]:
        expected: Counter[tuple[str, Decimal]] = Counter()
        for payment in self.payments:
            entered = self.entered.get(payment.name)
            amounts = fit_amounts(entered, whole=payment.amount) if entered else None
            expected.update((payment.name, amount) for amount in amounts or [payment.amount])
        return expected

    def check(self) -> None:
        """List, totals and file have the bank's amounts, each payment once or by its parts."""
        bank = sum(payment.amount for payment in self.payments)
        with tenant(self.alice.pk):
            rows = Transaction.objects.for_user(self.alice).current()
            assert Counter((row.name, row.amount) for row in rows) == self.list_expected()
            sums = totals.totals_by_currency(rows, owner_id=self.alice.pk)
        assert sum(total.net + total.uncounted_in - total.uncounted_out for total in sums) == bank
        file = csv_export.csv_lines(owner_id=self.alice.pk, rows=rows.select_related("account"))
        lines = csv.DictReader("".join(file).splitlines())
        assert sum(Decimal(line["Amount"]) for line in lines) == bank


@pytest.mark.parametrize("seed", range(8))
def test_all_sums_equal_the_banks_amounts(
    alice: User, item: Item, make_item: Callable[..., Item], provider: ScriptedProvider, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311  (picks steps, hides nothing)
    simulation = Simulation(alice, make_item, provider, item, dice)
    for pending in (False, True, False):
        simulation.add(pending=pending)
    simulation.split()
    for _ in range(14):
        getattr(simulation, dice.choice(STEPS))()
        simulation.check()
