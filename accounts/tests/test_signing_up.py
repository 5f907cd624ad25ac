import itertools
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from allauth.account.internal.flows import manage_email
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.tests.conftest import PASSWORD
from accounts.tests.pages import (
    AGREED,
    code_from_email,
    is_signed_in,
    page_without_tokens,
    sign_in,
    sign_up,
    submit_email_code,
)
from compliance.tests.threads import in_threads

pytestmark = pytest.mark.django_db(transaction=True)

EMAIL = "new@example.com"


def test_it_signs_nobody_in_before_the_address_is_confirmed(anonymous: Client) -> None:
    response = sign_up(anonymous, EMAIL, PASSWORD)
    assert response.redirect_chain[-1] == (reverse("account_email_verification_sent"), 302)
    assert not is_signed_in(anonymous)
    sign_in(anonymous, EMAIL, PASSWORD)
    assert not is_signed_in(anonymous)


def test_it_signs_in_with_the_emailed_code(anonymous: Client, trail: Callable[[UUID], list[str]]) -> None:
    page = sign_up(anonymous, EMAIL, PASSWORD)
    (message,) = mail.outbox
    assert message.to == [EMAIL]
    assert PASSWORD not in str(message.message())
    code = code_from_email(message)
    assert code not in page.content.decode()
    assert submit_email_code(anonymous, f" {code.lower()} ").url == reverse("overview")
    assert is_signed_in(anonymous)
    # The session ends with the browser.
    assert anonymous.cookies[settings.SESSION_COOKIE_NAME]["max-age"] == ""
    consents = ["consent_granted"] * 2
    assert trail(User.objects.get().pk) == [*consents, "user_registered", "email_confirmed", "user_login"]


def test_it_accepts_a_code_only_in_the_browser_that_requested_it(anonymous: Client) -> None:
    sign_up(anonymous, EMAIL, PASSWORD)
    other_client = Client()
    submit_email_code(other_client, code_from_email(mail.outbox[0]))
    assert not EmailAddress.objects.get(email=EMAIL).verified
    assert not is_signed_in(other_client)


def test_it_rejects_the_right_code_after_three_wrong_ones(anonymous: Client) -> None:
    sign_up(anonymous, EMAIL, PASSWORD)
    code = code_from_email(mail.outbox[0])
    statuses = [
        submit_email_code(anonymous, wrong_code).status_code for wrong_code in ("", "BBBB-BBBB", "\0", code[:-1])
    ]
    assert statuses == [200, 200, 302, 302]
    submit_email_code(anonymous, code)
    assert not is_signed_in(anonymous)


def test_it_rejects_a_code_after_15_minutes(anonymous: Client) -> None:
    sign_up(anonymous, EMAIL, PASSWORD)
    with time_machine.travel(timezone.now() + timedelta(minutes=15, seconds=1)):
        submit_email_code(anonymous, code_from_email(mail.outbox[0]))
        assert not is_signed_in(anonymous)


def test_it_sends_a_new_code_at_a_sign_in_with_the_right_password(anonymous: Client) -> None:
    sign_up(anonymous, EMAIL, PASSWORD)
    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        anonymous.post(reverse("account_logout"))
        assert sign_in(anonymous, EMAIL, "wrong wrong wrong").status_code == 200
        assert len(mail.outbox) == 1
        assert sign_in(anonymous, EMAIL, PASSWORD).url == reverse("account_email_verification_sent")
        old, new = map(code_from_email, mail.outbox)
        assert old != new
        submit_email_code(anonymous, new)
        assert is_signed_in(anonymous)


def test_it_emails_an_address_at_most_four_times_an_hour() -> None:
    with time_machine.travel(timezone.now()) as clock:
        statuses = []
        for number in range(6):
            statuses.append(sign_up(Client(REMOTE_ADDR=f"192.0.2.{number}"), EMAIL, PASSWORD).status_code)
            clock.shift(timedelta(minutes=1))
    assert statuses == [200] * 4 + [429] * 2
    assert len(mail.outbox) == 4


@pytest.mark.usefixtures("cheap_hash")
def test_it_creates_one_user_for_five_concurrent_sign_ups() -> None:
    numbers = itertools.count()

    def register() -> int:
        client = Client(REMOTE_ADDR=f"192.0.2.{next(numbers)}")
        fields = {"email": EMAIL, "password1": PASSWORD, **AGREED}
        return client.post(reverse("account_signup"), fields).status_code

    # The others are too soon for another email to the same address.
    assert sorted(in_threads(5, register)) == [302, 429, 429, 429, 429]
    assert User.objects.count() == 1


def test_it_responds_as_for_a_known_address_if_another_sign_up_was_first(
    anonymous: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As for a sign-up that checked the address just before the other one was stored.
    monkeypatch.setattr(manage_email, "assess_unique_email", lambda email, user=None: True)
    response = sign_up(anonymous, alice.email, PASSWORD)
    assert response.redirect_chain == [(reverse("account_email_verification_sent"), 302)]
    assert "already has an account" in mail.outbox[0].body
    assert User.objects.count() == 1


def test_it_stores_the_optional_names(anonymous: Client) -> None:
    fields = {"email": EMAIL, "password1": PASSWORD, "first_name": "Alice", "last_name": "Doe", **AGREED}
    anonymous.post(reverse("account_signup"), fields)
    assert User.objects.get().name == "Alice Doe"
    too_long = fields | {"email": "other@example.com", "first_name": "x" * 101}
    assert "There's a problem" in Client().post(reverse("account_signup"), too_long).content.decode()
    assert User.objects.count() == 1


@pytest.mark.parametrize("known", ["alice@example.com", "ALICE@Example.COM", "  alice@example.com "])
def test_it_responds_the_same_for_an_address_that_has_an_account(alice: User, known: str) -> None:
    client, other_client = Client(), Client()
    responses = [sign_up(client, known, "another long password"), sign_up(other_client, EMAIL, "another long password")]
    assert responses[0].redirect_chain == responses[1].redirect_chain
    assert page_without_tokens(responses[0]).replace(alice.email, "X") == page_without_tokens(responses[1]).replace(
        EMAIL, "X"
    )
    assert User.objects.filter(email="alice@example.com").count() == 1
    assert alice.check_password(PASSWORD)
    assert [message.to for message in mail.outbox] == [["alice@example.com"], [EMAIL]]
    assert "already has an account" in mail.outbox[0].body


@pytest.mark.parametrize(
    "password",
    [
        "",
        "short",
        "elevenchars",
        "password1234",
        "new@example.com",
        "x" * 257,
        "qwertyuiopasdf\0",
    ],
)
def test_it_rejects_a_weak_password(anonymous: Client, password: str) -> None:
    page = sign_up(anonymous, EMAIL, password)
    assert page.status_code == 200
    assert "There's a problem" in page.content.decode()
    assert 'type="password" value' not in page.content.decode()
    assert not User.objects.exists()
    assert mail.outbox == []


@pytest.mark.parametrize("password", ["twelve chars", "x1" * 128, "пароль из слов", "🔑" * 12, "  spaces count  "])
def test_it_stores_any_long_password_unchanged(anonymous: Client, password: str) -> None:
    sign_up(anonymous, EMAIL, password)
    assert User.objects.get().check_password(password)


@pytest.mark.parametrize(
    "email",
    ["", "nobody", "a@", "@b.c", "a b@example.com", "a@example.com\0", "a@exa\nmple.com", "é@example.com\ud7ff"],
)
def test_it_rejects_invalid_addresses(anonymous: Client, email: str) -> None:
    page = sign_up(anonymous, email, PASSWORD)
    assert page.status_code == 200
    assert "There's a problem" in page.content.decode()
    assert not User.objects.exists()


def test_it_rejects_an_address_that_is_too_long_to_store(anonymous: Client) -> None:
    label = f"{'a' * 60}.example"
    for length, is_valid in ((254, True), (255, False)):
        host = f"{'.'.join([label] * 9)}"
        email = f"{'b' * 64}@{host}"
        email = f"{email[: length - len('.com')]}.com"
        assert len(email) == length
        sign_up(anonymous, email, PASSWORD)
        assert User.objects.filter(email=email).exists() is is_valid
    assert User.objects.count() == 1


def test_it_stores_addresses_in_lower_case(anonymous: Client) -> None:
    sign_up(anonymous, "New@Example.COM", PASSWORD)
    assert User.objects.get().email == EMAIL


def test_it_has_one_user_per_address_in_any_case(alice: User) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(email="Alice@EXAMPLE.com")


def test_it_creates_no_users_if_sign_up_is_closed(anonymous: Client, settings) -> None:
    settings.SIGNUP_OPEN = False
    assert sign_up(anonymous, EMAIL, PASSWORD).status_code == 200
    assert not User.objects.exists()


def test_it_sends_no_email_with_another_host_name(anonymous: Client) -> None:
    response = anonymous.post(
        reverse("account_signup"), {"email": EMAIL, "password1": PASSWORD, **AGREED}, headers={"Host": "evil.example"}
    )
    assert response.status_code == 400
    assert mail.outbox == []
