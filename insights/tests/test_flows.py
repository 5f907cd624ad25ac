"""Income and spending, with the expected values computed by hand."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from banking.models import Account, Item, Transaction, Transfer
from banking.tests.factories import build_transaction, make_account, make_transaction, make_transactions
from banking.transactions.categories import LOAN_PROCEEDS, TRANSFERS
from banking.transactions.transfer_edits import join_transactions
from banking.transactions.transfers import update_transfers
from compliance.isolation import tenant
from insights.cash_flow.sums import CashFlow, DailyTotal, Window, add_up_by_currency, runway_months, sum_transactions

TODAY = date(2026, 11, 22)
CARD_PAYMENT = {"category": "LOAN_PAYMENTS", "category_detail": "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT"}

pytestmark = [pytest.mark.django_db, pytest.mark.dates]


@pytest.fixture
def checking(item: Item) -> Account:
    return make_account(item)


@pytest.fixture
def card(item: Item) -> Account:
    return make_account(item, type="credit", name="Card")


def sum_flows(user: User, *accounts: Account) -> dict[str, CashFlow]:
    with tenant(user.pk):
        return add_up_by_currency(
            sum_transactions(user=user, window=Window.ending(TODAY), accounts=[a.pk for a in accounts])
        )


def add_row(account: Account, amount: str, category: str = "", **fields: object) -> None:
    make_transaction(account, amount, category=category, **{"day": TODAY, **fields})


def test_it_distinguishes_income_from_spending(alice: User, checking: Account, card: Account) -> None:
    add_row(checking, "2500.00", "INCOME")
    add_row(checking, "-1200", "RENT_AND_UTILITIES")
    add_row(card, "-4.33", "FOOD_AND_DRINK")
    add_row(card, "-12.67", "FOOD_AND_DRINK", pending=True)
    flow = sum_flows(alice, checking, card)["USD"]
    assert flow.income == Decimal(2500)
    assert flow.by_category == {"RENT_AND_UTILITIES": Decimal(1200), "FOOD_AND_DRINK": Decimal(17)}
    assert (flow.spending, flow.net) == (Decimal(1217), Decimal(1283))


def test_it_does_not_count_card_payments(alice: User, checking: Account, card: Account) -> None:
    add_row(card, "-410", "GENERAL_MERCHANDISE")
    net = sum_flows(alice, checking, card)["USD"].net
    add_row(checking, "-410", **CARD_PAYMENT)
    add_row(card, "410", **CARD_PAYMENT)
    assert sum_flows(alice, checking, card)["USD"].net == net == Decimal(-410)


@pytest.mark.parametrize("connected", ["both", "bank", "card"])
@pytest.mark.parametrize("is_categorized", [True, False])
def test_it_does_not_change_net_cash_flow_when_a_card_is_paid_in_full(
    alice: User, checking: Account, card: Account, connected: str, is_categorized: bool
) -> None:
    """Also if only one side is connected; without any category, what left the bank alone could be anything."""
    add_row(card, "-410", "GENERAL_MERCHANDISE")
    if connected != "card":
        add_row(checking, "-410", name="CARD SERVICES", **CARD_PAYMENT if is_categorized or connected == "bank" else {})
    if connected != "bank":
        payment = CARD_PAYMENT if is_categorized else {"category": "OTHER"}
        add_row(card, "410", name="PAYMENT - THANK YOU", day=TODAY + timedelta(days=1), **payment)
    with tenant(alice.pk):
        update_transfers(owner_id=alice.pk)
        assert Transfer.objects.count() == (connected == "both")
    flow = sum_flows(alice, checking, card)["USD"]
    assert (flow.income, flow.spending) == (Decimal(0), Decimal(410))


@pytest.mark.parametrize(
    ("account_name", "fields"),
    [
        ("Checking", {"name": "PAYMENT"}),
        ("Card", {"name": "PAYMENT", "merchant_name": "Big Shop"}),
        ("Card", {"name": "REFUND"}),
        ("Card", {"name": "PAYMENT", "category": "INCOME"}),
        ("Card", {"name": "PAYMENT", "payment_channel": "in store"}),
    ],
)
def test_it_counts_other_money_that_comes_in(
    alice: User, checking: Account, card: Account, account_name: str, fields: dict[str, str]
) -> None:
    add_row(checking if account_name == "Checking" else card, "25", **fields)
    assert sum_flows(alice, checking, card)["USD"].income == 25


def test_it_does_not_count_a_single_leg_of_a_transfer(alice: User, checking: Account, card: Account) -> None:
    add_row(checking, "-900", "TRANSFER_OUT")
    add_row(checking, "900", "TRANSFER_IN")
    add_row(checking, "-55", **CARD_PAYMENT)
    add_row(card, "25", **CARD_PAYMENT)
    assert sum_flows(alice, checking, card) == {}


def test_it_counts_loan_payments_as_spending_but_not_loans_as_income(alice: User, checking: Account) -> None:
    add_row(checking, "-800", "LOAN_PAYMENTS", category_detail="LOAN_PAYMENTS_MORTGAGE_PAYMENT")
    add_row(checking, "5000", "LOAN_DISBURSEMENTS")
    flow = sum_flows(alice, checking)["USD"]
    assert (flow.income, flow.spending) == (Decimal(0), Decimal(800))


def test_it_subtracts_refunds_from_their_category(alice: User, card: Account) -> None:
    add_row(card, "-120", "GENERAL_MERCHANDISE")
    add_row(card, "45.50", "GENERAL_MERCHANDISE")
    add_row(card, "30", "TRAVEL")
    flow = sum_flows(alice, card)["USD"]
    assert flow.by_category == {"GENERAL_MERCHANDISE": Decimal("74.50"), "TRAVEL": Decimal(-30)}
    assert (flow.income, flow.spending) == (Decimal(0), Decimal("44.50"))


def test_it_subtracts_reversals_from_income(alice: User, checking: Account) -> None:
    add_row(checking, "2500", "INCOME")
    add_row(checking, "-500", "INCOME")
    flow = sum_flows(alice, checking)["USD"]
    assert (flow.income, flow.spending) == (Decimal(2000), Decimal(0))


def test_it_counts_uncategorized_transactions_by_their_sign(alice: User, checking: Account) -> None:
    add_row(checking, "100")
    add_row(checking, "-30")
    flow = sum_flows(alice, checking)["USD"]
    assert (flow.income, flow.by_category) == (Decimal(100), {"": Decimal(30)})


def test_it_prefers_the_users_category(alice: User, checking: Account) -> None:
    add_row(checking, "-10", "TRANSFER_OUT", user_category="TRAVEL")
    add_row(checking, "-20", **CARD_PAYMENT, user_category="MEDICAL")
    add_row(checking, "-40", "FOOD_AND_DRINK", user_category="TRANSFER_OUT")
    add_row(checking, "-80", "FOOD_AND_DRINK", user_category="Bees")
    flow = sum_flows(alice, checking)["USD"]
    assert flow.by_category == {"TRAVEL": Decimal(10), "MEDICAL": Decimal(20), "Bees": Decimal(80)}


def test_it_sums_per_currency(alice: User, checking: Account) -> None:
    add_row(checking, "-10", "TRAVEL")
    add_row(checking, "-2000", "TRAVEL", currency="JPY")
    add_row(checking, "3000", "INCOME", currency="JPY")
    flows = sum_flows(alice, checking)
    assert {code: (flow.income, flow.spending) for code, flow in flows.items()} == {
        "USD": (Decimal(0), Decimal(10)),
        "JPY": (Decimal(3000), Decimal(2000)),
    }


def test_it_lists_the_most_used_currency_first(alice: User, checking: Account) -> None:
    for day in (20, 21):
        add_row(checking, "-1", "TRAVEL", day=date(2026, 11, day), currency="EUR")
    for currency in ("USD", "CAD"):
        add_row(checking, "-999", "TRAVEL", currency=currency)
    assert list(sum_flows(alice, checking)) == ["EUR", "CAD", "USD"]


def test_it_includes_the_first_and_last_of_30_days(alice: User, checking: Account) -> None:
    for day in (date(2026, 10, 23), date(2026, 10, 24), date(2026, 11, 22), date(2026, 11, 24)):
        add_row(checking, f"-{day.day}", "TRAVEL", day=day)
    flow = sum_flows(alice, checking)["USD"]
    assert flow.net_by_day == {date(2026, 10, 24): Decimal(-24), date(2026, 11, 22): Decimal(-22)}
    assert flow.spending == Decimal(46)


def test_it_counts_transactions_of_tomorrow_today(alice: User, checking: Account) -> None:
    add_row(checking, "-7", "TRAVEL", day=TODAY + timedelta(days=1))
    flow = sum_flows(alice, checking)["USD"]
    assert flow.spending == Decimal(7)
    # It is counted today, where the chart ends.
    assert flow.running_net(Window.ending(TODAY))[-2:] == [
        (TODAY - timedelta(days=1), Decimal(0)),
        (TODAY, Decimal(-7)),
    ]


def test_it_sums_the_running_net_from_zero(alice: User, checking: Account) -> None:
    add_row(checking, "-45.50", "TRAVEL", day=TODAY - timedelta(days=29))
    add_row(checking, "1017.42", "INCOME")
    flow = sum_flows(alice, checking)["USD"]
    line = flow.running_net(Window.ending(TODAY))
    assert line[:2] == [(TODAY - timedelta(days=30), Decimal(0)), (TODAY - timedelta(days=29), Decimal("-45.50"))]
    assert line[-1] == (TODAY, flow.net) == (TODAY, Decimal("971.92"))


def test_it_counts_only_visible_transactions_of_the_given_accounts(
    alice: User, mallory: User, checking: Account, card: Account, make_item: Callable[..., Item]
) -> None:
    add_row(checking, "-1", "TRAVEL")
    add_row(checking, "-10", "TRAVEL", hidden=True)
    add_row(checking, "-100", "TRAVEL", removed_at=timezone.now())
    add_row(card, "-1000", "TRAVEL")
    mallorys_account = make_account(make_item(mallory))
    add_row(mallorys_account, "-10000", "TRAVEL")
    assert sum_flows(alice, checking, mallorys_account)["USD"].spending == Decimal(1)


def test_it_returns_nothing_without_transactions(alice: User, checking: Account) -> None:
    assert sum_flows(alice, checking) == {}
    assert sum_flows(alice) == {}


AMOUNTS = st.decimals(min_value=0, max_value=10**12, places=4)
MOVEMENTS = st.builds(
    DailyTotal,
    currency=st.just("USD"),
    category=st.sampled_from(["INCOME", "TRAVEL", "MEDICAL", "", "Bees"]),
    day=st.dates(date(2026, 10, 24), TODAY),
    money_in=AMOUNTS,
    money_out=AMOUNTS.map(lambda amount: -amount),
)


@given(st.lists(MOVEMENTS, max_size=20))
def test_it_loses_nothing_and_counts_nothing_twice(totals: list[DailyTotal]) -> None:
    flow = add_up_by_currency(totals).get("USD", CashFlow("USD"))
    assert flow.net == sum(total.money_in + total.money_out for total in totals)
    assert flow.spending == sum(flow.by_category.values())


@pytest.mark.parametrize("category", sorted(TRANSFERS | LOAN_PROCEEDS))
@pytest.mark.parametrize("amount", ["100", "-100"])
def test_it_does_not_count_transfers_and_loans(alice: User, checking: Account, category: str, amount: str) -> None:
    add_row(checking, amount, category)
    assert sum_flows(alice, checking) == {}


@pytest.mark.parametrize(
    ("liquid", "net", "months"),
    [
        ("6000", "-1500", "4"),
        ("6000", "-1", "6000"),
        ("0", "-1500", "0"),
        ("-250", "-1500", "0"),
        ("6000", "0", None),
        ("6000", "0.01", None),
        ("-250", "10", None),
        (None, "-1500", None),
    ],
)
def test_it_computes_the_runway(liquid: str | None, net: str, months: str | None) -> None:
    balance = None if liquid is None else Decimal(liquid)
    assert runway_months(liquid=balance, net=Decimal(net)) == (months and Decimal(months))


def test_it_returns_nothing_for_unknown_accounts(alice: User) -> None:
    with tenant(alice.pk):
        assert sum_transactions(user=alice, window=Window.ending(TODAY), accounts=[UUID(int=1)]) == []


# --- Transfers between own accounts -----------------------------------------------------------------------


def test_it_does_not_count_uncategorized_transfers(alice: User, item: Item, checking: Account) -> None:
    savings = make_account(item, name="Savings")
    add_row(checking, "-500", day=TODAY - timedelta(days=1))
    add_row(savings, "500")
    add_row(checking, "-30")
    with tenant(alice.pk):
        update_transfers(owner_id=alice.pk)
    flow = sum_flows(alice, checking, savings)["USD"]
    assert (flow.income, flow.spending) == (Decimal(0), Decimal(30))


def test_it_does_not_count_a_transfer_whose_other_leg_is_outside_the_window(
    alice: User, item: Item, checking: Account
) -> None:
    savings = make_account(item, name="Savings")
    add_row(checking, "-500", day=TODAY - timedelta(days=32))
    add_row(savings, "500", day=TODAY - timedelta(days=28))
    with tenant(alice.pk):
        update_transfers(owner_id=alice.pk)
    assert sum_flows(alice, checking, savings) == {}


def test_it_does_not_count_what_the_user_joined_with_a_row_outside_the_window(
    alice: User, item: Item, checking: Account
) -> None:
    savings = make_account(item, name="Savings")
    left = make_transaction(checking, "-500", day=TODAY - timedelta(days=34))
    arrived = make_transaction(savings, "500", day=TODAY - timedelta(days=24), category="INCOME")
    with tenant(alice.pk):
        join_transactions(user=alice, transaction_id=left.pk, other_id=arrived.pk)
    assert sum_flows(alice, checking, savings) == {}


def test_it_counts_a_paired_transaction_with_the_users_category(alice: User, item: Item, checking: Account) -> None:
    savings = make_account(item, name="Savings")
    money_out = build_transaction(checking, "-500", day=TODAY)
    make_transactions(checking, [money_out])
    add_row(savings, "500")
    with tenant(alice.pk):
        update_transfers(owner_id=alice.pk)
        Transaction.objects.filter(pk=money_out.pk).update(user_category="Bees")
    assert sum_flows(alice, checking, savings)["USD"].by_category == {"Bees": Decimal(500)}
