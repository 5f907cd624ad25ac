"""What happens to the history of a bank that was disconnected before, if its user makes another choice."""

from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import Notification, User
from accounts.notifications.inbox import notify
from accounts.notifications.notification_types import NotificationType
from accounts.tests.messages import PlainMessage
from banking.account_matching import locks
from banking.linking import disconnecting
from banking.linking.removals import remove_at_provider
from banking.models import Account, Connection, Item, PendingRemoval, Transaction
from banking.tests.factories import make_account, make_transaction
from banking.tests.job_queue import queued_jobs
from banking.tests.scripted_provider import ScriptedProvider
from compliance.isolation import tenant
from ui.tests.page_text import page_text

pytestmark = pytest.mark.django_db(transaction=True)

FINISHED = "is disconnected. We no longer sync it."
IN_BACKGROUND = "We finish this in the background."


@pytest.fixture
def old_item(item: Item) -> Item:
    """Alice's bank with an account, a transaction and an alert about it."""
    make_transaction(make_account(item), "-900")
    kind = NotificationType.BANK_LARGE_CHANGE
    notify(user_id=item.owner_id, type=kind, message=PlainMessage(title="x"), fingerprint="x", subject_id=item.pk)
    return item


@pytest.fixture(params=["removing", "removed"])
def kept_item(request: pytest.FixtureRequest, alice: User, old_item: Item, provider: ScriptedProvider) -> Item:
    """The same bank after it was disconnected, and its history was kept."""
    removal = disconnecting.disconnect_bank(user=alice, item_id=old_item.pk, keep_history=True)
    if request.param == "removed":
        remove_at_provider(owner_id=alice.pk, removal_id=removal.pk)
    with tenant(alice.pk):
        assert Item.objects.get().connection == request.param
    return old_item


@pytest.fixture
def finish_other_sync(alice: User) -> Iterator[Callable[[], None]]:
    """Hold the lock of a sync that stores Alice's rows until this is called."""
    other_connection = connection.copy()
    with other_connection.cursor() as cursor:
        other_connection.set_autocommit(False)
        cursor.execute(locks.LOCK, [str(alice.pk)])
        yield other_connection.rollback
    other_connection.close()


def choose(client: Client, item: Item, history: str) -> str:
    return page_text(client.post(reverse("disconnect", args=[item.pk]), {"history": history}, follow=True))


def count_rows(user: User) -> tuple[int, int, int]:
    """Count the user's accounts, transactions and notifications."""
    with tenant(user.pk):
        return Account.objects.count(), Transaction.objects.count(), Notification.objects.count()


def execute_removals(user: User) -> None:
    with tenant(user.pk):
        removals = list(PendingRemoval.objects.all())
    for removal in removals:
        remove_at_provider(owner_id=user.pk, removal_id=removal.pk)


def test_it_deletes_what_was_kept_if_that_is_chosen_later(
    as_alice: Client, alice: User, kept_item: Item, provider: ScriptedProvider
) -> None:
    assert count_rows(alice) == (1, 1, 1)
    assert FINISHED in choose(as_alice, kept_item, "delete")
    assert count_rows(alice) == (0, 0, 0)
    execute_removals(alice)
    assert provider.removed_tokens == ["access-sandbox-secret"]


def test_a_worker_deletes_what_was_kept_after_a_sync_that_is_being_stored(
    as_alice: Client,
    alice: User,
    kept_item: Item,
    provider: ScriptedProvider,
    finish_other_sync: Callable[[], None],
) -> None:
    assert IN_BACKGROUND in choose(as_alice, kept_item, "delete")
    with tenant(alice.pk):
        removal = PendingRemoval.objects.get()
    assert (removal.history, len(queued_jobs(removal.pk)) > 0) == ("delete", True)
    finish_other_sync()
    execute_removals(alice)
    assert count_rows(alice) == (0, 0, 0)
    assert provider.removed_tokens == ["access-sandbox-secret"]
    with tenant(alice.pk):
        assert (Item.objects.get().connection, PendingRemoval.objects.count()) == (Connection.REMOVED, 0)


def test_it_says_that_a_choice_is_carried_out_later(
    as_alice: Client, alice: User, old_item: Item, provider: ScriptedProvider, finish_other_sync: Callable[[], None]
) -> None:
    for history in ("keep", "delete", "keep"):
        assert IN_BACKGROUND in choose(as_alice, old_item, history)
    finish_other_sync()
    execute_removals(alice)
    assert count_rows(alice) == (1, 1, 1)


def test_it_does_not_say_that_it_keeps_what_is_deleted(as_alice: Client, alice: User, old_item: Item) -> None:
    choose(as_alice, old_item, "delete")
    page = choose(as_alice, old_item, "keep")
    assert FINISHED in page
    assert "history" not in page.lower()
    assert count_rows(alice) == (0, 0, 0)


def test_another_user_deletes_nothing(as_mallory: Client, alice: User, kept_item: Item) -> None:
    url = reverse("disconnect", args=[kept_item.pk])
    assert as_mallory.post(url, {"history": "delete"}).status_code == 404
    assert count_rows(alice) == (1, 1, 1)
