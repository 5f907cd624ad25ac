"""Operators' access to bank data: of one user, with a reason, for 15 minutes, and listed for the user."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import ProgrammingError, connections
from django.test import Client
from django.urls import reverse

from accounts.models import User
from banking.connection_status import products
from banking.linking.disconnecting import disconnect_bank
from banking.models import Account, Item, OrphanedRemoval, PendingRemoval, Product, SyncRun, Transaction
from banking.provider import Unsupported
from banking.tests.factories import make_account, make_transaction
from banking.tests.received_webhooks import receive
from compliance.audit.events import AuditEvent
from compliance.isolation import SYSTEM, tenant
from compliance.isolation.viewer import operator_view
from formats import dates

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "viewer"])

REASON = "Ticket 4711: you asked why a payment of yours is missing."
LISTS = [f"admin:banking_{model.__name__.lower()}_changelist" for model in (Item, Account, Transaction, SyncRun)]


@pytest.fixture
def banks(alice: User, mallory: User, make_item: Callable[..., Item]) -> dict[UUID, Item]:
    """An Item of Alice's and one of Mallory's, each with an account, a transaction and a sync run."""
    items = {}
    for user, amount in ((alice, "-4.33"), (mallory, "-77.01")):
        item = items[user.pk] = make_item(user)
        make_transaction(make_account(item, name=f"Account of {user.first_name}"), amount)
        with tenant(user.pk):
            SyncRun.objects.create(owner=user, item=item, trigger="clock")
    return items


def break_glass(client: Client, user: User) -> None:
    response = client.post(reverse("admin:break_glass", args=[user.pk]), {"reason": REASON})
    assert response.status_code == 302


def item_url(item: Item) -> str:
    return reverse("admin:banking_item_change", args=[item.pk])


def list_operator_views(user: User) -> list[tuple[str, str]]:
    """List the operator views of a user's data as (resource, reason), oldest first."""
    with tenant(user.pk):
        events = AuditEvent.objects.filter(subject=user.pk, action="operator_view").order_by("id")
        return [(event.resource, event.details()["reason"]) for event in events]


@pytest.mark.parametrize("name", LISTS)
def test_it_responds_with_403_without_a_reason(
    as_root: Client, alice: User, banks: dict[UUID, Item], name: str
) -> None:
    page = as_root.get(reverse(name))
    assert page.status_code == 403
    assert "Bank and credit data needs a reason" in page.content.decode()
    assert list_operator_views(alice) == []


def test_it_does_not_reveal_which_rows_exist_without_a_reason(
    as_root: Client, alice: User, banks: dict[UUID, Item]
) -> None:
    pages = [as_root.get(reverse("admin:banking_item_change", args=[pk])) for pk in (banks[alice.pk].pk, uuid4())]
    assert [page.status_code for page in pages] == [403, 403]
    assert "Bank and credit data needs a reason" in pages[0].content.decode()


def test_it_shows_only_the_rows_of_that_user(
    as_root: Client, alice: User, mallory: User, banks: dict[UUID, Item]
) -> None:
    break_glass(as_root, alice)
    for name in LISTS:
        page = as_root.get(reverse(name))
        assert len(page.context["cl"].result_list) == 1, name
        assert "Mallory" not in page.content.decode()
        assert "77.01" not in page.content.decode()
    assert "Account of Alice" in as_root.get(reverse(LISTS[1])).content.decode()
    assert as_root.get(item_url(banks[alice.pk])).status_code == 200
    assert as_root.get(item_url(banks[mallory.pk])).status_code == 404
    assert list_operator_views(mallory) == []


def test_it_records_each_view_with_the_reason(as_root: Client, alice: User, banks: dict[UUID, Item]) -> None:
    break_glass(as_root, alice)
    for name in LISTS:
        as_root.get(reverse(name))
    as_root.get(item_url(banks[alice.pk]))
    resources = ["item", "account", "transaction", "syncrun", "item"]
    assert list_operator_views(alice) == [(resource, REASON) for resource in resources]


def test_it_shows_the_products_of_an_item(as_root: Client, alice: User, banks: dict[UUID, Item]) -> None:
    for item in banks.values():
        with tenant(item.owner_id):
            error = Unsupported(f"CODE_OF_{item.owner_id}")
            products.record_product_error(item=item, product=Product.TRANSACTIONS_REFRESH, error=error)
    break_glass(as_root, alice)
    page = as_root.get(item_url(banks[alice.pk])).content.decode()
    assert "Transactions Refresh" in page
    assert [code in page for code in map("CODE_OF_{}".format, banks)] == [True, False]


def test_it_records_a_view_without_rows(as_root: Client, alice: User) -> None:
    break_glass(as_root, alice)
    as_root.get(reverse(LISTS[2]))
    assert list_operator_views(alice) == [("transaction", REASON)]


def test_it_grants_access_to_one_user_at_a_time(
    as_root: Client, alice: User, mallory: User, banks: dict[UUID, Item]
) -> None:
    break_glass(as_root, alice)
    break_glass(as_root, mallory)
    assert as_root.get(item_url(banks[alice.pk])).status_code == 404
    assert as_root.get(item_url(banks[mallory.pk])).status_code == 200


def test_it_ends_after_15_minutes(as_root: Client, alice: User, banks: dict[UUID, Item], time_machine) -> None:
    time_machine.move_to(time.time(), tick=False)
    break_glass(as_root, alice)
    time_machine.shift(899)
    assert as_root.get(item_url(banks[alice.pk])).status_code == 200
    time_machine.shift(1)
    assert as_root.get(item_url(banks[alice.pk])).status_code == 403


def test_it_shows_the_user_and_the_end_of_the_access(
    as_root: Client, alice: User, banks: dict[UUID, Item], time_machine
) -> None:
    now = datetime.now(UTC)
    time_machine.move_to(now, tick=False)
    break_glass(as_root, alice)
    end = dates.zoned_time(now + timedelta(minutes=15))
    assert (
        f"You can view the bank and credit data of {alice.pk} until {end}."
        in as_root.get(reverse("admin:index")).content.decode()
    )
    for url in (reverse(LISTS[0]), item_url(banks[alice.pk])):
        assert f"User {alice.pk}, until {end}" in as_root.get(url).content.decode()


def test_it_ends_with_the_session(as_root: Client, alice: User, banks: dict[UUID, Item]) -> None:
    break_glass(as_root, alice)
    as_root.logout()
    assert as_root.get(item_url(banks[alice.pk])).status_code == 302


def test_it_is_enforced_by_the_database(alice: User, mallory: User, banks: dict[UUID, Item]) -> None:
    query = "SELECT DISTINCT owner_id FROM banking_transaction WHERE owner_id IS NOT NULL OR true"
    rows = []
    for owner_id in (alice.pk, mallory.pk, None):
        with operator_view(owner_id), connections["viewer"].cursor() as cursor:
            cursor.execute(query)
            rows.append(cursor.fetchall())
    assert rows == [[(alice.pk,)], [(mallory.pk,)], []]


# --- Removals that failed -----------------------------------------------------------------------------------


def test_it_lists_failed_removals_of_all_users_and_of_erased_ones(
    as_root: Client, banks: dict[UUID, Item], alice: User, mallory: User
) -> None:
    for user in (alice, mallory):
        disconnect_bank(user=user, item_id=banks[user.pk].pk, keep_history=True)
    with tenant(alice.pk):
        PendingRemoval.objects.update(attempts=3, error_code="PLANNED_MAINTENANCE")
    with tenant(SYSTEM):
        OrphanedRemoval.objects.create(
            provider="plaid", environment="embedded", provider_item_id="item-gone", access_token="secret", attempts=9
        )
        OrphanedRemoval.objects.create(
            provider="plaid", environment="embedded", provider_item_id="item-lost", access_token=None, attempts=1,
            next_attempt_at=None, error_code="CREDENTIAL_UNREADABLE",
        )  # fmt: skip
    page = as_root.get(reverse("admin:banking_failedremoval_changelist")).content.decode()
    assert "PLANNED_MAINTENANCE" in page
    assert str(mallory.pk) not in page
    assert "CREDENTIAL_UNREADABLE" in page
    assert "3 failed removals" in page
    assert list_operator_views(alice) == [("failedremoval", "")]
    assert list_operator_views(mallory) == []


# --- Webhooks ---------------------------------------------------------------------------------------------


def test_it_lists_the_webhooks_of_all_users_without_their_items(as_root: Client, banks: dict[UUID, Item]) -> None:
    for item in banks.values():
        receive(item, "ITEM", "PENDING_DISCONNECT")
    response = as_root.get(reverse("admin:banking_receivedwebhook_changelist"))
    assert [row.outcome for row in response.context["cl"].result_list] == ["new", "new"]
    page = response.content.decode()
    assert "PENDING_DISCONNECT" in page
    for item in banks.values():
        assert not {str(item.pk), str(item.owner_id), item.provider_item_id} & set(page.split('"'))
        assert item.provider_item_id not in page


def test_the_database_hides_the_item_of_a_webhook_from_operators_and_users(
    alice: User, banks: dict[UUID, Item]
) -> None:
    receive(banks[alice.pk])
    with operator_view(alice.pk), connections["viewer"].cursor() as cursor, pytest.raises(ProgrammingError):
        cursor.execute("SELECT provider_item_id FROM banking_webhookevent")
    with tenant(alice.pk), connections["default"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM banking_webhookevent")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT count(*) FROM pg_tables WHERE tablename = 'banking_webhookevent'")
        assert cursor.fetchone() == (1,)
