"""``PLAID_ENV`` was changed: an Item is spoken of to the Plaid that made it, and to no other."""

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


class Untouched(ScriptedProvider):
    """Fails the test as soon as a token reaches it."""

    def refuse(self, token: str, **_: object) -> None:
        raise AssertionError("An Item's token was sent to another environment.")

    get_item = get_accounts = sync_transactions = remove_item = refuse
    create_update_token = exchange_public_token = refuse


@pytest.fixture
def elsewhere(item: Item, monkeypatch: pytest.MonkeyPatch, settings: object) -> Item:
    """Alice's connection of the embedded sandbox, on a site that speaks with Plaid's own sandbox since."""
    settings.PLAID_ENV = "sandbox"
    monkeypatch.setattr(PlaidProvider, "connect", Untouched)
    return item


def test_it_reads_no_item_of_another_environment(alice: User, elsewhere: Item) -> None:
    assert sync_item(owner_id=alice.pk, item_id=elsewhere.pk, trigger="test").ran is False
    assert sync_queue.claim_due_syncs(limit=10) == []
    assert sync_queue.refresh_all(user=alice, cooldown=NOW) == []
    with pytest.raises(sync_queue.NotConnected):
        sync_queue.refresh(user=alice, item_id=elsewhere.pk, cooldown=NOW)


def test_it_goes_on_reading_where_the_environment_comes_back(
    alice: User, elsewhere: Item, settings: object, provider: ScriptedProvider
) -> None:
    assert sync_queue.claim_due_syncs(limit=10) == []
    settings.PLAID_ENV = "embedded"
    provider.pages = [transactions_page()]
    assert [claimed.item_id for claimed in sync_queue.claim_due_syncs(limit=10)] == [elsewhere.pk]
    assert sync_item(owner_id=alice.pk, item_id=elsewhere.pk, trigger="test").ran is True


def test_it_repairs_no_item_of_another_environment(alice: User, elsewhere: Item) -> None:
    with tenant(alice.pk):
        Item.objects.filter(pk=elsewhere.pk).update(connection=Connection.LOGIN_REQUIRED)
    with pytest.raises(Item.DoesNotExist):
        open_update_mode(user=alice, item_id=elsewhere.pk)


def test_it_finishes_no_dialog_of_another_environment(
    alice: User, item: Item, provider: ScriptedProvider, settings: object
) -> None:
    repair = open_update_mode(user=alice, item_id=item.pk).session
    fresh = open_link(user=alice).session
    settings.PLAID_ENV = "sandbox"
    chosen = LinkMetadata(institution_id="ins_2", institution_name="Other", accounts=frozenset())
    with pytest.raises(LinkError):
        finish_update_mode(user=alice, session_id=repair.pk)
    with pytest.raises(LinkError):
        finish_link(user=alice, session_id=fresh.pk, public_token="public-sandbox-1", metadata=chosen)
    assert provider.exchanged_tokens == []


def test_it_asks_about_no_dialog_of_another_environment(
    alice: User, provider: ScriptedProvider, settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, asked = open_link(user=alice).session, []
    monkeypatch.setattr(provider, "get_link_results", asked.append)
    settings.PLAID_ENV = "sandbox"
    with pytest.raises(NotConfirmed):
        confirm_public_token(session=session)
    assert asked == []


def test_it_links_a_bank_here_that_another_environment_knows(
    alice: User, item: Item, provider: ScriptedProvider, settings: object
) -> None:
    make_account(item)
    settings.PLAID_ENV = "sandbox"
    fresh = open_link(user=alice).session
    chosen = LinkMetadata("ins_1", "First Platypus Bank", frozenset({("Checking", "0000")}))
    linked = finish_link(user=alice, session_id=fresh.pk, public_token="public-sandbox-1", metadata=chosen)
    assert (linked.environment, linked.pk != item.pk) == ("sandbox", True)


def test_it_lets_an_item_of_a_sandbox_go_without_a_call(alice: User, elsewhere: Item) -> None:
    make_account(elsewhere)
    assert disconnect_bank(user=alice, item_id=elsewhere.pk, keep_history=True) is None
    with tenant(alice.pk):
        elsewhere.refresh_from_db()
        assert (elsewhere.connection, elsewhere.access_token) == (Connection.REMOVED, None)
        assert not PendingRemoval.objects.for_user(alice).exists()


def test_it_owes_the_removal_of_an_item_that_is_billed_until_its_environment_is_back(
    alice: User, make_item: Callable[..., Item], elsewhere: Item, settings: object, provider: ScriptedProvider
) -> None:
    with tenant(alice.pk):
        Item.objects.filter(pk=elsewhere.pk).update(environment="production")
    owed = disconnect_bank(user=alice, item_id=elsewhere.pk, keep_history=True)
    assert sync_queue.due_removals(limit=10) == []
    remove_at_provider(owner_id=alice.pk, removal_id=owed.pk)
    assert provider.removed_tokens == []
    settings.PLAID_ENV = "production"
    assert sync_queue.due_removals(limit=10) == [(alice.pk, owed.pk)]
    remove_at_provider(owner_id=alice.pk, removal_id=owed.pk)
    assert provider.removed_tokens == ["access-sandbox-secret"]


def test_it_says_so_on_the_pages(as_alice: Client, elsewhere: Item) -> None:
    make_account(elsewhere)
    shown = as_alice.get(reverse("accounts")).content.decode()
    assert "Other environment" in shown
    assert "Sync now" not in shown
    assert as_alice.get(reverse("reconnect", args=[elsewhere.pk])).status_code == 404
    asked = as_alice.post(reverse("refresh", args=[elsewhere.pk]), follow=True)
    assert "This connection can" in asked.content.decode()
    assert "Other environment" in as_alice.get(reverse("overview")).content.decode()
