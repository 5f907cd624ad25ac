"""Public tokens of others, against the sandbox itself: each opens the one dialog that made it, once, and no other."""

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

CHOSEN = LinkMetadata("ins_109508", "First Platypus Bank", frozenset())
Foreign = Callable[[Sandbox, User, User], str]


@pytest.fixture
def bank(sandbox: Sandbox, settings) -> Sandbox:
    settings.PLAID_URL, settings.PLAID_CLIENT_ID, settings.PLAID_SECRET = sandbox.url, sandbox.client_id, sandbox.secret
    return sandbox


def post(user: User, opened: OpenedLink, token: str) -> Item:
    return finish_link(user=user, session_id=opened.session.pk, public_token=token, metadata=CHOSEN)


def walk_dialog(bank: Sandbox, user: User, institution: str = "ins_109508") -> tuple[OpenedLink, str]:
    """A dialog of somebody's that was gone through, and the public token that it gave."""
    opened = open_link(user=user)
    return opened, bank.complete_link(opened.token.value, institution_id=institution)


def of_another_person(bank: Sandbox, alice: User, mallory: User) -> str:
    return walk_dialog(bank, alice)[1]


def of_another_dialog(bank: Sandbox, alice: User, mallory: User) -> str:
    return walk_dialog(bank, mallory, "ins_109511")[1]


def of_no_dialog(bank: Sandbox, alice: User, mallory: User) -> str:
    return bank.public_token()


@pytest.mark.parametrize("is_walked", [True, False])
@pytest.mark.parametrize("foreign", [of_another_person, of_another_dialog, of_no_dialog])
def test_it_takes_no_token_that_its_dialog_did_not_make(
    bank: Sandbox, alice: User, mallory: User, foreign: Foreign, is_walked: bool
) -> None:
    token = foreign(bank, alice, mallory)
    opened = open_link(user=mallory)
    own = bank.complete_link(opened.token.value) if is_walked else ""
    with pytest.raises(LinkError):
        post(mallory, opened, token)
    # Nothing was spent.
    assert connect().exchange_public_token(token).access_token
    with tenant(mallory.pk):
        assert not Item.objects.for_user(mallory).exists()
    if own:
        assert post(mallory, opened, own).owner_id == mallory.pk


@pytest.mark.parametrize("is_walked", [True, False])
def test_it_lets_its_owner_in_with_a_token_that_somebody_else_has_tried(
    bank: Sandbox, alice: User, mallory: User, is_walked: bool
) -> None:
    opened, token = walk_dialog(bank, alice)
    other = open_link(user=mallory)
    if is_walked:
        bank.complete_link(other.token.value)
    with pytest.raises(LinkError):
        post(mallory, other, token)
    assert post(alice, opened, token).owner_id == alice.pk


def test_it_takes_nothing_through_another_persons_dialog(bank: Sandbox, alice: User, mallory: User) -> None:
    opened, token = walk_dialog(bank, alice)
    with pytest.raises(LinkSession.DoesNotExist):
        post(mallory, opened, token)
    assert post(alice, opened, token).owner_id == alice.pk


def test_it_connects_once_however_often_a_token_is_posted(bank: Sandbox, alice: User, mallory: User) -> None:
    opened, token = walk_dialog(bank, alice)
    item = post(alice, opened, token)
    assert post(alice, opened, token).pk == item.pk
    with pytest.raises(LinkError):
        post(alice, open_link(user=alice), token)
    with pytest.raises(LinkError):
        post(mallory, open_link(user=mallory), token)
    with pytest.raises(PublicTokenRefused):
        connect().exchange_public_token(token)
    with tenant(alice.pk):
        assert Item.objects.for_user(alice).count() == 1


@pytest.mark.parametrize("environment", ["production", "development", "embedded"])
def test_it_takes_no_token_of_another_environment(bank: Sandbox, alice: User, environment: str) -> None:
    opened, token = walk_dialog(bank, alice)
    with pytest.raises(LinkError):
        post(alice, opened, token.replace("public-sandbox-", f"public-{environment}-"))
    assert connect().exchange_public_token(token).access_token
