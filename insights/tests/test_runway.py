"""Low-runway notifications, with the months computed by hand from thirty days of transactions."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import time_machine

from accounts.models import Notification, User
from banking.models import Account, Connection, Item
from banking.provider import Readiness
from banking.tests.factories import make_account, make_transaction, mark_synced
from compliance.isolation import tenant
from compliance.tests.threads import in_threads
from insights import tasks
from insights.cash_flow import runway
from insights.models import LowRunway

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dates]

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as time_travel:
        yield time_travel


@pytest.fixture
def checking(item: Item) -> Account:
    """Alice's account, synced just now, with net spending of $1,000 in the last 30 days."""
    mark_synced(item)
    account = make_account(item, current=Decimal(5000))
    make_transaction(account, "-1500")
    make_transaction(account, "500", category="INCOME")
    return account


def set_balance_and_check(account: Account, amount: str) -> list[str]:
    """Set an account's balance and check its owner's runway; return the currencies that were notified."""
    with tenant(account.owner_id):
        Account.objects.filter(pk=account.pk).update(current=Decimal(amount))
    return runway.update_alerts(owner_id=account.owner_id)


def list_titles(person: User) -> list[str]:
    with tenant(person.pk):
        return [row.title for row in Notification.objects.order_by("id")]


@pytest.mark.parametrize(("amount", "says"), [("3000", []), ("2999.99", ["USD"]), ("0", ["USD"]), ("-50", ["USD"])])
def test_it_tells_below_three_months(checking: Account, amount: str, says: list[str]) -> None:
    assert set_balance_and_check(checking, amount) == says


@pytest.mark.parametrize(
    ("amount", "words"),
    [("2999.99", "About 2 months"), ("1999.99", "About 1 month"), ("999.99", "Less than a month")],
)
def test_it_says_how_long_and_never_too_long(checking: Account, alice: User, amount: str, words: str) -> None:
    set_balance_and_check(checking, amount)
    assert list_titles(alice) == [f"{words} of runway left"]


def test_it_tells_once_for_each_crossing(checking: Account, alice: User) -> None:
    assert set_balance_and_check(checking, "2500") == ["USD"]
    assert set_balance_and_check(checking, "1500") == []
    # Slightly more than three months does not end the alert.
    assert set_balance_and_check(checking, "3400") == []
    assert set_balance_and_check(checking, "2900") == []
    assert set_balance_and_check(checking, "3500") == []
    assert set_balance_and_check(checking, "2900") == ["USD"]
    assert len(list_titles(alice)) == 2


def test_it_is_no_news_when_money_does_not_shrink(checking: Account, alice: User) -> None:
    make_transaction(checking, "1000", category="INCOME")
    assert set_balance_and_check(checking, "10") == []


def test_it_forgets_when_money_shrinks_no_more(checking: Account) -> None:
    set_balance_and_check(checking, "10")
    income = make_transaction(checking, "9000", category="INCOME")
    assert set_balance_and_check(checking, "10") == []
    with tenant(checking.owner_id):
        income.delete()
    assert set_balance_and_check(checking, "10") == ["USD"]


def test_it_says_nothing_while_a_balance_is_not_known(checking: Account, item: Item) -> None:
    other = make_account(item, current=None)
    assert set_balance_and_check(checking, "10") == []
    with tenant(item.owner_id):
        other.delete()
    assert set_balance_and_check(checking, "10") == ["USD"]


def test_it_adds_no_currencies_up(checking: Account, item: Item) -> None:
    euros = make_account(item, currency="EUR", current=Decimal(100))
    make_transaction(euros, "-200")
    assert set_balance_and_check(checking, "9000") == ["EUR"]


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
    mark_synced(item, **facts)
    assert set_balance_and_check(checking, "10") == []
    mark_synced(item)
    assert set_balance_and_check(checking, "10") == ["USD"]
    mark_synced(item, **facts)
    assert set_balance_and_check(checking, "90000") == []
    mark_synced(item)
    assert set_balance_and_check(checking, "10") == []


def test_it_has_nothing_to_say_to_who_has_cards_alone(item: Item) -> None:
    mark_synced(item)
    card = make_account(item, type="credit", current=Decimal(500), limit=Decimal(2000))
    make_transaction(card, "-500")
    assert runway.update_alerts(owner_id=item.owner_id) == []


def test_it_tells_once_however_many_look_at_once(checking: Account, alice: User) -> None:
    with tenant(alice.pk):
        Account.objects.update(current=Decimal(10))
    results = in_threads(4, lambda: runway.update_alerts(owner_id=alice.pk))
    assert sorted(results) == [[], [], [], ["USD"]]
    assert len(list_titles(alice)) == 1


# --- The hourly task --------------------------------------------------------------------------------------


def list_owners_of_a_day(limit: int = 2) -> list[UUID]:
    return [person for hour in range(24) for person in runway.list_owners_due(hour=hour, limit=limit)]


def test_it_looks_at_everybody_once_a_day(make_user: Callable[[str], User], make_item: Callable[..., Item]) -> None:
    people = [make_user(f"person{number}") for number in range(12)]
    for person in people:
        make_item(person)
        make_item(person, provider_item_id=f"second-{person.pk}")
    found = list_owners_of_a_day()
    assert sorted(found) == sorted(person.pk for person in people)


def test_it_passes_over_who_has_no_bank(item: Item, mallory: User, make_item: Callable[..., Item]) -> None:
    make_item(mallory, connection=Connection.REMOVED)
    assert list_owners_of_a_day() == [item.owner_id]


def test_it_checks_whose_hour_it_is(
    checking: Account, alice: User, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks.check_runway, "delay", tasks.check_runway)
    with tenant(alice.pk):
        Account.objects.update(current=Decimal(10))
    for hour in range(24):
        clock.move_to(NOW.replace(hour=hour))
        mark_synced(checking.item)
        tasks.dispatch_runway_checks()
    assert len(list_titles(alice)) == 1
    with tenant(alice.pk):
        assert LowRunway.objects.get().currency == "USD"
