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
def test_it_lets_a_person_in_by_address_and_password(stranger: Client, alice: User, trail: Trail, email: str) -> None:
    assert sign_in(stranger, email, PASSWORD).url == reverse("overview")
    assert is_signed_in(stranger)
    assert trail(alice.pk) == ["user_login"]


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD.upper(), f" {PASSWORD}", "x" * 100_000, f"{PASSWORD}\0"])
def test_it_keeps_everybody_else_out(stranger: Client, alice: User, password: str) -> None:
    assert sign_in(stranger, alice.email, password).status_code == 200
    assert not is_signed_in(stranger)


def test_it_says_the_same_of_a_wrong_password_and_an_unknown_address(alice: User) -> None:
    wrong = sign_in(Client(), "alice@example.com", "wrong wrong wrong")
    unknown = sign_in(Client(), "nobody@example.com", "wrong wrong wrong")
    assert wrong.status_code == unknown.status_code == 200
    assert page_without_tokens(wrong) == page_without_tokens(unknown)


def test_it_writes_a_refusal_down_without_what_was_typed(stranger: Client, alice: User) -> None:
    sign_in(stranger, "Alice@example.com", "wrong wrong wrong")
    with tenant(alice.pk):
        (event,) = AuditEvent.objects.filter(subject=alice.pk)
        facts = event.details()
        told = str(facts)
    assert (event.action, event.outcome, event.actor) == ("login_failed", "refused", None)
    assert "127.0.0.1" in told
    assert "wrong" not in told
    assert "example.com" not in told
    # Tries at one address can be told from tries at another.
    assert facts["address_hash"] == lockout.hash_email("alice@example.com") != lockout.hash_email("bob@example.com")


def test_it_writes_a_refusal_for_nobody_into_the_systems_trail(stranger: Client) -> None:
    def count_refusals() -> int:
        with tenant(SYSTEM):
            return AuditEvent.objects.filter(subject=SYSTEM, action="login_failed").count()

    before = count_refusals()
    sign_in(stranger, "nobody@example.com", "wrong wrong wrong")
    assert count_refusals() == before + 1


def test_it_stops_taking_guesses_at_one_address(alice: User, make_user: Callable[..., User]) -> None:
    make_user("bob", PASSWORD)
    for number in range(5):
        sign_in(Client(REMOTE_ADDR=f"192.0.2.{number}"), alice.email, "wrong wrong wrong")
    locked = Client(REMOTE_ADDR="192.0.2.99")
    answer = sign_in(locked, alice.email, PASSWORD)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "900")
    assert "Try again in 15 minutes" in answer.content.decode()
    assert not is_signed_in(locked)
    other = Client(REMOTE_ADDR="192.0.2.99")
    sign_in(other, "bob@example.com", PASSWORD)
    assert is_signed_in(other)


@pytest.mark.usefixtures("cheap_hash")
def test_it_looks_at_five_passwords_however_many_come_at_once(alice: User, trail: Trail) -> None:
    numbers = itertools.count()

    def guess() -> int:
        return sign_in(Client(REMOTE_ADDR=f"192.0.2.{next(numbers)}"), alice.email, "wrong").status_code

    answers = in_threads(20, guess)
    assert sorted(answers) == [200] * 5 + [429] * 15
    assert trail(alice.pk) == ["login_failed"] * 5


@pytest.mark.usefixtures("cheap_hash")
def test_it_stops_taking_guesses_from_one_address(alice: User) -> None:
    guesses = [sign_in(Client(), f"{number}@example.com", "wrong").status_code for number in range(21)]
    assert guesses == [200] * 20 + [429]
    elsewhere = Client(REMOTE_ADDR="192.0.2.1")
    sign_in(elsewhere, alice.email, PASSWORD)
    assert is_signed_in(elsewhere)


@pytest.mark.parametrize(
    "place",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "http:///evil.example"],
)
def test_it_leads_nobody_away_after_signing_in(stranger: Client, alice: User, place: str) -> None:
    assert sign_in(stranger, alice.email, PASSWORD, next=place).url == reverse("overview")


def test_it_leads_back_to_where_a_person_wanted_to_go(stranger: Client, alice: User) -> None:
    wanted = reverse("transactions") + "?q=a"
    gate = stranger.get(wanted)
    assert gate.url.startswith(reverse("account_login"))
    assert sign_in(stranger, alice.email, PASSWORD, next=wanted).url == wanted


def test_it_lets_nobody_in_whose_account_is_closed(stranger: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    sign_in(stranger, alice.email, PASSWORD)
    assert not is_signed_in(stranger)


def test_it_ends_a_session_whose_account_is_closed(as_alice: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert not is_signed_in(as_alice)


def test_it_gives_a_session_that_nobody_could_have_known_before(stranger: Client, alice: User) -> None:
    stranger.cookies[settings.SESSION_COOKIE_NAME] = "planted"
    sign_in(stranger, alice.email, PASSWORD)
    cookie = stranger.cookies[settings.SESSION_COOKIE_NAME]
    assert cookie.key == "__Host-sessionid"
    assert cookie.value != "planted"
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (
        True,
        True,
        "Lax",
        "/",
        "",
    )


def test_it_signs_out_by_the_button_and_not_by_a_link(as_alice: Client, alice: User, trail: Trail) -> None:
    assert as_alice.get(reverse("account_logout")).status_code == 200
    assert is_signed_in(as_alice)
    session = as_alice.cookies[settings.SESSION_COOKIE_NAME].value
    as_alice.post(reverse("account_logout"))
    assert not is_signed_in(as_alice)
    assert trail(alice.pk)[-1] == "user_logout"
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = session
    assert not is_signed_in(thief)


def test_it_counts_tries_at_one_account_together_whatever_name_they_give_the_site(alice: User) -> None:
    for host in ("testserver", "localhost", "127.0.0.1", "testserver:8443", "localhost:1"):
        assert sign_in(Client(headers={"Host": host}), alice.email, "wrong wrong wrong").status_code == 200
    refused = Client(headers={"Host": "127.0.0.1:2"})
    assert sign_in(refused, alice.email, PASSWORD).status_code == 429
