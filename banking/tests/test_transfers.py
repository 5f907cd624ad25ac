"""Pairing transactions as transfers."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from banking.linking.disconnecting import disconnect_bank
from banking.models import Account, Item, Transaction, Transfer
from banking.sync import sync_item
from banking.tests.factories import make_account, make_transaction
from banking.tests.scripted_provider import ScriptedProvider, transaction_row, transactions_page
from banking.transactions.transfer_matching import Leg, pair_legs
from banking.transactions.transfers import update_transfers
from compliance.isolation import tenant

TODAY = date(2026, 11, 22)
CARD_PAYMENT = {"category": "LOAN_PAYMENTS", "category_detail": "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT"}

pytestmark = pytest.mark.django_db

Pairs = list[tuple[UUID, UUID]]


@pytest.fixture
def checking(item: Item) -> Account:
    return make_account(item)


@pytest.fixture
def savings(alice: User, make_item: Callable[..., Item]) -> Account:
    """An account at another bank."""
    return make_account(make_item(alice, provider_item_id="other-bank"), name="Savings", subtype="savings")


def add_row(account: Account, amount: str, days_ago: int = 0, **fields: object) -> Transaction:
    return make_transaction(account, amount, day=TODAY - timedelta(days=days_ago), **fields)


def update_pairs(user: User) -> Pairs:
    """Pair the user's transactions again, and return the ids of each pair: money out, money in."""
    with tenant(user.pk):
        update_transfers(owner_id=user.pk)
        return sorted(Transfer.objects.for_user(user).values_list("money_out", "money_in"))


def test_it_pairs_money_out_with_an_equal_amount_on_another_account(
    alice: User, checking: Account, savings: Account
) -> None:
    money_out, money_in = add_row(checking, "-500", 1), add_row(savings, "500")
    add_row(checking, "-499.99")
    assert update_pairs(alice) == [(money_out.pk, money_in.pk)]


@pytest.mark.parametrize(("days", "count"), [(-5, 0), (-4, 1), (0, 1), (4, 1), (5, 0)])
def test_it_pairs_within_four_days_in_either_direction(
    alice: User, checking: Account, savings: Account, days: int, count: int
) -> None:
    add_row(checking, "-500", 10)
    add_row(savings, "500", 10 - days)
    assert len(update_pairs(alice)) == count


def test_it_pairs_three_equal_amounts_by_the_nearest_days(alice: User, checking: Account, savings: Account) -> None:
    add_row(checking, "-500", 6)
    near, arrived = add_row(checking, "-500", 3), add_row(savings, "500", 2)
    assert update_pairs(alice) == [(near.pk, arrived.pk)]


def test_it_prefers_money_that_arrives_later_to_money_that_arrived_earlier(
    alice: User, checking: Account, savings: Account
) -> None:
    add_row(savings, "500", 6)
    left, arrived = add_row(checking, "-500", 5), add_row(savings, "500", 4)
    assert update_pairs(alice) == [(left.pk, arrived.pk)]


def test_it_pairs_again_when_a_better_row_arrives(alice: User, checking: Account, savings: Account) -> None:
    early, arrived = add_row(checking, "-500", 4), add_row(savings, "500", 1)
    assert update_pairs(alice) == [(early.pk, arrived.pk)]
    late = add_row(checking, "-500", 1)
    assert update_pairs(alice) == [(late.pk, arrived.pk)]


@pytest.mark.parametrize(
    ("left", "arrived"),
    [
        ({"category": "FOOD_AND_DRINK"}, {}),
        ({}, {"category": "INCOME"}),
        ({"user_category": "Rent"}, {}),
        ({"currency": "EUR"}, {}),
        ({"currency": ""}, {"currency": ""}),
        ({"hidden": True}, {}),
        ({}, {"removed_at": timezone.now()}),
    ],
)
def test_it_does_not_pair_categorized_hidden_removed_or_other_currency_rows(
    alice: User, checking: Account, savings: Account, left: dict[str, object], arrived: dict[str, object]
) -> None:
    add_row(checking, "-500", **left)
    add_row(savings, "500", **arrived)
    assert update_pairs(alice) == []


@pytest.mark.parametrize(
    ("left", "arrived"),
    [
        ({"category": "TRANSFER_OUT"}, {}),
        ({}, {"category": "TRANSFER_IN"}),
        ({"category": "OTHER"}, {}),
        ({"category": "TRAVEL", "user_category": "TRANSFER_OUT"}, {}),
    ],
)
def test_it_pairs_rows_with_transfer_or_general_categories(
    alice: User, checking: Account, savings: Account, left: dict[str, object], arrived: dict[str, object]
) -> None:
    add_row(checking, "-500", **left)
    add_row(savings, "500", **arrived)
    assert len(update_pairs(alice)) == 1


# --- Evidence ---------------------------------------------------------------------------------------------

SALARY = {"category": "INCOME", "category_detail": "INCOME_SALARY", "name": "ACME PAYROLL"}
IN_STORE = {"payment_channel": "in store"}
TRANSFER_OUT, TRANSFER_IN = {"category": "TRANSFER_OUT"}, {"category": "TRANSFER_IN"}
REFUND = {"category": "GENERAL_MERCHANDISE", "name": "BIG SHOP", "merchant_name": "Big Shop"}


def as_income(name: str, **fields: str) -> dict[str, object]:
    return {"category": "INCOME", "name": name, **fields}


@pytest.mark.parametrize(
    ("left", "arrived", "is_pair"),
    [
        # A purchase and a salary of the same amount, whatever is known of the other one.
        ({"category": "FOOD_AND_DRINK"}, SALARY, False),
        ({}, SALARY, False),
        (TRANSFER_OUT, SALARY, False),
        (IN_STORE, {}, False),
        (IN_STORE, TRANSFER_IN, False),
        # The bank says income, its name says a transfer from the account that money left.
        (TRANSFER_OUT, as_income("ONLINE TRANSFER FROM CHECKING"), True),
        (TRANSFER_OUT, as_income("XFER xxxxx4411"), True),
        (TRANSFER_OUT, as_income("TRANSFER FROM ACME LTD"), False),
        (TRANSFER_OUT, as_income("ONLINE TRANSFER FROM SAVINGS"), False),
        (TRANSFER_OUT, as_income("ONLINE TRANSFER FROM CHECKING", merchant_name="Acme"), False),
        (TRANSFER_OUT, as_income("ONLINE TRANSFER FROM CHECKING", **IN_STORE), False),
        ({}, as_income("ONLINE TRANSFER FROM CHECKING"), False),
        ({"category": "GENERAL_SERVICES", "name": "TRANSFER TO SAVINGS"}, TRANSFER_IN, True),
        (as_income("TRANSFER TO SAVINGS"), as_income("TRANSFER FROM CHECKING"), False),
        # The user's own category says what the money was for.
        ({"user_category": "OTHER"}, TRANSFER_IN, False),
        (TRANSFER_OUT | {"user_category": "TRAVEL"}, TRANSFER_IN, False),
        (SALARY | {"user_category": "TRANSFER_OUT"}, {}, True),
        # A payment of a card that is not connected, and an amount that arrives in a savings account.
        (CARD_PAYMENT, {}, False),
        (CARD_PAYMENT, TRANSFER_IN, False),
    ],
)
def test_it_decides_by_what_is_known_of_both_rows(
    alice: User, item: Item, savings: Account, left: dict[str, object], arrived: dict[str, object], is_pair: bool
) -> None:
    add_row(make_account(item, mask="4411"), "-50", **left)
    add_row(savings, "50", **arrived)
    assert len(update_pairs(alice)) == is_pair


@pytest.mark.parametrize(
    ("left", "arrived", "is_pair"),
    [
        (CARD_PAYMENT, {}, True),
        ({}, CARD_PAYMENT, True),
        (CARD_PAYMENT, CARD_PAYMENT, True),
        (CARD_PAYMENT, {"category": "GENERAL_SERVICES", "name": "PAYMENT - THANK YOU"}, True),
        ({}, {"category": "INCOME", "name": "Autopay pymt"}, True),
        (CARD_PAYMENT, REFUND, False),
        (CARD_PAYMENT, {"category": "GENERAL_MERCHANDISE", "name": "RETURN 4411"}, False),
    ],
)
def test_it_pairs_a_payment_of_a_card_with_its_arrival_there(
    alice: User, item: Item, checking: Account, left: dict[str, object], arrived: dict[str, object], is_pair: bool
) -> None:
    add_row(checking, "-50", 1, **left)
    add_row(make_account(item, type="credit", subtype="credit card", name="Card"), "50", **arrived)
    assert len(update_pairs(alice)) == is_pair


def test_it_pairs_two_categorized_transfers_before_a_nearer_uncategorized_row(
    alice: User, checking: Account, savings: Account
) -> None:
    add_row(savings, "500", 3)
    left, arrived = add_row(checking, "-500", 3, **TRANSFER_OUT), add_row(savings, "500", **TRANSFER_IN)
    assert update_pairs(alice) == [(left.pk, arrived.pk)]


def test_it_does_not_pair_rows_of_one_account_or_of_another_user(
    alice: User, mallory: User, checking: Account, make_item: Callable[..., Item]
) -> None:
    add_row(checking, "-500")
    add_row(checking, "500")
    add_row(make_account(make_item(mallory)), "500")
    assert update_pairs(alice) == []


def test_it_pairs_borrowed_money_but_not_payments_of_a_loan(alice: User, item: Item, checking: Account) -> None:
    loan = make_account(item, type="loan", name="Mortgage")
    add_row(checking, "-800")
    add_row(loan, "800")
    loan_out, loan_in = add_row(loan, "-3000"), add_row(checking, "3000")
    assert update_pairs(alice) == [(loan_out.pk, loan_in.pk)]


def test_it_replaces_a_pair_whose_row_was_removed(alice: User, checking: Account, savings: Account) -> None:
    money_out, money_in = add_row(checking, "-500", 1), add_row(savings, "500")
    with tenant(alice.pk):
        update_transfers(owner_id=alice.pk)
        Transaction.objects.filter(pk=money_in.pk).update(removed_at=timezone.now())
    new_money_in = add_row(savings, "500", 2)
    assert update_pairs(alice) == [(money_out.pk, new_money_in.pk)]


def test_it_does_not_rewrite_an_unchanged_pair(alice: User, checking: Account, savings: Account) -> None:
    add_row(checking, "-500"), add_row(savings, "500")
    update_pairs(alice)
    with tenant(alice.pk):
        before = Transfer.objects.get()
    update_pairs(alice)
    with tenant(alice.pk):
        assert Transfer.objects.get() == before


def test_it_pairs_rows_on_the_first_and_last_possible_day(alice: User, checking: Account, savings: Account) -> None:
    for day in (date.min, date.max):
        make_transaction(checking, "-500", day=day)
        make_transaction(savings, "500", day=day)
    assert len(update_pairs(alice)) == 2


# --- Updates of the pairs ---------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_it_updates_pairs_in_each_sync(item: Item, provider: ScriptedProvider) -> None:
    uncategorized = {"category": "", "category_detail": "", "authorized_date": None, "payment_channel": "other"}
    legs = [
        transaction_row("out", "-500", date=date(2026, 11, 10), **uncategorized),
        transaction_row("in", "500", date=date(2026, 11, 12), account_id="acc-card", **uncategorized),
    ]
    provider.pages = [transactions_page(added=legs, cursor="c1")]
    sync(item)
    assert count_transfers(item) == 1
    provider.pages = [transactions_page(removed=["in"], cursor="c2")]
    sync(item)
    assert count_transfers(item) == 0


@pytest.mark.django_db(transaction=True)
def test_it_updates_pairs_when_a_bank_is_deleted_with_its_history(
    alice: User, item: Item, checking: Account, savings: Account, provider: ScriptedProvider
) -> None:
    add_row(checking, "-500"), add_row(savings, "500")
    assert len(update_pairs(alice)) == 1
    disconnect_bank(user=alice, item_id=item.pk, keep_history=False)
    assert count_transfers(item) == 0


def sync(item: Item) -> None:
    assert sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="test").ran


def count_transfers(item: Item) -> int:
    with tenant(item.owner_id):
        return Transfer.objects.filter(owner=item.owner_id).count()


# --- Random rows ------------------------------------------------------------------------------------------

LEGS = st.builds(
    lambda number, account, day, sign: Leg(
        UUID(int=number), UUID(int=account), TODAY + timedelta(days=day), "USD", Decimal(sign * 500)
    ),
    number=st.integers(1, 10**6),
    account=st.integers(1, 3),
    day=st.integers(-6, 6),
    sign=st.sampled_from([1, -1]),
)


@given(st.lists(LEGS, max_size=14, unique_by=lambda leg: leg.id))
def test_it_uses_each_leg_once_and_leaves_no_matching_legs_unpaired(legs: list[Leg]) -> None:
    pairs = pair_legs(sorted(legs, key=lambda leg: (leg.day, leg.id)))
    used = [leg for pair in pairs for leg in pair]
    assert len(used) == len(set(used))
    assert all(fits(left, arrived) for left, arrived in pairs)
    unpaired = set(legs) - set(used)
    assert not any(fits(left, arrived) for left in unpaired for arrived in unpaired)


def fits(left: Leg, arrived: Leg) -> bool:
    days_between = abs((arrived.day - left.day).days)
    return left.amount == -arrived.amount < 0 and left.account_id != arrived.account_id and days_between <= 4
