"""Balance history, with the expected days and sums computed by hand."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection

from accounts.models import User
from banking import connections
from banking.models import Account, Item
from banking.tests.factories import make_account, make_balance
from compliance.isolation import tenant
from insights.balances import history
from insights.balances.account_totals import bank_balance
from insights.balances.history import BalanceHistory, running_totals

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with time_machine.travel(datetime(2026, 11, 22, 12, tzinfo=UTC), tick=False):
        yield


@pytest.fixture
def checking(item: Item) -> Account:
    return make_account(item)


def draw_history(user: User, *accounts: Account, days: int = 30) -> BalanceHistory | None:
    with tenant(user.pk):
        return history.account_balance_history(user=user, accounts=accounts, currency="USD", days=days)


def list_chart_values(balance_history: BalanceHistory) -> list[tuple[int, str]]:
    """Return the chart's points as (day of November, amount)."""
    return [
        ((point.day - date(2026, 10, 31)).days, f"{point.value.normalize():f}") for point in balance_history.chart.rows
    ]


def test_it_repeats_the_total_on_days_without_changes() -> None:
    first = date(2026, 11, 1)
    points = running_totals(
        {
            first + timedelta(days=3): Decimal(-120),
            first: Decimal(100),
            first + timedelta(days=1): Decimal("10.50"),
        }
    )
    assert [(point.day.day, point.value) for point in points] == [
        (1, Decimal(100)),
        (2, Decimal("110.50")),
        (3, Decimal("110.50")),
        (4, Decimal("-9.50")),
    ]


def test_it_repeats_the_last_balance_of_each_account(alice: User, item: Item, checking: Account) -> None:
    savings = make_account(item)
    make_balance(checking, 4, "100")
    make_balance(savings, 3, "10.50")
    make_balance(checking, 1, "-20")
    make_balance(savings, 0, "0")
    assert list_chart_values(draw_history(alice, checking, savings)) == [
        (18, "100"),
        (19, "110.5"),
        (20, "110.5"),
        (21, "-9.5"),
        (22, "-20"),
    ]


def test_it_draws_the_sum_of_all_accounts(alice: User, item: Item, checking: Account) -> None:
    savings = make_account(item)
    make_balance(checking, 2, "100")
    make_balance(savings, 2, "1000.25")
    make_balance(checking, 0, "50")
    assert list_chart_values(draw_history(alice, checking, savings)) == [
        (20, "1100.25"),
        (21, "1100.25"),
        (22, "1050.25"),
    ]


def test_it_starts_with_the_last_balance_before_the_range(alice: User, item: Item, checking: Account) -> None:
    other_account = make_account(item)
    make_balance(checking, 40, "1")
    make_balance(checking, 31, "70")
    make_balance(checking, 28, "80")
    make_balance(other_account, 200, "5")
    assert list_chart_values(draw_history(alice, checking, other_account)) == [(-8, "75"), (-7, "75"), (-6, "85")]


def test_it_prefers_the_balance_of_the_first_day(alice: User, checking: Account) -> None:
    make_balance(checking, 31, "1")
    make_balance(checking, 30, "2")
    make_balance(checking, 29, "3")
    assert list_chart_values(draw_history(alice, checking)) == [(-8, "2"), (-7, "3")]


def test_it_does_not_treat_an_unknown_balance_as_zero(alice: User, checking: Account) -> None:
    make_balance(checking, 2, "100")
    make_balance(checking, 1, None)
    make_balance(checking, 0, "120")
    assert list_chart_values(draw_history(alice, checking)) == [(20, "100"), (21, "100"), (22, "120")]


@pytest.mark.parametrize("days_ago", [[], [0], [50]])
def test_it_draws_nothing_until_there_are_two_days(alice: User, checking: Account, days_ago: list[int]) -> None:
    for days in days_ago:
        make_balance(checking, days, "100")
    assert draw_history(alice, checking) is None


def test_it_draws_nothing_if_all_balances_are_unknown(alice: User, checking: Account) -> None:
    for days in range(3):
        make_balance(checking, days, None)
    assert draw_history(alice, checking) is None


def test_it_draws_the_bank_balance_in_the_most_used_currency(alice: User, item: Item) -> None:
    accounts = [("USD", "depository"), ("USD", "depository"), ("JPY", "depository"), ("USD", "credit"), ("USD", "loan")]
    for currency, type_ in accounts:
        account = make_account(item, currency=currency, type=type_, current=Decimal(7))
        make_balance(account, 1, "5")
        make_balance(account, 0, "7")
    with tenant(alice.pk):
        items = connections.list_connections(alice)
        balance_history = history.bank_balance_history(user=alice, items=items, days=30)
    assert balance_history.currency == "USD"
    assert list_chart_values(balance_history) == [(21, "10"), (22, "14")]
    assert balance_history.chart.facts.last.value == bank_balance(items).totals[0].amount


def test_it_has_no_line_without_a_bank_account(alice: User, item: Item) -> None:
    make_account(item, type="credit")
    with tenant(alice.pk):
        items = connections.list_connections(alice)
        assert history.bank_balance_history(user=alice, items=items, days=30) is None


def test_it_draws_nothing_of_another_user(
    alice: User, mallory: User, checking: Account, make_item: Callable[..., Item]
) -> None:
    for days in range(3):
        make_balance(checking, days, "100")
    assert draw_history(mallory, checking) is None
    mallorys_account = make_account(make_item(mallory))
    make_balance(mallorys_account, 1, "1")
    make_balance(mallorys_account, 0, "2")
    assert list_chart_values(draw_history(mallory, mallorys_account, checking)) == [(21, "1"), (22, "2")]


@pytest.mark.parametrize(
    ("label", "days"), [("1M", 30), ("3M", 91), ("1Y", 365), ("", 91), ("ALL", 91), ("\0", 91), ("9" * 99, 91)]
)
def test_it_has_three_ranges(label: str, days: int) -> None:
    assert history.days_in_range(label) == days


def test_it_marks_the_current_range(alice: User, checking: Account) -> None:
    make_balance(checking, 1, "1")
    make_balance(checking, 0, "2")
    assert [(r.label, r.url, r.current) for r in draw_history(alice, checking, days=365).ranges] == [
        ("1M", "?range=1M", False),
        ("3M", "?range=3M", False),
        ("1Y", "?range=1Y", True),
    ]


def test_it_reads_balances_by_the_index_of_owner_account_and_day(alice: User, checking: Account) -> None:
    with tenant(alice.pk), connection.cursor() as cursor:
        # PostgreSQL scans an almost empty table sequentially, whatever indexes it has.
        cursor.execute("SET LOCAL enable_seqscan = off")
        parameters = {"owner": alice.pk, "since": date(2026, 10, 23), **history.account_columns([checking])}
        cursor.execute(f"EXPLAIN {history.DAILY_CHANGES}", parameters)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    conditions = re.findall(r"Index Cond: \(\(owner_id = .*\) AND \(account_id = .*\) AND \(day [<>]", plan)
    assert len(conditions) == 2, plan
