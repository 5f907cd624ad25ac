"""Lockout after wrong passwords, which is the same for addresses with and without an account."""

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts.models import User
from accounts.sign_in import lockout
from accounts.sign_in.models import LoginThrottle
from accounts.sign_in.tasks import enqueue_unlock_email, send_unlock_email
from accounts.tests.conftest import PASSWORD
from accounts.tests.pages import is_signed_in, page_without_tokens, sign_in
from accounts.tests.totp import AuthenticatorApp, decline_trust, submit_code
from compliance.tests.threads import in_threads

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("cheap_hash", "no_limits")]

Trail = Callable[[UUID], list[str]]
ALICE, NOBODY = "alice@example.com", "nobody@example.com"


@pytest.fixture
def no_limits(settings) -> None:
    """Raise the rate limits, which would apply before the lockout."""
    settings.ACCOUNT_RATE_LIMITS = {"login": "10000/m/ip", "login_failed": "10000/m/ip,10000/m/key"}


def fail_sign_in(email: str, times: int) -> list[str]:
    return [page_without_tokens(sign_in(Client(), email, "wrong")) for _ in range(times)]


def get_lock_time(email: str) -> timedelta | None:
    locked_until = lockout.locked_until(email)
    return locked_until and round_up(locked_until - timezone.now())


def round_up(span: timedelta) -> timedelta:
    return timedelta(minutes=round(span.total_seconds() / 60))


def test_it_locks_at_the_tenth_wrong_password(alice: User, trail: Trail) -> None:
    fail_sign_in(ALICE, 9)
    assert get_lock_time(ALICE) is None
    fail_sign_in(ALICE, 1)
    assert get_lock_time(ALICE) == timedelta(minutes=15)
    client = Client()
    assert "Password sign-in is paused" in sign_in(client, ALICE, PASSWORD).content.decode()
    assert not is_signed_in(client)
    assert trail(alice.pk) == ["login_failed"] * 10 + ["locked"]


def test_it_shows_the_same_pages_for_an_address_without_an_account(alice: User) -> None:
    with time_machine.travel(timezone.now(), tick=False):
        known, unknown = fail_sign_in(ALICE, 12), fail_sign_in(NOBODY, 12)
        assert [page.replace(ALICE, "") for page in known] == [page.replace(NOBODY, "") for page in unknown]
        assert "Password sign-in is paused" in known[-1]
        assert get_lock_time(ALICE) == get_lock_time(NOBODY)
    assert [message.to for message in mail.outbox] == [[ALICE]]


def test_it_unlocks_after_a_time_that_doubles_with_each_further_lock(alice: User) -> None:
    with time_machine.travel(timezone.now()) as clock:
        fail_sign_in(ALICE, 10)
        for minutes in (15, 30, 60, 120, 240, 480, 960, 960):
            assert get_lock_time(ALICE) == timedelta(minutes=minutes)
            clock.shift(timedelta(minutes=minutes, seconds=1))
            assert get_lock_time(ALICE) is None
            fail_sign_in(ALICE, 1)


def test_it_does_not_extend_a_lock_for_concurrent_guesses(alice: User) -> None:
    in_threads(20, lambda: lockout.record_failure(ALICE))
    row = LoginThrottle.objects.get()
    assert row.failures == 10
    assert get_lock_time(ALICE) == timedelta(minutes=15)


def test_it_reports_the_lock_to_only_one_of_concurrent_calls(alice: User, trail: Trail) -> None:
    assert in_threads(12, lambda: lockout.record_failure(ALICE)).count(True) == 1
    assert trail(alice.pk) == ["locked"]


def test_it_resets_the_count_after_a_day(alice: User) -> None:
    fail_sign_in(ALICE, 9)
    with time_machine.travel(timezone.now() + timedelta(days=1, minutes=1)):
        fail_sign_in(ALICE, 1)
        assert LoginThrottle.objects.get().failures == 1


def test_it_resets_the_count_at_a_sign_in(alice: User) -> None:
    fail_sign_in(ALICE, 9)
    client = Client()
    sign_in(client, ALICE, PASSWORD)
    assert is_signed_in(client)
    assert not LoginThrottle.objects.exists()


def test_it_does_not_reset_the_count_before_the_second_step(alice: User, authenticator_app: AuthenticatorApp) -> None:
    fail_sign_in(ALICE, 9)
    sign_in(Client(), ALICE, PASSWORD)
    assert LoginThrottle.objects.get().failures == 9


def test_it_counts_wrong_codes_together_with_wrong_passwords(alice: User, authenticator_app: AuthenticatorApp) -> None:
    fail_sign_in(ALICE, 8)
    client = Client()
    sign_in(client, ALICE, PASSWORD)
    for _ in range(2):
        submit_code(client, authenticator_app.wrong_code())
    assert get_lock_time(ALICE) == timedelta(minutes=15)
    assert "Password sign-in is paused" in submit_code(client, authenticator_app.code()).content.decode()
    decline_trust(client)
    assert not is_signed_in(client)


def test_it_counts_all_addresses_of_a_user_as_one(alice: User) -> None:
    alice.emailaddress_set.create(email="second@example.com", verified=True)
    fail_sign_in(ALICE, 5)
    fail_sign_in("Second@example.com", 5)
    assert get_lock_time(ALICE) == get_lock_time("second@example.com") == timedelta(minutes=15)


def test_it_stores_hashes_that_do_not_reveal_addresses(
    alice: User, as_operator: Callable[..., list[tuple[object, ...]]]
) -> None:
    fail_sign_in(ALICE, 1)
    fail_sign_in(NOBODY, 1)
    rows = as_operator("SELECT encode(key, 'hex'), failures FROM accounts_loginthrottle")
    assert sorted(failures for _, failures in rows) == [1, 1]
    assert {len(key) for key, _ in rows} == {64}


# --- Unlocking --------------------------------------------------------------------------------------------


def get_unlock_link() -> str:
    (link,) = [line for line in mail.outbox[-1].body.splitlines() if line.startswith("https://plumbline.test/")]
    return link.removeprefix("https://plumbline.test")


def test_it_unlocks_with_the_button_of_the_emailed_link(alice: User, trail: Trail, settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "10000/m/ip,10/15m/key", "login": "10000/m/ip"}
    fail_sign_in(ALICE, 10)
    assert mail.outbox[-1].subject == "Password sign-in to Plumbline is paused"
    client = Client()
    assert "Unlock account" in client.get(get_unlock_link()).content.decode()
    assert get_lock_time(ALICE) is not None
    assert client.post(get_unlock_link()).url == reverse("account_login")
    sign_in(client, ALICE, PASSWORD)
    assert is_signed_in(client)
    assert trail(alice.pk)[-2:] == ["unlocked", "user_login"]


def test_it_accepts_a_link_once_and_only_for_its_own_lock(alice: User) -> None:
    fail_sign_in(ALICE, 10)
    link = get_unlock_link()
    Client().post(link)
    fail_sign_in(ALICE, 10)
    client = Client()
    assert "no longer works" in client.get(link).content.decode()
    client.post(link)
    assert get_lock_time(ALICE) == timedelta(minutes=15)


@pytest.mark.parametrize("token", ["forged", "WyIxIl0:1abc:def", "a" * 5000, "%00", "%ED%A0%80"])
def test_it_rejects_forged_links(alice: User, token: str) -> None:
    fail_sign_in(ALICE, 10)
    url = f"/accounts/unlock/{token}/"
    assert "no longer works" in Client().get(url).content.decode()
    Client().post(url)
    assert get_lock_time(ALICE) is not None


def test_it_unlocks_after_a_password_reset(alice: User) -> None:
    fail_sign_in(ALICE, 10)
    client = Client()
    client.post(reverse("account_reset_password"), {"email": ALICE})
    path = next(line for line in mail.outbox[-1].body.splitlines() if "/password/reset/key/" in line)
    form = client.get(urlsplit(path.strip()).path, follow=True)
    new_password = "a brand new passphrase"
    client.post(form.redirect_chain[-1][0], {"password1": new_password, "password2": new_password})
    sign_in(client, ALICE, new_password)
    assert is_signed_in(client)


def test_it_emails_the_link_if_the_queue_is_unavailable(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def raise_queue_error(*_: object) -> None:
        raise OperationalError("Error 2 connecting to redis.sock")

    monkeypatch.setattr(send_unlock_email, "delay", raise_queue_error)
    fail_sign_in(ALICE, 10)
    assert [message.to for message in mail.outbox] == [[ALICE]]


def test_it_locks_even_if_the_mail_server_is_unavailable(alice: User, settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    fail_sign_in(ALICE, 10)
    assert get_lock_time(ALICE) == timedelta(minutes=15)


def test_it_deletes_failures_after_a_day(alice: User) -> None:
    fail_sign_in(ALICE, 1)
    with time_machine.travel(timezone.now() + timedelta(hours=23)):
        fail_sign_in(NOBODY, 1)
    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        lockout.delete_old_failures()
        assert LoginThrottle.objects.count() == 1


def test_it_unlocks_codes_together_with_passwords(alice: User, authenticator_app: AuthenticatorApp, settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "10000/m/ip,5/15m/key", "login": "10000/m/ip"}
    client = Client()
    sign_in(client, ALICE, PASSWORD)
    for _ in range(5):
        submit_code(client, authenticator_app.wrong_code())
    for _ in range(5):
        lockout.record_failure(ALICE)
    enqueue_unlock_email(alice)
    Client().post(get_unlock_link())
    submit_code(client, authenticator_app.code())
    decline_trust(client)
    assert is_signed_in(client)
