"""Notifications about large transactions and lost connections."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Notification, User
from accounts.notifications.inbox import change_settings
from banking import tasks
from banking.models import Connection, Item, SyncRun
from banking.provider import ConsentRequired, InstitutionDown, ItemNotFound, LoginRequired, Readiness, TransactionRow
from banking.sync import notifications
from banking.tests.factories import update_item
from banking.tests.scripted_provider import ScriptedProvider, transaction_row, transactions_page
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db(transaction=True)


def recent_transaction(provider_id: str, amount: str, **changes: object) -> TransactionRow:
    """A transaction of yesterday."""
    day = timezone.localdate() - timedelta(days=1)
    return transaction_row(provider_id, amount, **{"date": day, "authorized_date": day, **changes})


def sync(item: Item) -> None:
    """Run the sync task at once, whenever the last sync was."""
    update_item(item, lease_holder=None, leased_until=None, next_sync_at=timezone.now())
    tasks.sync_item(str(item.owner_id), str(item.pk), "test")


def list_notifications(person: User) -> list[tuple[str, str]]:
    with tenant(person.pk):
        return [(row.title, row.text) for row in Notification.objects.order_by("id")]


@pytest.fixture
def imported_item(item: Item, provider: ScriptedProvider) -> Item:
    """An Item whose first import is done."""
    provider.pages = [transactions_page(added=[recent_transaction("old", "-9000")])]
    sync(item)
    return item


# --- Large amounts ----------------------------------------------------------------------------------------


def test_it_tells_nothing_of_the_first_import(imported_item: Item, alice: User) -> None:
    assert list_notifications(alice) == []


def test_it_tells_nothing_while_the_history_comes_in_parts(item: Item, provider: ScriptedProvider, alice: User) -> None:
    provider.pages = [
        transactions_page(added=[recent_transaction("a", "-9000")], readiness=Readiness.INITIAL),
        transactions_page(added=[recent_transaction("b", "-9000")]),
    ]
    sync(item)
    sync(item)
    assert list_notifications(alice) == []
    provider.pages = [transactions_page(added=[recent_transaction("c", "-9000")])]
    sync(item)
    assert len(list_notifications(alice)) == 1


@pytest.mark.parametrize(
    ("amount", "title"),
    [
        ("-1234.5", "$1,234.50 went out: Starbucks"),
        ("2500", "$2,500.00 came in: Starbucks"),
        ("-500", "$500.00 went out: Starbucks"),
    ],
)
def test_it_tells_of_a_large_amount(
    imported_item: Item, provider: ScriptedProvider, alice: User, amount: str, title: str
) -> None:
    provider.pages = [transactions_page(added=[recent_transaction("a", amount), recent_transaction("b", "-499.99")])]
    sync(imported_item)
    assert list_notifications(alice) == [(title, "Checking ••0000, First Platypus Bank.")]


def test_it_tells_once_of_many_large_amounts(imported_item: Item, provider: ScriptedProvider, alice: User) -> None:
    provider.pages = [
        transactions_page(
            added=[
                recent_transaction("a", "-600"),
                recent_transaction("b", "-7000", currency="EUR"),
                recent_transaction("c", "800"),
                recent_transaction("d", "-1"),
            ]
        )
    ]
    sync(imported_item)
    assert list_notifications(alice) == [
        ("3 large transactions at First Platypus Bank", "Largest: 7,000.00 EUR out, Starbucks.")
    ]


@pytest.mark.parametrize(
    ("currency", "said"), [("JPY", "700 JPY"), ("BTC", "700.00314159 BTC"), ("KWD", "700.003 KWD")]
)
def test_it_says_an_amount_as_its_currency_is_written(
    imported_item: Item, provider: ScriptedProvider, alice: User, currency: str, said: str
) -> None:
    provider.pages = [transactions_page(added=[recent_transaction("a", "-700.00314159", currency=currency)])]
    sync(imported_item)
    assert list_notifications(alice)[0][0] == f"{said} went out: Starbucks"


@pytest.mark.parametrize(
    "row",
    [
        recent_transaction("a", "-900", pending=True),
        recent_transaction("a", "-900", date=timezone.localdate() - timedelta(days=40), authorized_date=None),
        recent_transaction("a", "499.99"),
    ],
    ids=["pending", "old", "small"],
)
def test_it_tells_nothing_of_what_is_no_large_news(
    imported_item: Item, provider: ScriptedProvider, alice: User, row: TransactionRow
) -> None:
    provider.pages = [transactions_page(added=[row])]
    sync(imported_item)
    assert list_notifications(alice) == []


def test_it_tells_nothing_of_a_row_that_was_known(imported_item: Item, provider: ScriptedProvider, alice: User) -> None:
    provider.pages = [transactions_page(modified=[recent_transaction("old", "-9000.01", name="Renamed")])]
    sync(imported_item)
    assert list_notifications(alice) == []


def test_it_tells_when_a_pending_payment_is_posted(
    imported_item: Item, provider: ScriptedProvider, alice: User
) -> None:
    provider.pages = [transactions_page(added=[recent_transaction("p", "-900", pending=True)])]
    sync(imported_item)
    provider.pages = [transactions_page(added=[recent_transaction("q", "-900", pending_id="p")], removed=["p"])]
    sync(imported_item)
    assert [title for title, _ in list_notifications(alice)] == ["$900.00 went out: Starbucks"]


def test_it_keeps_to_the_persons_own_threshold(imported_item: Item, provider: ScriptedProvider, alice: User) -> None:
    change_settings(user_id=alice.pk, large_transaction=Decimal("50.00"))
    provider.pages = [transactions_page(added=[recent_transaction("a", "-50"), recent_transaction("b", "-49.99")])]
    sync(imported_item)
    assert [title for title, _ in list_notifications(alice)] == ["$50.00 went out: Starbucks"]


def test_it_leads_to_the_list_of_them(
    imported_item: Item, provider: ScriptedProvider, alice: User, as_alice: Client
) -> None:
    provider.pages = [transactions_page(added=[recent_transaction("a", "-1234.56"), recent_transaction("b", "-20")])]
    sync(imported_item)
    with tenant(alice.pk):
        said = as_alice.get(Notification.objects.get().url).content.decode()
    assert "1,234.56" in said
    assert "20.00" not in said


def test_it_tells_a_run_once(imported_item: Item, provider: ScriptedProvider, alice: User) -> None:
    provider.pages = [transactions_page(added=[recent_transaction("a", "-900")])]
    sync(imported_item)
    with tenant(alice.pk):
        run = SyncRun.objects.latest("started_at")
    assert not notifications.notify_large_transactions(owner_id=alice.pk, item_id=imported_item.pk, run_id=run.pk)
    assert len(list_notifications(alice)) == 1


def test_it_asks_once_and_not_at_all_when_nothing_came(imported_item: Item, provider: ScriptedProvider) -> None:
    counts = []
    for rows in ([], [recent_transaction("a", "-1")]):
        provider.pages = [transactions_page(added=rows)]
        with CaptureQueriesContext(connection) as queries:
            sync(imported_item)
        counts.append(sum("large_transaction" in query["sql"] for query in queries))
    assert counts == [0, 1]


def test_it_tells_mallory_nothing(imported_item: Item, provider: ScriptedProvider, mallory: User) -> None:
    provider.pages = [transactions_page(added=[recent_transaction("a", "-900")])]
    sync(imported_item)
    assert list_notifications(mallory) == []
    with tenant(imported_item.owner_id):
        run = SyncRun.objects.latest("started_at")
    assert not notifications.notify_large_transactions(owner_id=mallory.pk, item_id=imported_item.pk, run_id=run.pk)


# --- A connection that is lost ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "title", "where"),
    [
        (LoginRequired("ITEM_LOGIN_REQUIRED"), "First Platypus Bank needs you to sign in again", "reconnect/"),
        (ConsentRequired("ACCESS_NOT_GRANTED"), "First Platypus Bank needs you to sign in again", "reconnect/"),
        (ItemNotFound("ITEM_NOT_FOUND"), "We no longer have access to First Platypus Bank", "/bank-accounts/"),
    ],
)
def test_it_tells_that_a_connection_is_lost(
    imported_item: Item,
    provider: ScriptedProvider,
    alice: User,
    as_alice: Client,
    error: Exception,
    title: str,
    where: str,
) -> None:
    provider.pages = [error]
    sync(imported_item)
    with tenant(alice.pk):
        row = Notification.objects.get()
    assert (row.type, row.title) == ("bank_reconnect", title)
    assert where in row.url
    assert as_alice.get(row.url).status_code == 200


def test_it_tells_once_for_each_loss(imported_item: Item, provider: ScriptedProvider, alice: User) -> None:
    for _ in range(2):
        provider.pages = [LoginRequired("ITEM_LOGIN_REQUIRED")]
        sync(imported_item)
        sync(imported_item)
        update_item(imported_item, connection=Connection.ACTIVE, error_code="", failures=0)
        sync(imported_item)
    assert len(list_notifications(alice)) == 2


def test_it_tells_nothing_of_trouble_that_heals_by_itself(
    imported_item: Item, provider: ScriptedProvider, alice: User
) -> None:
    provider.pages = [InstitutionDown("INSTITUTION_DOWN")]
    sync(imported_item)
    assert list_notifications(alice) == []
