"""Reconnecting a bank through the site's pages, with a scripted provider."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from banking.linking.disconnecting import disconnect_bank
from banking.linking.update_mode import open_update_mode
from banking.models import Connection, Item, LinkSession
from banking.provider import ProviderError
from banking.retention.first_choice import choose_first_period
from banking.tests.factories import mark_synced
from banking.tests.job_queue import queued_jobs
from banking.tests.link_dialog import OUTAGES, list_items, make_failing_call, post_public_token
from banking.tests.scripted_provider import ScriptedProvider
from compliance.isolation import tenant
from compliance.retention.models import RetentionSetting
from ui.tests.page_text import page_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def item_to_reconnect(item: Item, provider: ScriptedProvider) -> Item:
    """Alice's Item in ITEM_LOGIN_REQUIRED. When she connected it, she chose how long to keep transactions."""
    choose_first_period(user=item.owner, days=90)
    provider.set_item_error("ITEM_LOGIN_REQUIRED")
    with tenant(item.owner_id):
        Item.objects.filter(pk=item.pk).update(
            connection=Connection.LOGIN_REQUIRED, error_code="ITEM_LOGIN_REQUIRED", institution_name="Platypus & Sons"
        )
        item.refresh_from_db()
    return item


def test_it_shows_why_a_sign_in_is_needed(
    as_alice: Client, item_to_reconnect: Item, provider: ScriptedProvider
) -> None:
    page = as_alice.get(reverse("reconnect", args=[item_to_reconnect.pk]))
    assert "Reconnect Platypus & Sons" in page_text(page)
    assert "needs you to sign in again" in page_text(page)
    assert provider.links == 0


def test_it_reactivates_the_connection(
    as_alice: Client, alice: User, item_to_reconnect: Item, provider: ScriptedProvider
) -> None:
    assert "link-sandbox-1" in page_text(as_alice.post(reverse("reconnect", args=[item_to_reconnect.pk])))
    with tenant(alice.pk):
        session = LinkSession.objects.for_user(alice).get()
    provider.set_item_error("")
    assert post_public_token(as_alice, session).url == reverse("importing", args=[item_to_reconnect.pk])
    (item,) = list_items(alice)
    assert (item.pk, item.connection, provider.exchanged_tokens) == (item_to_reconnect.pk, Connection.ACTIVE, [])
    assert [job.arguments[-1] for job in queued_jobs(item_to_reconnect.pk)] == ["link"]


def test_it_tells_the_user_if_a_sign_in_is_still_needed(
    as_alice: Client, alice: User, item_to_reconnect: Item, provider: ScriptedProvider
) -> None:
    session = open_update_mode(user=alice, item_id=item_to_reconnect.pk).session
    response = post_public_token(as_alice, session)
    assert response.status_code == 409
    assert "still needs you to sign in" in page_text(response)
    assert "ITEM_LOGIN_REQUIRED" not in page_text(response)
    assert list_items(alice)[0].connection == Connection.LOGIN_REQUIRED


# --- Adding and removing accounts -------------------------------------------------------------------------


@pytest.fixture
def synced_item(item: Item, provider: ScriptedProvider) -> Item:
    """Alice's Item after its first import."""
    choose_first_period(user=item.owner, days=90)
    return mark_synced(item)


def test_it_adds_accounts_in_the_dialog_and_syncs_them(
    as_alice: Client, alice: User, synced_item: Item, provider: ScriptedProvider
) -> None:
    url = reverse("choose_accounts", args=[synced_item.pk])
    assert "Add or remove accounts at First Platypus Bank" in page_text(as_alice.get(url))
    dialog = page_text(as_alice.post(url))
    assert "link-sandbox-1" in dialog
    assert "<h1>Add or remove accounts at First Platypus Bank</h1>" in dialog
    assert provider.account_selections == [True]
    with tenant(alice.pk):
        session = LinkSession.objects.get()
    closed = as_alice.post(reverse("close_link", args=[session.pk]))
    assert "Plaid was closed before you finished. Nothing changed." in page_text(closed)
    assert post_public_token(as_alice, session).url == reverse("importing", args=[synced_item.pk])
    assert provider.exchanged_tokens == []
    assert [job.arguments[-1] for job in queued_jobs(synced_item.pk)] == ["link"]


def test_it_changes_no_accounts_of_a_bank_that_has_to_be_reconnected(
    as_alice: Client, item_to_reconnect: Item, provider: ScriptedProvider
) -> None:
    page = as_alice.post(reverse("choose_accounts", args=[item_to_reconnect.pk]))
    assert page.url == reverse("item", args=[item_to_reconnect.pk])
    assert provider.links == 0


def test_it_changes_no_accounts_of_another_user(
    as_mallory: Client, synced_item: Item, provider: ScriptedProvider
) -> None:
    url = reverse("choose_accounts", args=[synced_item.pk])
    assert {as_mallory.get(url).status_code, as_mallory.post(url).status_code} == {404}
    assert provider.links == 0


# --- How long transactions are kept, of a user who has not chosen on this site ---------------------------------


@pytest.fixture
def restored_item(alice: User, make_item: Callable[..., Item], provider: ScriptedProvider) -> Item:
    """An Item of Alice's from an export: without a token, so a new one replaces it. Her choice was not restored."""
    restored = make_item(alice, provider_item_id="item-restored", connection=Connection.REVOKED)
    with tenant(alice.pk):
        Item.objects.filter(pk=restored.pk).update(access_token=None)
    return restored


def test_it_asks_how_long_to_keep_transactions(as_alice: Client, restored_item: Item) -> None:
    text = page_text(as_alice.get(reverse("reconnect", args=[restored_item.pk])))
    assert 'name="period"' in text
    assert "Don't keep my transactions" in text


@pytest.mark.parametrize("period", [{}, {"period": "91"}])
def test_it_opens_no_dialog_without_a_choice(
    as_alice: Client, restored_item: Item, provider: ScriptedProvider, period: dict[str, str]
) -> None:
    page = as_alice.post(reverse("reconnect", args=[restored_item.pk]), period)
    assert (page.status_code, provider.links) == (422, 0)
    assert "Error: Reconnect" in page_text(page)


def test_it_stores_the_choice_before_the_dialog_opens(
    as_alice: Client, alice: User, restored_item: Item, provider: ScriptedProvider
) -> None:
    page = as_alice.post(reverse("reconnect", args=[restored_item.pk]), {"period": "0"})
    assert "link-sandbox-1" in page_text(page)
    with tenant(alice.pk):
        assert RetentionSetting.objects.get(data_type="transactions").days_to_retain == 0
        assert LinkSession.objects.get().replaces_id == restored_item.pk
    assert 'name="period"' not in page_text(as_alice.get(reverse("reconnect", args=[restored_item.pk])))


def test_it_says_that_another_choice_was_made(
    as_alice: Client, alice: User, restored_item: Item, provider: ScriptedProvider
) -> None:
    choose_first_period(user=alice, days=0)
    page = as_alice.post(reverse("reconnect", args=[restored_item.pk]), {"period": "90"})
    assert (page.status_code, provider.links) == (422, 0)
    assert "You already chose how long to keep your transactions: Don't keep my transactions." in page_text(page)


@pytest.mark.parametrize("error", OUTAGES, ids=lambda error: type(error).__name__)
def test_it_shows_an_error_if_the_dialog_cannot_be_opened(
    as_alice: Client,
    item_to_reconnect: Item,
    provider: ScriptedProvider,
    monkeypatch: pytest.MonkeyPatch,
    error: ProviderError,
) -> None:
    monkeypatch.setattr(provider, "create_update_token", make_failing_call(error))
    page = as_alice.post(reverse("reconnect", args=[item_to_reconnect.pk]))
    assert page.status_code == 503
    assert 'role="alert"' in page_text(page)
    assert error.code not in page_text(page)


def test_it_responds_with_404_for_another_users_bank(
    as_mallory: Client, alice: User, item_to_reconnect: Item, provider: ScriptedProvider
) -> None:
    session = open_update_mode(user=alice, item_id=item_to_reconnect.pk).session
    provider.set_item_error("")
    url = reverse("reconnect", args=[item_to_reconnect.pk])
    assert {as_mallory.get(url).status_code, as_mallory.post(url).status_code} == {404}
    assert post_public_token(as_mallory, session).status_code == 404
    assert list_items(alice)[0].connection == Connection.LOGIN_REQUIRED


def test_it_responds_with_404_for_a_disconnected_bank(as_alice: Client, alice: User, item_to_reconnect: Item) -> None:
    disconnect_bank(user=alice, item_id=item_to_reconnect.pk, keep_history=True)
    assert as_alice.post(reverse("reconnect", args=[item_to_reconnect.pk])).status_code == 404
