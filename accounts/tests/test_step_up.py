"""Asking once more who is there, before what matters."""

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
def _guarded_places(settings) -> None:
    settings.ROOT_URLCONF = __name__


@pytest.fixture
def signed_in(alice: User) -> Client:
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    return client


def can_reach(client: Client, place: str = "/dangerous/") -> bool:
    return client.get(place).content == b"reached"


def travel_by(minutes: float) -> time_machine.travel:
    return time_machine.travel(timezone.now() + timedelta(minutes=minutes))


def test_it_takes_a_password_for_five_minutes_where_there_is_nothing_better(signed_in: Client) -> None:
    assert can_reach(signed_in)
    with travel_by(4.9):
        assert can_reach(signed_in)
    with travel_by(5.1):
        answer = signed_in.get("/dangerous/?a=1&b=2")
        assert answer.url == f"{reverse('account_reauthenticate')}?next=%2Fdangerous%2F%3Fa%3D1%26b%3D2"
        assert signed_in.post(answer.url, {"password": "wrong"}).status_code == 200
        assert not can_reach(signed_in)
        assert signed_in.post(answer.url, {"password": PASSWORD}).url == "/dangerous/?a=1&b=2"
        assert can_reach(signed_in)


def test_it_writes_a_proof_down(signed_in: Client, alice: User, trail: Trail) -> None:
    signed_in.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    assert trail(alice.pk) == ["user_login", "identity_confirmed"]


def test_it_asks_who_has_a_second_factor_for_that_one(
    signed_in: Client, alice: User, authenticator_app: AuthenticatorApp
) -> None:
    assert not can_reach(signed_in)
    asked = signed_in.get("/dangerous/").url
    assert asked.startswith(reverse("mfa_reauthenticate"))
    by_password = signed_in.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    assert by_password.url.startswith(reverse("mfa_reauthenticate"))
    assert not can_reach(signed_in)
    assert signed_in.post(asked, {"code": authenticator_app.code()}).url == "/dangerous/"
    assert can_reach(signed_in)


@pytest.mark.dates
def test_it_takes_a_second_factor_for_five_minutes(alice: User, authenticator_app: AuthenticatorApp) -> None:
    client = Client()
    with time_machine.travel(TOMORROW) as clock:
        sign_in_with_code(client, alice, PASSWORD, authenticator_app)
        assert can_reach(client)
        clock.shift(290)
        assert can_reach(client)
        clock.shift(20)
        assert not can_reach(client)


def test_it_takes_no_proof_by_a_factor_that_is_gone(alice: User, authenticator_app: AuthenticatorApp) -> None:
    client = Client()
    sign_in_with_code(client, alice, PASSWORD, authenticator_app)
    Authenticator.objects.create(user=alice, type="webauthn", data={"name": "Key", "credential": {}})
    assert can_reach(client)
    authenticator_app.factor.delete()
    assert not can_reach(client)


def test_it_takes_a_recovery_code_as_proof(signed_in: Client, alice: User, authenticator_app: AuthenticatorApp) -> None:
    code, *_ = add_recovery_codes(alice)
    signed_in.post(reverse("mfa_reauthenticate"), {"code": code})
    assert can_reach(signed_in)


def test_it_takes_no_code_of_somebody_else(
    signed_in: Client, alice: User, authenticator_app: AuthenticatorApp, mallory: User
) -> None:
    Authenticator.objects.filter(pk=authenticator_app.factor.pk).update(user=mallory)
    hers, *_ = add_recovery_codes(mallory)
    Authenticator.objects.create(user=alice, type="webauthn", data={"name": "Key", "credential": {}})
    for code in (authenticator_app.code(), hers):
        signed_in.post(reverse("mfa_reauthenticate"), {"code": code})
    assert not can_reach(signed_in)


def test_it_keeps_nothing_that_was_posted(signed_in: Client) -> None:
    with travel_by(6):
        fields = {"oldpassword": PASSWORD, "password1": "posted in vain", "password2": "posted in vain"}
        answer = signed_in.post(reverse("account_change_password"), fields)
        assert answer.url.startswith(reverse("account_reauthenticate"))
        kept = [session.get_decoded() for session in Session.objects.all()]
        assert "posted in vain" not in str(kept)
        assert PASSWORD not in str(kept)


@pytest.mark.parametrize("name", GUARDED)
@pytest.mark.parametrize("method", ["get", "post"])
def test_it_asks_before_anything_changes_how_one_signs_in(signed_in: Client, name: str, method: str) -> None:
    with travel_by(6):
        answer = getattr(signed_in, method)(reverse(name))
        assert answer.status_code == 302
        assert answer.url.startswith(f"{reverse('account_reauthenticate')}?next=")


def test_it_asks_the_whole_page_where_htmx_wanted_a_part(signed_in: Client) -> None:
    with travel_by(6):
        answer = signed_in.get("/dangerous/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["HX-Redirect"].startswith(reverse("account_reauthenticate"))


def test_it_refuses_whom_it_could_ask_for_nothing(mallory: User) -> None:
    client = Client()
    client.force_login(mallory)
    assert client.get("/dangerous/").status_code == 403


@pytest.mark.parametrize("place", ["https://evil.example/", "//evil.example/", "/\\evil.org", "javascript:alert(1)"])
def test_it_leads_nobody_away_after_the_proof(signed_in: Client, place: str) -> None:
    answer = signed_in.post(f"{reverse('account_reauthenticate')}?next={place}", {"password": PASSWORD})
    assert answer.url == reverse("overview")


# --- Before a bank is linked ------------------------------------------------------------------------------


def test_it_links_without_a_second_factor_unless_the_operator_says_so(signed_in: Client, settings) -> None:
    assert can_reach(signed_in, "/link/")
    settings.REQUIRE_SECOND_FACTOR_TO_LINK = True
    assert not can_reach(signed_in, "/link/")


def test_it_leads_to_where_a_second_factor_is_set_up(signed_in: Client, settings) -> None:
    settings.REQUIRE_SECOND_FACTOR_TO_LINK = True
    page = signed_in.get("/link/", follow=True)
    assert page.redirect_chain == [(reverse("security"), 302)]
    assert "Set up two-step verification first" in page.content.decode()


def test_it_links_in_a_session_with_a_second_factor(alice: User, authenticator_app: AuthenticatorApp, settings) -> None:
    settings.REQUIRE_SECOND_FACTOR_TO_LINK = True
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    assert not is_signed_in(client)
    sign_in_with_code(client, alice, PASSWORD, authenticator_app)
    assert can_reach(client, "/link/")
    with travel_by(20):
        assert can_reach(client, "/link/")


def test_it_asks_for_the_factor_in_a_session_without(
    alice: User, authenticator_app: AuthenticatorApp, settings
) -> None:
    settings.REQUIRE_SECOND_FACTOR_TO_LINK = True
    client = Client()
    client.force_login(alice)
    assert client.get("/link/").url.startswith(reverse("mfa_reauthenticate"))
