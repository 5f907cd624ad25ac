"""Connections come, break and go in any order, and each payment that one of them still knows counts once."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import User
from banking import rosters, totals, unlinking
from banking.models import Connection, Item, Transaction
from banking.provider import TransactionRow
from banking.tests.scripted import CHECKING, ScriptedProvider, page, transaction
from banking.tests.test_sync import read
from compliance.isolation import tenant
from insights import balances

pytestmark = pytest.mark.django_db(transaction=True)

ACCOUNTS = (
    CHECKING,
    CHECKING._replace(provider_id="acc-two", mask="1111"),
    CHECKING._replace(provider_id="acc-savings", name="Savings", subtype="savings", mask="2222"),
)
HISTORIES = (12, 30, 61)
STEPS = ("link", "withdraw", "give back", "keep", "delete", "wait", "wait")


@dataclass
class Login:
    """One connection, and which payments are stored under it."""

    item: Item
    since: date
    knows: set[str] = field(default_factory=set)
    readings: int = 0
    is_linked: bool = True
    is_open: bool = True


class Bank:
    """What really happened on three accounts, and everybody who was ever let in. ``chance`` decides what happens."""

    def __init__(self, chance: random.Random, provider: ScriptedProvider, clock: time_machine.Traveller) -> None:
        self.chance, self.provider, self.clock = chance, provider, clock
        self.payments: list[tuple[str, str, date, str]] = []
        self.logins: list[Login] = []
        for ago in range(61, -1, -1):
            self.happen(timezone.localdate() - timedelta(days=ago))

    def happen(self, day: date) -> None:
        for account in ACCOUNTS:
            for number in range(self.chance.choice([0, 1, 1, 2])):
                amount = self.chance.choice(["-5", "-2.75", str(-self.chance.randint(1, 99))])
                self.payments.append((f"{account.provider_id} {day} {number}", account.provider_id, day, amount))

    def wait(self) -> None:
        for _ in range(self.chance.choice([1, 3])):
            self.clock.shift(timedelta(days=1))
            self.happen(timezone.localdate())

    def read(self, login: Login) -> None:
        place = f" of {login.item.provider_item_id}"
        new = [each for each in self.payments if each[2] >= login.since and each[0] not in login.knows]
        login.knows |= {name for name, *_ in new}
        login.readings += 1
        self.provider.roster = [each._replace(provider_id=each.provider_id + place) for each in ACCOUNTS]
        self.provider.pages = [page(added=[row(place, *each) for each in new], cursor=f"c{login.readings}")]
        assert read(login.item).ran


def row(place: str, name: str, account_id: str, day: date, amount: str) -> TransactionRow:
    return transaction(name + place, amount, account_id=account_id + place, date=day, authorized_date=None, name=name)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2026-09-20T12:00:00Z") as traveller:
        yield traveller


def step(bank: Bank, what: str, alice: User, make_item: Callable[..., Item]) -> None:
    linked = [login for login in bank.logins if login.is_linked]
    if what == "wait":
        bank.wait()
    elif what == "link" and len(linked) < len(HISTORIES):
        number = len(bank.logins)
        at = timezone.now() + timedelta(seconds=number)
        since = timezone.localdate() - timedelta(days=bank.chance.choice(HISTORIES))
        bank.logins.append(Login(make_item(alice, provider_item_id=f"item {number}", connected_at=at), since))
    elif what in ("keep", "delete") and linked:
        login = bank.chance.choice(linked)
        unlinking.unlink(user=alice, item_id=login.item.pk, keep_history=what == "keep")
        login.is_linked = login.is_open = False
        login.knows = login.knows if what == "keep" else set()
    elif what in ("withdraw", "give back") and linked:
        login = bank.chance.choice(linked)
        login.is_open = what == "give back"
        with tenant(alice.pk):
            state = Connection.ACTIVE if login.is_open else Connection.REVOKED
            Item.objects.filter(pk=login.item.pk).update(connection=state)
    for login in bank.logins:
        if login.is_open:
            bank.read(login)


@pytest.mark.parametrize("seed", [7, 11])
def test_it_counts_each_payment_once_that_a_connection_still_knows(
    seed: int, alice: User, make_item: Callable[..., Item], provider: ScriptedProvider, clock: time_machine.Traveller
) -> None:
    bank = Bank(random.Random(seed), provider, clock)  # noqa: S311  (picks steps, hides nothing)
    step(bank, "link", alice, make_item)
    for _ in range(12):
        step(bank, bank.chance.choice(STEPS), alice, make_item)
        known = {name for login in bank.logins for name in login.knows}
        with tenant(alice.pk):
            rows = Transaction.objects.for_user(alice).current()
            assert Counter(each.name for each in rows) == Counter(known)
            assert sum(t.net for t in totals.of(rows, owner_id=alice.pk)) == sum(each.amount for each in rows)
            if any(login.is_linked for login in bank.logins):
                found = balances.bank_balance(rosters.connections(alice))
                assert found is not None
                assert found.totals[0].count == len(ACCOUNTS)
