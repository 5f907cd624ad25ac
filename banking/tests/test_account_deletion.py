"""What the deletion of an account does to its banks: disconnected, and removed at the provider until it confirms."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from uuid import UUID

import pytest
import time_machine
from django.utils import timezone

from accounts.deletion import requests
from accounts.models import User
from banking import tasks
from banking.linking import orphaned_removals, removals
from banking.models import Connection, Item, LinkSession, OrphanedRemoval, PendingRemoval, Transaction
from banking.provider import ItemNotFound, Unavailable
from banking.providers import provider_for
from banking.sync import sync_item
from banking.tests.account_erasure import erase
from banking.tests.factories import make_account, make_transaction
from banking.tests.scripted_provider import ScriptedProvider
from compliance.isolation import SYSTEM, tenant
from compliance.models import DataKey
from compliance.personal_data.processors import ErasureDelayed
from compliance.personal_data.receipts import ErasureReceipt
from compliance.vault import data_keys
from compliance.vault.keyring import keyring

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "ops"])


def list_orphans() -> list[OrphanedRemoval]:
    with tenant(SYSTEM):
        return list(OrphanedRemoval.objects.all())


def get_connection(item: Item) -> str:
    with tenant(item.owner_id):
        return Item.objects.get(pk=item.pk).connection


def run_due_removals() -> None:
    """Run the removals that Celery beat would queue."""
    for removal in list_orphans():
        tasks.remove_orphan_at_provider(str(removal.pk))


def test_a_request_disconnects_each_bank_and_keeps_its_history(alice: User, item: Item) -> None:
    transaction = make_transaction(make_account(item), "-4.33")
    requests.request_deletion(user=alice)
    assert get_connection(item) == Connection.REMOVING
    with tenant(alice.pk):
        assert PendingRemoval.objects.get().item_id == item.pk
        assert Transaction.objects.filter(pk=transaction.pk).exists()
    assert sync_item(owner_id=alice.pk, item_id=item.pk, trigger="test").ran is False


def test_an_erasure_leaves_only_the_token_until_the_provider_confirms(
    alice: User, item: Item, provider: ScriptedProvider, as_operator: Callable[..., list[tuple[object, ...]]]
) -> None:
    make_transaction(make_account(item), "-4.33")
    requests.request_deletion(user=alice, at_once=True)
    assert erase(alice)
    assert as_operator("SELECT count(*) FROM banking_item") == [(0,)]
    [orphan] = list_orphans()
    assert (orphan.provider_item_id, orphan.environment) == (item.provider_item_id, item.environment)
    run_due_removals()
    assert provider.removed_tokens == ["access-sandbox-secret"]
    assert list_orphans() == []


def test_a_removal_is_retried_after_the_erasure_while_the_provider_is_down(
    alice: User, item: Item, provider: ScriptedProvider
) -> None:
    provider.removal_error = Unavailable("INTERNAL_SERVER_ERROR")
    requests.request_deletion(user=alice, at_once=True)
    assert erase(alice)
    run_due_removals()
    [orphan] = list_orphans()
    assert (orphan.error_code, orphan.attempts) == ("INTERNAL_SERVER_ERROR", 1)
    assert orphaned_removals.list_due_orphans(limit=10) == []
    provider.removal_error = None
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        assert orphaned_removals.list_due_orphans(limit=10) == [orphan.pk]
        run_due_removals()
    assert list_orphans() == []


def test_a_removal_ends_when_the_provider_no_longer_knows_the_item(
    alice: User, item: Item, provider: ScriptedProvider
) -> None:
    provider.removal_error = ItemNotFound("ITEM_NOT_FOUND")
    requests.request_deletion(user=alice, at_once=True)
    assert erase(alice)
    run_due_removals()
    assert list_orphans() == []


def test_a_removal_that_the_provider_confirmed_before_leaves_nothing(
    alice: User, item: Item, provider: ScriptedProvider
) -> None:
    requests.request_deletion(user=alice, at_once=True)
    with tenant(alice.pk):
        removal = PendingRemoval.objects.get()
    removals.remove_at_provider(owner_id=alice.pk, removal_id=removal.pk)
    assert erase(alice)
    assert list_orphans() == []


def read_pending(owner_id: UUID) -> dict[str, int]:
    """What the receipt of a user says is still to be done elsewhere."""
    with tenant(owner_id):
        return json.loads(ErasureReceipt.objects.get().document)["pending"]


def test_a_token_that_cannot_be_read_does_not_stop_the_erasure(
    alice: User, item: Item, damage_keys: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    damage_keys(alice.pk)
    requests.request_deletion(user=alice, at_once=True)
    assert erase(alice)
    assert f"Item {item.provider_item_id} exists at the provider" in caplog.text
    assert read_pending(alice.pk) == {"connections_to_remove_at_provider": 0, "connections_we_could_not_remove": 1}


def test_a_removal_whose_token_is_lost_stays_with_the_operators_and_is_not_retried(
    alice: User, item: Item, damage_keys: Callable[..., None]
) -> None:
    damage_keys(alice.pk)
    requests.request_deletion(user=alice, at_once=True)
    assert erase(alice)
    [orphan] = list_orphans()
    assert (orphan.provider_item_id, orphan.access_token) == (item.provider_item_id, None)
    assert (orphan.attempts, orphan.next_attempt_at, orphan.error_code) == (1, None, "CREDENTIAL_UNREADABLE")
    with time_machine.travel(timezone.now() + timedelta(days=400)):
        assert orphaned_removals.list_due_orphans(limit=10) == []
        run_due_removals()
    assert [row.pk for row in list_orphans()] == [orphan.pk]


@pytest.fixture
def keys_of_alice(alice: User) -> Iterator[Callable[[str], None]]:
    """Name the key that Alice's data keys are wrapped under. Keys outlive a test, so they are restored afterwards."""
    keys, primary = DataKey.objects.using("ops").filter(owner=alice.pk), keyring().primary

    def name(kek: str) -> None:
        keys.update(kek=kek)
        data_keys.clear_cache()

    yield name
    name(primary)


@pytest.mark.parametrize("has_just_failed", [False, True])
def test_an_erasure_waits_for_a_key_that_can_be_put_back(
    alice: User,
    item: Item,
    keys_of_alice: Callable[[str], None],
    caplog: pytest.LogCaptureFixture,
    has_just_failed: bool,
) -> None:
    """The token is not lost. A key that has just failed to open is not tried again, so the error does not say why."""
    keys_of_alice("kek-20240101")
    requests.request_deletion(user=alice, at_once=True)
    if not has_just_failed:
        data_keys.clear_cache()
    with pytest.raises(ErasureDelayed):
        erase(alice)
    assert (
        "FIELD_KEYS lacks kek-20240101"
        in [record for record in caplog.records if record.levelname == "ERROR"][-1].message
    )
    assert list_orphans() == []
    keys_of_alice(keyring().primary)
    assert erase(alice)
    [orphan] = list_orphans()
    assert orphan.access_token.reveal() == "access-sandbox-secret"
    assert read_pending(alice.pk) == {"connections_to_remove_at_provider": 1, "connections_we_could_not_remove": 0}


def test_an_erasure_waits_for_no_key_if_the_token_is_missing(
    alice: User, item: Item, keys_of_alice: Callable[[str], None]
) -> None:
    keys_of_alice("kek-20240101")
    with tenant(alice.pk):
        Item.objects.filter(pk=item.pk).update(connection=Connection.REMOVING, access_token=None)
        PendingRemoval.objects.create(owner=alice, item=item)
    requests.request_deletion(user=alice, at_once=True)
    assert erase(alice)
    assert read_pending(alice.pk) == {"connections_to_remove_at_provider": 0, "connections_we_could_not_remove": 1}


@pytest.mark.parametrize(("removed_at", "is_lost"), [(timezone.now(), False), (None, True)])
def test_a_token_that_is_missing_does_not_stop_the_erasure(
    alice: User, item: Item, caplog: pytest.LogCaptureFixture, removed_at: datetime | None, is_lost: bool
) -> None:
    """The provider removed the Item before and only its history was left to delete; or the token was lost."""
    state = Connection.REMOVED if removed_at else Connection.REMOVING
    with tenant(alice.pk):
        Item.objects.filter(pk=item.pk).update(connection=state, removed_at=removed_at, access_token=None)
        PendingRemoval.objects.create(owner=alice, item=item, history=PendingRemoval.History.DELETE)
    requests.request_deletion(user=alice, at_once=True)
    assert erase(alice)
    assert len(list_orphans()) == read_pending(alice.pk)["connections_we_could_not_remove"] == int(is_lost)
    assert (f"Item {item.provider_item_id} exists at the provider" in caplog.text) is is_lost


def lose_link(user: User, **fields: object) -> None:
    """Store a link session whose access token did not arrive, so that an Item may exist that nobody holds."""
    with tenant(user.pk):
        LinkSession.objects.create(
            owner=user,
            expires_at=timezone.now(),
            link_token_hash="1" * 64,
            **{
                "environment": provider_for("plaid").environment,
                "state": LinkSession.State.LOST,
                "error_code": "EXCHANGE_LOST",
            }
            | fields,
        )


def test_an_item_whose_token_never_arrived_stays_with_the_operators(alice: User, provider: ScriptedProvider) -> None:
    lose_link(alice, link_session_id="link-session-1", request_id="req-lost")
    requests.request_deletion(user=alice, at_once=True)
    assert erase(alice)
    [orphan] = list_orphans()
    assert (orphan.link_session_id, orphan.request_id, orphan.provider_item_id) == ("link-session-1", "req-lost", "")
    assert (orphan.access_token, orphan.next_attempt_at, orphan.error_code) == (None, None, "EXCHANGE_LOST")
    assert (orphan.provider, orphan.environment) == ("plaid", provider_for("plaid").environment)
    assert read_pending(alice.pk) == {"connections_to_remove_at_provider": 0, "connections_we_could_not_remove": 1}
    with time_machine.travel(timezone.now() + timedelta(days=400)):
        assert orphaned_removals.list_due_orphans(limit=10) == []


@pytest.mark.parametrize("state", [LinkSession.State.LOST, LinkSession.State.PENDING])
def test_a_link_of_another_environment_that_is_billed_stays_with_the_operators(
    alice: User, provider: ScriptedProvider, state: str
) -> None:
    """Nobody recovers a pending one there: its token was requested, and the site then used another environment."""
    fields = {"state": state, "exchange_sent_at": timezone.now(), "error_code": ""}
    lose_link(alice, link_session_id="link-session-1", environment="production", **fields)
    requests.request_deletion(user=alice, at_once=True)
    assert erase(alice)
    [orphan] = list_orphans()
    assert (orphan.link_session_id, orphan.environment) == ("link-session-1", "production")
    assert (orphan.error_code, orphan.next_attempt_at) == ("EXCHANGE_LOST", None)
    assert read_pending(alice.pk)["connections_we_could_not_remove"] == 1


@pytest.mark.parametrize("fields", [{"environment": "elsewhere"}, {"state": LinkSession.State.FAILED}])
def test_a_link_that_left_no_item_here_leaves_nothing(
    alice: User, provider: ScriptedProvider, fields: dict[str, object]
) -> None:
    """It is of another environment, or it failed before the exchange."""
    with tenant(alice.pk):
        lose_link(alice)
        LinkSession.objects.update(**fields)
    requests.request_deletion(user=alice, at_once=True)
    assert erase(alice)
    assert list_orphans() == []
    assert read_pending(alice.pk) == {"connections_to_remove_at_provider": 0, "connections_we_could_not_remove": 0}
