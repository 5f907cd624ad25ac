"""Request every URL of the site as an anonymous user, as Alice and as Mallory. A new URL fails until it is listed."""

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

from accounts.agreements.middleware import ALLOWED_WITHOUT_AGREEMENT
from accounts.deletion.middleware import ALLOWED_WHILE_PENDING
from accounts.mfa.middleware import ALLOWED_WITHOUT_SECOND_FACTOR
from accounts.models import User
from accounts.tests.totp import SECRET as APP_SECRET
from accounts.tests.totp import add_recovery_codes
from banking.models import BalanceSnapshot
from banking.tests.link_dialog import AGREED
from banking.tests.scripted_provider import ScriptedProvider
from compliance.isolation import tenant
from config.models import PolicyViolation
from config.tests.owned_objects import CANARIES, FIXED_ARGUMENTS, OwnedObjects, get_url
from config.tests.routes import EXPECTED_RESPONSES, ROUTE_NAMES, USERS, list_routes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_cache")]

# A signature or the dialog's own token replaces the CSRF token.
WITHOUT_CSRF_TOKEN = {"webhook-plaid", "sandbox", "policy_reports"}
WITH_IDS = [
    route.name
    for route in list_routes()
    if route.pattern.pattern.regex.groups and not (route.name in FIXED_ARGUMENTS or route.name.startswith("admin:"))
]
REAUTHENTICATION_ROUTES = ("account_reauthenticate", "mfa_reauthenticate", "mfa_reauthenticate_webauthn")


@pytest.fixture
def as_alice(as_alice: Client, alice: User, with_second_factor: Callable[..., Client]) -> Client:
    """Alice has an authenticator app and recovery codes, and has just entered a code."""
    add_recovery_codes(alice)
    return with_second_factor(as_alice, alice)


# --- Permissions ------------------------------------------------------------------------------------------


@pytest.fixture
def clients(settings, as_mallory: Client, as_alice: Client, as_staff: Client, as_root: Client) -> dict[str, Client]:
    """A client for each kind of user in ``routes``, who may send more requests in a minute than the limits allow."""
    settings.RATELIMIT_ENABLE = False
    return dict(zip(USERS, (Client(), as_mallory, as_alice, as_staff, as_root), strict=True))


# The fields of forms that change a row; all other forms respond with their errors.
FIELDS = {"public_token": "public-sandbox-1", "metadata": "{}", "history": "delete"}


def describe_response(client: Client, method: str, url: str) -> str:
    """The response of a URL, as ``routes`` writes it. All changes are rolled back."""
    client_copy = Client()
    client_copy.cookies = copy(client.cookies)
    outer_transaction = transaction.atomic()
    # Django's test cases do this too, so that a durable transaction is allowed inside.
    outer_transaction._from_testcase = True
    with outer_transaction:
        response = getattr(client_copy, method)(url, FIELDS if method == "post" else None)
        transaction.set_rollback(True)
    return classify_response(response, url)


def classify_response(response: HttpResponse, url: str) -> str:
    target = response.headers.get("Location", "")
    if target in (f"{reverse(name)}?next={quote(url)}" for name in ("account_login", "admin:login")):
        return "in"
    if target == reverse("security"):
        return "2fa"
    if target.startswith(tuple(map(reverse, REAUTHENTICATION_ROUTES))):
        return "ask"
    return "on" if target else str(response.status_code)


def describe_responses(client: Client, owned_objects: OwnedObjects, names: Iterable[str]) -> dict[str, str]:
    """The responses of each URL to a GET and to a POST."""
    return {
        name: "/".join(describe_response(client, method, get_url(name, owned_objects)) for method in ("get", "post"))
        for name in names
    }


def test_it_lists_the_responses_of_every_url() -> None:
    assert [name for name, count in Counter(ROUTE_NAMES).items() if count > 1 or name.endswith("None")] == []
    assert set(ROUTE_NAMES) == set(EXPECTED_RESPONSES)


@pytest.mark.parametrize("allowed", [ALLOWED_WHILE_PENDING, ALLOWED_WITHOUT_AGREEMENT, ALLOWED_WITHOUT_SECOND_FACTOR])
def test_the_lists_of_pages_that_are_always_allowed_name_only_urls_that_exist(allowed: frozenset[str]) -> None:
    assert allowed - {"sandbox"} <= set(ROUTE_NAMES)


@pytest.mark.parametrize("user", USERS)
def test_it_responds_to_each_kind_of_user_as_listed(
    clients: dict[str, Client], owned_objects: OwnedObjects, user: str
) -> None:
    names = [name for name in ROUTE_NAMES if not (user == "operator" and name.startswith("admin:"))]
    responses = describe_responses(clients[user], owned_objects, names)
    assert responses == {name: EXPECTED_RESPONSES[name][user] for name in names}


@pytest.mark.django_db(transaction=True, databases=["default", "viewer"])
def test_it_responds_to_operators_as_listed(clients: dict[str, Client], owned_objects: OwnedObjects) -> None:
    """In a test of its own, because the operators' database role sees only committed rows."""
    names = [name for name in ROUTE_NAMES if name.startswith("admin:")]
    PolicyViolation.objects.create(id=1, day="2026-11-22", first_at=timezone.now(), last_at=timezone.now())
    responses = describe_responses(clients["operator"], owned_objects, names)
    assert responses == {name: EXPECTED_RESPONSES[name]["operator"] for name in names}


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "trace"])
def test_it_redirects_anonymous_users_to_the_sign_in_for_any_method(owned_objects: OwnedObjects, method: str) -> None:
    urls = [
        get_url(name, owned_objects) for name, row in EXPECTED_RESPONSES.items() if row["anonymous"].startswith("in")
    ]
    assert {url for url in urls if describe_response(Client(), method, url) != "in"} == set()


@pytest.mark.parametrize("name", WITH_IDS)
def test_it_does_not_reveal_that_another_users_objects_exist(
    as_mallory: Client, owned_objects: OwnedObjects, name: str
) -> None:
    alices = owned_objects.get_arguments(name)
    missing = reverse(name, args=[uuid4() if isinstance(argument, UUID) else 999_999 for argument in alices])
    responses = [describe_response(as_mallory, method, get_url(name, owned_objects)) for method in ("get", "post")]
    assert responses == [describe_response(as_mallory, method, missing) for method in ("get", "post")]
    assert set(responses) <= {"404", "405"}
    assert "404" in responses


@pytest.mark.parametrize("name", sorted(set(ROUTE_NAMES) - WITHOUT_CSRF_TOKEN))
def test_it_refuses_forms_without_a_csrf_token(alice: User, owned_objects: OwnedObjects, name: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    refused = client.post(get_url(name, owned_objects))
    assert refused.status_code == 403
    assert "Send that form again" in refused.content.decode()


def test_it_does_not_reveal_objects_by_redirects_of_similar_urls(
    as_mallory: Client, owned_objects: OwnedObjects
) -> None:
    for url in (
        f"/bank-accounts/{owned_objects.item.pk}",
        f"/bank-accounts/account/{str(owned_objects.account.pk).upper()}/",
    ):
        assert as_mallory.get(url, follow=True).status_code == 404


# --- What no response may contain -------------------------------------------------------------------------


def read_all_responses(client: Client, owned_objects: OwnedObjects) -> dict[str, str]:
    """The headers and bodies of every page, and of the responses to some forms."""
    responses = {name: client.get(get_url(name, owned_objects)) for name in ROUTE_NAMES if name != "account_logout"}
    responses |= {
        f"{name} {fields}": client.post(get_url(name, owned_objects), fields)
        for name, fields in (
            ("connect", AGREED),
            ("reconnect", {}),
            ("disconnect", {"history": "junk"}),
            ("finish_link", {}),
            ("finish_link", {"public_token": "public-sandbox-1"}),
            ("close_link", {"error_code": "INTERNAL_SERVER_ERROR"}),
            ("refresh", {}),
            ("refresh_all", {}),
        )
    }
    return {name: f"{response.headers}\n{response.getvalue().decode()}" for name, response in responses.items()}


def test_it_sends_no_secret_to_a_browser(
    as_alice: Client, alice: User, owned_objects: OwnedObjects, provider: ScriptedProvider
) -> None:
    with tenant(alice.pk):
        stored = {str(getattr(owned_objects.item, name)) for name in ("provider_item_id", "cursor", "lease_holder")}
        assert owned_objects.item.access_token.reveal() == CANARIES["access_token"]
        assert stored == {str(value) for name, value in CANARIES.items() if name != "access_token"}
        assert BalanceSnapshot.objects.for_user(alice).count() == 3
    secrets = [
        *map(str, CANARIES.values()),
        "access-sandbox-secret",
        "canary",
        owned_objects.session.link_token_hash,
        "public-sandbox-1",
        str(alice.link_id),
        alice.password,
        APP_SECRET,
    ]
    texts = read_all_responses(as_alice, owned_objects)
    assert "Checking" in texts["accounts"]
    assert [(name, secret) for name, text in texts.items() for secret in secrets if secret and secret in text] == []
    # Only the pages of the dialog need its token.
    assert {name for name, text in texts.items() if "link-sandbox-" in text} == {f"connect {AGREED}", "reconnect {}"}


def test_it_sends_the_policy_with_every_response(as_alice: Client, owned_objects: OwnedObjects) -> None:
    for name, text in read_all_responses(as_alice, owned_objects).items():
        assert "default-src 'none'" in text, name
        assert "unsafe-" not in text.split("\n")[0], name
        assert "X-Request-ID" in text, name
        assert "no-store" in text, name
