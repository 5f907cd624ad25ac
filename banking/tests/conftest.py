"""Fixtures of banking's tests: a scripted provider, Items, and a job queue that is down."""

from collections.abc import Callable

import pytest
from kombu.exceptions import OperationalError

from accounts.models import User
from banking import tasks
from banking.models import Account, Institution, Item, Transaction
from banking.plaid.provider import PlaidProvider
from banking.tests.account_removal_bank import ROWS, sync_page
from banking.tests.scripted_provider import ScriptedProvider
from compliance.isolation import tenant


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> ScriptedProvider:
    """Replaces Plaid's client; the test sets what it returns."""
    scripted = ScriptedProvider()
    monkeypatch.setattr(PlaidProvider, "connect", lambda self: scripted)
    return scripted


@pytest.fixture
def make_item(db: None) -> Callable[..., Item]:
    def make(owner: User, **fields: object) -> Item:
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
                **{"provider_item_id": f"item-{owner.pk}", **fields},
            )

    return make


@pytest.fixture
def item(alice: User, make_item: Callable[..., Item]) -> Item:
    """An Item of Alice's that has not been synced yet."""
    return make_item(alice)


@pytest.fixture
def stored_transactions(alice: User) -> Callable[[], dict[str, Transaction]]:
    """Return Alice's current transactions by their id at the provider."""

    def load() -> dict[str, Transaction]:
        with tenant(alice.pk):
            rows = Transaction.objects.for_user(alice).filter(removed_at=None)
            return {row.provider_id: row for row in rows}

    return load


@pytest.fixture
def queue_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make queueing a job fail, as when Redis is unreachable."""

    def refuse_connection(*args: object, **options: object) -> None:
        raise OperationalError("Error 2 connecting to redis.sock")

    for task in (tasks.sync_item, tasks.remove_at_provider, tasks.process_webhook):
        monkeypatch.setattr(task, "apply_async", refuse_connection)


@pytest.fixture
def synced_item(item: Item, provider: ScriptedProvider) -> Item:
    """Alice's bank with a checking account and a card, two transactions each."""
    sync_page(item, provider, added=ROWS)
    return item


@pytest.fixture
def card(synced_item: Item) -> Account:
    with tenant(synced_item.owner_id):
        return Account.objects.get(provider_id="acc-card")
