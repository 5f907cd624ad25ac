"""Walks every address of the site as nobody, as Alice and as Mallory. A new address fails here until it is known."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from accounts.models import User
from banking.linking import open_link
from banking.models import Account, BalanceSnapshot, Item, LinkSession
from banking.tests.rows import account_at, balance_on, moved
from banking.tests.scripted import ScriptedProvider
from compliance.isolation import tenant
from config.tests.routes import NAMES, routes

pytestmark = pytest.mark.django_db

# Whoever adds a name here says that strangers may open it.
PUBLIC = {
    "home",
    "help",
    "live",
    "ready",
    "appearance",
    "webhook-plaid",
    "sandbox",
    "account_login",
    "account_logout",
    "account_inactive",
    "account_signup",
    "account_confirm_email",
    "account_confirm_login_code",
    "account_email_verification_sent",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
}
# What stands in for a form's token is a signature in one case and the dialog's own token in the other.
WITHOUT_FORM_TOKEN = {"webhook-plaid", "sandbox"}
PRIVATE = sorted(set(NAMES) - PUBLIC)
OTHERS_ARGUMENTS = {
    "account_confirm_email": ["MTIz:1abc:forged"],
    "account_reset_password_from_key": ["1", "set-password"],
    "sandbox": ["link/v2/stable/link-initialize.js"],
}
# Strings that stand in rows of Alice's and are nobody's business, her own browser's included.
CANARIES = {
    "access_token": "access-sandbox-canary",
    "provider_item_id": "canary-item-id",
    "cursor": "canary-cursor",
    "lease_holder": UUID(int=0xCA4A51),
}


@dataclass(frozen=True)
class Belongings:
    """One of each thing of Alice's that an address can name."""

    item: Item
    account: Account
    session: LinkSession

    def arguments(self, name: str) -> list[object]:
        """What a route's address takes. Raises ``NoReverseMatch`` for a route that this test does not know."""
        found = {"item_id": self.item.pk, "session_id": self.session.pk, "account_id": self.account.pk}
        if name in OTHERS_ARGUMENTS:
            return OTHERS_ARGUMENTS[name]
        converters = next(route for route in routes() if route.name == name).pattern.converters
        if unknown := set(converters) - set(found):
            raise NoReverseMatch(f"Tell this test what {unknown} of {name!r} may be.")
        return [found[converter] for converter in converters]


@pytest.fixture
def belongings(alice: User, make_item: Callable[..., Item], provider: ScriptedProvider) -> Belongings:
    item = make_item(alice, leased_until=timezone.now())
    with tenant(alice.pk):
        for name, value in CANARIES.items():
            setattr(item, name, value)
        item.save()
    account = account_at(item, provider_id="canary-account", persistent_id="canary-persistent")
    moved(account, "-4.33", provider_id="canary-transaction", pending_id="canary-pending")
    for days in range(3):
        balance_on(account, days, "100")
    return Belongings(item, account, open_link(user=alice).session)


@pytest.fixture
def nobody(db: None) -> Client:
    return Client()


def address(name: str, belongings: Belongings) -> str:
    return reverse(name, args=belongings.arguments(name))


def test_it_knows_every_address_by_name() -> None:
    assert "None" not in NAMES
    assert len(set(NAMES)) == len(NAMES)
    assert set(NAMES) > PUBLIC


@pytest.mark.parametrize("name", PRIVATE)
@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "options"])
def test_it_asks_strangers_to_sign_in(nobody: Client, belongings: Belongings, name: str, method: str) -> None:
    place = address(name, belongings)
    answer = getattr(nobody, method)(place)
    assert answer.status_code == 302
    assert answer.url == f"{reverse('account_login')}?next={place}"


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_it_shows_strangers_what_is_public(nobody: Client, belongings: Belongings, name: str) -> None:
    answer = nobody.get(address(name, belongings))
    # Without its program the sandbox's door says so.
    assert answer.status_code in ((503,) if name == "sandbox" else (200, 302, 405))
    assert "next=" not in answer.headers.get("Location", "")


@pytest.mark.parametrize("name", NAMES)
def test_it_opens_to_alice(as_alice: Client, belongings: Belongings, name: str) -> None:
    answer = as_alice.get(address(name, belongings))
    # Without its program the sandbox's door says so; without a password there is none to ask for again.
    unable = {"sandbox": (503,), "account_reauthenticate": (403,)}
    assert answer.status_code in unable.get(name, (200, 302, 405))
    assert not answer.headers.get("Location", "").startswith(reverse("account_login"))


@pytest.mark.parametrize(
    "name", [str(r.name) for r in routes() if set(r.pattern.converters) & {"item_id", "session_id", "account_id"}]
)
def test_it_hides_from_mallory_that_alices_things_exist(as_mallory: Client, belongings: Belongings, name: str) -> None:
    hers = address(name, belongings)
    nothing = reverse(name, args=[uuid4() for _ in belongings.arguments(name)])
    fields = {"public_token": "public-sandbox-1", "metadata": "{}", "history": "delete"}
    answers = [
        (as_mallory.get(place).status_code, as_mallory.post(place, fields).status_code) for place in (hers, nothing)
    ]
    assert answers[0] == answers[1]
    assert set(answers[0]) <= {404, 405}
    assert 404 in answers[0]


@pytest.mark.parametrize("name", sorted(set(NAMES) - WITHOUT_FORM_TOKEN))
def test_it_takes_no_form_from_another_site(alice: User, belongings: Belongings, name: str) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    refused = browser.post(address(name, belongings))
    assert refused.status_code == 403
    assert "Please send that again" in refused.content.decode()


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
    ]
    said = everything_said(as_alice, belongings)
    assert "Checking" in said["accounts"]
    assert [(name, secret) for name, text in said.items() for secret in secrets if secret and secret in text] == []
    # The dialog's page alone needs its token.
    assert {name for name, text in said.items() if "link-sandbox-" in text} == {"connect {}", "reconnect {}"}


def test_it_says_the_policy_on_every_page(as_alice: Client, belongings: Belongings) -> None:
    for name, text in everything_said(as_alice, belongings).items():
        assert "default-src 'none'" in text, name
        assert "unsafe-" not in text.split("\n")[0], name
        assert "X-Request-ID" in text, name
        assert "no-store" in text, name
