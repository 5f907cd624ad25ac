"""Linking an institution that is not stored yet: it is created from the provider's result, and linked once."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from accounts.models import User
from banking.linking.disconnecting import disconnect_bank
from banking.linking.errors import DuplicateBank
from banking.linking.exchange import finish_link
from banking.linking.sessions import LinkMetadata, open_link
from banking.models import Connection, Institution, Item, LinkSession
from banking.provider import Credential, Unavailable
from banking.sync import sync_item
from banking.tests.scripted_provider import CARD, CHECKING, ScriptedProvider, link_result, transactions_page
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db(transaction=True)

Link = Callable[..., Item]
EMPTY_METADATA = LinkMetadata("", "", frozenset())


@pytest.fixture
def link(alice: User, provider: ScriptedProvider) -> Link:
    """Link a bank that the provider, and not the browser, names."""
    provider.item_details = replace(provider.item_details, institution_id="ins_new", institution_name="New Bank")
    provider.link_results = {}

    def link_bank(
        *, bank: str = "ins_new", accounts: object = (CHECKING,), user: User = alice, name: str = "New Bank"
    ) -> Item:
        opened = open_link(user=user)
        token = f"public-sandbox-{provider.links}"
        provider.credential = Credential(f"access-sandbox-{provider.links}", f"item-{provider.links}", "req")
        provider.link_results[opened.token.value] = [
            link_result(token, institution_id=bank, name=name, accounts=accounts)
        ]
        return finish_link(user=user, session_id=opened.session.pk, public_token=token, metadata=EMPTY_METADATA)

    return link_bank


def sync(item: Item, provider: ScriptedProvider) -> None:
    provider.pages = [transactions_page()]
    assert sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="test").ran
    with tenant(item.owner_id):
        item.refresh_from_db()


def test_it_stores_the_institution_when_linking(link: Link, alice: User) -> None:
    item = link()
    with tenant(alice.pk):
        bank = Item.objects.select_related("institution").get(pk=item.pk).institution
    assert (bank.provider_id, bank.name, bank.fetched_at) == ("ins_new", "New Bank", None)


def test_it_fetches_a_new_institution_in_the_first_sync(link: Link, provider: ScriptedProvider) -> None:
    item = link()
    sync(item, provider)
    bank = Institution.objects.get(provider_id="ins_new")
    assert (item.institution_id, bank.url, bank.fetched_at is not None) == (bank.pk, "https://bank.example", True)


def test_it_links_a_new_bank_once_before_its_first_sync(link: Link, alice: User, provider: ScriptedProvider) -> None:
    item = link()
    with pytest.raises(DuplicateBank) as error:
        link(accounts=(CARD, CHECKING))
    assert error.value.item.pk == item.pk
    assert provider.exchanged_tokens == ["public-sandbox-1"]
    with tenant(alice.pk):
        states = LinkSession.objects.for_user(alice).order_by("created_at").values_list("state", flat=True)
        assert list(states) == [LinkSession.State.LINKED, LinkSession.State.DUPLICATE]


@pytest.mark.parametrize("options", [{"accounts": (CARD,)}, {"bank": "ins_other"}, {"accounts": ()}])
def test_it_links_another_login_or_bank_besides_a_new_one(link: Link, options: dict[str, object]) -> None:
    assert link().pk != link(**options).pk


def test_it_links_a_bank_that_another_user_has_just_linked(link: Link, mallory: User) -> None:
    link()
    assert link(user=mallory).owner_id == mallory.pk


def test_it_links_a_new_bank_again_after_disconnecting(link: Link, alice: User) -> None:
    first = link()
    disconnect_bank(user=alice, item_id=first.pk, keep_history=True)
    assert link().pk != first.pk
    with tenant(alice.pk):
        assert LinkSession.objects.get(item=first).account_keys == []


def test_it_compares_the_stored_accounts_after_the_first_sync(
    link: Link, alice: User, provider: ScriptedProvider
) -> None:
    first = link()
    provider.listed_accounts = [CARD]
    sync(first, provider)
    assert link().pk != first.pk
    with pytest.raises(DuplicateBank):
        link(accounts=(CARD,))
    with tenant(alice.pk):
        assert LinkSession.objects.get(item=first).account_keys == []


def test_it_stores_the_institution_in_the_first_sync_if_linking_has_none(
    link: Link, provider: ScriptedProvider
) -> None:
    item = link(bank="", name="")
    assert item.institution_id is None
    sync(item, provider)
    assert Institution.objects.get(pk=item.institution_id).provider_id == "ins_new"


@pytest.mark.parametrize("bank", ["i" * 101, "i" * 5000])
def test_it_links_a_bank_with_an_overlong_id_without_institution(link: Link, bank: str) -> None:
    item = link(bank=bank)
    assert (item.connection, item.institution_id) == (Connection.ACTIVE, None)


def test_it_creates_no_institution_without_confirmation_of_the_provider(
    alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(token: str) -> None:
        raise Unavailable("TIMEOUT")

    monkeypatch.setattr(provider, "get_link_results", fail)
    session = open_link(user=alice).session
    metadata = LinkMetadata("ins_said", "A Bank", frozenset({("Checking", "0000")}))
    with pytest.raises(Unavailable):
        finish_link(user=alice, session_id=session.pk, public_token="public-sandbox-1", metadata=metadata)
    assert not Institution.objects.exists()
