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
from banking.models import Account, Item, Transaction
from banking.tests.factories import build_transaction, make_account, make_transaction, make_transactions
from banking.transactions.categories import LOAN_PROCEEDS, TRANSFERS
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


def add_row(account: Account, amount: str, category: str = "", **facts: object) -> None:
    make_transaction(account, amount, category=category, **{"day": TODAY, **facts})


def test_it_tells_income_from_spending(alice: User, checking: Account, card: Account) -> None:
    add_row(checking, "2500.00", "INCOME")
    add_row(checking, "-1200", "RENT_AND_UTILITIES")
    add_row(card, "-4.33", "FOOD_AND_DRINK")
    add_row(card, "-12.67", "FOOD_AND_DRINK", pending=True)
    flow = sum_flows(alice, checking, card)["USD"]
    assert flow.income == Decimal(2500)
    assert flow.by_category == {"RENT_AND_UTILITIES": Decimal(1200), "FOOD_AND_DRINK": Decimal(17)}
    assert (flow.spending, flow.net) == (Decimal(1217), Decimal(1283))


def test_it_counts_a_card_paid_in_full_as_nothing(alice: User, checking: Account, card: Account) -> None:
    add_row(card, "-410", "GENERAL_MERCHANDISE")
    before = sum_flows(alice, checking, card)["USD"].net
    add_row(checking, "-410", **CARD_PAYMENT)
    add_row(card, "410", **CARD_PAYMENT)
    assert sum_flows(alice, checking, card)["USD"].net == before == Decimal(-410)


def test_it_counts_neither_leg_of_a_transfer_even_alone(alice: User, checking: Account, card: Account) -> None:
    add_row(checking, "-900", "TRANSFER_OUT")
    add_row(checking, "900", "TRANSFER_IN")
    add_row(checking, "-55", **CARD_PAYMENT)
    add_row(card, "25", **CARD_PAYMENT)
    assert sum_flows(alice, checking, card) == {}


def test_it_counts_other_loan_payments_as_spending_and_loans_as_no_income(alice: User, checking: Account) -> None:
    add_row(checking, "-800", "LOAN_PAYMENTS", category_detail="LOAN_PAYMENTS_MORTGAGE_PAYMENT")
    add_row(checking, "5000", "LOAN_DISBURSEMENTS")
    flow = sum_flows(alice, checking)["USD"]
    assert (flow.income, flow.spending) == (Decimal(0), Decimal(800))


def test_it_takes_a_refund_from_its_category(alice: User, card: Account) -> None:
    add_row(card, "-120", "GENERAL_MERCHANDISE")
    add_row(card, "45.50", "GENERAL_MERCHANDISE")
    add_row(card, "30", "TRAVEL")
    flow = sum_flows(alice, card)["USD"]
    assert flow.by_category == {"GENERAL_MERCHANDISE": Decimal("74.50"), "TRAVEL": Decimal(-30)}
    assert (flow.income, flow.spending) == (Decimal(0), Decimal("44.50"))


def test_it_takes_income_that_was_taken_back_from_income(alice: User, checking: Account) -> None:
    add_row(checking, "2500", "INCOME")
    add_row(checking, "-500", "INCOME")
    flow = sum_flows(alice, checking)["USD"]
    assert (flow.income, flow.spending) == (Decimal(2000), Decimal(0))


def test_it_counts_what_has_no_category_by_its_sign(alice: User, checking: Account) -> None:
    add_row(checking, "100")
    add_row(checking, "-30")
    flow = sum_flows(alice, checking)["USD"]
    assert (flow.income, flow.by_category) == (Decimal(100), {"": Decimal(30)})


def test_it_puts_a_persons_own_word_before_the_banks(alice: User, checking: Account) -> None:
    add_row(checking, "-10", "TRANSFER_OUT", user_category="TRAVEL")
    add_row(checking, "-20", **CARD_PAYMENT, user_category="MEDICAL")
    add_row(checking, "-40", "FOOD_AND_DRINK", user_category="TRANSFER_OUT")
    add_row(checking, "-80", "FOOD_AND_DRINK", user_category="Bees")
    flow = sum_flows(alice, checking)["USD"]
    assert flow.by_category == {"TRAVEL": Decimal(10), "MEDICAL": Decimal(20), "Bees": Decimal(80)}


def test_it_never_mixes_currencies(alice: User, checking: Account) -> None:
    add_row(checking, "-10", "TRAVEL")
    add_row(checking, "-2000", "TRAVEL", currency="JPY")
    add_row(checking, "3000", "INCOME", currency="JPY")
    found = sum_flows(alice, checking)
    assert {code: (flow.income, flow.spending) for code, flow in found.items()} == {
        "USD": (Decimal(0), Decimal(10)),
        "JPY": (Decimal(3000), Decimal(2000)),
    }


def test_it_puts_the_currency_of_everyday_first(alice: User, checking: Account) -> None:
    for day in (20, 21):
        add_row(checking, "-1", "TRAVEL", day=date(2026, 11, day), currency="EUR")
    for currency in ("USD", "CAD"):
        add_row(checking, "-999", "TRAVEL", currency=currency)
    assert list(sum_flows(alice, checking)) == ["EUR", "CAD", "USD"]


def test_it_looks_at_thirty_days_with_both_ends(alice: User, checking: Account) -> None:
    for day in (date(2026, 10, 23), date(2026, 10, 24), date(2026, 11, 22), date(2026, 11, 24)):
        add_row(checking, f"-{day.day}", "TRAVEL", day=day)
    flow = sum_flows(alice, checking)["USD"]
    assert flow.net_by_day == {date(2026, 10, 24): Decimal(-24), date(2026, 11, 22): Decimal(-22)}
    assert flow.spending == Decimal(46)


def test_it_counts_what_a_bank_further_east_dates_tomorrow(alice: User, checking: Account) -> None:
    add_row(checking, "-7", "TRAVEL", day=TODAY + timedelta(days=1))
    flow = sum_flows(alice, checking)["USD"]
    assert flow.spending == Decimal(7)
    # It is counted today, where the chart ends.
    assert flow.running_net(Window.ending(TODAY))[-2:] == [
        (TODAY - timedelta(days=1), Decimal(0)),
        (TODAY, Decimal(-7)),
    ]


def test_it_adds_up_from_zero_before_the_first_day_to_the_whole_net(alice: User, checking: Account) -> None:
    add_row(checking, "-45.50", "TRAVEL", day=TODAY - timedelta(days=29))
    add_row(checking, "1017.42", "INCOME")
    flow = sum_flows(alice, checking)["USD"]
    line = flow.running_net(Window.ending(TODAY))
    assert line[:2] == [(TODAY - timedelta(days=30), Decimal(0)), (TODAY - timedelta(days=29), Decimal("-45.50"))]
    assert line[-1] == (TODAY, flow.net) == (TODAY, Decimal("971.92"))


def test_it_counts_only_what_stands_on_the_accounts_it_was_given(
    alice: User, mallory: User, checking: Account, card: Account, make_item: Callable[..., Item]
) -> None:
    add_row(checking, "-1", "TRAVEL")
    add_row(checking, "-10", "TRAVEL", hidden=True)
    add_row(checking, "-100", "TRAVEL", removed_at=timezone.now())
    add_row(card, "-1000", "TRAVEL")
    hers = make_account(make_item(mallory))
    add_row(hers, "-10000", "TRAVEL")
    assert sum_flows(alice, checking, hers)["USD"].spending == Decimal(1)


def test_it_has_nothing_to_say_about_nothing(alice: User, checking: Account) -> None:
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
def test_it_loses_nothing_and_counts_nothing_twice(found: list[DailyTotal]) -> None:
    flow = add_up_by_currency(found).get("USD", CashFlow("USD"))
    assert flow.net == sum(move.money_in + move.money_out for move in found)
    assert flow.spending == sum(flow.by_category.values())


@pytest.mark.parametrize("category", sorted(TRANSFERS | LOAN_PROCEEDS))
@pytest.mark.parametrize("amount", ["100", "-100"])
def test_it_leaves_out_what_only_moves(alice: User, checking: Account, category: str, amount: str) -> None:
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
def test_it_says_how_long_money_lasts(liquid: str | None, net: str, months: str | None) -> None:
    known = None if liquid is None else Decimal(liquid)
    assert runway_months(liquid=known, net=Decimal(net)) == (months and Decimal(months))


def test_it_names_accounts_by_id_alone(alice: User) -> None:
    with tenant(alice.pk):
        assert sum_transactions(user=alice, window=Window.ending(TODAY), accounts=[UUID(int=1)]) == []


# --- Transfers between own accounts -----------------------------------------------------------------------


def test_it_counts_neither_leg_of_a_transfer_that_no_category_names(alice: User, item: Item, checking: Account) -> None:
    savings = make_account(item, name="Savings")
    add_row(checking, "-500", day=TODAY - timedelta(days=1))
    add_row(savings, "500")
    add_row(checking, "-30")
    with tenant(alice.pk):
        update_transfers(owner_id=alice.pk)
    flow = sum_flows(alice, checking, savings)["USD"]
    assert (flow.income, flow.spending) == (Decimal(0), Decimal(30))


def test_it_counts_neither_leg_where_the_other_one_lies_outside_the_window(
    alice: User, item: Item, checking: Account
) -> None:
    savings = make_account(item, name="Savings")
    add_row(checking, "-500", day=TODAY - timedelta(days=32))
    add_row(savings, "500", day=TODAY - timedelta(days=28))
    with tenant(alice.pk):
        update_transfers(owner_id=alice.pk)
    assert sum_flows(alice, checking, savings) == {}


def test_it_takes_a_persons_word_against_a_pair_that_was_found(alice: User, item: Item, checking: Account) -> None:
    savings = make_account(item, name="Savings")
    out = build_transaction(checking, "-500", day=TODAY)
    make_transactions(checking, [out])
    add_row(savings, "500")
    with tenant(alice.pk):
        update_transfers(owner_id=alice.pk)
        Transaction.objects.filter(pk=out.pk).update(user_category="Bees")
    assert sum_flows(alice, checking, savings)["USD"].by_category == {"Bees": Decimal(500)}
