from decimal import Decimal

import pytest

from accounts.models import User
from banking import totals
from banking.models import Account, Item, Transaction
from banking.tests.rows import account_at, moved
from banking.totals import Total
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(item: Item) -> Account:
    return account_at(item)


def totals_of(user: User) -> list[Total]:
    with tenant(user.pk):
        return totals.of(Transaction.objects.for_user(user).newest_first())


def test_it_adds_what_came_in_and_what_went_out(alice: User, account: Account) -> None:
    for amount in ("2500.00", "-4.33", "-0.67", "0", "12.345"):
        moved(account, amount)
    (dollars,) = totals_of(alice)
    assert dollars == Total(currency="USD", count=5, money_in=Decimal("2512.345"), money_out=Decimal("5.00"))
    assert dollars.net == Decimal("2507.345")


def test_it_never_adds_two_currencies(alice: User, account: Account) -> None:
    moved(account, "-10")
    moved(account, "-20", currency="EUR")
    moved(account, "30", currency="EUR")
    assert totals_of(alice) == [
        Total(currency="EUR", count=2, money_in=Decimal(30), money_out=Decimal(20)),
        Total(currency="USD", count=1, money_in=Decimal(0), money_out=Decimal(10)),
    ]


def test_it_keeps_currencies_of_equal_weight_in_one_order(alice: User, account: Account) -> None:
    for currency in ("USD", "", "EUR", "CAD"):
        moved(account, "1", currency=currency)
    assert [total.currency for total in totals_of(alice)] == ["", "CAD", "EUR", "USD"]


def test_it_loses_no_cent_of_what_floats_cannot_hold(alice: User, account: Account) -> None:
    for amount in ("0.1", "0.2", "90071992547409.93", "-90071992547409.92"):
        moved(account, amount)
    (dollars,) = totals_of(alice)
    assert dollars.net == Decimal("0.31")


def test_it_has_nothing_to_say_about_nothing(alice: User) -> None:
    assert totals_of(alice) == []


def test_it_counts_nothing_of_somebody_else(mallory: User, account: Account) -> None:
    moved(account, "1")
    assert totals_of(mallory) == []
