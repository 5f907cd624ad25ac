"""Links and syncs while an account is deleted: they connect no bank and leave no row, and an erasure waits for them."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.deactivation import deactivate
from accounts.deletion import requests
from accounts.models import DeletionRequest, User
from banking.linking import recovery
from banking.linking.errors import LinkError
from banking.linking.exchange import finish_link
from banking.linking.link_messages import message_for
from banking.linking.sessions import LinkMetadata, open_link, token_hash
from banking.models import Item, LinkSession, Transaction
from banking.provider import Credential
from banking.providers import provider_for
from banking.sync import item_state, sync_item
from banking.tests.account_erasure import erase, erase_later
from banking.tests.scripted_provider import ScriptedProvider, link_result, transaction_row, transactions_page
from banking.tests.sync_runs import get_last_run
from banking.tests.test_sync_lease import wait_until
from compliance.isolation import tenant
from compliance.personal_data.processors import ErasureDelayed
from compliance.tests.threads import is_blocking

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "ops"])

PUBLIC_TOKEN = "public-sandbox-1"


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
