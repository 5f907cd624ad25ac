"""Opening the dialog on the page that connects a bank, and going on with it after the bank's own page."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from banking.linking.link_messages import message_for
from banking.models import LinkSession
from banking.provider import LoginRequired, ProviderError, PublicTokenRefused
from banking.providers import provider_for
from banking.tests.link_dialog import AGREED, OUTAGES, make_failing_call
from banking.tests.scripted_provider import ScriptedProvider
from compliance.isolation import tenant
from ui.tests.page_text import page_text

pytestmark = pytest.mark.django_db


# --- Opening the dialog -----------------------------------------------------------------------------------


def test_it_shows_the_consent_before_it_calls_the_provider(as_alice: Client, provider: ScriptedProvider) -> None:
    page = as_alice.get(reverse("connect"))
    assert page.status_code == 200
    assert "from the last 730 days" in page_text(page)
    assert provider.links == 0


def test_it_opens_the_dialog_with_a_new_link_token(as_alice: Client, alice: User, provider: ScriptedProvider) -> None:
    first, second = (as_alice.post(reverse("connect"), AGREED) for _ in range(2))
    assert "link-sandbox-1" in page_text(first)
    assert "link-sandbox-2" in page_text(second)
    assert first.headers["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups"
    assert first.headers["Cache-Control"] == "no-store"
    with tenant(alice.pk):
        assert LinkSession.objects.for_user(alice).count() == 2


# --- Providers that do not answer -------------------------------------------------------------------------


@pytest.mark.parametrize("error", OUTAGES, ids=lambda error: type(error).__name__)
def test_it_shows_an_error_if_the_dialog_cannot_be_opened(
    as_alice: Client, alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch, error: ProviderError
) -> None:
    monkeypatch.setattr(provider, "create_link_token", make_failing_call(error))
    page = as_alice.post(reverse("connect"), AGREED)
    assert page.status_code == 503
    assert 'role="alert"' in page_text(page)
    assert error.code not in page_text(page)
    assert error.request_id not in page_text(page)
    with tenant(alice.pk):
        assert not LinkSession.objects.for_user(alice).exists()


# --- Return from the bank's own page ----------------------------------------------------------------------


def test_it_resumes_with_the_same_token_after_the_banks_own_page(
    as_alice: Client, provider: ScriptedProvider, settings
) -> None:
    settings.PLAID_REDIRECT_URI = "https://plumbline.test/connect/oauth/"
    as_alice.post(reverse("connect"), AGREED)
    page = as_alice.get(reverse("oauth_return"), {"oauth_state_id": "state-1"})
    link = page_text(page).partition("<section")[2].partition(">")[0]
    assert 'data-token="link-sandbox-1"' in link
    assert link.endswith(" data-oauth-return")
    assert provider.links == 1
    assert as_alice.get(reverse("oauth_return")).url == reverse("connect")


def test_it_stores_no_token_in_the_session(as_alice: Client, provider: ScriptedProvider, settings) -> None:
    settings.PLAID_REDIRECT_URI = "https://plumbline.test/connect/oauth/"
    as_alice.post(reverse("connect"), AGREED)
    assert "link-sandbox-1" not in str(dict(as_alice.session))


def test_it_redirects_to_connect_without_an_open_session(
    as_alice: Client, as_mallory: Client, provider, settings
) -> None:
    settings.PLAID_REDIRECT_URI = "https://plumbline.test/connect/oauth/"
    as_alice.post(reverse("connect"), AGREED)
    assert as_mallory.get(reverse("oauth_return")).url == reverse("connect")


# --- Error messages and requirements -----------------------------------------------------------------------


@pytest.mark.parametrize("error", [LoginRequired("ITEM_LOGIN_REQUIRED"), *OUTAGES, PublicTokenRefused("EXPIRED")])
def test_it_tells_the_user_what_to_do_for_each_error(error: ProviderError) -> None:
    text = message_for(error, provider=provider_for("plaid"))
    assert error.code not in text
    assert "again" in text


def test_it_requires_a_second_factor_if_the_setting_says_so(
    as_alice: Client, provider: ScriptedProvider, settings
) -> None:
    settings.REQUIRE_SECOND_FACTOR_TO_LINK = True
    for response in (as_alice.get(reverse("connect")), as_alice.post(reverse("connect"), AGREED)):
        assert response.url == reverse("security")
