from datetime import date
from types import SimpleNamespace

import pytest
from django.http import QueryDict

from accounts.models import User
from banking.models import Item, Transaction
from banking.tests.factories import make_account
from banking.transactions.listing import querystrings
from banking.transactions.listing.filters import TransactionFilter
from banking.transactions.listing.querystrings import ActiveFilter, DateRangePreset
from compliance.isolation import tenant

pytestmark = pytest.mark.dates

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("query", "changes", "expected"),
    [
        ("", {}, "?"),
        ("q=a", {"since": "2026-11-01"}, "?q=a&since=2026-11-01"),
        ("q=a&since=2026-11-01", {"since": None}, "?q=a"),
        ("q=a&before=x&after=y", {}, "?q=a"),
        ("q=a&before=x", {"before": "z"}, "?q=a&before=z"),
        ("since=1&since=2", {"since": "3"}, "?since=3"),
        ("size=25&before=x", {"q": None}, "?size=25"),
    ],
)
def test_it_changes_parameters_and_resets_the_position(
    query: str, changes: dict[str, str | None], expected: str
) -> None:
    assert querystrings.with_params(QueryDict(query), **changes) == expected


@pytest.mark.parametrize("category", ["TRAVEL", "Bees & honey", "SPACE_TRAVEL", '"><script>', "é"])
def test_it_filters_spending_and_refunds_of_a_category(category: str) -> None:
    query = querystrings.spending_filter(category, since=date(2026, 10, 24), until=TODAY)
    assert QueryDict(query.removeprefix("?")).dict() == {
        "category": category,
        "counted": "yes",
        "since": "2026-10-24",
        "until": "2026-11-22",
    }


def test_it_filters_only_outflows_without_a_category() -> None:
    query = querystrings.spending_filter("", since=TODAY, until=TODAY)
    assert QueryDict(query.removeprefix("?")).dict() == {
        "category": "UNCATEGORIZED",
        "direction": "out",
        "counted": "yes",
        "since": "2026-11-22",
        "until": "2026-11-22",
    }


@pytest.mark.parametrize("value", ['"><script>', "a&b=c", "#", "é ☕", "\n"])
def test_it_encodes_any_value(value: str) -> None:
    query = querystrings.with_params(QueryDict("size=25"), q=value)
    assert QueryDict(query.removeprefix("?")).dict() == {"size": "25", "q": value}
    assert not set(query) & set('"<># \n')


def test_it_does_not_change_the_request() -> None:
    query = QueryDict("q=a&before=x")
    querystrings.with_params(query, q=None)
    assert query.urlencode() == "q=a&before=x"


def test_it_offers_date_ranges_until_today_and_keeps_other_filters() -> None:
    assert querystrings.date_range_presets(QueryDict("q=a&until=2026-01-01"), TODAY) == [
        DateRangePreset("30 days", "?q=a&since=2026-10-24", current=False),
        DateRangePreset("90 days", "?q=a&since=2026-08-25", current=False),
        DateRangePreset("1 year", "?q=a&since=2025-11-23", current=False),
        DateRangePreset("All dates", "?q=a", current=False),
    ]


@pytest.mark.parametrize(
    ("query", "label"),
    [("", "All dates"), ("since=2026-10-24", "30 days"), ("since=2026-08-25&q=a", "90 days"), ("since=2026-10-23", "")],
)
def test_it_marks_the_current_date_range(query: str, label: str) -> None:
    assert [preset.label for preset in querystrings.date_range_presets(QueryDict(query), TODAY) if preset.current] == [
        label
    ] * bool(label)


@pytest.mark.django_db
def test_it_describes_each_active_filter(alice: User, item: Item) -> None:
    account = make_account(item)
    query = QueryDict(
        f"q=caf%C3%A9&since=2026-11-01&account={account.pk}&category=FOOD_AND_DRINK&direction=out&min=0&pending=posted&max="
    )
    with tenant(alice.pk):
        transaction_filter = TransactionFilter(
            query, Transaction.objects.for_user(alice), request=SimpleNamespace(user=alice)
        )
        assert transaction_filter.is_valid()
        active = querystrings.active_filters(query, transaction_filter)
    assert [filter.label for filter in active] == [
        "Search: café",
        "From: 2026-11-01",
        "Account: Checking ••0000",
        "Category: Food and drink",
        "Direction: Money out",
        "Minimum amount: 0",
        "Status: Posted",
    ]
    assert active[-1] == ActiveFilter(
        "Status: Posted",
        f"?q=caf%C3%A9&since=2026-11-01&account={account.pk}&category=FOOD_AND_DRINK&direction=out&min=0&max=",
    )
