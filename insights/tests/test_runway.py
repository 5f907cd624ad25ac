"""Low-runway notifications, with the months computed by hand from thirty days of transactions."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import time_machine

from accounts.deletion import erasure, requests
from accounts.models import Notification, User
from banking.models import Account, Connection, Item
from banking.provider import Readiness
from banking.tests.factories import make_account, make_transaction, mark_synced
from compliance.isolation import tenant
from compliance.tests.threads import Contender, in_threads
from insights import tasks
from insights.cash_flow import runway
from insights.due_owners import list_owners_due
from insights.models import FigureCheck, LowRunway

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
    """Set an account's balance, check its owner's runway, and return the currencies that were notified."""
    with tenant(account.owner_id):
        Account.objects.filter(pk=account.pk).update(current=Decimal(amount))
    return runway.update_alerts(owner_id=account.owner_id)


def list_titles(user: User) -> list[str]:
    with tenant(user.pk):
        return [row.title for row in Notification.objects.order_by("id")]


@pytest.mark.parametrize(
    ("amount", "currencies"), [("3000", []), ("2999.99", ["USD"]), ("0", ["USD"]), ("-50", ["USD"])]
)
def test_it_notifies_below_three_months(checking: Account, amount: str, currencies: list[str]) -> None:
    assert set_balance_and_check(checking, amount) == currencies


@pytest.mark.parametrize(
    ("amount", "text"),
    [("2999.99", "About 2 months"), ("1999.99", "About 1 month"), ("999.99", "Less than a month")],
)
def test_it_rounds_the_runway_down(checking: Account, alice: User, amount: str, text: str) -> None:
    set_balance_and_check(checking, amount)
    assert list_titles(alice) == [f"{text} of runway left"]


def test_it_notifies_once_each_time_the_runway_drops_below_three_months(checking: Account, alice: User) -> None:
    assert set_balance_and_check(checking, "2500") == ["USD"]
    assert set_balance_and_check(checking, "1500") == []
    # Slightly more than three months does not end the alert.
    assert set_balance_and_check(checking, "3400") == []
    assert set_balance_and_check(checking, "2900") == []
    assert set_balance_and_check(checking, "3500") == []
    assert set_balance_and_check(checking, "2900") == ["USD"]
    assert len(list_titles(alice)) == 2


def test_it_does_not_notify_without_net_spending(checking: Account, alice: User) -> None:
    make_transaction(checking, "1000", category="INCOME")
    assert set_balance_and_check(checking, "10") == []


def test_it_ends_the_alert_when_there_is_no_net_spending(checking: Account) -> None:
    set_balance_and_check(checking, "10")
    income = make_transaction(checking, "9000", category="INCOME")
    assert set_balance_and_check(checking, "10") == []
    with tenant(checking.owner_id):
        income.delete()
    assert set_balance_and_check(checking, "10") == ["USD"]


def test_it_does_not_notify_while_a_balance_is_unknown(checking: Account, item: Item) -> None:
    other_account = make_account(item, current=None)
    assert set_balance_and_check(checking, "10") == []
    with tenant(item.owner_id):
        other_account.delete()
    assert set_balance_and_check(checking, "10") == ["USD"]


def test_it_checks_each_currency(checking: Account, item: Item) -> None:
    euros = make_account(item, currency="EUR", current=Decimal(100))
    make_transaction(euros, "-200")
    assert set_balance_and_check(checking, "9000") == ["EUR"]


@pytest.mark.parametrize(
    "fields",
    [
        {"connection": Connection.LOGIN_REQUIRED},
        {"failures": 3},
        {"readiness": Readiness.INITIAL},
        {"checked_at": NOW - timedelta(days=2)},
    ],
    ids=["sign-in needed", "not answering", "importing", "stale"],
)
def test_it_neither_notifies_nor_ends_the_alert_while_a_bank_is_out_of_date(
    checking: Account, item: Item, alice: User, fields: dict[str, object]
) -> None:
    mark_synced(item, **fields)
    assert set_balance_and_check(checking, "10") == []
    mark_synced(item)
    assert set_balance_and_check(checking, "10") == ["USD"]
    mark_synced(item, **fields)
    assert set_balance_and_check(checking, "90000") == []
    mark_synced(item)
    assert set_balance_and_check(checking, "10") == []


def test_it_does_not_notify_users_who_have_only_cards(item: Item) -> None:
    mark_synced(item)
    card = make_account(item, type="credit", current=Decimal(500), limit=Decimal(2000))
    make_transaction(card, "-500")
    assert runway.update_alerts(owner_id=item.owner_id) == []


def test_it_notifies_once_for_concurrent_checks(checking: Account, alice: User) -> None:
    with tenant(alice.pk):
        Account.objects.update(current=Decimal(10))
    results = in_threads(4, lambda: runway.update_alerts(owner_id=alice.pk))
    assert sorted(results) == [[], [], [], ["USD"]]
    assert len(list_titles(alice)) == 1


@pytest.mark.parametrize("low", ["EUR", "USD"])
@pytest.mark.django_db(transaction=True, databases=["default", "ops"])
def test_it_changes_the_alerts_of_two_currencies_while_the_account_is_erased(
    checking: Account, alice: User, item: Item, monkeypatch: pytest.MonkeyPatch, low: str
) -> None:
    """One runway is longer again, the other one has become low."""
    euros = make_account(item, provider_id="euros", currency="EUR")
    make_transaction(euros, "-1000", currency="EUR", provider_id="in euros")
    with tenant(alice.pk):
        Account.objects.update(current=Decimal(90000))
        Account.objects.filter(currency=low).update(current=Decimal(10))
        LowRunway.objects.create(owner=alice, currency="USD" if low == "EUR" else "EUR")

    def erase() -> None:
        requests.request_deletion(user=alice, at_once=True)
        erasure.erase_account(owner_id=alice.pk)

    eraser = Contender(erase)
    eraser.come_before(monkeypatch, runway, "notify")
    assert runway.update_alerts(owner_id=alice.pk) == [low]
    eraser.finish()
    assert not User.objects.exists()


# --- The hourly task --------------------------------------------------------------------------------------


def list_owners_of_a_day(limit: int = 2) -> list[UUID]:
    return [owner_id for hour in range(24) for owner_id in list_owners_due(hour=hour, limit=limit)]


def test_it_checks_every_user_once_a_day(make_user: Callable[[str], User], make_item: Callable[..., Item]) -> None:
    users = [make_user(f"user{number}") for number in range(12)]
    for user in users:
        make_item(user)
        make_item(user, provider_item_id=f"second-{user.pk}")
    owner_ids = list_owners_of_a_day()
    assert sorted(owner_ids) == sorted(user.pk for user in users)


def test_it_skips_users_without_a_bank(item: Item, mallory: User, make_item: Callable[..., Item]) -> None:
    make_item(mallory, connection=Connection.REMOVED)
    assert list_owners_of_a_day() == [item.owner_id]


def test_it_checks_each_user_in_one_hour_of_the_day(
    checking: Account, alice: User, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks.check_runway, "delay", tasks.check_runway)
    monkeypatch.setattr(tasks.check_figures, "delay", tasks.check_figures)
    with tenant(alice.pk):
        Account.objects.update(current=Decimal(10))
    for hour in range(24):
        clock.move_to(NOW.replace(hour=hour))
        mark_synced(checking.item)
        tasks.dispatch_daily_checks()
    assert len(list_titles(alice)) == 1
    with tenant(alice.pk):
        assert LowRunway.objects.get().currency == "USD"
        assert {check.kind for check in FigureCheck.objects.all()} == {"cash_flow"}
