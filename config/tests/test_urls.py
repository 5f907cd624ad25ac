"""Walks every address of the site as nobody, as Alice and as Mallory. A new address fails here until it is known."""

from collections import Counter
from collections.abc import Callable, Iterable
from copy import copy
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.tests.totp import SECRET as APP_SECRET
from accounts.tests.totp import add_recovery_codes
from banking.models import BalanceSnapshot
from banking.tests.scripted_provider import ScriptedProvider
from compliance.isolation import tenant
from config.models import PolicyViolation
from config.tests.owned_objects import CANARIES, OTHERS_ARGUMENTS, Belongings, address
from config.tests.routes import NAMES, PEOPLE, TABLE, routes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_cache")]

# What stands in for a form's token is a signature in one case and the dialog's own token in the other.
WITHOUT_FORM_TOKEN = {"webhook-plaid", "sandbox", "policy_reports"}
WITH_IDS = [
    route.name
    for route in routes()
    if route.pattern.pattern.regex.groups and not (route.name in OTHERS_ARGUMENTS or route.name.startswith("admin:"))
]
CONFIRMING = ("account_reauthenticate", "mfa_reauthenticate", "mfa_reauthenticate_webauthn")


@pytest.fixture
def as_alice(as_alice: Client, alice: User, with_second_factor: Callable[..., Client]) -> Client:
    """Alice has an authenticator app and recovery codes, and has just given a code."""
    add_recovery_codes(alice)
    return with_second_factor(as_alice, alice)


# --- Who may go where -------------------------------------------------------------------------------------


@pytest.fixture
def browsers(as_mallory: Client, as_alice: Client, as_staff: Client, as_root: Client) -> dict[str, Client]:
    """A browser for each column of the table."""
    return dict(zip(PEOPLE, (Client(), as_mallory, as_alice, as_staff, as_root), strict=True))


# What the forms take whose answer is about somebody's row; the others say what they miss.
FIELDS = {"public_token": "public-sandbox-1", "metadata": "{}", "history": "delete"}


def describe_answer(client: Client, method: str, place: str) -> str:
    """What an address answers, in the words of the table. Nothing that it does is left behind."""
    browser = Client()
    browser.cookies = copy(client.cookies)
    fence = transaction.atomic()
    # What has to be committed by itself may be undone here all the same, as in Django's own test cases.
    fence._from_testcase = True
    with fence:
        answer = getattr(browser, method)(place, FIELDS if method == "post" else None)
        transaction.set_rollback(True)
    return classify_answer(answer, place)


def classify_answer(answer: HttpResponse, place: str) -> str:
    target = answer.headers.get("Location", "")
    if target in (f"{reverse(door)}?next={quote(place)}" for door in ("account_login", "admin:login")):
        return "in"
    if target == reverse("security"):
        return "2fa"
    if target.startswith(tuple(map(reverse, CONFIRMING))):
        return "ask"
    return "on" if target else str(answer.status_code)


def describe_answers(client: Client, belongings: Belongings, names: Iterable[str]) -> dict[str, str]:
    """What each address answers to a GET and to a POST."""
    return {
        name: "/".join(describe_answer(client, method, address(name, belongings)) for method in ("get", "post"))
        for name in names
    }


def test_it_knows_what_every_address_answers() -> None:
    assert [name for name, count in Counter(NAMES).items() if count > 1 or name.endswith("None")] == []
    assert set(NAMES) == set(TABLE)


@pytest.mark.parametrize("person", PEOPLE)
def test_it_answers_as_it_should(browsers: dict[str, Client], belongings: Belongings, person: str) -> None:
    names = [name for name in NAMES if not (person == "operator" and name.startswith("admin:"))]
    found = describe_answers(browsers[person], belongings, names)
    assert found == {name: TABLE[name][person] for name in names}


@pytest.mark.django_db(transaction=True, databases=["default", "viewer"])
def test_it_answers_operators_as_it_should(browsers: dict[str, Client], belongings: Belongings) -> None:
    """Apart from the others, because the operators' role of the database sees only what is committed."""
    names = [name for name in NAMES if name.startswith("admin:")]
    PolicyViolation.objects.create(id=1, day="2026-11-22", first_at=timezone.now(), last_at=timezone.now())
    found = describe_answers(browsers["operator"], belongings, names)
    assert found == {name: TABLE[name]["operator"] for name in names}


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "trace"])
def test_it_asks_strangers_to_sign_in_whatever_they_try(belongings: Belongings, method: str) -> None:
    places = [address(name, belongings) for name, row in TABLE.items() if row["nobody"].startswith("in")]
    assert {place for place in places if describe_answer(Client(), method, place) != "in"} == set()


@pytest.mark.parametrize("name", WITH_IDS)
def test_it_hides_from_mallory_that_alices_things_exist(as_mallory: Client, belongings: Belongings, name: str) -> None:
    hers = belongings.arguments(name)
    nothing = reverse(name, args=[uuid4() if isinstance(each, UUID) else 999_999 for each in hers])
    found = [describe_answer(as_mallory, method, address(name, belongings)) for method in ("get", "post")]
    assert found == [describe_answer(as_mallory, method, nothing) for method in ("get", "post")]
    assert set(found) <= {"404", "405"}
    assert "404" in found


@pytest.mark.parametrize("name", sorted(set(NAMES) - WITHOUT_FORM_TOKEN))
def test_it_takes_no_form_from_another_site(alice: User, belongings: Belongings, name: str) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    refused = browser.post(address(name, belongings))
    assert refused.status_code == 403
    assert "Send that form again" in refused.content.decode()


def test_it_shows_no_address_of_another_person_in_a_chain_of_guesses(
    as_mallory: Client, belongings: Belongings
) -> None:
    for place in (
        f"/bank-accounts/{belongings.item.pk}",
        f"/bank-accounts/account/{str(belongings.account.pk).upper()}/",
    ):
        assert as_mallory.get(place, follow=True).status_code == 404


# --- What no answer may hold ------------------------------------------------------------------------------


def everything_said(client: Client, belongings: Belongings) -> dict[str, str]:
    """The bodies and headers of every page, and of those that a form leads to."""
    answers = {name: client.get(address(name, belongings)) for name in NAMES if name != "account_logout"}
    answers |= {
        f"{name} {fields}": client.post(address(name, belongings), fields)
        for name, fields in (
            ("connect", {}),
            ("reconnect", {}),
            ("disconnect", {"history": "junk"}),
            ("finish_link", {}),
            ("finish_link", {"public_token": "public-sandbox-1"}),
            ("close_link", {"error_code": "INTERNAL_SERVER_ERROR"}),
            ("refresh", {}),
            ("refresh_all", {}),
        )
    }
    return {name: f"{answer.headers}\n{answer.getvalue().decode()}" for name, answer in answers.items()}


def test_it_tells_no_browser_what_only_the_provider_and_we_know(
    as_alice: Client, alice: User, belongings: Belongings, provider: ScriptedProvider
) -> None:
    with tenant(alice.pk):
        stored = {str(getattr(belongings.item, name)) for name in ("provider_item_id", "cursor", "lease_holder")}
        assert belongings.item.access_token.reveal() == CANARIES["access_token"]
        assert stored == {str(value) for name, value in CANARIES.items() if name != "access_token"}
        assert BalanceSnapshot.objects.for_user(alice).count() == 3
    secrets = [
        *map(str, CANARIES.values()),
        "access-sandbox-secret",
        "canary",
        belongings.session.link_token_hash,
        "public-sandbox-1",
        str(alice.link_id),
        alice.password,
        APP_SECRET,
    ]
    texts = everything_said(as_alice, belongings)
    assert "Checking" in texts["accounts"]
    assert [(name, secret) for name, text in texts.items() for secret in secrets if secret and secret in text] == []
    # The dialog's page alone needs its token.
    assert {name for name, text in texts.items() if "link-sandbox-" in text} == {"connect {}", "reconnect {}"}


def test_it_says_the_policy_on_every_page(as_alice: Client, belongings: Belongings) -> None:
    for name, text in everything_said(as_alice, belongings).items():
        assert "default-src 'none'" in text, name
        assert "unsafe-" not in text.split("\n")[0], name
        assert "X-Request-ID" in text, name
        assert "no-store" in text, name
