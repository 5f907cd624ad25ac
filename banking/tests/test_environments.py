"""Items after a change of ``PLAID_ENV``: a token is sent only to the environment that issued it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from banking.linking.confirmation import NotConfirmed, confirm_public_token
from banking.linking.disconnecting import disconnect_bank
from banking.linking.errors import LinkError
from banking.linking.exchange import finish_link
from banking.linking.removals import remove_at_provider
from banking.linking.sessions import LinkMetadata, open_link
from banking.linking.update_mode import finish_update_mode, open_update_mode
from banking.models import Connection, Item, PendingRemoval
from banking.plaid.provider import PlaidProvider
from banking.sync import sync_item, sync_queue
from banking.tests.factories import make_account
from banking.tests.scripted_provider import ScriptedProvider, transactions_page
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db(transaction=True)

NOW = timedelta(0)


class UnusedProvider(ScriptedProvider):
    """Fails the test if it gets a token."""

    def refuse(self, token: str, **_: object) -> None:
        raise AssertionError("An Item's token was sent to another environment.")

    get_item = get_accounts = sync_transactions = remove_item = refuse
    create_update_token = exchange_public_token = refuse


@pytest.fixture
def item_of_other_environment(item: Item, monkeypatch: pytest.MonkeyPatch, settings: object) -> Item:
    """An Item of the embedded sandbox, on a site that now uses Plaid's own sandbox."""
    settings.PLAID_ENV = "sandbox"
    monkeypatch.setattr(PlaidProvider, "connect", UnusedProvider)
    return item


def test_it_does_not_sync_an_item_of_another_environment(alice: User, item_of_other_environment: Item) -> None:
    assert sync_item(owner_id=alice.pk, item_id=item_of_other_environment.pk, trigger="test").ran is False
    assert sync_queue.claim_due_syncs(limit=10) == []
    assert sync_queue.refresh_all(user=alice, cooldown=NOW) == []
    with pytest.raises(sync_queue.NotConnected):
        sync_queue.refresh(user=alice, item_id=item_of_other_environment.pk, cooldown=NOW)


def test_it_syncs_again_when_the_environment_is_back(
    alice: User, item_of_other_environment: Item, settings: object, provider: ScriptedProvider
) -> None:
    assert sync_queue.claim_due_syncs(limit=10) == []
    settings.PLAID_ENV = "embedded"
    provider.pages = [transactions_page()]
    assert [claimed.item_id for claimed in sync_queue.claim_due_syncs(limit=10)] == [item_of_other_environment.pk]
    assert sync_item(owner_id=alice.pk, item_id=item_of_other_environment.pk, trigger="test").ran is True


def test_it_does_not_reconnect_an_item_of_another_environment(alice: User, item_of_other_environment: Item) -> None:
    with tenant(alice.pk):
        Item.objects.filter(pk=item_of_other_environment.pk).update(connection=Connection.LOGIN_REQUIRED)
    with pytest.raises(Item.DoesNotExist):
        open_update_mode(user=alice, item_id=item_of_other_environment.pk)


def test_it_does_not_finish_a_dialog_of_another_environment(
    alice: User, item: Item, provider: ScriptedProvider, settings: object
) -> None:
    update_session = open_update_mode(user=alice, item_id=item.pk).session
    link_session = open_link(user=alice).session
    settings.PLAID_ENV = "sandbox"
    metadata = LinkMetadata(institution_id="ins_2", institution_name="Other", accounts=frozenset())
    with pytest.raises(LinkError):
        finish_update_mode(user=alice, session_id=update_session.pk)
    with pytest.raises(LinkError):
        finish_link(user=alice, session_id=link_session.pk, public_token="public-sandbox-1", metadata=metadata)
    assert provider.exchanged_tokens == []


def test_it_does_not_query_a_dialog_of_another_environment(
    alice: User, provider: ScriptedProvider, settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, link_tokens = open_link(user=alice).session, []
    monkeypatch.setattr(provider, "get_link_results", link_tokens.append)
    settings.PLAID_ENV = "sandbox"
    with pytest.raises(NotConfirmed):
        confirm_public_token(session=session)
    assert link_tokens == []


def test_it_links_a_bank_that_is_linked_in_another_environment(
    alice: User, item: Item, provider: ScriptedProvider, settings: object
) -> None:
    make_account(item)
    settings.PLAID_ENV = "sandbox"
    session = open_link(user=alice).session
    metadata = LinkMetadata("ins_1", "First Platypus Bank", frozenset({("Checking", "0000")}))
    linked = finish_link(user=alice, session_id=session.pk, public_token="public-sandbox-1", metadata=metadata)
    assert (linked.environment, linked.pk != item.pk) == ("sandbox", True)


def test_it_disconnects_an_item_of_a_sandbox_without_a_call(alice: User, item_of_other_environment: Item) -> None:
    make_account(item_of_other_environment)
    assert disconnect_bank(user=alice, item_id=item_of_other_environment.pk, keep_history=True) is None
    with tenant(alice.pk):
        item_of_other_environment.refresh_from_db()
        assert (item_of_other_environment.connection, item_of_other_environment.access_token) == (
            Connection.REMOVED,
            None,
        )
        assert not PendingRemoval.objects.for_user(alice).exists()


def test_it_removes_a_billed_item_when_its_environment_is_back(
    alice: User,
    make_item: Callable[..., Item],
    item_of_other_environment: Item,
    settings: object,
    provider: ScriptedProvider,
) -> None:
    with tenant(alice.pk):
        Item.objects.filter(pk=item_of_other_environment.pk).update(environment="production")
    removal = disconnect_bank(user=alice, item_id=item_of_other_environment.pk, keep_history=True)
    assert sync_queue.due_removals(limit=10) == []
    remove_at_provider(owner_id=alice.pk, removal_id=removal.pk)
    assert provider.removed_tokens == []
    settings.PLAID_ENV = "production"
    assert sync_queue.due_removals(limit=10) == [(alice.pk, removal.pk)]
    remove_at_provider(owner_id=alice.pk, removal_id=removal.pk)
    assert provider.removed_tokens == ["access-sandbox-secret"]


def test_it_shows_items_of_another_environment_on_the_pages(as_alice: Client, item_of_other_environment: Item) -> None:
    make_account(item_of_other_environment)
    page = as_alice.get(reverse("accounts")).content.decode()
    assert "Other environment" in page
    assert "Sync now" not in page
    assert as_alice.get(reverse("reconnect", args=[item_of_other_environment.pk])).status_code == 404
    response = as_alice.post(reverse("refresh", args=[item_of_other_environment.pk]), follow=True)
    assert "This connection can" in response.content.decode()
    assert "Other environment" in as_alice.get(reverse("overview")).content.decode()
