from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from banking.linking.disconnecting import disconnect_bank
from banking.linking.removals import remove_at_provider
from banking.models import Account, Connection, Item, PendingRemoval, Transaction
from banking.provider import ItemNotFound, Unavailable
from banking.sync import sync_item, sync_queue
from banking.tests.scripted_provider import ScriptedProvider, transaction_row, transactions_page
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def synced_item(item: Item, provider: ScriptedProvider) -> Item:
    provider.pages = [transactions_page(added=[transaction_row("a"), transaction_row("b")])]
    sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="test")
    return item


def update_removal(removal: PendingRemoval, **fields: object) -> PendingRemoval:
    with tenant(removal.owner_id):
        PendingRemoval.objects.filter(pk=removal.pk).update(**fields)
        removal.refresh_from_db()
    return removal


def test_it_retries_the_removal_until_the_provider_confirms(
    alice: User, synced_item: Item, provider: ScriptedProvider
) -> None:
    removal = disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=True)
    provider.removal_error = Unavailable("TIMEOUT")
    with pytest.raises(Unavailable):
        remove_at_provider(owner_id=alice.pk, removal_id=removal.pk)
    with tenant(alice.pk):
        removal.refresh_from_db()
        assert (removal.attempts, removal.error_code) == (1, "TIMEOUT")
    assert sync_queue.due_removals(limit=10) == []

    provider.removal_error = None
    update_removal(removal, next_attempt_at=timezone.now())
    remove_at_provider(owner_id=alice.pk, removal_id=removal.pk)
    assert provider.removed_tokens == ["access-sandbox-secret"]
    with tenant(alice.pk):
        assert not PendingRemoval.objects.for_user(alice).exists()
        assert Item.objects.get(pk=synced_item.pk).connection == Connection.REMOVED


@pytest.mark.parametrize("attempts", [37, 38, 1000, 32_767])
def test_it_retries_daily_after_many_failures(
    alice: User, synced_item: Item, provider: ScriptedProvider, attempts: int
) -> None:
    removal = update_removal(disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=True), attempts=attempts)
    provider.removal_error = Unavailable("TIMEOUT")
    with pytest.raises(Unavailable):
        remove_at_provider(owner_id=alice.pk, removal_id=removal.pk)
    wait = update_removal(removal).next_attempt_at - timezone.now()
    assert timedelta(hours=23) < wait <= timedelta(hours=24)


def test_it_calls_the_provider_once_for_ten_copies_of_a_job(
    alice: User, synced_item: Item, provider: ScriptedProvider
) -> None:
    removal = disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=True)
    provider.removal_error = Unavailable("TIMEOUT")
    with pytest.raises(Unavailable):
        remove_at_provider(owner_id=alice.pk, removal_id=removal.pk)
    for _ in range(9):
        remove_at_provider(owner_id=alice.pk, removal_id=removal.pk)
    assert update_removal(removal).attempts == 1


def test_it_delays_the_next_attempt_before_it_calls_the_provider(
    alice: User, synced_item: Item, provider: ScriptedProvider
) -> None:
    removal = disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=True)
    provider.removal_error = RuntimeError("an unexpected error")
    with pytest.raises(RuntimeError):
        remove_at_provider(owner_id=alice.pk, removal_id=removal.pk)
    assert update_removal(removal).attempts == 1
    assert timedelta(minutes=9) < removal.next_attempt_at - timezone.now() <= timedelta(minutes=10)


def test_it_treats_an_unknown_item_as_removed(alice: User, synced_item: Item, provider: ScriptedProvider) -> None:
    removal = disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=True)
    provider.removal_error = ItemNotFound("ITEM_NOT_FOUND")
    remove_at_provider(owner_id=alice.pk, removal_id=removal.pk)
    with tenant(alice.pk):
        assert Item.objects.get(pk=synced_item.pk).connection == Connection.REMOVED


def test_it_deletes_the_items_token_at_once(alice: User, synced_item: Item, provider: ScriptedProvider) -> None:
    disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=True)
    with tenant(alice.pk):
        item = Item.objects.get(pk=synced_item.pk)
    assert item.access_token is None
    assert sync_item(owner_id=alice.pk, item_id=item.pk, trigger="test").ran is False


def test_it_keeps_the_history_if_the_user_wants_that(
    alice: User, synced_item: Item, provider: ScriptedProvider
) -> None:
    disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=True)
    with tenant(alice.pk):
        assert Transaction.objects.for_user(alice).count() == 2
        assert not Account.objects.for_user(alice).filter(closed_at=None).exists()


def test_it_deletes_the_history_if_the_user_wants_that(
    alice: User, synced_item: Item, provider: ScriptedProvider
) -> None:
    disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=False)
    with tenant(alice.pk):
        assert not Transaction.objects.for_user(alice).exists()
        assert not Account.objects.for_user(alice).exists()


def test_it_does_nothing_for_a_second_request(alice: User, synced_item: Item, provider: ScriptedProvider) -> None:
    disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=True)
    assert disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=True) is None


def test_it_raises_for_another_users_item(alice: User, mallory: User, item: Item) -> None:
    with pytest.raises(Item.DoesNotExist):
        disconnect_bank(user=mallory, item_id=item.pk, keep_history=False)
