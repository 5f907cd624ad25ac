"""Sensitive actions require that the user has confirmed their identity recently."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.http import HttpResponse
from django.test import Client
from django.urls import include, path, reverse
from django.utils import timezone

from accounts.mfa.step_up import require_fresh_sign_in, require_second_factor_to_link
from accounts.models import User
from accounts.tests.conftest import PASSWORD
from accounts.tests.pages import is_signed_in, sign_in
from accounts.tests.totp import TOMORROW, AuthenticatorApp, add_recovery_codes, sign_in_with_code

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("cheap_hash")]

Trail = Callable[[UUID], list[str]]
GUARDED = [
    "account_change_password",
    "account_email",
    "mfa_activate_totp",
    "mfa_add_webauthn",
    "mfa_generate_recovery_codes",
    "mfa_view_recovery_codes",
]


def guarded_view(request: object) -> HttpResponse:
    return HttpResponse("reached")


handler429 = "config.views.too_many_requests"
urlpatterns = [
    path("dangerous/", require_fresh_sign_in(guarded_view), name="dangerous"),
    path("link/", require_second_factor_to_link(guarded_view), name="linking"),
    path("", include("config.urls")),
]


@pytest.fixture(autouse=True)
def _guarded_urls(settings) -> None:
    settings.ROOT_URLCONF = __name__


@pytest.fixture
def signed_in(alice: User) -> Client:
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    return client


def can_reach(client: Client, url: str = "/dangerous/") -> bool:
    return client.get(url).content == b"reached"


def travel_by(minutes: float) -> time_machine.travel:
    return time_machine.travel(timezone.now() + timedelta(minutes=minutes))


def test_it_accepts_a_password_for_five_minutes_without_a_second_factor(signed_in: Client) -> None:
    assert can_reach(signed_in)
    with travel_by(4.9):
        assert can_reach(signed_in)
    with travel_by(5.1):
        response = signed_in.get("/dangerous/?a=1&b=2")
        assert response.url == f"{reverse('account_reauthenticate')}?next=%2Fdangerous%2F%3Fa%3D1%26b%3D2"
        assert signed_in.post(response.url, {"password": "wrong"}).status_code == 200
        assert not can_reach(signed_in)
        assert signed_in.post(response.url, {"password": PASSWORD}).url == "/dangerous/?a=1&b=2"
        assert can_reach(signed_in)


def test_it_records_a_confirmed_identity(signed_in: Client, alice: User, trail: Trail) -> None:
    signed_in.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    assert trail(alice.pk) == ["user_login", "identity_confirmed"]


def test_it_requires_the_second_factor_if_the_user_has_one(
    signed_in: Client, alice: User, authenticator_app: AuthenticatorApp
) -> None:
    assert not can_reach(signed_in)
    url = signed_in.get("/dangerous/").url
    assert url.startswith(reverse("mfa_reauthenticate"))
    response = signed_in.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    assert response.url.startswith(reverse("mfa_reauthenticate"))
    assert not can_reach(signed_in)
    assert signed_in.post(url, {"code": authenticator_app.code()}).url == "/dangerous/"
    assert can_reach(signed_in)


@pytest.mark.dates
def test_it_accepts_a_second_factor_for_five_minutes(alice: User, authenticator_app: AuthenticatorApp) -> None:
    client = Client()
    with time_machine.travel(TOMORROW) as clock:
        sign_in_with_code(client, alice, PASSWORD, authenticator_app)
        assert can_reach(client)
        clock.shift(290)
        assert can_reach(client)
        clock.shift(20)
        assert not can_reach(client)


def test_it_rejects_a_confirmation_by_a_removed_factor(alice: User, authenticator_app: AuthenticatorApp) -> None:
    client = Client()
    sign_in_with_code(client, alice, PASSWORD, authenticator_app)
    Authenticator.objects.create(user=alice, type="webauthn", data={"name": "Key", "credential": {}})
    assert can_reach(client)
    authenticator_app.factor.delete()
    assert not can_reach(client)


def test_it_accepts_a_recovery_code(signed_in: Client, alice: User, authenticator_app: AuthenticatorApp) -> None:
    code, *_ = add_recovery_codes(alice)
    signed_in.post(reverse("mfa_reauthenticate"), {"code": code})
    assert can_reach(signed_in)


def test_it_rejects_another_users_codes(
    signed_in: Client, alice: User, authenticator_app: AuthenticatorApp, mallory: User
) -> None:
    Authenticator.objects.filter(pk=authenticator_app.factor.pk).update(user=mallory)
    mallorys_code, *_ = add_recovery_codes(mallory)
    Authenticator.objects.create(user=alice, type="webauthn", data={"name": "Key", "credential": {}})
    for code in (authenticator_app.code(), mallorys_code):
        signed_in.post(reverse("mfa_reauthenticate"), {"code": code})
    assert not can_reach(signed_in)


def test_it_does_not_store_the_posted_form(signed_in: Client) -> None:
    with travel_by(6):
        fields = {"oldpassword": PASSWORD, "password1": "posted in vain", "password2": "posted in vain"}
        response = signed_in.post(reverse("account_change_password"), fields)
        assert response.url.startswith(reverse("account_reauthenticate"))
        sessions = [session.get_decoded() for session in Session.objects.all()]
        assert "posted in vain" not in str(sessions)
        assert PASSWORD not in str(sessions)


@pytest.mark.parametrize("name", GUARDED)
@pytest.mark.parametrize("method", ["get", "post"])
def test_it_guards_pages_that_change_how_users_sign_in(signed_in: Client, name: str, method: str) -> None:
    with travel_by(6):
        response = getattr(signed_in, method)(reverse(name))
        assert response.status_code == 302
        assert response.url.startswith(f"{reverse('account_reauthenticate')}?next=")


def test_it_redirects_the_whole_page_for_htmx_requests(signed_in: Client) -> None:
    with travel_by(6):
        response = signed_in.get("/dangerous/", headers={"HX-Request": "true"})
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["HX-Redirect"].startswith(reverse("account_reauthenticate"))


def test_it_responds_with_403_to_users_who_cannot_confirm(mallory: User) -> None:
    client = Client()
    client.force_login(mallory)
    assert client.get("/dangerous/").status_code == 403


@pytest.mark.parametrize("url", ["https://evil.example/", "//evil.example/", "/\\evil.org", "javascript:alert(1)"])
def test_it_does_not_redirect_to_other_sites(signed_in: Client, url: str) -> None:
    response = signed_in.post(f"{reverse('account_reauthenticate')}?next={url}", {"password": PASSWORD})
    assert response.url == reverse("overview")


# --- Before a bank is linked ------------------------------------------------------------------------------


def test_it_requires_a_second_factor_to_link_only_if_the_setting_says_so(signed_in: Client, settings) -> None:
    assert can_reach(signed_in, "/link/")
    settings.REQUIRE_SECOND_FACTOR_TO_LINK = True
    assert not can_reach(signed_in, "/link/")


def test_it_redirects_to_the_setup_of_a_second_factor(signed_in: Client, settings) -> None:
    settings.REQUIRE_SECOND_FACTOR_TO_LINK = True
    page = signed_in.get("/link/", follow=True)
    assert page.redirect_chain == [(reverse("security"), 302)]
    assert "Set up two-step verification first" in page.content.decode()


def test_it_links_in_a_session_with_a_second_factor_even_if_not_recent(
    alice: User, authenticator_app: AuthenticatorApp, settings
) -> None:
    settings.REQUIRE_SECOND_FACTOR_TO_LINK = True
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    assert not is_signed_in(client)
    sign_in_with_code(client, alice, PASSWORD, authenticator_app)
    assert can_reach(client, "/link/")
    with travel_by(20):
        assert can_reach(client, "/link/")


def test_it_requires_the_factor_in_a_session_without_it(
    alice: User, authenticator_app: AuthenticatorApp, settings
) -> None:
    settings.REQUIRE_SECOND_FACTOR_TO_LINK = True
    client = Client()
    client.force_login(alice)
    assert client.get("/link/").url.startswith(reverse("mfa_reauthenticate"))
