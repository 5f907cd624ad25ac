from decimal import Decimal

import pytest

from accounts.models import User
from banking.models import Account, Item, Transaction
from banking.tests.factories import make_account, make_transaction
from banking.transactions import totals
from banking.transactions.totals import CurrencyTotal
from banking.transactions.transfers import update_transfers
from compliance.isolation import tenant

CARD_PAYMENT = {"category": "LOAN_PAYMENTS", "category_detail": "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(item: Item) -> Account:
    return make_account(item)


def load_totals(user: User) -> list[CurrencyTotal]:
    with tenant(user.pk):
        return totals.totals_by_currency(Transaction.objects.for_user(user).newest_first(), owner_id=user.pk)


def test_it_sums_money_in_and_money_out(alice: User, account: Account) -> None:
    for amount in ("2500.00", "-4.33", "-0.67", "0", "12.345"):
        make_transaction(account, amount)
    (dollars,) = load_totals(alice)
    assert dollars == CurrencyTotal(currency="USD", count=5, money_in=Decimal("2512.345"), money_out=Decimal("5.00"))
    assert dollars.net == Decimal("2507.345")


def test_it_never_adds_two_currencies(alice: User, account: Account) -> None:
    make_transaction(account, "-10")
    make_transaction(account, "-20", currency="EUR")
    make_transaction(account, "30", currency="EUR")
    assert load_totals(alice) == [
        CurrencyTotal(currency="EUR", count=2, money_in=Decimal(30), money_out=Decimal(20)),
        CurrencyTotal(currency="USD", count=1, money_in=Decimal(0), money_out=Decimal(10)),
    ]


def test_it_orders_currencies_with_equal_counts_by_code(alice: User, account: Account) -> None:
    for currency in ("USD", "", "EUR", "CAD"):
        make_transaction(account, "1", currency=currency)
    assert [total.currency for total in load_totals(alice)] == ["", "CAD", "EUR", "USD"]


def test_it_sums_exactly(alice: User, account: Account) -> None:
    for amount in ("0.1", "0.2", "90071992547409.93", "-90071992547409.92"):
        make_transaction(account, amount)
    (dollars,) = load_totals(alice)
    assert dollars.net == Decimal("0.31")


def test_it_returns_nothing_without_transactions(alice: User) -> None:
    assert load_totals(alice) == []


def test_it_counts_no_transactions_of_another_user(mallory: User, account: Account) -> None:
    make_transaction(account, "1")
    assert load_totals(mallory) == []


# --- Transfers --------------------------------------------------------------------------------------------


def test_it_counts_neither_leg_of_a_transfer_or_a_card_payment(alice: User, item: Item, account: Account) -> None:
    card, loan = make_account(item, type="credit", name="Card"), make_account(item, type="loan", name="Loan")
    savings = make_account(item, name="Savings")
    make_transaction(account, "-410", **CARD_PAYMENT)
    make_transaction(card, "410", **CARD_PAYMENT)
    make_transaction(account, "-500")
    make_transaction(savings, "500")
    make_transaction(account, "3000", category="LOAN_DISBURSEMENTS")
    make_transaction(loan, "25")
    make_transaction(account, "-30")
    make_transaction(account, "70", category="INCOME")
    with tenant(alice.pk):
        update_transfers(owner_id=alice.pk)
    (dollars,) = load_totals(alice)
    assert (dollars.money_in, dollars.money_out, dollars.net) == (Decimal(70), Decimal(30), Decimal(40))
    assert (dollars.uncounted_in, dollars.uncounted_out) == (Decimal(410 + 500 + 3000 + 25), Decimal(410 + 500))
    assert dollars.count == 8
