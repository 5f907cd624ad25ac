"""Who hears that their money runs low, and when. Months are reckoned by hand from thirty days' movements."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Notification, User
from banking.models import Account, Connection, Item
from banking.provider import Readiness
from banking.tests.factories import make_account, make_transaction
from compliance.isolation import tenant
from compliance.tests.threads import in_threads
from insights import tasks
from insights.cash_flow import runway
from insights.models import LowRunway

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dates]

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def checking(item: Item) -> Account:
    """Alice's account, just read, with 1,000 dollars a month going out."""
    mark_fresh(item)
    account = make_account(item, current=Decimal(5000))
    make_transaction(account, "-1500")
    make_transaction(account, "500", category="INCOME")
    return account


def mark_fresh(item: Item, **facts: object) -> None:
    """Let the bank have been read just now, but for what a test says otherwise."""
    usual = {"connection": Connection.ACTIVE, "failures": 0, "readiness": Readiness.HISTORICAL}
    usual |= {"checked_at": timezone.now(), "data_as_of": timezone.now()}
    with tenant(item.owner_id):
        Item.objects.filter(pk=item.pk).update(**usual | facts)


def holds(account: Account, amount: str) -> list[str]:
    """Let an account hold so much, and look at its owner's runway."""
    with tenant(account.owner_id):
        Account.objects.filter(pk=account.pk).update(current=Decimal(amount))
    return runway.update_alerts(person_id=account.owner_id)


def list_titles(person: User) -> list[str]:
    with tenant(person.pk):
        return [row.title for row in Notification.objects.order_by("id")]


@pytest.mark.parametrize(("amount", "says"), [("3000", []), ("2999.99", ["USD"]), ("0", ["USD"]), ("-50", ["USD"])])
def test_it_tells_below_three_months(checking: Account, amount: str, says: list[str]) -> None:
    assert holds(checking, amount) == says


@pytest.mark.parametrize(
    ("amount", "words"),
    [("2999.99", "About 2 months"), ("1999.99", "About 1 month"), ("999.99", "Less than a month")],
)
def test_it_says_how_long_and_never_too_long(checking: Account, alice: User, amount: str, words: str) -> None:
    holds(checking, amount)
    assert list_titles(alice) == [f"{words} of runway left"]


def test_it_tells_once_for_each_crossing(checking: Account, alice: User) -> None:
    assert holds(checking, "2500") == ["USD"]
    assert holds(checking, "1500") == []
    # Just above three months is no end of it yet.
    assert holds(checking, "3400") == []
    assert holds(checking, "2900") == []
    assert holds(checking, "3500") == []
    assert holds(checking, "2900") == ["USD"]
    assert len(list_titles(alice)) == 2


def test_it_is_no_news_when_money_does_not_shrink(checking: Account, alice: User) -> None:
    make_transaction(checking, "1000", category="INCOME")
    assert holds(checking, "10") == []


def test_it_forgets_when_money_shrinks_no_more(checking: Account) -> None:
    holds(checking, "10")
    income = make_transaction(checking, "9000", category="INCOME")
    assert holds(checking, "10") == []
    with tenant(checking.owner_id):
        income.delete()
    assert holds(checking, "10") == ["USD"]


def test_it_says_nothing_while_a_balance_is_not_known(checking: Account, item: Item) -> None:
    other = make_account(item, current=None)
    assert holds(checking, "10") == []
    with tenant(item.owner_id):
        other.delete()
    assert holds(checking, "10") == ["USD"]


def test_it_adds_no_currencies_up(checking: Account, item: Item) -> None:
    euros = make_account(item, currency="EUR", current=Decimal(100))
    make_transaction(euros, "-200")
    assert holds(checking, "9000") == ["EUR"]


@pytest.mark.parametrize(
    "facts",
    [
        {"connection": Connection.LOGIN_REQUIRED},
        {"failures": 3},
        {"readiness": Readiness.INITIAL},
        {"checked_at": NOW - timedelta(days=2)},
    ],
    ids=["sign-in needed", "not answering", "importing", "stale"],
)
def test_it_says_and_forgets_nothing_while_a_bank_is_out_of_date(
    checking: Account, item: Item, alice: User, facts: dict[str, object]
) -> None:
    mark_fresh(item, **facts)
    assert holds(checking, "10") == []
    mark_fresh(item)
    assert holds(checking, "10") == ["USD"]
    mark_fresh(item, **facts)
    assert holds(checking, "90000") == []
    mark_fresh(item)
    assert holds(checking, "10") == []


def test_it_has_nothing_to_say_to_who_has_cards_alone(item: Item) -> None:
    mark_fresh(item)
    card = make_account(item, type="credit", current=Decimal(500), limit=Decimal(2000))
    make_transaction(card, "-500")
    assert runway.update_alerts(person_id=item.owner_id) == []


def test_it_tells_once_however_many_look_at_once(checking: Account, alice: User) -> None:
    with tenant(alice.pk):
        Account.objects.update(current=Decimal(10))
    results = in_threads(4, lambda: runway.update_alerts(person_id=alice.pk))
    assert sorted(results) == [[], [], [], ["USD"]]
    assert len(list_titles(alice)) == 1


# --- Everybody, an hour at a time -------------------------------------------------------------------------


def of_day(limit: int = 2) -> list[UUID]:
    return [person for hour in range(24) for person in runway.list_owners_due(hour=hour, limit=limit)]


def test_it_looks_at_everybody_once_a_day(make_user: Callable[[str], User], make_item: Callable[..., Item]) -> None:
    people = [make_user(f"person{number}") for number in range(12)]
    for person in people:
        make_item(person)
        make_item(person, provider_item_id=f"second-{person.pk}")
    found = of_day()
    assert sorted(found) == sorted(person.pk for person in people)


def test_it_passes_over_who_has_no_bank(item: Item, mallory: User, make_item: Callable[..., Item]) -> None:
    make_item(mallory, connection=Connection.REMOVED)
    assert of_day() == [item.owner_id]


def test_it_checks_whose_hour_it_is(
    checking: Account, alice: User, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks.check_runway, "delay", tasks.check_runway)
    with tenant(alice.pk):
        Account.objects.update(current=Decimal(10))
    for hour in range(24):
        clock.move_to(NOW.replace(hour=hour))
        mark_fresh(checking.item)
        tasks.dispatch_runway_checks()
    assert len(list_titles(alice)) == 1
    with tenant(alice.pk):
        assert LowRunway.objects.get().currency == "USD"
