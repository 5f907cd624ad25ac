import itertools
from collections.abc import Callable
from uuid import UUID

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.sign_in import lockout
from accounts.tests.conftest import PASSWORD
from accounts.tests.pages import is_signed_in, page_without_tokens, sign_in
from compliance.audit.events import AuditEvent
from compliance.isolation import SYSTEM, tenant
from compliance.tests.threads import in_threads

pytestmark = pytest.mark.django_db(transaction=True)

Trail = Callable[[UUID], list[str]]


@pytest.mark.parametrize("email", ["alice@example.com", "ALICE@example.COM", " alice@example.com "])
def test_it_signs_in_with_address_and_password(anonymous: Client, alice: User, trail: Trail, email: str) -> None:
    assert sign_in(anonymous, email, PASSWORD).url == reverse("overview")
    assert is_signed_in(anonymous)
    assert trail(alice.pk) == ["user_login"]


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD.upper(), f" {PASSWORD}", "x" * 100_000, f"{PASSWORD}\0"])
def test_it_rejects_wrong_passwords(anonymous: Client, alice: User, password: str) -> None:
    assert sign_in(anonymous, alice.email, password).status_code == 200
    assert not is_signed_in(anonymous)


def test_it_shows_the_same_page_for_a_wrong_password_and_an_unknown_address(alice: User) -> None:
    wrong = sign_in(Client(), "alice@example.com", "wrong wrong wrong")
    unknown = sign_in(Client(), "nobody@example.com", "wrong wrong wrong")
    assert wrong.status_code == unknown.status_code == 200
    assert page_without_tokens(wrong) == page_without_tokens(unknown)


def test_it_records_a_failure_without_address_and_password(anonymous: Client, alice: User) -> None:
    sign_in(anonymous, "Alice@example.com", "wrong wrong wrong")
    with tenant(alice.pk):
        (event,) = AuditEvent.objects.filter(subject=alice.pk)
        details = event.details()
        text = str(details)
    assert (event.action, event.outcome, event.actor) == ("login_failed", "refused", None)
    assert "127.0.0.1" in text
    assert "wrong" not in text
    assert "example.com" not in text
    # The hash distinguishes attempts at different addresses.
    assert details["address_hash"] == lockout.hash_email("alice@example.com") != lockout.hash_email("bob@example.com")


def test_it_records_a_failure_for_an_unknown_address_in_the_systems_trail(anonymous: Client) -> None:
    def count_refusals() -> int:
        with tenant(SYSTEM):
            return AuditEvent.objects.filter(subject=SYSTEM, action="login_failed").count()

    before = count_refusals()
    sign_in(anonymous, "nobody@example.com", "wrong wrong wrong")
    assert count_refusals() == before + 1


def test_it_limits_guesses_at_one_email_address(alice: User, make_user: Callable[..., User]) -> None:
    make_user("bob", PASSWORD)
    for number in range(5):
        sign_in(Client(REMOTE_ADDR=f"192.0.2.{number}"), alice.email, "wrong wrong wrong")
    client = Client(REMOTE_ADDR="192.0.2.99")
    response = sign_in(client, alice.email, PASSWORD)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "900")
    assert "Try again in 15 minutes" in response.content.decode()
    assert not is_signed_in(client)
    other_client = Client(REMOTE_ADDR="192.0.2.99")
    sign_in(other_client, "bob@example.com", PASSWORD)
    assert is_signed_in(other_client)


@pytest.mark.usefixtures("cheap_hash")
def test_it_checks_at_most_five_concurrent_passwords(alice: User, trail: Trail) -> None:
    numbers = itertools.count()

    def guess() -> int:
        return sign_in(Client(REMOTE_ADDR=f"192.0.2.{next(numbers)}"), alice.email, "wrong").status_code

    statuses = in_threads(20, guess)
    assert sorted(statuses) == [200] * 5 + [429] * 15
    assert trail(alice.pk) == ["login_failed"] * 5


@pytest.mark.usefixtures("cheap_hash")
def test_it_limits_guesses_from_one_ip_address(alice: User) -> None:
    statuses = [sign_in(Client(), f"{number}@example.com", "wrong").status_code for number in range(21)]
    assert statuses == [200] * 20 + [429]
    other_client = Client(REMOTE_ADDR="192.0.2.1")
    sign_in(other_client, alice.email, PASSWORD)
    assert is_signed_in(other_client)


@pytest.mark.parametrize(
    "url",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "http:///evil.example"],
)
def test_it_does_not_redirect_to_other_sites(anonymous: Client, alice: User, url: str) -> None:
    assert sign_in(anonymous, alice.email, PASSWORD, next=url).url == reverse("overview")


def test_it_redirects_to_the_requested_page(anonymous: Client, alice: User) -> None:
    url = reverse("transactions") + "?q=a"
    response = anonymous.get(url)
    assert response.url.startswith(reverse("account_login"))
    assert sign_in(anonymous, alice.email, PASSWORD, next=url).url == url


def test_it_rejects_deactivated_users(anonymous: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    sign_in(anonymous, alice.email, PASSWORD)
    assert not is_signed_in(anonymous)


def test_it_ends_the_session_of_a_deactivated_user(as_alice: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert not is_signed_in(as_alice)


def test_it_creates_a_new_session_key(anonymous: Client, alice: User) -> None:
    anonymous.cookies[settings.SESSION_COOKIE_NAME] = "planted"
    sign_in(anonymous, alice.email, PASSWORD)
    cookie = anonymous.cookies[settings.SESSION_COOKIE_NAME]
    assert cookie.key == "__Host-sessionid"
    assert cookie.value != "planted"
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (
        True,
        True,
        "Lax",
        "/",
        "",
    )


def test_it_signs_out_only_by_post(as_alice: Client, alice: User, trail: Trail) -> None:
    assert as_alice.get(reverse("account_logout")).status_code == 200
    assert is_signed_in(as_alice)
    session = as_alice.cookies[settings.SESSION_COOKIE_NAME].value
    as_alice.post(reverse("account_logout"))
    assert not is_signed_in(as_alice)
    assert trail(alice.pk)[-1] == "user_logout"
    other_client = Client()
    other_client.cookies[settings.SESSION_COOKIE_NAME] = session
    assert not is_signed_in(other_client)


def test_it_counts_attempts_independent_of_the_host_name(alice: User) -> None:
    for host in ("testserver", "localhost", "127.0.0.1", "testserver:8443", "localhost:1"):
        assert sign_in(Client(headers={"Host": host}), alice.email, "wrong wrong wrong").status_code == 200
    client = Client(headers={"Host": "127.0.0.1:2"})
    assert sign_in(client, alice.email, PASSWORD).status_code == 429
