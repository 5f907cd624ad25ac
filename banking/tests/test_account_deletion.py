"""What the deletion of an account does to its banks: disconnected, and removed at the provider until it confirms."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from accounts.deletion import erasure, requests
from accounts.models import DeletionRequest, User
from banking import tasks
from banking.linking import recovery, removals
from banking.models import Connection, Item, LinkSession, OrphanedRemoval, PendingRemoval, Transaction
from banking.provider import ItemNotFound, Unavailable
from banking.sync import item_state, sync_item
from banking.tests.factories import make_account, make_transaction
from banking.tests.scripted_provider import ScriptedProvider, transaction_row, transactions_page
from banking.tests.sync_runs import get_last_run
from banking.tests.test_sync_lease import wait_until
from compliance.isolation import SYSTEM, tenant
from compliance.personal_data.processors import ErasureDelayed

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "ops"])


def list_orphans() -> list[OrphanedRemoval]:
    with tenant(SYSTEM):
        return list(OrphanedRemoval.objects.all())


def erase(user: User) -> bool:
    return erasure.erase_account(owner_id=user.pk) is not None


def get_connection(item: Item) -> str:
    with tenant(item.owner_id):
        return Item.objects.get(pk=item.pk).connection


def run_due_removals() -> None:
    """Run the removals that Celery beat would queue."""
    for removal in list_orphans():
        tasks.remove_orphan_at_provider(str(removal.pk))


def test_a_request_disconnects_each_bank_and_keeps_its_history(alice: User, item: Item) -> None:
    transaction = make_transaction(make_account(item), "-4.33")
    requests.request_deletion(user=alice)
    assert get_connection(item) == Connection.REMOVING
    with tenant(alice.pk):
        assert PendingRemoval.objects.get().item_id == item.pk
        assert Transaction.objects.filter(pk=transaction.pk).exists()
    assert sync_item(owner_id=alice.pk, item_id=item.pk, trigger="test").ran is False


def test_an_erasure_leaves_only_the_token_until_the_provider_confirms(
    alice: User, item: Item, provider: ScriptedProvider, as_operator: Callable[..., list[tuple[object, ...]]]
) -> None:
    make_transaction(make_account(item), "-4.33")
    requests.request_deletion(user=alice, at_once=True)
    assert erase(alice)
    assert as_operator("SELECT count(*) FROM banking_item") == [(0,)]
    [orphan] = list_orphans()
    assert (orphan.provider_item_id, orphan.environment) == (item.provider_item_id, item.environment)
    run_due_removals()
    assert provider.removed_tokens == ["access-sandbox-secret"]
    assert list_orphans() == []


def test_a_removal_is_retried_after_the_erasure_while_the_provider_is_down(
    alice: User, item: Item, provider: ScriptedProvider
) -> None:
    provider.removal_error = Unavailable("INTERNAL_SERVER_ERROR")
    requests.request_deletion(user=alice, at_once=True)
    assert erase(alice)
    run_due_removals()
    [orphan] = list_orphans()
    assert (orphan.error_code, orphan.attempts) == ("INTERNAL_SERVER_ERROR", 1)
    assert removals.list_due_orphans(limit=10) == []
    provider.removal_error = None
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        assert removals.list_due_orphans(limit=10) == [orphan.pk]
        run_due_removals()
    assert list_orphans() == []


def test_a_removal_ends_when_the_provider_no_longer_knows_the_item(
    alice: User, item: Item, provider: ScriptedProvider
) -> None:
    provider.removal_error = ItemNotFound("ITEM_NOT_FOUND")
    requests.request_deletion(user=alice, at_once=True)
    assert erase(alice)
    run_due_removals()
    assert list_orphans() == []


def test_a_removal_that_the_provider_confirmed_before_leaves_nothing(
    alice: User, item: Item, provider: ScriptedProvider
) -> None:
    requests.request_deletion(user=alice, at_once=True)
    with tenant(alice.pk):
        removal = PendingRemoval.objects.get()
    removals.remove_at_provider(owner_id=alice.pk, removal_id=removal.pk)
    assert erase(alice)
    assert list_orphans() == []


def test_a_token_that_cannot_be_read_does_not_stop_the_erasure(
    alice: User, item: Item, damage_keys: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    damage_keys(alice.pk)
    requests.request_deletion(user=alice, at_once=True)
    assert erase(alice)
    assert list_orphans() == []
    assert f"Item {item.provider_item_id} exists at the provider" in caplog.text


def test_an_erasure_waits_for_a_link_that_is_being_recovered(alice: User, item: Item) -> None:
    with tenant(alice.pk):
        session = LinkSession.objects.create(
            owner=alice,
            environment=item.environment,
            state=LinkSession.State.PENDING,
            link_token_hash="1" * 64,
            expires_at=timezone.now() + timedelta(hours=4),
        )
    requests.request_deletion(user=alice, at_once=True)
    with pytest.raises(ErasureDelayed):
        erase(alice)
    assert User.objects.filter(pk=alice.pk).exists()
    with tenant(alice.pk):
        LinkSession.objects.filter(pk=session.pk).update(state=LinkSession.State.FAILED)
    assert erase(alice)


def test_a_link_that_is_recovered_after_the_request_is_disconnected_at_once(
    alice: User, item: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tenant(alice.pk):
        session = LinkSession.objects.create(
            owner=alice,
            environment=item.environment,
            state=LinkSession.State.PENDING,
            link_token_hash="1" * 64,
            expires_at=timezone.now() + timedelta(hours=4),
        )
    User.objects.filter(pk=alice.pk).update(deleted_at=timezone.now())
    monkeypatch.setattr(recovery.exchange, "complete_link", lambda **_: item)
    assert recovery.recover_link(owner_id=alice.pk, session_id=session.pk) is None
    assert get_connection(item) == Connection.REMOVING


def test_an_erasure_during_a_sync_leaves_no_row(
    alice: User, item: Item, provider: ScriptedProvider, as_operator: Callable[..., list[tuple[object, ...]]]
) -> None:
    """The erasure comes while the sync downloads, so the sync finds no Item when it stores."""

    def respond() -> object:
        requests.request_deletion(user=alice, at_once=True)
        assert erase(alice)
        return transactions_page(added=[transaction_row("t1")], cursor="c1")

    provider.pages = [respond]
    assert sync_item(owner_id=alice.pk, item_id=item.pk, trigger="test").ran is False
    for table in ("banking_item", "banking_transaction", "banking_syncrun"):
        assert as_operator(f"SELECT count(*) FROM {table}") == [(0,)]
    assert as_operator("SELECT count(*) FROM compliance_datakey WHERE owner = %s", alice.pk) == [(0,)]


def test_a_request_during_a_sync_stores_nothing_more(alice: User, item: Item, provider: ScriptedProvider) -> None:
    def respond() -> object:
        requests.request_deletion(user=alice)
        return transactions_page(added=[transaction_row("t1")], cursor="c1")

    provider.pages = [respond]
    assert sync_item(owner_id=alice.pk, item_id=item.pk, trigger="test").ran is False
    assert get_last_run(item).result == "failed"
    with tenant(alice.pk):
        assert not Transaction.objects.exists()


def test_an_erasure_waits_for_a_sync_that_stores_rows(
    alice: User,
    item: Item,
    provider: ScriptedProvider,
    monkeypatch: pytest.MonkeyPatch,
    as_operator: Callable[..., list[tuple[object, ...]]],
) -> None:
    """The sync commits while the erasure waits for its Item. Neither may wait for the other's user row."""
    erased: list[object] = []
    eraser = threading.Thread(target=lambda: erased.append(run_and_disconnect(lambda: erase(alice))))
    record_success = item_state.record_success

    def start_erasure_first(**arguments: object) -> object:
        result = record_success(**arguments)
        eraser.start()
        wait_until(lambda: as_operator("SELECT count(*) FROM pg_locks WHERE NOT granted") != [(0,)])
        return result

    monkeypatch.setattr(item_state, "record_success", start_erasure_first)
    with tenant(alice.pk):
        DeletionRequest.objects.create(owner=alice, due_at=timezone.now())
    provider.pages = [transactions_page(added=[transaction_row("t1")], cursor="c1")]
    assert sync_item(owner_id=alice.pk, item_id=item.pk, trigger="test").ran
    eraser.join(30)
    assert erased == [True]
    assert as_operator("SELECT count(*) FROM banking_transaction") == [(0,)]


def run_and_disconnect(function: Callable[[], object]) -> object:
    try:
        return function()
    except Exception as error:
        return error
    finally:
        connection.close()
