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
    again,
    bank_reads,
    clock,
    money_in_the_bank,
    revoke,
    rows,
    with_new_id,
)

__all__ = ["again", "bank_reads", "clock"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("clock")]

NEW = with_new_id(CHECKING)


@pytest.fixture
def twice(item: Item, again: Item, bank_reads: Callable[..., None]) -> Item:
    """Alice's newer connection, which is in front; both are read and live, and the older one has read one row more."""
    bank_reads(item, [CHECKING], rows(CHECKING, 20))
    bank_reads(again, [NEW], rows(NEW, 20))
    bank_reads(item, [CHECKING], [transaction_row("later", "-77", date=TODAY, authorized_date=None)], cursor="c2")
    return again


def fails(provider: ScriptedProvider, item: Item, error: ProviderError) -> None:
    provider.pages = [error]
    run_sync(item)


def state(item: Item) -> str:
    with tenant(item.owner_id):
        item.refresh_from_db()
    return item.connection


# --- One of two living connections fails ------------------------------------------------------------------


def test_it_shows_what_the_healthy_connection_read_once_the_one_in_front_wants_a_sign_in(
    twice: Item, stored_transactions: StoredTransactions, provider: ScriptedProvider
) -> None:
    assert "later" not in stored_transactions()
    fails(provider, twice, LoginRequired("ITEM_LOGIN_REQUIRED"))
    assert (len(stored_transactions()), "later" in stored_transactions()) == (21, True)


def test_it_shows_it_too_where_the_stream_of_the_one_in_front_still_answers(
    twice: Item, stored_transactions: StoredTransactions, provider: ScriptedProvider, bank_reads: Callable[..., None]
) -> None:
    trouble = LoginRequired("ITEM_LOGIN_REQUIRED")
    provider.item_details = replace(provider.item_details, error_code=trouble.code, error=trouble)
    bank_reads(twice, [NEW], cursor="c2")
    assert state(twice) == Connection.LOGIN_REQUIRED
    assert (len(stored_transactions()), "later" in stored_transactions()) == (21, True)


def test_it_lets_a_connection_stand_back_that_could_not_be_read_for_half_a_day(
    item: Item,
    twice: Item,
    alice: User,
    stored_transactions: StoredTransactions,
    provider: ScriptedProvider,
    bank_reads: Callable[..., None],
    clock: time_machine.Traveller,
) -> None:
    clock.shift(timedelta(hours=7))
    fails(provider, twice, InstitutionDown("INSTITUTION_DOWN"))
    bank_reads(item, [CHECKING], cursor="c3")
    assert "later" not in stored_transactions()
    clock.shift(timedelta(hours=7))
    fails(provider, twice, InstitutionDown("INSTITUTION_DOWN"))
    bank_reads(item, [CHECKING._replace(current=Decimal(700))], cursor="c4")
    assert (len(stored_transactions()), "later" in stored_transactions()) == (21, True)
    assert money_in_the_bank(alice) == 700
    bank_reads(twice, [NEW], [transaction_row("new-later", "-77", account_id=NEW.provider_id, date=TODAY)], cursor="c2")
    assert (len(stored_transactions()), "new-later" in stored_transactions(), "later" in stored_transactions()) == (
        21,
        True,
        False,
    )
    assert money_in_the_bank(alice) == CHECKING.current


# --- A bank that changes its id ---------------------------------------------------------------------------


@pytest.mark.parametrize("moves", ["older", "newer"])
def test_it_counts_once_when_the_provider_gives_the_bank_another_id(
    item: Item,
    twice: Item,
    alice: User,
    stored_transactions: StoredTransactions,
    provider: ScriptedProvider,
    bank_reads: Callable[..., None],
    moves: str,
) -> None:
    here, there = provider.item_details, replace(provider.item_details, institution_id="ins_9")
    for facts, old_facts in ((here, there) if moves == "older" else (there, here), (there, there)):
        provider.item_details = facts
        bank_reads(twice, [NEW], cursor="c2")
        provider.item_details = old_facts
        bank_reads(item, [CHECKING], cursor="c3")
        assert len(stored_transactions()) == 20
        assert money_in_the_bank(alice) == CHECKING.current


def test_it_counts_once_when_a_third_connection_knows_the_bank_by_its_new_id_alone(
    item: Item,
    twice: Item,
    alice: User,
    stored_transactions: StoredTransactions,
    provider: ScriptedProvider,
    make_item: Callable[..., Item],
    bank_reads: Callable[..., None],
) -> None:
    provider.item_details = replace(provider.item_details, institution_id="ins_9")
    bank_reads(twice, [NEW], cursor="c2")
    third = make_item(alice, provider_item_id="third", connected_at=twice.connected_at + timedelta(seconds=1))
    newest = with_new_id(CHECKING, "-newest", current=Decimal(40))
    bank_reads(third, [newest], rows(newest, 10))
    assert len(stored_transactions()) == 20
    assert money_in_the_bank(alice) == 40
    with tenant(alice.pk):
        head = Account.objects.get(provider_id=newest.provider_id)
        assert len(head.with_former_accounts) == 3


@pytest.mark.parametrize("is_kept", [True, False])
def test_it_lets_an_older_history_count_again_when_the_connection_goes_that_knew_the_bank_by_its_new_id(
    item: Item,
    twice: Item,
    alice: User,
    stored_transactions: StoredTransactions,
    provider: ScriptedProvider,
    bank_reads: Callable[..., None],
    is_kept: bool,
) -> None:
    disconnecting.disconnect_bank(user=alice, item_id=item.pk, keep_history=True)
    provider.item_details = replace(provider.item_details, institution_id="ins_9")
    bank_reads(twice, [NEW], cursor="c2")
    disconnecting.disconnect_bank(user=alice, item_id=twice.pk, keep_history=is_kept)
    assert (len(stored_transactions()), "later" in stored_transactions()) == ((20, False) if is_kept else (21, True))


# --- A connection that nobody needs -----------------------------------------------------------------------


def test_it_ends_a_connection_without_access_whose_accounts_are_all_read_through_another(
    item: Item, again: Item, alice: User, stored_transactions: StoredTransactions, bank_reads: Callable[..., None]
) -> None:
    bank_reads(item, [CHECKING, CARD], rows(CHECKING, 20, first=5))
    revoke(item)
    bank_reads(again, [NEW, with_new_id(CARD)], rows(NEW, 15))
    assert state(item) == Connection.REMOVING
    assert len(stored_transactions()) == 25
    with tenant(alice.pk):
        assert item.access_token is None
        assert PendingRemoval.objects.get(item=item).access_token is not None
        assert [each.pk for each in connections.list_connections(alice)] == [again.pk]
        ended = AuditEvent.objects.filter(subject=alice.pk, resource_id=str(item.pk), action="disconnect")
        assert [event.actor for event in ended] == [None]
    assert money_in_the_bank(alice) == CHECKING.current


def test_it_ends_it_as_well_when_the_access_goes_after_the_bank_was_connected_again(
    item: Item, twice: Item, stored_transactions: StoredTransactions, bank_reads: Callable[..., None]
) -> None:
    revoke(item)
    bank_reads(twice, [NEW], cursor="c2")
    assert state(item) == Connection.REMOVING
    assert len(stored_transactions()) == 20


def test_it_keeps_a_connection_without_access_while_one_of_its_accounts_is_read_nowhere_else(
    item: Item, again: Item, alice: User, bank_reads: Callable[..., None]
) -> None:
    bank_reads(item, [CHECKING, CARD], rows(CHECKING, 20))
    revoke(item)
    bank_reads(again, [NEW], rows(NEW, 20))
    assert state(item) == Connection.REVOKED
    with tenant(alice.pk):
        assert {a.provider_id for each in connections.list_connections(alice) for a in each.open_accounts} == {
            "acc-checking-new",
            "acc-card",
        }


def test_it_keeps_a_connection_without_access_whose_accounts_only_look_the_same(
    item: Item, again: Item, bank_reads: Callable[..., None]
) -> None:
    bank_reads(item, [CHECKING], rows(CHECKING, 20))
    revoke(item)
    bank_reads(again, [NEW])
    assert state(item) == Connection.REVOKED
    bank_reads(again, [NEW], rows(NEW, 20), cursor="c2")
    assert state(item) == Connection.REMOVING


@pytest.mark.parametrize("connection", [Connection.LOGIN_REQUIRED, Connection.ACTIVE])
def test_it_ends_no_connection_that_may_be_read_again(
    item: Item, twice: Item, bank_reads: Callable[..., None], connection: str
) -> None:
    with tenant(item.owner_id):
        Item.objects.filter(pk=item.pk).update(connection=connection)
    bank_reads(twice, [NEW], cursor="c2")
    assert state(item) == connection


def test_it_gives_the_history_of_an_ended_connection_its_place_back(
    item: Item, again: Item, alice: User, stored_transactions: StoredTransactions, bank_reads: Callable[..., None]
) -> None:
    bank_reads(item, [CHECKING], rows(CHECKING, 20))
    revoke(item)
    bank_reads(again, [NEW], rows(NEW, 10))
    disconnecting.disconnect_bank(user=alice, item_id=again.pk, keep_history=False)
    assert len(stored_transactions()) == 20
