"""Which of a user's connections to one bank takes precedence as they fail, recover, change ids and end."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine

from accounts.models import User
from banking import connections
from banking.linking import disconnecting
from banking.models import Account, Connection, Item, PendingRemoval
from banking.provider import InstitutionDown, LoginRequired, ProviderError
from banking.tests.scripted_provider import CARD, CHECKING, ScriptedProvider, transaction_row
from banking.tests.sync_runs import StoredTransactions, run_sync
from compliance.audit.events import AuditEvent
from compliance.isolation import tenant
from config.tests.duplicate_connection import (
    TODAY,
    clock,
    copy_with_new_id,
    get_bank_balance,
    make_rows,
    revoke,
    second_item,
    sync_with,
)

__all__ = ["clock", "second_item", "sync_with"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("clock")]

NEW = copy_with_new_id(CHECKING)


@pytest.fixture
def newer_item(item: Item, second_item: Item, sync_with: Callable[..., None]) -> Item:
    """Alice's newer connection, which has precedence. Both are active; the older one has one transaction more."""
    sync_with(item, [CHECKING], make_rows(CHECKING, 20))
    sync_with(second_item, [NEW], make_rows(NEW, 20))
    sync_with(item, [CHECKING], [transaction_row("later", "-77", date=TODAY, authorized_date=None)], cursor="c2")
    return second_item


def fail_sync(provider: ScriptedProvider, item: Item, error: ProviderError) -> None:
    provider.pages = [error]
    run_sync(item)


def get_state(item: Item) -> str:
    with tenant(item.owner_id):
        item.refresh_from_db()
    return item.connection


# --- One of two active connections fails ------------------------------------------------------------------


def test_it_shows_the_healthy_connections_data_when_the_preferred_one_needs_a_sign_in(
    newer_item: Item, stored_transactions: StoredTransactions, provider: ScriptedProvider
) -> None:
    assert "later" not in stored_transactions()
    fail_sync(provider, newer_item, LoginRequired("ITEM_LOGIN_REQUIRED"))
    assert (len(stored_transactions()), "later" in stored_transactions()) == (21, True)


def test_it_shows_the_healthy_connections_data_even_when_the_preferred_one_still_syncs(
    newer_item: Item,
    stored_transactions: StoredTransactions,
    provider: ScriptedProvider,
    sync_with: Callable[..., None],
) -> None:
    error = LoginRequired("ITEM_LOGIN_REQUIRED")
    provider.item_details = replace(provider.item_details, error_code=error.code, error=error)
    sync_with(newer_item, [NEW], cursor="c2")
    assert get_state(newer_item) == Connection.LOGIN_REQUIRED
    assert (len(stored_transactions()), "later" in stored_transactions()) == (21, True)


def test_it_prefers_another_connection_after_half_a_day_without_a_sync(
    item: Item,
    newer_item: Item,
    alice: User,
    stored_transactions: StoredTransactions,
    provider: ScriptedProvider,
    sync_with: Callable[..., None],
    clock: time_machine.Traveller,
) -> None:
    clock.shift(timedelta(hours=7))
    fail_sync(provider, newer_item, InstitutionDown("INSTITUTION_DOWN"))
    sync_with(item, [CHECKING], cursor="c3")
    assert "later" not in stored_transactions()
    clock.shift(timedelta(hours=7))
    fail_sync(provider, newer_item, InstitutionDown("INSTITUTION_DOWN"))
    sync_with(item, [CHECKING._replace(current=Decimal(700))], cursor="c4")
    assert (len(stored_transactions()), "later" in stored_transactions()) == (21, True)
    assert get_bank_balance(alice) == 700
    sync_with(
        newer_item, [NEW], [transaction_row("new-later", "-77", account_id=NEW.provider_id, date=TODAY)], cursor="c2"
    )
    assert (len(stored_transactions()), "new-later" in stored_transactions(), "later" in stored_transactions()) == (
        21,
        True,
        False,
    )
    assert get_bank_balance(alice) == CHECKING.current


# --- A bank with a new institution id ---------------------------------------------------------------------


@pytest.mark.parametrize("changes_first", ["older", "newer"])
def test_it_counts_each_payment_once_when_the_institution_id_changes(
    item: Item,
    newer_item: Item,
    alice: User,
    stored_transactions: StoredTransactions,
    provider: ScriptedProvider,
    sync_with: Callable[..., None],
    changes_first: str,
) -> None:
    old, new = provider.item_details, replace(provider.item_details, institution_id="ins_9")
    for newer_details, older_details in ((old, new) if changes_first == "older" else (new, old), (new, new)):
        provider.item_details = newer_details
        sync_with(newer_item, [NEW], cursor="c2")
        provider.item_details = older_details
        sync_with(item, [CHECKING], cursor="c3")
        assert len(stored_transactions()) == 20
        assert get_bank_balance(alice) == CHECKING.current


def test_it_counts_each_payment_once_when_a_third_connection_has_only_the_new_institution_id(
    item: Item,
    newer_item: Item,
    alice: User,
    stored_transactions: StoredTransactions,
    provider: ScriptedProvider,
    make_item: Callable[..., Item],
    sync_with: Callable[..., None],
) -> None:
    provider.item_details = replace(provider.item_details, institution_id="ins_9")
    sync_with(newer_item, [NEW], cursor="c2")
    third = make_item(alice, provider_item_id="third", connected_at=newer_item.connected_at + timedelta(seconds=1))
    newest = copy_with_new_id(CHECKING, "-newest", current=Decimal(40))
    sync_with(third, [newest], make_rows(newest, 10))
    assert len(stored_transactions()) == 20
    assert get_bank_balance(alice) == 40
    with tenant(alice.pk):
        head = Account.objects.get(provider_id=newest.provider_id)
        assert len(head.with_former_accounts) == 3


@pytest.mark.parametrize("is_kept", [True, False])
def test_it_counts_the_older_history_again_when_the_connection_with_the_new_institution_id_ends(
    item: Item,
    newer_item: Item,
    alice: User,
    stored_transactions: StoredTransactions,
    provider: ScriptedProvider,
    sync_with: Callable[..., None],
    is_kept: bool,
) -> None:
    disconnecting.disconnect_bank(user=alice, item_id=item.pk, keep_history=True)
    provider.item_details = replace(provider.item_details, institution_id="ins_9")
    sync_with(newer_item, [NEW], cursor="c2")
    disconnecting.disconnect_bank(user=alice, item_id=newer_item.pk, keep_history=is_kept)
    assert (len(stored_transactions()), "later" in stored_transactions()) == ((20, False) if is_kept else (21, True))


# --- A replaced connection without access -----------------------------------------------------------------


def test_it_ends_a_revoked_connection_when_another_one_has_all_its_accounts(
    item: Item, second_item: Item, alice: User, stored_transactions: StoredTransactions, sync_with: Callable[..., None]
) -> None:
    sync_with(item, [CHECKING, CARD], make_rows(CHECKING, 20, first=5))
    revoke(item)
    sync_with(second_item, [NEW, copy_with_new_id(CARD)], make_rows(NEW, 15))
    assert get_state(item) == Connection.REMOVING
    assert len(stored_transactions()) == 25
    with tenant(alice.pk):
        assert item.access_token is None
        assert PendingRemoval.objects.get(item=item).access_token is not None
        assert [connection.pk for connection in connections.list_connections(alice)] == [second_item.pk]
        events = AuditEvent.objects.filter(subject=alice.pk, resource_id=str(item.pk), action="disconnect")
        assert [event.actor for event in events] == [None]
    assert get_bank_balance(alice) == CHECKING.current


def test_it_ends_a_connection_that_is_revoked_after_it_was_replaced(
    item: Item, newer_item: Item, stored_transactions: StoredTransactions, sync_with: Callable[..., None]
) -> None:
    revoke(item)
    sync_with(newer_item, [NEW], cursor="c2")
    assert get_state(item) == Connection.REMOVING
    assert len(stored_transactions()) == 20


def test_it_keeps_a_revoked_connection_while_no_other_one_has_all_its_accounts(
    item: Item, second_item: Item, alice: User, sync_with: Callable[..., None]
) -> None:
    sync_with(item, [CHECKING, CARD], make_rows(CHECKING, 20))
    revoke(item)
    sync_with(second_item, [NEW], make_rows(NEW, 20))
    assert get_state(item) == Connection.REVOKED
    with tenant(alice.pk):
        accounts = [
            account for connection in connections.list_connections(alice) for account in connection.open_accounts
        ]
    assert {account.provider_id for account in accounts} == {"acc-checking-new", "acc-card"}


def test_it_keeps_a_revoked_connection_until_its_accounts_are_matched_by_transactions(
    item: Item, second_item: Item, sync_with: Callable[..., None]
) -> None:
    sync_with(item, [CHECKING], make_rows(CHECKING, 20))
    revoke(item)
    sync_with(second_item, [NEW])
    assert get_state(item) == Connection.REVOKED
    sync_with(second_item, [NEW], make_rows(NEW, 20), cursor="c2")
    assert get_state(item) == Connection.REMOVING


@pytest.mark.parametrize("connection", [Connection.LOGIN_REQUIRED, Connection.ACTIVE])
def test_it_ends_no_connection_that_may_sync_again(
    item: Item, newer_item: Item, sync_with: Callable[..., None], connection: str
) -> None:
    with tenant(item.owner_id):
        Item.objects.filter(pk=item.pk).update(connection=connection)
    sync_with(newer_item, [NEW], cursor="c2")
    assert get_state(item) == connection


def test_it_counts_the_history_of_an_ended_connection_again_when_its_successor_ends(
    item: Item, second_item: Item, alice: User, stored_transactions: StoredTransactions, sync_with: Callable[..., None]
) -> None:
    sync_with(item, [CHECKING], make_rows(CHECKING, 20))
    revoke(item)
    sync_with(second_item, [NEW], make_rows(NEW, 10))
    disconnecting.disconnect_bank(user=alice, item_id=second_item.pk, keep_history=False)
    assert len(stored_transactions()) == 20
