"""Balances before the first snapshot, computed back over transactions; the expected values are computed by hand."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from banking.models import Account, Item
from banking.tests.factories import make_account, make_balance, make_transaction
from insights.tests.test_history import draw_history, list_chart_values

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 22)


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with time_machine.travel(datetime(2026, 11, 22, 12, tzinfo=UTC), tick=False):
        yield


def post(account: Account, amount: str, *, days_ago: int, **fields: object) -> None:
    posted_on = timezone.localdate() - timedelta(days=days_ago)
    make_transaction(account, amount, **{"day": posted_on, "date": posted_on, **fields})


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        # Spending lowers money, and raises what is owed.
        ("depository", [(18, "130"), (19, "130"), (20, "100"), (21, "100"), (22, "100")]),
        ("credit", [(18, "70"), (19, "70"), (20, "100"), (21, "100"), (22, "100")]),
    ],
)
def test_it_computes_back_from_the_first_balance(
    alice: User, item: Item, type_: str, values: list[tuple[int, str]]
) -> None:
    account = make_account(item, type=type_)
    make_balance(account, 0, "100")
    post(account, "50", days_ago=4)
    post(account, "-30", days_ago=2)
    drawn = draw_history(alice, account)
    assert list_chart_values(drawn) == values
    assert drawn.computed_until == TODAY
    assert (drawn.chart.path, drawn.chart.computed_path.count("M")) == ("", 1)


def test_it_draws_reported_balances_as_reported(alice: User, item: Item) -> None:
    """The bank corrected the balance by 5 without a transaction."""
    account = make_account(item)
    for days_ago, balance in [(2, "100"), (1, "105"), (0, "105")]:
        make_balance(account, days_ago, balance)
    post(account, "-30", days_ago=2)
    post(account, "-1", days_ago=3)
    drawn = draw_history(alice, account)
    assert list_chart_values(drawn) == [(19, "130"), (20, "100"), (21, "105"), (22, "105")]
    assert drawn.computed_until == date(2026, 11, 20)
    assert drawn.chart.path
    assert drawn.chart.computed_path


def test_it_starts_all_accounts_on_one_day(alice: User, item: Item) -> None:
    """Savings have no transactions, and their first balance is newer: they do not appear as a jump."""
    checking, savings = make_account(item), make_account(item)
    make_balance(checking, 2, "100")
    make_balance(savings, 1, "1000")
    post(checking, "-30", days_ago=3)
    post(checking, "-20", days_ago=2)
    assert list_chart_values(draw_history(alice, checking, savings)) == [(19, "1120"), (20, "1100"), (21, "1100")]


def test_it_starts_with_the_balance_of_the_first_day_of_the_range(alice: User, item: Item) -> None:
    account = make_account(item)
    make_balance(account, 0, "100")
    post(account, "7", days_ago=40)
    post(account, "-30", days_ago=2)
    assert list_chart_values(draw_history(alice, account, days=5)) == [
        (17, "130"),
        (18, "130"),
        (19, "130"),
        (20, "100"),
        (21, "100"),
        (22, "100"),
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"pending": True},
        {"removed_at": datetime(2026, 11, 21, tzinfo=UTC)},
        {"currency": "EUR"},
        # After the first balance, which has it.
        {"days_ago": -1},
    ],
)
def test_it_counts_only_what_changed_the_balance(alice: User, item: Item, fields: dict[str, object]) -> None:
    account = make_account(item)
    make_balance(account, 0, "100")
    post(account, "-30", days_ago=2)
    post(account, "-8", **{"days_ago": 1, **fields})
    assert list_chart_values(draw_history(alice, account))[-2:] == [(21, "100"), (22, "100")]


def test_it_counts_hidden_rows_and_long_delays_of_posting(alice: User, item: Item) -> None:
    account = make_account(item)
    make_balance(account, 0, "100")
    post(account, "-30", days_ago=2, hidden=True)
    post(account, "-8", days_ago=4, day=TODAY - timedelta(days=30))
    assert list_chart_values(draw_history(alice, account, days=5))[:4] == [
        (17, "138"),
        (18, "130"),
        (19, "130"),
        (20, "100"),
    ]


@pytest.mark.parametrize("type_", ["loan", "investment", "other"])
def test_it_computes_nothing_for_accounts_that_change_without_transactions(alice: User, item: Item, type_: str) -> None:
    account = make_account(item, type=type_)
    make_balance(account, 0, "100")
    post(account, "-30", days_ago=2)
    assert draw_history(alice, account) is None


def test_it_continues_the_balances_of_a_former_account(alice: User, item: Item, make_item: Callable[..., Item]) -> None:
    account = make_account(item)
    former = make_account(make_item(alice, provider_item_id="former"), successor=account, succeeded_on=TODAY)
    make_balance(former, 1, "90")
    make_balance(account, 0, "100")
    post(former, "-30", days_ago=2)
    post(former, "-4", days_ago=1)
    post(account, "10", days_ago=0)
    drawn = draw_history(alice, account)
    assert list_chart_values(drawn) == [(20, "94"), (21, "90"), (22, "100")]
    assert drawn.computed_until == date(2026, 11, 21)


def test_it_says_which_part_is_computed(as_alice: Client, alice: User, item: Item) -> None:
    account = make_account(item, current=Decimal(100))
    make_balance(account, 0, "100")
    post(account, "-30", days_ago=2)
    sentence = 'Before <time datetime="2026-11-22">Nov 22</time>, we worked it out from your transactions.'
    for url in (reverse("overview"), reverse("account", args=[account.pk])):
        page = as_alice.get(url).content.decode()
        assert sentence in page
        assert "plot__line--computed" in page
