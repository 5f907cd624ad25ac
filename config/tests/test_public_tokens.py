"""Public tokens, with the sandbox as provider: each is valid once, and only for the dialog that created it."""

from collections.abc import Callable

import pytest

from accounts.models import User
from banking.linking.errors import LinkError
from banking.linking.exchange import finish_link
from banking.linking.sessions import LinkMetadata, OpenedLink, open_link
from banking.models import Item, LinkSession
from banking.plaid.client import connect
from banking.provider import PublicTokenRefused
from banking.tests.sandbox_process import Sandbox
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db(transaction=True)

METADATA = LinkMetadata("ins_109508", "First Platypus Bank", frozenset())
MakeToken = Callable[[Sandbox, User, User], str]


@pytest.fixture
def bank(sandbox: Sandbox, settings) -> Sandbox:
    settings.PLAID_URL, settings.PLAID_CLIENT_ID, settings.PLAID_SECRET = sandbox.url, sandbox.client_id, sandbox.secret
    return sandbox


def post_token(user: User, opened: OpenedLink, token: str) -> Item:
    return finish_link(user=user, session_id=opened.session.pk, public_token=token, metadata=METADATA)


def complete_dialog(bank: Sandbox, user: User, institution: str = "ins_109508") -> tuple[OpenedLink, str]:
    """Complete a dialog of the user's, and return it with its public token."""
    opened = open_link(user=user)
    return opened, bank.complete_link(opened.token.value, institution_id=institution)


def make_token_of_another_user(bank: Sandbox, alice: User, mallory: User) -> str:
    return complete_dialog(bank, alice)[1]


def make_token_of_another_dialog(bank: Sandbox, alice: User, mallory: User) -> str:
    return complete_dialog(bank, mallory, "ins_109511")[1]


def make_token_of_no_dialog(bank: Sandbox, alice: User, mallory: User) -> str:
    return bank.public_token()


@pytest.mark.parametrize("is_completed", [True, False])
@pytest.mark.parametrize(
    "make_token", [make_token_of_another_user, make_token_of_another_dialog, make_token_of_no_dialog]
)
def test_it_refuses_a_token_that_its_dialog_did_not_create(
    bank: Sandbox, alice: User, mallory: User, make_token: MakeToken, is_completed: bool
) -> None:
    token = make_token(bank, alice, mallory)
    opened = open_link(user=mallory)
    own = bank.complete_link(opened.token.value) if is_completed else ""
    with pytest.raises(LinkError):
        post_token(mallory, opened, token)
    # The token was not used.
    assert connect().exchange_public_token(token).access_token
    with tenant(mallory.pk):
        assert not Item.objects.for_user(mallory).exists()
    if own:
        assert post_token(mallory, opened, own).owner_id == mallory.pk


@pytest.mark.parametrize("is_completed", [True, False])
def test_it_accepts_the_owners_token_after_another_user_tried_it(
    bank: Sandbox, alice: User, mallory: User, is_completed: bool
) -> None:
    opened, token = complete_dialog(bank, alice)
    other = open_link(user=mallory)
    if is_completed:
        bank.complete_link(other.token.value)
    with pytest.raises(LinkError):
        post_token(mallory, other, token)
    assert post_token(alice, opened, token).owner_id == alice.pk


def test_it_refuses_tokens_for_another_users_dialog(bank: Sandbox, alice: User, mallory: User) -> None:
    opened, token = complete_dialog(bank, alice)
    with pytest.raises(LinkSession.DoesNotExist):
        post_token(mallory, opened, token)
    assert post_token(alice, opened, token).owner_id == alice.pk


def test_it_connects_once_however_often_a_token_is_posted(bank: Sandbox, alice: User, mallory: User) -> None:
    opened, token = complete_dialog(bank, alice)
    item = post_token(alice, opened, token)
    assert post_token(alice, opened, token).pk == item.pk
    with pytest.raises(LinkError):
        post_token(alice, open_link(user=alice), token)
    with pytest.raises(LinkError):
        post_token(mallory, open_link(user=mallory), token)
    with pytest.raises(PublicTokenRefused):
        connect().exchange_public_token(token)
    with tenant(alice.pk):
        assert Item.objects.for_user(alice).count() == 1


@pytest.mark.parametrize("environment", ["production", "development", "embedded"])
def test_it_refuses_a_token_of_another_environment(bank: Sandbox, alice: User, environment: str) -> None:
    opened, token = complete_dialog(bank, alice)
    with pytest.raises(LinkError):
        post_token(alice, opened, token.replace("public-sandbox-", f"public-{environment}-"))
    assert connect().exchange_public_token(token).access_token
