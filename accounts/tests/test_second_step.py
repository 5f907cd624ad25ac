"""Setting up second factors, signing in with them, and removing them."""

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


def list_subjects() -> list[str]:
    return [message.subject for message in mail.outbox]


# --- Setting up -------------------------------------------------------------------------------------------


def set_up_app(client: Client) -> tuple[AuthenticatorApp, str]:
    """Set up an app through the page, and return the app and the next page."""
    page = client.get(reverse("mfa_activate_totp")).content.decode()
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", page).group(1)
    authenticator_app = AuthenticatorApp(Authenticator(), secret)
    response = client.post(reverse("mfa_activate_totp"), {"code": authenticator_app.code()}, follow=True)
    return authenticator_app, response.content.decode()


def test_it_sets_up_an_app_and_shows_the_codes_once(signed_in: Client, alice: User, trail: Trail) -> None:
    _, page = set_up_app(signed_in)
    codes = re.search(r"<pre[^>]*>([\d\n]+)</pre>", page).group(1).split()
    assert (len(codes), len(set(codes))) == (10, 10)
    response = signed_in.get(reverse("mfa_view_recovery_codes"))
    assert re.findall(r"\b\d{8}\b", response.content.decode()) == []
    assert signed_in.get(reverse("mfa_download_recovery_codes")).status_code == 403
    assert sorted(trail(alice.pk)) == ["factor_added", "recovery_codes_made", "user_login"]
    assert is_verified(signed_in)
    assert list_subjects() == ["Authenticator app added to your Plumbline account"]


def test_it_draws_the_qr_code_as_inline_svg(signed_in: Client) -> None:
    page = signed_in.get(reverse("mfa_activate_totp")).content.decode()
    assert '<svg class="qr"' in page
    assert "data:image" not in page


def test_it_stores_no_plain_key_during_the_setup(signed_in: Client, alice: User) -> None:
    page = signed_in.get(reverse("mfa_activate_totp")).content.decode()
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", page).group(1)
    sessions = [session.get_decoded() for session in Session.objects.all()]
    assert str(alice.pk) in str(sessions)
    assert secret not in str(sessions)


def test_it_keeps_the_key_after_a_wrong_code(signed_in: Client) -> None:
    page = signed_in.get(reverse("mfa_activate_totp")).content.decode()
    page_after = signed_in.post(reverse("mfa_activate_totp"), {"code": "12345"}).content.decode()
    keys = [re.search(r"<code>([A-Z2-7]{32})</code>", text).group(1) for text in (page, page_after)]
    assert keys[0] == keys[1]
    assert not Authenticator.objects.exists()


def test_it_sets_up_one_app_for_five_concurrent_requests(signed_in: Client, alice: User) -> None:
    page = signed_in.get(reverse("mfa_activate_totp")).content.decode()
    authenticator_app = AuthenticatorApp(Authenticator(), re.search(r"<code>([A-Z2-7]{32})</code>", page).group(1))

    def click() -> int:
        client = Client()
        client.cookies = signed_in.cookies
        return client.post(reverse("mfa_activate_totp"), {"code": authenticator_app.code()}).status_code

    statuses = in_threads(5, click)
    assert statuses.count(302) >= 1
    assert set(statuses) <= {200, 302}
    assert sorted(alice.authenticator_set.values_list("type", flat=True)) == ["recovery_codes", "totp"]


def test_it_does_not_accept_the_code_of_the_setup_again(signed_in: Client, alice: User) -> None:
    now = TOMORROW
    with time_machine.travel(now, tick=False) as clock:
        signed_in.logout()
        sign_in(signed_in, alice.email, PASSWORD)
        authenticator_app, _ = set_up_app(signed_in)
        other_client = Client()
        sign_in(other_client, alice.email, PASSWORD)
        submit_code(other_client, authenticator_app.code())
        decline_trust(other_client)
        assert not is_signed_in(other_client)
        clock.shift(30)
        submit_code(other_client, authenticator_app.code())
        decline_trust(other_client)
        assert is_signed_in(other_client)


# --- Signing in -------------------------------------------------------------------------------------------


def test_it_signs_nobody_in_before_the_second_step(
    anonymous: Client, alice: User, authenticator_app: AuthenticatorApp
) -> None:
    assert sign_in(anonymous, alice.email, PASSWORD).url == reverse("mfa_authenticate")
    assert not is_signed_in(anonymous)
    assert anonymous.get(reverse("security")).status_code == 302
    assert decline_trust(anonymous).url == reverse("account_login")
    assert not is_signed_in(anonymous)


def test_it_offers_a_passkey_only_to_users_who_have_one(
    anonymous: Client, alice: User, authenticator_app: AuthenticatorApp
) -> None:
    sign_in(anonymous, alice.email, PASSWORD)
    assert "Use a passkey" not in anonymous.get(reverse("mfa_authenticate")).content.decode()
    add_passkey(alice)
    assert "Use a passkey" in anonymous.get(reverse("mfa_authenticate")).content.decode()


def test_it_signs_in_with_password_and_code(
    anonymous: Client, alice: User, authenticator_app: AuthenticatorApp, trail: Trail
) -> None:
    sign_in(anonymous, alice.email, PASSWORD)
    assert submit_code(anonymous, authenticator_app.code()).url == reverse("mfa_trust")
    assert decline_trust(anonymous).url == reverse("overview")
    assert is_signed_in(anonymous)
    assert is_verified(anonymous)
    assert trail(alice.pk) == ["user_login"]


@pytest.mark.parametrize("steps", [-2, 2])
def test_it_rejects_codes_of_other_periods(
    anonymous: Client, alice: User, authenticator_app: AuthenticatorApp, steps: int
) -> None:
    sign_in_with_code(anonymous, alice, PASSWORD, authenticator_app, steps)
    assert not is_signed_in(anonymous)


@pytest.mark.dates
def test_it_accepts_a_code_from_only_one_of_ten_browsers(
    alice: User, authenticator_app: AuthenticatorApp, settings
) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "1000/m/ip,1000/15m/key", "login": "1000/m/ip"}
    browsers = [Client() for _ in range(10)]
    next_browsers = iter(browsers)
    with time_machine.travel(TOMORROW, tick=False):
        for browser in browsers:
            sign_in(browser, alice.email, PASSWORD)
        code = authenticator_app.code()
        statuses = in_threads(10, lambda: submit_code(next(next_browsers), code).status_code)
        for browser in browsers:
            decline_trust(browser)
    assert sorted(statuses) == [200] * 9 + [302]
    with time_machine.travel(TOMORROW + 1):
        assert [is_signed_in(browser) for browser in browsers].count(True) == 1


def test_it_checks_at_most_five_concurrent_codes(
    alice: User, authenticator_app: AuthenticatorApp, trail: Trail, settings
) -> None:
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"login": "1000/m/ip"}
    browsers = [Client() for _ in range(20)]
    next_browsers = iter(browsers)
    for browser in browsers:
        sign_in(browser, alice.email, PASSWORD)
    wrong_code = authenticator_app.wrong_code()
    in_threads(20, lambda: submit_code(next(next_browsers), wrong_code).status_code)
    assert trail(alice.pk).count("login_failed") == 5
    submit_code(browsers[0], authenticator_app.code())
    decline_trust(browsers[0])
    assert not is_signed_in(browsers[0])


def test_it_does_not_reset_limits_of_other_users_at_a_success(
    alice: User, authenticator_app: AuthenticatorApp, make_user: Callable[..., User], settings
) -> None:
    # A success clears the counts of limits, so those must count by account only.
    assert settings.ACCOUNT_RATE_LIMITS["login_failed"] == "5/15m/key"
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"login": "8/m/ip"}
    bob = make_user("bob", PASSWORD)
    for _ in range(5):
        sign_in(Client(), alice.email, "wrong")
    client = Client()
    sign_in(client, bob.email, PASSWORD)
    submit_code(client, add_authenticator_app(bob).code())
    assert sign_in(Client(), alice.email, PASSWORD).status_code == 429
    # Nor does it reset the limit of the IP address.
    statuses = [sign_in(Client(), f"{number}@example.com", "wrong").status_code for number in range(3)]
    assert statuses == [200, 429, 429]


def test_it_checks_at_most_five_codes_in_15_minutes(
    alice: User, authenticator_app: AuthenticatorApp, trail: Trail
) -> None:
    with time_machine.travel(time.time()) as clock:
        client = Client()
        sign_in(client, alice.email, PASSWORD)
        responses = [submit_code(client, authenticator_app.wrong_code()) for _ in range(7)]
        assert [response.status_code for response in responses] == [200] * 5 + [429] * 2
        assert responses[-1].headers["Retry-After"] == "900"
        assert trail(alice.pk).count("login_failed") == 5
        clock.shift(840)
        assert submit_code(client, authenticator_app.code()).status_code == 429
        clock.shift(61)
        sign_in(client, alice.email, PASSWORD)
        assert submit_code(client, authenticator_app.code()).status_code == 302


def test_it_accepts_a_recovery_code_once_and_tells_the_user(
    anonymous: Client, alice: User, authenticator_app: AuthenticatorApp, trail: Trail
) -> None:
    first, second, *_ = add_recovery_codes(alice)
    sign_in(anonymous, alice.email, PASSWORD)
    submit_code(anonymous, first)
    decline_trust(anonymous)
    assert "You have 9 codes left." in anonymous.get(reverse("security")).content.decode()
    assert is_verified(anonymous)
    assert trail(alice.pk) == ["recovery_code_used", "user_login"]
    assert list_subjects() == ["A recovery code was used for Plumbline"]
    assert "You have 9 recovery codes left." in mail.outbox[0].body
    other_client = Client()
    sign_in(other_client, alice.email, PASSWORD)
    submit_code(other_client, first)
    decline_trust(other_client)
    assert not is_signed_in(other_client)
    submit_code(other_client, second)
    decline_trust(other_client)
    assert is_signed_in(other_client)


def test_it_accepts_a_recovery_code_once_from_ten_threads(alice: User, authenticator_app: AuthenticatorApp) -> None:
    code, *_ = add_recovery_codes(alice)
    factor = Authenticator.objects.get(user=alice, type="recovery_codes")
    results = in_threads(10, lambda: Authenticator.objects.get(pk=factor.pk).wrap().validate_code(code))
    assert sorted(results) == [False] * 9 + [True]


def test_it_requires_no_code_from_a_trusted_browser_but_does_not_verify_it(
    anonymous: Client, alice: User, authenticator_app: AuthenticatorApp
) -> None:
    sign_in(anonymous, alice.email, PASSWORD)
    submit_code(anonymous, authenticator_app.code())
    anonymous.post(reverse("mfa_trust"), {"action": "trust"})
    assert anonymous.cookies["__Host-trusted"]["httponly"]
    anonymous.post(reverse("account_logout"))
    assert sign_in(anonymous, alice.email, PASSWORD).url == reverse("overview")
    assert is_signed_in(anonymous)
    assert not is_verified(anonymous)
    anonymous.post(reverse("account_logout"))
    Authenticator.objects.all().delete()
    other_client = Client()
    other_client.cookies["__Host-trusted"] = anonymous.cookies["__Host-trusted"].value
    add_recovery_codes(alice)
    Authenticator.objects.create(user=alice, type="totp", data=authenticator_app.factor.data)
    assert sign_in(other_client, alice.email, PASSWORD).url == reverse("mfa_authenticate")


def test_it_trusts_a_browser_only_for_its_user(
    anonymous: Client, alice: User, authenticator_app: AuthenticatorApp, make_user: Callable[..., User]
) -> None:
    sign_in(anonymous, alice.email, PASSWORD)
    submit_code(anonymous, authenticator_app.code())
    anonymous.post(reverse("mfa_trust"), {"action": "trust"})
    anonymous.post(reverse("account_logout"))
    bob = make_user("bob", PASSWORD)
    Authenticator.objects.create(user=bob, type="totp", data=authenticator_app.factor.data)
    assert sign_in(anonymous, bob.email, PASSWORD).url == reverse("mfa_authenticate")


# --- Removing ---------------------------------------------------------------------------------------------


def test_it_ends_the_other_sessions_when_a_factor_is_removed(
    alice: User, authenticator_app: AuthenticatorApp, trail: Trail
) -> None:
    client, other_client = Client(), Client()
    with time_machine.travel(TOMORROW, tick=False) as clock:
        sign_in_with_code(other_client, alice, PASSWORD, authenticator_app)
        clock.shift(30)
        sign_in_with_code(client, alice, PASSWORD, authenticator_app)
        assert is_signed_in(other_client)
        response = client.post(reverse("mfa_deactivate_totp"))
        assert response.status_code == 302
        assert (is_signed_in(client), is_signed_in(other_client)) == (True, False)
        assert not client.get(reverse("security")).wsgi_request.user.is_verified()
    assert trail(alice.pk)[-2:] == ["factor_removed", "session_ended"]
    assert "Your Plumbline authenticator app was removed" in list_subjects()


def test_it_does_not_remove_another_users_factor(
    as_mallory: Client, alice: User, authenticator_app: AuthenticatorApp
) -> None:
    passkey = Authenticator.objects.create(user=alice, type="webauthn", data={"name": "Laptop", "credential": {}})
    for name in ("mfa_remove_webauthn", "mfa_edit_webauthn"):
        url = reverse(name, args=[passkey.pk])
        assert (as_mallory.get(url).status_code, as_mallory.post(url).status_code) == (404, 404)
    assert Authenticator.objects.count() == 2
