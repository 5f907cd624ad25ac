"""No bank is linked without the user's consent, which is recorded before the provider is called."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import User
from banking.linking import data_consent, exchange
from banking.linking.consent_withdrawal import withdraw_bank_data
from banking.linking.errors import LinkError
from banking.linking.sessions import open_link
from banking.linking.update_mode import open_update_mode
from banking.models import Connection, Item, LinkSession
from banking.provider import Unavailable
from banking.providers import DEFAULT_PROVIDER, provider_for
from banking.retention.first_choice import choose_first_period
from banking.sync import sync_item
from banking.tests.link_dialog import AGREED, TOKEN, list_items, make_failing_call, post_public_token, reload_session
from banking.tests.scripted_provider import CHECKING, ScriptedProvider, link_result
from compliance.consent import ConsentText, Purpose, get_active_consent, grant, list_consent_events, withdraw
from compliance.consent.legal_texts import current_version
from compliance.tests.threads import is_blocking
from ui.tests.page_text import page_text

pytestmark = pytest.mark.django_db(transaction=True)

CONNECT = "/connect/"
PRODUCTS = "accounts, balances, transactions, liabilities, recurring payments"


@pytest.fixture
def session(alice: User, provider: ScriptedProvider) -> LinkSession:
    """An open link session of Alice's, whose dialog has ended with a bank."""
    opened = open_link(user=alice)
    provider.link_results = {
        opened.token.value: [link_result(TOKEN, institution_id="ins_1", name="Platypus", accounts=[CHECKING])]
    }
    return opened.session


def withdraw_consent(user: User) -> None:
    withdraw(user=user, purpose=Purpose.BANK_DATA)


def list_bank_consents(user: User) -> list[str]:
    """The kinds of a user's events about bank data, the oldest first."""
    return [event.kind for event in list_consent_events(user_id=user.pk, purpose=Purpose.BANK_DATA)][::-1]


# --- Agreeing ---------------------------------------------------------------------------------------------


def test_it_shows_the_text_and_records_nothing_yet(as_alice: Client, alice: User, provider: ScriptedProvider) -> None:
    withdraw_consent(alice)
    page = page_text(as_alice.get(CONNECT))
    assert "from the bank accounts that I choose through Plaid:" in page
    assert f"Version {current_version('bank_data').version}." in page
    assert list_bank_consents(alice) == ["granted", "withdrawn"]


def test_it_records_the_text_before_it_requests_a_link_token(
    as_alice: Client, alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    withdraw_consent(alice)
    monkeypatch.setattr(provider, "create_link_token", make_failing_call(Unavailable("TIMEOUT")))
    assert as_alice.post(CONNECT, AGREED).status_code == 503
    event = get_active_consent(user_id=alice.pk, purpose=Purpose.BANK_DATA)
    assert event.version == current_version("bank_data").version
    assert event.text == current_version("bank_data").text.replace("{provider}", "Plaid")
    assert event.scope == {"provider": "plaid", "products": PRODUCTS, "days": "730"}
    assert (event.expires_at, event.signature) == (None, None)


@pytest.mark.parametrize("fields", [{}, {"consent_version": "2020-01-01"}, {"consent_version": ""}])
def test_it_records_no_consent_to_a_text_that_was_not_shown(
    as_alice: Client, alice: User, provider: ScriptedProvider, fields: dict[str, str]
) -> None:
    before = list_bank_consents(alice)
    page = as_alice.post(CONNECT, fields | {"period": "730"})
    assert (page.status_code, "has changed. Read the new version" in page_text(page)) == (422, True)
    assert f'name="consent_version" value="{current_version("bank_data").version}"' in page_text(page)
    assert (list_bank_consents(alice), provider.links) == (before, 0)


# --- Linking without a consent ----------------------------------------------------------------------------


def test_it_opens_no_dialog_without_a_consent(alice: User, provider: ScriptedProvider) -> None:
    withdraw_consent(alice)
    with pytest.raises(LinkError, match="no_consent"):
        open_link(user=alice)
    assert provider.links == 0


@pytest.mark.parametrize(("version", "key"), [("2020-01-01", DEFAULT_PROVIDER), ("", "other-provider")])
def test_it_opens_no_dialog_with_a_consent_to_something_else(
    alice: User, provider: ScriptedProvider, version: str, key: str
) -> None:
    version = version or current_version("bank_data").version
    grant(user=alice, consent_text=ConsentText(Purpose.BANK_DATA, version, "Words."), scope={"provider": key})
    assert not data_consent.has_agreed(user=alice, provider=provider_for(DEFAULT_PROVIDER))
    with pytest.raises(LinkError, match="no_consent"):
        open_link(user=alice)


def test_it_claims_no_session_after_a_withdrawal(
    as_alice: Client, alice: User, session: LinkSession, provider: ScriptedProvider
) -> None:
    withdraw_consent(alice)
    response = post_public_token(as_alice, session)
    assert response.status_code == 409
    assert "You haven't agreed to share bank data" in page_text(response)
    assert (list_items(alice), provider.exchanged_tokens) == ([], [])


def test_it_removes_an_item_whose_user_withdrew_during_the_exchange(
    as_alice: Client, alice: User, session: LinkSession, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange_public_token = provider.exchange_public_token

    def exchange_late(token: str) -> object:
        withdraw_bank_data(user=alice, keep_history=True)
        return exchange_public_token(token)

    monkeypatch.setattr(provider, "exchange_public_token", exchange_late)
    assert post_public_token(as_alice, session).status_code == 409
    assert provider.removed_tokens == ["access-sandbox-secret"]
    assert list_items(alice) == []
    stored = reload_session(alice, session)
    assert (stored.state, stored.error_code, stored.link_token) == ("failed", "NO_CONSENT", None)


def test_it_lets_a_withdrawal_wait_for_an_item_that_is_being_saved(
    as_alice: Client, alice: User, session: LinkSession, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The withdrawal then finds the new Item and disconnects it: no bank stays connected."""
    saving, ended = threading.Event(), threading.Event()
    disconnect_replaced = exchange.disconnect_replaced

    def pause(**arguments: object) -> None:
        saving.set()
        while not (is_blocking() or ended.wait(0.01)):
            pass
        disconnect_replaced(**arguments)

    def withdraw_meanwhile() -> None:
        assert saving.wait(20)
        try:
            withdraw_bank_data(user=alice, keep_history=False)
        finally:
            ended.set()
            connection.close()

    monkeypatch.setattr(exchange, "disconnect_replaced", pause)
    with ThreadPoolExecutor(1) as pool:
        withdrawal = pool.submit(withdraw_meanwhile)
        assert post_public_token(as_alice, session).status_code == 302
        withdrawal.result()
    (item,) = list_items(alice)
    assert item.connection == Connection.REMOVING
    assert get_active_consent(user_id=alice.pk, purpose=Purpose.BANK_DATA) is None


# --- Reconnecting -----------------------------------------------------------------------------------------


def test_it_does_not_ask_again_to_reconnect_under_the_same_text(
    as_alice: Client, alice: User, item: Item, provider: ScriptedProvider
) -> None:
    choose_first_period(user=alice, days=90)
    url = reverse("reconnect", args=[item.pk])
    assert "Continue to Plaid" in page_text(as_alice.get(url))
    assert as_alice.post(url).status_code == 200
    assert list_bank_consents(alice) == ["granted"]


def test_it_asks_again_to_reconnect_after_the_text_has_changed(
    as_alice: Client, alice: User, item: Item, provider: ScriptedProvider
) -> None:
    choose_first_period(user=alice, days=90)
    older = ConsentText(Purpose.BANK_DATA, "2020-01-01", "Older words.")
    grant(user=alice, consent_text=older, scope={"provider": DEFAULT_PROVIDER})
    with pytest.raises(LinkError, match="no_consent"):
        open_update_mode(user=alice, item_id=item.pk)
    url = reverse("reconnect", args=[item.pk])
    page = page_text(as_alice.get(url))
    assert "Agree and continue" in page
    assert "through Plaid:" in page
    for fields in ({}, {"consent_version": "2020-01-01"}):
        refused = as_alice.post(url, fields)
        assert (refused.status_code, provider.links) == (422, 0)
        assert f'name="consent_version" value="{current_version("bank_data").version}"' in page_text(refused)
        assert not data_consent.has_agreed(user=alice, provider=provider_for(DEFAULT_PROVIDER))
    assert as_alice.post(url, AGREED).status_code == 200
    assert data_consent.has_agreed(user=alice, provider=provider_for(DEFAULT_PROVIDER))


def test_it_records_no_consent_to_reconnect_another_users_bank(
    as_mallory: Client, mallory: User, item: Item, provider: ScriptedProvider
) -> None:
    withdraw_consent(mallory)
    assert as_mallory.post(reverse("reconnect", args=[item.pk])).status_code == 404
    assert list_bank_consents(mallory) == ["granted", "withdrawn"]


def test_it_syncs_banks_under_an_earlier_text(alice: User, item: Item, provider: ScriptedProvider) -> None:
    """A changed text applies from the next link on; it does not end connections that exist."""
    older = ConsentText(Purpose.BANK_DATA, "2020-01-01", "Older words.")
    grant(user=alice, consent_text=older, scope={"provider": DEFAULT_PROVIDER})
    assert sync_item(owner_id=alice.pk, item_id=item.pk, trigger="test").ran is True
