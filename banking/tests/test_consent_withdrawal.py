"""Withdrawing the consent to bank data disconnects every bank, and keeps or deletes the history of all of them."""

import threading
from collections.abc import Callable, Iterator

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse

from accounts.models import User
from banking.account_matching import locks
from banking.linking import consent_withdrawal
from banking.linking.consent_withdrawal import count_bank_data, withdraw_bank_data
from banking.linking.disconnecting import disconnect_bank
from banking.linking.removals import remove_at_provider
from banking.models import Account, Connection, Item, PendingRemoval, Transaction
from banking.sync import sync_item
from banking.tests.factories import make_account, make_transaction
from banking.tests.job_queue import queued_jobs
from banking.tests.scripted_provider import ScriptedProvider
from banking.tests.test_sync_lease import wait_until
from compliance.consent import Purpose, get_active_consent, list_consent_events
from compliance.isolation import tenant
from compliance.tests.threads import is_blocking
from ui.tests.page_text import page_text

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/privacy/consents/bank-data/"


@pytest.fixture
def items(alice: User, make_item: Callable[..., Item]) -> list[Item]:
    """Two connected banks of Alice's and one that she disconnected earlier, each with an account."""
    items = [make_item(alice, provider_item_id=f"item-{number}") for number in range(3)]
    for number, item in enumerate(items):
        account = make_account(item, provider_id=f"account-{number}", persistent_id=f"persistent-{number}")
        for transaction in range(2):
            make_transaction(account, "-1", provider_id=f"transaction-{number}-{transaction}")
    removal = disconnect_bank(user=alice, item_id=items[2].pk, keep_history=True)
    with tenant(alice.pk):
        PendingRemoval.objects.filter(pk=removal.pk).delete()
        Item.objects.filter(pk=items[2].pk).update(connection=Connection.REMOVED, removed_at=removal.next_attempt_at)
    return items


@pytest.fixture
def finish_other_sync(alice: User) -> Iterator[Callable[[], None]]:
    """Hold the lock of a sync that stores Alice's rows until this is called."""
    other_connection = connection.copy()
    with other_connection.cursor() as cursor, connection.cursor() as own_cursor:
        other_connection.set_autocommit(False)
        cursor.execute(locks.LOCK, [str(alice.pk)])
        own_cursor.execute("SET lock_timeout = '100ms'")
        yield other_connection.rollback
        own_cursor.execute("RESET lock_timeout")
    other_connection.close()


def count_rows(user: User) -> tuple[int, int]:
    """Count the user's accounts and transactions."""
    with tenant(user.pk):
        return Account.objects.for_user(user).count(), Transaction.objects.for_user(user).count()


def list_connections(user: User) -> list[str]:
    with tenant(user.pk):
        return sorted(Item.objects.for_user(user).values_list("connection", flat=True))


def is_active(user: User) -> bool:
    return get_active_consent(user_id=user.pk, purpose=Purpose.BANK_DATA) is not None


@pytest.mark.parametrize(("is_kept", "rows"), [(True, (3, 6)), (False, (0, 0))])
def test_it_disconnects_all_banks_and_keeps_or_deletes_their_history(
    alice: User, mallory: User, items: list[Item], make_item: Callable[..., Item], is_kept: bool, rows: tuple[int, int]
) -> None:
    make_transaction(make_account(make_item(mallory)), "-1")
    removals = withdraw_bank_data(user=alice, keep_history=is_kept)
    assert sorted(removal.item_id for removal in removals) == sorted(item.pk for item in items[:2])
    assert list_connections(alice) == ["removed", "removing", "removing"]
    assert (is_active(alice), count_rows(alice)) == (False, rows)
    assert (is_active(mallory), count_rows(mallory), list_connections(mallory)) == (True, (1, 1), ["active"])
    assert sync_item(owner_id=alice.pk, item_id=items[0].pk, trigger="test").ran is False


def test_it_may_be_repeated_with_another_choice(alice: User, items: list[Item]) -> None:
    withdraw_bank_data(user=alice, keep_history=True)
    assert withdraw_bank_data(user=alice, keep_history=True) == []
    assert count_rows(alice) == (3, 6)
    withdraw_bank_data(user=alice, keep_history=False)
    assert count_rows(alice) == (0, 0)
    kinds = [event.kind for event in list_consent_events(user_id=alice.pk, purpose=Purpose.BANK_DATA)]
    assert kinds == ["withdrawn", "granted"]


@pytest.mark.parametrize(
    ("step", "is_before"),
    [
        ("withdraw", False),
        ("lock_connected_items", True),
        ("lock_connected_items", False),
        ("disconnect_in_transaction", False),
    ],
)
def test_it_deletes_the_history_of_a_bank_that_another_request_disconnects_meanwhile(
    alice: User,
    items: list[Item],
    provider: ScriptedProvider,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    is_before: bool,
) -> None:
    """The other request keeps the history, and comes first."""
    others: list[threading.Thread] = []
    take_step = getattr(consent_withdrawal, step)

    def disconnect_other(item_id: object) -> None:
        try:
            disconnect_bank(user=alice, item_id=item_id, keep_history=True)
        finally:
            connection.close()

    def let_other_come(item_id: object = None, **_: object) -> None:
        if not others:
            other_id = next(item.pk for item in items[:2] if item.pk != item_id)
            others.append(threading.Thread(target=disconnect_other, args=(other_id,)))
            others[0].start()
            wait_until(lambda: is_blocking() or not others[0].is_alive())

    def take_step_beside_other(**arguments: object) -> object:
        if is_before:
            let_other_come(**arguments)
        result = take_step(**arguments)
        let_other_come(**arguments)
        return result

    monkeypatch.setattr(consent_withdrawal, step, take_step_beside_other)
    withdraw_bank_data(user=alice, keep_history=False)
    others[0].join(30)
    with tenant(alice.pk):
        removals = list(PendingRemoval.objects.all())
    for removal in removals:
        remove_at_provider(owner_id=alice.pk, removal_id=removal.pk)
    assert (count_rows(alice), list_connections(alice)) == ((0, 0), ["removed"] * 3)


def test_it_leaves_all_rows_to_workers_while_a_sync_is_stored(
    alice: User, items: list[Item], provider: ScriptedProvider, finish_other_sync: Callable[[], None]
) -> None:
    removals = withdraw_bank_data(user=alice, keep_history=False)
    assert (is_active(alice), count_rows(alice)) == (False, (3, 6))
    assert [removal.history for removal in removals] == ["delete"] * 3
    finish_other_sync()
    for removal in removals:
        remove_at_provider(owner_id=alice.pk, removal_id=removal.pk)
    assert count_rows(alice) == (0, 0)
    # The one that was disconnected earlier is not removed at the provider again.
    assert provider.removed_tokens == ["access-sandbox-secret"] * 2
    assert list_connections(alice) == ["removed"] * 3
    with tenant(alice.pk):
        assert not PendingRemoval.objects.exists()


def test_it_waits_to_delete_what_no_worker_would(
    alice: User, items: list[Item], finish_other_sync: Callable[[], None]
) -> None:
    """A bank of another environment has no workers here, so that its history cannot be left to them."""
    with tenant(alice.pk):
        Item.objects.filter(pk=items[2].pk).update(environment="production")
    with pytest.raises(OperationalError):
        withdraw_bank_data(user=alice, keep_history=False)
    assert (is_active(alice), count_rows(alice)) == (True, (3, 6))
    finish_other_sync()
    removals = withdraw_bank_data(user=alice, keep_history=False)
    assert sorted(removal.item_id for removal in removals) == sorted(item.pk for item in items[:2])
    assert count_rows(alice) == (0, 0)


def test_it_changes_nothing_if_one_bank_fails(alice: User, items: list[Item], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*, owner_id: object, items: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("banking.linking.consent_withdrawal.delete_former_history", fail)
    with pytest.raises(RuntimeError):
        withdraw_bank_data(user=alice, keep_history=False)
    assert (is_active(alice), count_rows(alice)) == (True, (3, 6))
    assert list_connections(alice) == ["active", "active", "removed"]


# --- The page ---------------------------------------------------------------------------------------------


def test_it_shows_what_is_deleted_and_what_stays(as_alice: Client, alice: User, items: list[Item]) -> None:
    bank_data = count_bank_data(alice)
    assert (bank_data.connections, bank_data.history.accounts, bank_data.history.transactions) == (2, 3, 6)
    page = page_text(as_alice.get(URL))
    for sentence in (
        "We stop syncing, and disconnect 2 banks.",
        "3 accounts",
        "6 transactions",
        "You can't undo this.",
    ):
        assert sentence in page
    assert is_active(alice)


def test_it_withdraws_and_queues_the_removals(as_alice: Client, alice: User, items: list[Item]) -> None:
    assert as_alice.post(URL, {"history": "junk"}).status_code == 422
    assert is_active(alice)
    assert as_alice.post(URL, {"history": "delete"}).url == "/privacy/consents/"
    assert (is_active(alice), count_rows(alice)) == (False, (0, 0))
    with tenant(alice.pk):
        pending = list(PendingRemoval.objects.all())
    assert all(queued_jobs(removal.pk) for removal in pending)
    assert "You withdrew your consent to bank data." in page_text(as_alice.get("/privacy/consents/"))
    assert as_alice.get(URL).url == "/privacy/consents/"


def test_it_offers_to_delete_the_history_after_a_withdrawal(as_alice: Client, alice: User, items: list[Item]) -> None:
    as_alice.post(URL, {"history": "keep"})
    assert as_alice.get(URL).status_code == 200
    as_alice.post(URL, {"history": "delete"})
    assert count_rows(alice) == (0, 0)


def test_it_asks_for_a_fresh_sign_in(as_alice: Client, alice: User, items: list[Item]) -> None:
    alice.set_password("correct horse battery staple")
    alice.save()
    as_alice.force_login(alice)
    for response in (as_alice.get(URL), as_alice.post(URL, {"history": "delete"})):
        assert response.url.startswith(reverse("account_reauthenticate"))
    assert is_active(alice)
