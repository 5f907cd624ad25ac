"""What banking's tests start from: a scripted provider and an Item of Alice's."""

from collections.abc import Callable

import pytest

from accounts.models import User
from banking.models import Institution, Item, Transaction
from banking.plaid.provider import PlaidProvider
from banking.tests.scripted_provider import ScriptedProvider
from compliance.isolation import tenant


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> ScriptedProvider:
    """Plaid's client, replaced by a script."""
    scripted = ScriptedProvider()
    monkeypatch.setattr(PlaidProvider, "connect", lambda self: scripted)
    return scripted


@pytest.fixture
def make_item(db: None) -> Callable[..., Item]:
    def make(owner: User, **facts: object) -> Item:
        bank, _ = Institution.objects.get_or_create(
            provider="plaid", provider_id="ins_1", defaults={"name": "First Platypus Bank"}
        )
        with tenant(owner.pk):
            return Item.objects.create(
                owner=owner,
                environment="embedded",
                institution=bank,
                institution_name=bank.name,
                access_token="access-sandbox-secret",
                **{"provider_item_id": f"item-{owner.pk}", **facts},
            )

    return make


@pytest.fixture
def item(alice: User, make_item: Callable[..., Item]) -> Item:
    """Alice's connection, linked and not yet read."""
    return make_item(alice)


@pytest.fixture
def stored_transactions(alice: User) -> Callable[[], dict[str, Transaction]]:
    """Alice's standing transactions by the provider's ids."""

    def read() -> dict[str, Transaction]:
        with tenant(alice.pk):
            rows = Transaction.objects.for_user(alice).filter(removed_at=None)
            return {row.provider_id: row for row in rows}

    return read
