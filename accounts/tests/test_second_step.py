"""Setting second factors up, signing in with them, and letting them go."""

import re
import time
from collections.abc import Callable
from uuid import UUID

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.tests.conftest import PASSWORD
from accounts.tests.pages import is_signed_in, sign_in
from accounts.tests.passkeys import add_passkey
from accounts.tests.totp import (
    TOMORROW,
    AuthenticatorApp,
    add_authenticator_app,
    add_recovery_codes,
    decline_trust,
    sign_in_with_code,
    submit_code,
)
from compliance.tests.threads import in_threads

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("cheap_hash")]

Trail = Callable[[UUID], list[str]]


@pytest.fixture
def signed_in(alice: User) -> Client:
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    return client


def is_verified(client: Client) -> bool:
    return "otp_device_id" in client.session


def subjects() -> list[str]:
    return [message.subject for message in mail.outbox]


# --- Setting up -------------------------------------------------------------------------------------------


def set_up(client: Client) -> tuple[AuthenticatorApp, str]:
    """Set an app up through the page; returns it and the page that this leads to."""
    page = client.get(reverse("mfa_activate_totp")).content.decode()
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", page).group(1)
    authenticator_app = AuthenticatorApp(Authenticator(), secret)
    answer = client.post(reverse("mfa_activate_totp"), {"code": authenticator_app.code()}, follow=True)
    return authenticator_app, answer.content.decode()


def test_it_sets_an_app_up_and_shows_the_codes_once(signed_in: Client, alice: User, trail: Trail) -> None:
    _, page = set_up(signed_in)
    codes = re.search(r"<pre[^>]*>([\d\n]+)</pre>", page).group(1).split()
    assert (len(codes), len(set(codes))) == (10, 10)
    again = signed_in.get(reverse("mfa_view_recovery_codes"))
    assert re.findall(r"\b\d{8}\b", again.content.decode()) == []
    assert signed_in.get(reverse("mfa_download_recovery_codes")).status_code == 403
    assert sorted(trail(alice.pk)) == ["factor_added", "recovery_codes_made", "user_login"]
    assert is_verified(signed_in)
    assert subjects() == ["Authenticator app added to your Plumbline account"]


def test_it_draws_the_key_into_the_page_itself(signed_in: Client) -> None:
    page = signed_in.get(reverse("mfa_activate_totp")).content.decode()
    assert '<svg class="qr"' in page
    assert "data:image" not in page


def test_it_keeps_no_key_in_the_clear_while_it_is_set_up(signed_in: Client, alice: User) -> None:
    page = signed_in.get(reverse("mfa_activate_totp")).content.decode()
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", page).group(1)
    kept = [session.get_decoded() for session in Session.objects.all()]
    assert str(alice.pk) in str(kept)
    assert secret not in str(kept)


def test_it_keeps_the_key_after_a_wrong_code(signed_in: Client) -> None:
    page = signed_in.get(reverse("mfa_activate_totp")).content.decode()
    wrong = signed_in.post(reverse("mfa_activate_totp"), {"code": "12345"}).content.decode()
    keys = [re.search(r"<code>([A-Z2-7]{32})</code>", text).group(1) for text in (page, wrong)]
    assert keys[0] == keys[1]
    assert not Authenticator.objects.exists()


def test_it_sets_one_app_up_by_five_clicks_at_once(signed_in: Client, alice: User) -> None:
    page = signed_in.get(reverse("mfa_activate_totp")).content.decode()
    authenticator_app = AuthenticatorApp(Authenticator(), re.search(r"<code>([A-Z2-7]{32})</code>", page).group(1))

    def click() -> int:
        client = Client()
        client.cookies = signed_in.cookies
        return client.post(reverse("mfa_activate_totp"), {"code": authenticator_app.code()}).status_code

    answers = in_threads(5, click)
    assert answers.count(302) >= 1
    assert set(answers) <= {200, 302}
    assert sorted(alice.authenticator_set.values_list("type", flat=True)) == ["recovery_codes", "totp"]


def test_it_takes_no_code_again_that_set_the_app_up(signed_in: Client, alice: User) -> None:
    now = TOMORROW
    with time_machine.travel(now, tick=False) as clock:
        signed_in.logout()
        sign_in(signed_in, alice.email, PASSWORD)
        authenticator_app, _ = set_up(signed_in)
        elsewhere = Client()
        sign_in(elsewhere, alice.email, PASSWORD)
        submit_code(elsewhere, authenticator_app.code())
        decline_trust(elsewhere)
        assert not is_signed_in(elsewhere)
        clock.shift(30)
        submit_code(elsewhere, authenticator_app.code())
        decline_trust(elsewhere)
        assert is_signed_in(elsewhere)


# --- Signing in -------------------------------------------------------------------------------------------


def test_it_lets_nobody_in_between_the_steps(
    stranger: Client, alice: User, authenticator_app: AuthenticatorApp
) -> None:
    assert sign_in(stranger, alice.email, PASSWORD).url == reverse("mfa_authenticate")
    assert not is_signed_in(stranger)
    assert stranger.get(reverse("security")).status_code == 302
    assert decline_trust(stranger).url == reverse("account_login")
    assert not is_signed_in(stranger)


def test_it_offers_a_passkey_to_those_who_have_one(
    stranger: Client, alice: User, authenticator_app: AuthenticatorApp
) -> None:
    sign_in(stranger, alice.email, PASSWORD)
    assert "Use a passkey" not in stranger.get(reverse("mfa_authenticate")).content.decode()
    add_passkey(alice)
    assert "Use a passkey" in stranger.get(reverse("mfa_authenticate")).content.decode()


def test_it_lets_a_person_in_by_password_and_code(
    stranger: Client, alice: User, authenticator_app: AuthenticatorApp, trail: Trail
) -> None:
    sign_in(stranger, alice.email, PASSWORD)
    assert submit_code(stranger, authenticator_app.code()).url == reverse("mfa_trust")
    assert decline_trust(stranger).url == reverse("overview")
    assert is_signed_in(stranger)
    assert is_verified(stranger)
    assert trail(alice.pk) == ["user_login"]


@pytest.mark.parametrize("steps", [-2, 2])
def test_it_keeps_out_who_has_a_code_of_another_time(
    stranger: Client, alice: User, authenticator_app: AuthenticatorApp, steps: int
) -> None:
    sign_in_with_code(stranger, alice, PASSWORD, authenticator_app, steps)
    assert not is_signed_in(stranger)


@pytest.mark.dates
def test_it_lets_ten_browsers_in_by_one_code_only_once(
    alice: User, authenticator_app: AuthenticatorApp, settings
) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "1000/m/ip,1000/15m/key", "login": "1000/m/ip"}
    browsers = [Client() for _ in range(10)]
    waiting = iter(browsers)
    with time_machine.travel(TOMORROW, tick=False):
        for browser in browsers:
            sign_in(browser, alice.email, PASSWORD)
        code = authenticator_app.code()
        answers = in_threads(10, lambda: submit_code(next(waiting), code).status_code)
        for browser in browsers:
            decline_trust(browser)
    assert sorted(answers) == [200] * 9 + [302]
    with time_machine.travel(TOMORROW + 1):
        assert [is_signed_in(browser) for browser in browsers].count(True) == 1


def test_it_looks_at_five_codes_however_many_come_at_once(
    alice: User, authenticator_app: AuthenticatorApp, trail: Trail, settings
) -> None:
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"login": "1000/m/ip"}
    browsers = [Client() for _ in range(20)]
    waiting = iter(browsers)
    for browser in browsers:
        sign_in(browser, alice.email, PASSWORD)
    wrong = authenticator_app.wrong_code()
    in_threads(20, lambda: submit_code(next(waiting), wrong).status_code)
    assert trail(alice.pk).count("login_failed") == 5
    submit_code(browsers[0], authenticator_app.code())
    decline_trust(browsers[0])
    assert not is_signed_in(browsers[0])


def test_it_gives_nobody_new_guesses_at_others_for_a_code_of_their_own(
    alice: User, authenticator_app: AuthenticatorApp, make_user: Callable[..., User], settings
) -> None:
    # What a success clears may count by account alone.
    assert settings.ACCOUNT_RATE_LIMITS["login_failed"] == "5/15m/key"
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"login": "8/m/ip"}
    bob = make_user("bob", PASSWORD)
    for _ in range(5):
        sign_in(Client(), alice.email, "wrong")
    own = Client()
    sign_in(own, bob.email, PASSWORD)
    submit_code(own, add_authenticator_app(bob).code())
    assert sign_in(Client(), alice.email, PASSWORD).status_code == 429
    # Nor does it open the door that the address has tried too often.
    answers = [sign_in(Client(), f"{number}@example.com", "wrong").status_code for number in range(3)]
    assert answers == [200, 429, 429]


def test_it_looks_at_five_codes_in_a_quarter_of_an_hour(
    alice: User, authenticator_app: AuthenticatorApp, trail: Trail
) -> None:
    with time_machine.travel(time.time()) as clock:
        client = Client()
        sign_in(client, alice.email, PASSWORD)
        answers = [submit_code(client, authenticator_app.wrong_code()) for _ in range(7)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
        assert answers[-1].headers["Retry-After"] == "900"
        assert trail(alice.pk).count("login_failed") == 5
        clock.shift(840)
        assert submit_code(client, authenticator_app.code()).status_code == 429
        clock.shift(61)
        sign_in(client, alice.email, PASSWORD)
        assert submit_code(client, authenticator_app.code()).status_code == 302


def test_it_takes_a_recovery_code_once_and_says_so(
    stranger: Client, alice: User, authenticator_app: AuthenticatorApp, trail: Trail
) -> None:
    first, second, *_ = add_recovery_codes(alice)
    sign_in(stranger, alice.email, PASSWORD)
    submit_code(stranger, first)
    decline_trust(stranger)
    assert "You have 9 codes left." in stranger.get(reverse("security")).content.decode()
    assert is_verified(stranger)
    assert trail(alice.pk) == ["recovery_code_used", "user_login"]
    assert subjects() == ["A recovery code was used for Plumbline"]
    assert "You have 9 recovery codes left." in mail.outbox[0].body
    thief = Client()
    sign_in(thief, alice.email, PASSWORD)
    submit_code(thief, first)
    decline_trust(thief)
    assert not is_signed_in(thief)
    submit_code(thief, second)
    decline_trust(thief)
    assert is_signed_in(thief)


def test_it_takes_a_recovery_code_once_from_ten_at_a_time(alice: User, authenticator_app: AuthenticatorApp) -> None:
    code, *_ = add_recovery_codes(alice)
    factor = Authenticator.objects.get(user=alice, type="recovery_codes")
    answers = in_threads(10, lambda: Authenticator.objects.get(pk=factor.pk).wrap().validate_code(code))
    assert sorted(answers) == [False] * 9 + [True]


def test_it_asks_a_trusted_browser_for_no_code_and_does_not_call_it_verified(
    stranger: Client, alice: User, authenticator_app: AuthenticatorApp
) -> None:
    sign_in(stranger, alice.email, PASSWORD)
    submit_code(stranger, authenticator_app.code())
    stranger.post(reverse("mfa_trust"), {"action": "trust"})
    assert stranger.cookies["__Host-trusted"]["httponly"]
    stranger.post(reverse("account_logout"))
    assert sign_in(stranger, alice.email, PASSWORD).url == reverse("overview")
    assert is_signed_in(stranger)
    assert not is_verified(stranger)
    stranger.post(reverse("account_logout"))
    Authenticator.objects.all().delete()
    other = Client()
    other.cookies["__Host-trusted"] = stranger.cookies["__Host-trusted"].value
    add_recovery_codes(alice)
    Authenticator.objects.create(user=alice, type="totp", data=authenticator_app.factor.data)
    assert sign_in(other, alice.email, PASSWORD).url == reverse("mfa_authenticate")


def test_it_trusts_no_browser_for_somebody_else(
    stranger: Client, alice: User, authenticator_app: AuthenticatorApp, make_user: Callable[..., User]
) -> None:
    sign_in(stranger, alice.email, PASSWORD)
    submit_code(stranger, authenticator_app.code())
    stranger.post(reverse("mfa_trust"), {"action": "trust"})
    stranger.post(reverse("account_logout"))
    bob = make_user("bob", PASSWORD)
    Authenticator.objects.create(user=bob, type="totp", data=authenticator_app.factor.data)
    assert sign_in(stranger, bob.email, PASSWORD).url == reverse("mfa_authenticate")


# --- Letting go -------------------------------------------------------------------------------------------


def test_it_ends_the_other_sessions_when_a_factor_goes(
    alice: User, authenticator_app: AuthenticatorApp, trail: Trail
) -> None:
    here, there = Client(), Client()
    with time_machine.travel(TOMORROW, tick=False) as clock:
        sign_in_with_code(there, alice, PASSWORD, authenticator_app)
        clock.shift(30)
        sign_in_with_code(here, alice, PASSWORD, authenticator_app)
        assert is_signed_in(there)
        answer = here.post(reverse("mfa_deactivate_totp"))
        assert answer.status_code == 302
        assert (is_signed_in(here), is_signed_in(there)) == (True, False)
        assert not here.get(reverse("security")).wsgi_request.user.is_verified()
    assert trail(alice.pk)[-2:] == ["factor_removed", "session_ended"]
    assert "Your Plumbline authenticator app was removed" in subjects()


def test_it_removes_nothing_of_somebody_else(
    as_mallory: Client, alice: User, authenticator_app: AuthenticatorApp
) -> None:
    key = Authenticator.objects.create(user=alice, type="webauthn", data={"name": "Laptop", "credential": {}})
    for name in ("mfa_remove_webauthn", "mfa_edit_webauthn"):
        place = reverse(name, args=[key.pk])
        assert (as_mallory.get(place).status_code, as_mallory.post(place).status_code) == (404, 404)
    assert Authenticator.objects.count() == 2
