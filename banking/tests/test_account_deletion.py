"""What the deletion of an account does to its banks: disconnected, and removed at the provider until it confirms."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from uuid import UUID

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from accounts.deactivation import deactivate
from accounts.deletion import erasure, requests
from accounts.models import DeletionRequest, User
from banking import tasks
from banking.linking import orphaned_removals, recovery, removals
from banking.linking.errors import LinkError
from banking.linking.exchange import finish_link
from banking.linking.link_messages import message_for
from banking.linking.sessions import LinkMetadata, open_link, token_hash
from banking.models import Connection, Item, LinkSession, OrphanedRemoval, PendingRemoval, Transaction
from banking.provider import Credential, ItemNotFound, Unavailable
from banking.providers import provider_for
from banking.sync import item_state, sync_item
from banking.tests.factories import make_account, make_transaction
from banking.tests.scripted_provider import ScriptedProvider, link_result, transaction_row, transactions_page
from banking.tests.sync_runs import get_last_run
from banking.tests.test_sync_lease import wait_until
from compliance.isolation import SYSTEM, tenant
from compliance.models import DataKey
from compliance.personal_data.processors import ErasureDelayed
from compliance.personal_data.receipts import ErasureReceipt
from compliance.tests.threads import is_blocking
from compliance.vault import data_keys
from compliance.vault.keyring import keyring

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "ops"])

PUBLIC_TOKEN = "public-sandbox-1"


def list_orphans() -> list[OrphanedRemoval]:
    with tenant(SYSTEM):
        return list(OrphanedRemoval.objects.all())


def erase(user: User) -> bool:
    return erasure.erase_account(owner_id=user.pk) is not None


def erase_later(user: User) -> bool:
    """Erase the account of a user after the time in which they can cancel."""
    with time_machine.travel(timezone.now() + requests.GRACE_PERIOD + timedelta(minutes=1)):
        return erase(user)


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
            state=LinkSession.State.LOST,
            error_code="EXCHANGE_LOST",
            expires_at=timezone.now(),
            **{"environment": provider_for("plaid").environment, "link_token_hash": "1" * 64} | fields,
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


def test_an_erasure_waits_for_a_link_that_is_being_recovered(alice: User, item: Item) -> None:
    with tenant(alice.pk):
        session = LinkSession.objects.create(
            owner=alice,
            environment=item.environment,
            state=LinkSession.State.PENDING,
            link_token_hash="1" * 64,
            expires_at=timezone.now() + timedelta(hours=4),
        )
    requests.request_deletion(user=alice, at_once=True)
    with pytest.raises(ErasureDelayed):
        erase(alice)
    assert User.objects.filter(pk=alice.pk).exists()
    with tenant(alice.pk):
        LinkSession.objects.filter(pk=session.pk).update(state=LinkSession.State.FAILED)
    assert erase(alice)


@pytest.fixture
def session(alice: User, provider: ScriptedProvider) -> LinkSession:
    """A link session of Alice's whose dialog has ended with a bank, as the provider confirms."""
    opened = open_link(user=alice)
    provider.link_results = {opened.token.value: [link_result(PUBLIC_TOKEN)]}
    return opened.session


def finish_session(user: User, session: LinkSession) -> Item:
    metadata = LinkMetadata("", "", frozenset())
    return finish_link(user=user, session_id=session.pk, public_token=PUBLIC_TOKEN, metadata=metadata)


def assert_not_connected(session: LinkSession, provider: ScriptedProvider) -> None:
    """Nothing of the link is left: no Item on this site or at the provider, and no attempt to recover it."""
    assert provider.removed_tokens == ["access-sandbox-secret"]
    with tenant(session.owner_id):
        assert not Item.objects.exists()
        assert LinkSession.objects.get(pk=session.pk).state == LinkSession.State.FAILED


@pytest.mark.parametrize(
    "stop", [lambda user: requests.request_deletion(user=user), lambda user: deactivate(user=user, actor=None)]
)
def test_a_link_that_is_finished_after_the_request_connects_no_bank(
    alice: User,
    session: LinkSession,
    provider: ScriptedProvider,
    monkeypatch: pytest.MonkeyPatch,
    stop: Callable[[User], object],
) -> None:
    """The request comes while the provider exchanges the token of a link, which the account may no longer have."""
    exchange_public_token = provider.exchange_public_token

    def respond(public_token: str) -> Credential:
        stop(User.objects.get(pk=alice.pk))
        return exchange_public_token(public_token)

    monkeypatch.setattr(provider, "exchange_public_token", respond)
    with pytest.raises(LinkError) as error:
        finish_session(alice, session)
    message = message_for(error.value, provider=provider_for(session.provider))
    assert message == "Your account is deactivated or scheduled for deletion. No bank was connected."
    assert_not_connected(session, provider)


def test_a_link_waits_for_a_request_that_has_not_ended(
    alice: User,
    session: LinkSession,
    provider: ScriptedProvider,
) -> None:
    results: list[object] = []
    linker = threading.Thread(target=lambda: results.append(run_and_disconnect(lambda: finish_session(alice, session))))
    with tenant(alice.pk):
        requests.request_deletion(user=alice)
        linker.start()
        wait_until(is_blocking)
    linker.join(30)
    assert [str(result) for result in results] == ["stopped"]
    assert_not_connected(session, provider)


def test_a_link_that_is_recovered_after_the_request_connects_no_bank(
    alice: User, session: LinkSession, provider: ScriptedProvider
) -> None:
    with tenant(alice.pk):
        LinkSession.objects.filter(pk=session.pk).update(
            state=LinkSession.State.PENDING, public_token_hash=token_hash(PUBLIC_TOKEN)
        )
    requests.request_deletion(user=alice)
    assert recovery.recover_link(owner_id=alice.pk, session_id=session.pk) is None
    assert_not_connected(session, provider)
    assert erase_later(alice)


def test_an_erasure_during_a_sync_leaves_no_row(
    alice: User, item: Item, provider: ScriptedProvider, as_operator: Callable[..., list[tuple[object, ...]]]
) -> None:
    """The erasure comes while the sync downloads, so the sync finds no Item when it stores."""

    def respond() -> object:
        requests.request_deletion(user=alice, at_once=True)
        assert erase(alice)
        return transactions_page(added=[transaction_row("t1")], cursor="c1")

    provider.pages = [respond]
    assert sync_item(owner_id=alice.pk, item_id=item.pk, trigger="test").ran is False
    for table in ("banking_item", "banking_transaction", "banking_syncrun"):
        assert as_operator(f"SELECT count(*) FROM {table}") == [(0,)]
    assert as_operator("SELECT count(*) FROM compliance_datakey WHERE owner = %s", alice.pk) == [(0,)]


def test_a_request_during_a_sync_stores_nothing_more(alice: User, item: Item, provider: ScriptedProvider) -> None:
    def respond() -> object:
        requests.request_deletion(user=alice)
        return transactions_page(added=[transaction_row("t1")], cursor="c1")

    provider.pages = [respond]
    assert sync_item(owner_id=alice.pk, item_id=item.pk, trigger="test").ran is False
    assert get_last_run(item).result == "failed"
    with tenant(alice.pk):
        assert not Transaction.objects.exists()


def test_an_erasure_waits_for_a_sync_that_stores_rows(
    alice: User,
    item: Item,
    provider: ScriptedProvider,
    monkeypatch: pytest.MonkeyPatch,
    as_operator: Callable[..., list[tuple[object, ...]]],
) -> None:
    """The sync commits while the erasure waits for its Item. Neither may wait for the other's user row."""
    erased: list[object] = []
    eraser = threading.Thread(target=lambda: erased.append(run_and_disconnect(lambda: erase(alice))))
    record_success = item_state.record_success

    def start_erasure_first(**arguments: object) -> object:
        result = record_success(**arguments)
        eraser.start()
        wait_until(is_blocking)
        return result

    monkeypatch.setattr(item_state, "record_success", start_erasure_first)
    with tenant(alice.pk):
        DeletionRequest.objects.create(owner=alice, due_at=timezone.now())
    provider.pages = [transactions_page(added=[transaction_row("t1")], cursor="c1")]
    assert sync_item(owner_id=alice.pk, item_id=item.pk, trigger="test").ran
    eraser.join(30)
    assert erased == [True]
    assert as_operator("SELECT count(*) FROM banking_transaction") == [(0,)]


def run_and_disconnect(function: Callable[[], object]) -> object:
    try:
        return function()
    except Exception as error:
        return error
    finally:
        connection.close()
