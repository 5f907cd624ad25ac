"""Locks against guessing, which fall alike on those who have an account and those who have none."""

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
    """Take the limits away that stand in front of the lock."""
    settings.ACCOUNT_RATE_LIMITS = {"login": "10000/m/ip", "login_failed": "10000/m/ip,10000/m/key"}


def fail_sign_in(email: str, times: int) -> list[str]:
    return [page_without_tokens(sign_in(Client(), email, "wrong")) for _ in range(times)]


def lock_lasts(email: str) -> timedelta | None:
    until = lockout.locked_until(email)
    return until and round_up(until - timezone.now())


def round_up(span: timedelta) -> timedelta:
    return timedelta(minutes=round(span.total_seconds() / 60))


def test_it_locks_at_the_tenth_wrong_password(alice: User, trail: Trail) -> None:
    fail_sign_in(ALICE, 9)
    assert lock_lasts(ALICE) is None
    fail_sign_in(ALICE, 1)
    assert lock_lasts(ALICE) == timedelta(minutes=15)
    right = Client()
    assert "Password sign-in is paused" in sign_in(right, ALICE, PASSWORD).content.decode()
    assert not is_signed_in(right)
    assert trail(alice.pk) == ["login_failed"] * 10 + ["locked"]


def test_it_says_the_same_of_an_address_without_an_account(alice: User) -> None:
    with time_machine.travel(timezone.now(), tick=False):
        known, unknown = fail_sign_in(ALICE, 12), fail_sign_in(NOBODY, 12)
        assert [said.replace(ALICE, "") for said in known] == [said.replace(NOBODY, "") for said in unknown]
        assert "Password sign-in is paused" in known[-1]
        assert lock_lasts(ALICE) == lock_lasts(NOBODY)
    assert [message.to for message in mail.outbox] == [[ALICE]]


def test_it_opens_again_when_the_time_is_over_and_doubles_it_at_the_next_failure(alice: User) -> None:
    with time_machine.travel(timezone.now()) as clock:
        fail_sign_in(ALICE, 10)
        for minutes in (15, 30, 60, 120, 240, 480, 960, 960):
            assert lock_lasts(ALICE) == timedelta(minutes=minutes)
            clock.shift(timedelta(minutes=minutes, seconds=1))
            assert lock_lasts(ALICE) is None
            fail_sign_in(ALICE, 1)


def test_it_does_not_lengthen_a_lock_by_guesses_that_were_on_their_way(alice: User) -> None:
    in_threads(20, lambda: lockout.record_failure(ALICE))
    row = LoginThrottle.objects.get()
    assert row.failures == 10
    assert lock_lasts(ALICE) == timedelta(minutes=15)


def test_it_tells_one_of_many_at_once_that_it_locked(alice: User, trail: Trail) -> None:
    assert in_threads(12, lambda: lockout.record_failure(ALICE)).count(True) == 1
    assert trail(alice.pk) == ["locked"]


def test_it_forgets_after_a_day(alice: User) -> None:
    fail_sign_in(ALICE, 9)
    with time_machine.travel(timezone.now() + timedelta(days=1, minutes=1)):
        fail_sign_in(ALICE, 1)
        assert LoginThrottle.objects.get().failures == 1


def test_it_forgives_who_signs_in(alice: User) -> None:
    fail_sign_in(ALICE, 9)
    client = Client()
    sign_in(client, ALICE, PASSWORD)
    assert is_signed_in(client)
    assert not LoginThrottle.objects.exists()


def test_it_forgives_nobody_for_the_password_alone(alice: User, authenticator_app: AuthenticatorApp) -> None:
    fail_sign_in(ALICE, 9)
    sign_in(Client(), ALICE, PASSWORD)
    assert LoginThrottle.objects.get().failures == 9


def test_it_counts_wrong_codes_with_wrong_passwords(alice: User, authenticator_app: AuthenticatorApp) -> None:
    fail_sign_in(ALICE, 8)
    client = Client()
    sign_in(client, ALICE, PASSWORD)
    for _ in range(2):
        submit_code(client, authenticator_app.wrong_code())
    assert lock_lasts(ALICE) == timedelta(minutes=15)
    assert "Password sign-in is paused" in submit_code(client, authenticator_app.code()).content.decode()
    decline_trust(client)
    assert not is_signed_in(client)


def test_it_counts_all_addresses_of_a_person_as_one(alice: User) -> None:
    alice.emailaddress_set.create(email="second@example.com", verified=True)
    fail_sign_in(ALICE, 5)
    fail_sign_in("Second@example.com", 5)
    assert lock_lasts(ALICE) == lock_lasts("second@example.com") == timedelta(minutes=15)


def test_it_tells_the_table_neither_who_was_aimed_at_nor_who_has_an_account(
    alice: User, as_operator: Callable[..., list[tuple[object, ...]]]
) -> None:
    fail_sign_in(ALICE, 1)
    fail_sign_in(NOBODY, 1)
    rows = as_operator("SELECT encode(key, 'hex'), failures FROM accounts_loginthrottle")
    assert sorted(failures for _, failures in rows) == [1, 1]
    assert {len(key) for key, _ in rows} == {64}


# --- The way out ------------------------------------------------------------------------------------------


def unlock_link() -> str:
    (found,) = [line for line in mail.outbox[-1].body.splitlines() if line.startswith("https://plumbline.test/")]
    return found.removeprefix("https://plumbline.test")


def test_it_unlocks_by_the_button_behind_the_mailed_link(alice: User, trail: Trail, settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "10000/m/ip,10/15m/key", "login": "10000/m/ip"}
    fail_sign_in(ALICE, 10)
    assert mail.outbox[-1].subject == "Password sign-in to Plumbline is paused"
    client = Client()
    assert "Unlock account" in client.get(unlock_link()).content.decode()
    assert lock_lasts(ALICE) is not None
    assert client.post(unlock_link()).url == reverse("account_login")
    sign_in(client, ALICE, PASSWORD)
    assert is_signed_in(client)
    assert trail(alice.pk)[-2:] == ["unlocked", "user_login"]


def test_it_takes_a_link_once_and_for_the_lock_that_it_was_made_for(alice: User) -> None:
    fail_sign_in(ALICE, 10)
    old = unlock_link()
    Client().post(old)
    fail_sign_in(ALICE, 10)
    again = Client()
    assert "no longer works" in again.get(old).content.decode()
    again.post(old)
    assert lock_lasts(ALICE) == timedelta(minutes=15)


@pytest.mark.parametrize("token", ["forged", "WyIxIl0:1abc:def", "a" * 5000, "%00", "%ED%A0%80"])
def test_it_takes_no_link_of_somebody_elses_making(alice: User, token: str) -> None:
    fail_sign_in(ALICE, 10)
    place = f"/accounts/unlock/{token}/"
    assert "no longer works" in Client().get(place).content.decode()
    Client().post(place)
    assert lock_lasts(ALICE) is not None


def test_it_unlocks_by_a_new_password(alice: User) -> None:
    fail_sign_in(ALICE, 10)
    client = Client()
    client.post(reverse("account_reset_password"), {"email": ALICE})
    path = next(line for line in mail.outbox[-1].body.splitlines() if "/password/reset/key/" in line)
    form = client.get(urlsplit(path.strip()).path, follow=True)
    new = "a brand new passphrase"
    client.post(form.redirect_chain[-1][0], {"password1": new, "password2": new})
    sign_in(client, ALICE, new)
    assert is_signed_in(client)


def test_it_mails_a_way_out_when_the_queue_is_away(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def raise_queue_error(*_: object) -> None:
        raise OperationalError("Error 2 connecting to redis.sock")

    monkeypatch.setattr(send_unlock_email, "delay", raise_queue_error)
    fail_sign_in(ALICE, 10)
    assert [message.to for message in mail.outbox] == [[ALICE]]


def test_it_locks_though_the_mail_server_is_away(alice: User, settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    fail_sign_in(ALICE, 10)
    assert lock_lasts(ALICE) == timedelta(minutes=15)


def test_it_forgets_failures_that_no_longer_count(alice: User) -> None:
    fail_sign_in(ALICE, 1)
    with time_machine.travel(timezone.now() + timedelta(hours=23)):
        fail_sign_in(NOBODY, 1)
    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        lockout.delete_old_failures()
        assert LoginThrottle.objects.count() == 1


def test_it_unlocks_codes_with_passwords(alice: User, authenticator_app: AuthenticatorApp, settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "10000/m/ip,5/15m/key", "login": "10000/m/ip"}
    client = Client()
    sign_in(client, ALICE, PASSWORD)
    for _ in range(5):
        submit_code(client, authenticator_app.wrong_code())
    for _ in range(5):
        lockout.record_failure(ALICE)
    enqueue_unlock_email(alice)
    Client().post(unlock_link())
    submit_code(client, authenticator_app.code())
    decline_trust(client)
    assert is_signed_in(client)
