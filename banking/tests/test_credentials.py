"""An Item whose access token cannot be decrypted: its owner is notified, and reconnecting keeps the history."""

import logging
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.urls import reverse

from accounts.models import Notification, User
from banking.credentials import CredentialUnreadable
from banking.linking.disconnecting import disconnect_bank
from banking.linking.exchange import finish_link
from banking.linking.removals import remove_at_provider
from banking.linking.sessions import LinkMetadata, open_link, resume_link
from banking.linking.update_mode import open_update_mode
from banking.models import Account, Connection, Item, LinkSession, PendingRemoval, Transaction
from banking.provider import Credential
from banking.sync import sync_item, sync_queue
from banking.tests.factories import make_account, make_transaction
from banking.tests.scripted_provider import ScriptedProvider, transaction_row, transactions_page
from compliance.audit import Action
from compliance.audit.events import AuditEvent
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db

CORRUPT_LAST_BYTE = """
UPDATE {0} SET {1} = set_byte({1}, length({1}) - 1, get_byte({1}, length({1}) - 1) # 7) WHERE id = %s
"""
METADATA = LinkMetadata(institution_id="ins_1", institution_name="First Platypus Bank", accounts=frozenset())


def corrupt_token(row: Item | PendingRemoval | LinkSession, column: str = "access_token") -> None:
    """Change the last byte of a sealed token, so that it cannot be decrypted."""
    with tenant(row.owner_id), connection.cursor() as cursor:
        cursor.execute(CORRUPT_LAST_BYTE.format(row._meta.db_table, column), [row.pk])


@pytest.fixture
def unreadable_item(item: Item) -> Item:
    make_transaction(make_account(item), "-4.33")
    corrupt_token(item)
    return item


def reload(item: Item) -> Item:
    with tenant(item.owner_id):
        return Item.objects.get(pk=item.pk)


@pytest.fixture
def item_needing_repair(unreadable_item: Item, provider: ScriptedProvider) -> Item:
    """The Item after a sync could not decrypt its token."""
    assert sync_item(owner_id=unreadable_item.owner_id, item_id=unreadable_item.pk, trigger="test").ran
    return reload(unreadable_item)


def test_it_needs_repair_and_notifies_user_and_operator(
    unreadable_item: Item, provider: ScriptedProvider, caplog: pytest.LogCaptureFixture
) -> None:
    sync_item(owner_id=unreadable_item.owner_id, item_id=unreadable_item.pk, trigger="test")
    item = reload(unreadable_item)
    assert (item.connection, item.state, item.error_code) == (
        Connection.NEEDS_REPAIR,
        "repair",
        "CREDENTIAL_UNREADABLE",
    )
    alert = f"SEALED_VALUE_UNREADABLE banking.item.access_token row {item.pk} owner {item.owner_id}"
    assert [line.levelno for line in caplog.records if line.getMessage().startswith(alert)] == [logging.CRITICAL]
    with tenant(item.owner_id):
        notification = Notification.objects.get()
    assert "needs to be reconnected" in notification.title
    assert notification.url == reverse("reconnect", args=[item.pk])


def test_it_is_not_synced_any_more(item_needing_repair: Item, alice: User) -> None:
    assert sync_queue.claim_due_syncs(limit=10) == []
    assert sync_queue.refresh_all(user=alice, cooldown=timedelta(0)) == []


def test_it_shows_how_to_reconnect(item_needing_repair: Item, as_alice: Client) -> None:
    assert not item_needing_repair.can_sync_now
    accounts_page = as_alice.get(reverse("accounts")).content.decode()
    assert "Reconnect required" in accounts_page
    assert 'Reconnect<span class="vh"> First Platypus Bank</span>' in accounts_page
    assert "Sync now" not in accounts_page
    reconnect_page = as_alice.get(reverse("reconnect", args=[item_needing_repair.pk])).content.decode()
    assert "your history stays" in reconnect_page
    assert "to continue syncing." in as_alice.get(reverse("overview")).content.decode()


@pytest.mark.parametrize("is_detected", [True, False], ids=["detected by a sync", "detected by the request"])
def test_it_is_replaced_by_a_new_link_and_keeps_its_history(
    is_detected: bool, alice: User, unreadable_item: Item, provider: ScriptedProvider
) -> None:
    if is_detected:
        sync_item(owner_id=alice.pk, item_id=unreadable_item.pk, trigger="test")
    session = open_update_mode(user=alice, item_id=unreadable_item.pk).session
    assert (session.is_update_mode, session.replaces_id) == (False, unreadable_item.pk)
    assert reload(unreadable_item).connection == Connection.NEEDS_REPAIR
    provider.credential = Credential("access-sandbox-new", "item-new", "req")
    new_item = finish_link(user=alice, session_id=session.pk, public_token="public-sandbox-1", metadata=METADATA)
    provider.pages = [transactions_page(added=[transaction_row("a")])]
    sync_item(owner_id=alice.pk, item_id=new_item.pk, trigger="test")
    with tenant(alice.pk):
        assert list(Item.objects.visible()) == [new_item]
        assert reload(unreadable_item).connection == Connection.REMOVING
        assert Transaction.objects.filter(account__item=unreadable_item).count() == 1
        assert not Account.objects.filter(item=unreadable_item, closed_at=None).exists()
        assert Account.objects.open().filter(item=new_item).count() == 2


def test_it_keeps_the_old_connection_until_the_new_one_is_linked(
    alice: User, item_needing_repair: Item, provider: ScriptedProvider
) -> None:
    session = open_update_mode(user=alice, item_id=item_needing_repair.pk).session
    with tenant(alice.pk):
        assert list(Item.objects.visible()) == [item_needing_repair]
        assert LinkSession.objects.get(pk=session.pk).state == LinkSession.State.OPEN


def test_it_removes_the_item_when_its_token_is_readable_again(
    alice: User, item_needing_repair: Item, provider: ScriptedProvider, item: Item
) -> None:
    removal = disconnect_bank(user=alice, item_id=item_needing_repair.pk, keep_history=True)
    assert removal is not None
    assert removal.access_token is None
    with pytest.raises(CredentialUnreadable):
        remove_at_provider(owner_id=alice.pk, removal_id=removal.pk)
    with tenant(alice.pk):
        assert PendingRemoval.objects.get().error_code == "CREDENTIAL_UNREADABLE"
        restored = Item.objects.get(pk=item_needing_repair.pk)
        restored.access_token = "access-sandbox-secret"
        restored.save()
        PendingRemoval.objects.update(next_attempt_at=item_needing_repair.connected_at)
    remove_at_provider(owner_id=alice.pk, removal_id=removal.pk)
    assert provider.removed_tokens == ["access-sandbox-secret"]
    assert (reload(item_needing_repair).connection, reload(item_needing_repair).access_token) == (
        Connection.REMOVED,
        None,
    )


def list_token_uses(user: User) -> list[tuple[str, str, str]]:
    """Return the purpose, actor and outcome of each decryption of a token, oldest first."""
    with tenant(user.pk):
        events = AuditEvent.objects.filter(action=Action.CREDENTIAL_ACCESS, resource="item").order_by("pk")
        return [
            (event.details()["purpose"], "site" if event.actor is None else "user", event.outcome) for event in events
        ]


def test_it_records_every_use_of_a_token_once(alice: User, item: Item, provider: ScriptedProvider) -> None:
    sync_item(owner_id=alice.pk, item_id=item.pk, trigger="test")
    assert list_token_uses(alice) == [("sync", "site", "ok"), ("products", "site", "ok")]
    removal = disconnect_bank(user=alice, item_id=item.pk, keep_history=True)
    remove_at_provider(owner_id=alice.pk, removal_id=removal.pk)
    assert provider.removed_tokens == ["access-sandbox-secret"]
    assert list_token_uses(alice)[2:] == [("disconnect", "user", "ok"), ("remove", "site", "ok")]


@pytest.mark.django_db(transaction=True)
def test_it_records_a_token_that_it_could_not_decrypt(
    alice: User, unreadable_item: Item, provider: ScriptedProvider
) -> None:
    sync_item(owner_id=alice.pk, item_id=unreadable_item.pk, trigger="test")
    assert list_token_uses(alice) == [("sync", "site", "failed")]


def test_it_creates_one_removal_for_two_requests(alice: User, item_needing_repair: Item) -> None:
    assert disconnect_bank(user=alice, item_id=item_needing_repair.pk, keep_history=True) is not None
    assert disconnect_bank(user=alice, item_id=item_needing_repair.pk, keep_history=True) is None


def test_it_does_not_resume_a_dialog_with_an_unreadable_token(
    alice: User, provider: ScriptedProvider, settings
) -> None:
    settings.PLAID_REDIRECT_URI = "https://plumbline.test/bank-accounts/oauth/"
    session = open_link(user=alice).session
    corrupt_token(session, "link_token")
    with pytest.raises(LinkSession.DoesNotExist):
        resume_link(user=alice, session_id=session.pk)


def test_it_hides_the_item_from_other_users(mallory: User, item_needing_repair: Item, as_mallory: Client) -> None:
    with pytest.raises(Item.DoesNotExist):
        open_update_mode(user=mallory, item_id=item_needing_repair.pk)
    assert as_mallory.post(reverse("reconnect", args=[item_needing_repair.pk])).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_it_cannot_replace_another_users_item(mallory: User, item: Item) -> None:
    session = LinkSession(owner=mallory, replaces=item, link_token_hash="h", expires_at=item.connected_at)
    with pytest.raises(DatabaseError, match="same_owner"), tenant(mallory.pk):
        session.save()
