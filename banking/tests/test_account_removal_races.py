"""One account is removed and added again while a sync or a worker is busy with it."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from banking import tasks
from banking.account_matching import locks, succession
from banking.account_settings import removal_jobs
from banking.account_settings.removing import add_account_again, remove_account
from banking.linking import disconnecting
from banking.models import (
    Account,
    AccountRemoval,
    Item,
    Transaction,
)
from banking.splits.splitting import PartValues, split_transaction
from banking.sync import item_sync, sync_item
from banking.tests.account_removal_bank import ROWS, list_rows, list_shown, reload_account, sync_page
from banking.tests.factories import copy_transaction
from banking.tests.scripted_provider import (
    CARD,
    ScriptedProvider,
    transaction_row,
    transactions_page,
)
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db(transaction=True)


def in_thread(act: Callable[[], object]) -> object:
    """Do something on another database connection, which does not wait for locks."""

    def run_it() -> object:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '500ms'")
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor() as pool:
        return pool.submit(run_it).result()


@pytest.mark.parametrize(("keeps", "rows"), [(True, {"coffee", "tea", "new"}), (False, {"coffee"})])
def test_a_request_during_a_sync_does_not_wait_and_a_worker_finishes_it(
    alice: User,
    item: Item,
    provider: ScriptedProvider,
    monkeypatch: pytest.MonkeyPatch,
    keeps: bool,
    rows: set[str],
) -> None:
    sync_page(item, provider, added=ROWS[:2])
    with tenant(alice.pk):
        card = Account.objects.get(provider_id="acc-card")
    update_succession, removals = succession.update_succession, []

    def while_storing(**options: Any) -> succession.SuccessionResult:
        if not removals:
            act = lambda: remove_account(user=alice, account_id=card.pk, keep_history=keeps)  # noqa: E731
            removals.append(in_thread(act))
        return update_succession(**options)

    monkeypatch.setattr(item_sync.succession, "update_succession", while_storing)
    sync_page(item, provider, added=[transaction_row("new", "-7", account_id="acc-card")])
    monkeypatch.setattr(item_sync.succession, "update_succession", update_succession)
    (removal,) = removals
    assert removal.history == ("keep" if keeps else "delete")
    assert removal_jobs.list_due_account_removals(limit=9) == [(alice.pk, removal.pk)]
    for _ in range(2):
        removal_jobs.finish_account_removal(owner_id=alice.pk, removal_id=removal.pk)
    assert list_rows(alice) == rows
    assert list_shown(alice) == [(["Checking"], ["Card"])]
    assert removal_jobs.list_due_account_removals(limit=9) == []
    sync_page(item, provider, added=[transaction_row("later", "-7", account_id="acc-card")])
    assert list_rows(alice) == rows


def test_a_removal_during_a_download_wins(
    alice: User, card: Account, synced_item: Item, provider: ScriptedProvider
) -> None:
    def remove_meanwhile() -> object:
        in_thread(lambda: remove_account(user=alice, account_id=card.pk, keep_history=False))
        return transactions_page(added=[transaction_row("new", "-7", account_id="acc-card")], cursor="c9")

    provider.pages = [remove_meanwhile]
    assert sync_item(owner_id=alice.pk, item_id=synced_item.pk, trigger="test").ran
    assert list_rows(alice) == {"coffee", "pay-out"}
    assert list_shown(alice) == [(["Checking"], ["Card"])]


def test_an_account_that_is_added_again_during_a_download_is_read_completely_afterwards(
    alice: User, card: Account, synced_item: Item, provider: ScriptedProvider
) -> None:
    remove_account(user=alice, account_id=card.pk, keep_history=False)

    def add_meanwhile() -> object:
        in_thread(lambda: add_account_again(user=alice, account_id=card.pk))
        return transactions_page(added=[transaction_row("bread")], cursor="c9")

    provider.pages = [add_meanwhile]
    assert sync_item(owner_id=alice.pk, item_id=synced_item.pk, trigger="test").ran
    sync_page(synced_item, provider, added=[*ROWS, transaction_row("bread")])
    assert provider.cursors[-1] == ""
    assert list_rows(alice) == {"coffee", "tea", "pay-out", "pay-in", "bread"}


def test_a_worker_deletes_a_long_history_in_batches(
    alice: User, card: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disconnecting, "MAX_ROWS_IN_REQUEST", 100)
    monkeypatch.setattr(removal_jobs, "BATCH_ROWS", 50)
    with tenant(alice.pk):
        tea = Transaction.objects.get(provider_id="tea")
    copy_transaction(tea, 120)
    removal = remove_account(user=alice, account_id=card.pk, keep_history=False)
    assert removal is not None
    assert list_shown(alice) == [(["Checking"], ["Card"])]
    batches: list[int] = []
    delete_batch = removal_jobs.delete_batch
    monkeypatch.setattr(removal_jobs, "delete_batch", lambda row: batches.append(delete_batch(row)) or batches[-1])
    removal_jobs.finish_account_removal(owner_id=alice.pk, removal_id=removal.pk)
    assert batches == [50, 50, 22, 0]
    assert list_rows(alice) == {"coffee", "pay-out"}


def test_an_account_that_is_added_again_keeps_what_a_worker_has_not_deleted(
    alice: User, card: Account, synced_item: Item, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disconnecting, "MAX_ROWS_IN_REQUEST", 1)
    removal = remove_account(user=alice, account_id=card.pk, keep_history=False)
    assert removal is not None
    add_account_again(user=alice, account_id=card.pk)
    removal_jobs.finish_account_removal(owner_id=alice.pk, removal_id=removal.pk)
    assert list_rows(alice) == {"coffee", "tea", "pay-out", "pay-in"}


@pytest.mark.parametrize("batch_rows", [1, 2, 3])
def test_a_split_counts_once_if_the_account_is_added_again_during_the_deletion(
    alice: User,
    card: Account,
    synced_item: Item,
    provider: ScriptedProvider,
    monkeypatch: pytest.MonkeyPatch,
    batch_rows: int,
) -> None:
    with tenant(alice.pk):
        tea = Transaction.objects.get(provider_id="tea")
    split_transaction(
        user=alice, transaction_id=tea.pk, parts=[PartValues(amount=Decimal(-1)), PartValues(amount=Decimal(-2))]
    )
    monkeypatch.setattr(disconnecting, "MAX_ROWS_IN_REQUEST", 1)
    monkeypatch.setattr(removal_jobs, "BATCH_ROWS", batch_rows)
    removal = remove_account(user=alice, account_id=card.pk, keep_history=False)
    assert removal is not None
    delete_batch = removal_jobs.delete_batch

    def delete_and_add_again(row: AccountRemoval) -> int:
        deleted = delete_batch(row)
        if deleted:
            add_account_again(user=alice, account_id=card.pk)
        return deleted

    monkeypatch.setattr(removal_jobs, "delete_batch", delete_and_add_again)
    removal_jobs.finish_account_removal(owner_id=alice.pk, removal_id=removal.pk)
    sync_page(synced_item, provider, added=ROWS)
    with tenant(alice.pk):
        rows = Transaction.objects.current().filter(account=card).values_list("amount", flat=True)
        assert sum(rows) == Decimal(47)


@pytest.fixture
def card_linked_again(
    alice: User,
    card: Account,
    make_item: Callable[..., Item],
    provider: ScriptedProvider,
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[AccountRemoval, Account]:
    """The pending removal of Alice's card, which a worker has to do, and the account of its new connection."""
    monkeypatch.setattr(disconnecting, "MAX_ROWS_IN_REQUEST", 1)
    removal = remove_account(user=alice, account_id=card.pk, keep_history=False)
    assert removal is not None
    provider.listed_accounts = [CARD._replace(provider_id="acc-card-2")]
    sync_page(make_item(alice, provider_item_id="item-again"), provider)
    with tenant(alice.pk):
        again = Account.objects.get(provider_id="acc-card-2")
    assert (again.successor, reload_account(card).successor_id, again.user_removed_at is None) == (
        None,
        again.pk,
        False,
    )
    return removal, again


def test_an_account_that_is_added_again_at_another_connection_keeps_what_a_worker_has_not_deleted(
    alice: User, card_linked_again: tuple[AccountRemoval, Account]
) -> None:
    removal, again = card_linked_again
    add_account_again(user=alice, account_id=again.pk)
    removal_jobs.finish_account_removal(owner_id=alice.pk, removal_id=removal.pk)
    assert list_rows(alice) == {"coffee", "tea", "pay-out", "pay-in"}
    assert reload_account(again).user_removed_at is None


def test_the_last_choice_counts_if_it_was_made_at_another_connection(
    alice: User, card_linked_again: tuple[AccountRemoval, Account]
) -> None:
    removal, again = card_linked_again
    last = remove_account(user=alice, account_id=again.pk, keep_history=True)
    assert last is not None
    for removal_id in (removal.pk, last.pk):
        removal_jobs.finish_account_removal(owner_id=alice.pk, removal_id=removal_id)
    assert list_rows(alice) == {"coffee", "tea", "pay-out", "pay-in"}
    assert removal_jobs.list_due_account_removals(limit=9) == []


def test_a_worker_has_nothing_to_do_after_the_bank_was_disconnected(
    alice: User, card: Account, synced_item: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disconnecting, "MAX_ROWS_IN_REQUEST", 1)
    removal = remove_account(user=alice, account_id=card.pk, keep_history=False)
    assert removal is not None
    monkeypatch.undo()
    claim_removal = removal_jobs.claim_removal

    def claim_and_disconnect(**ids: Any) -> AccountRemoval | None:
        claimed = claim_removal(**ids)
        disconnecting.disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=False)
        return claimed

    monkeypatch.setattr(removal_jobs, "claim_removal", claim_and_disconnect)
    removal_jobs.finish_account_removal(owner_id=alice.pk, removal_id=removal.pk)
    with tenant(alice.pk):
        assert (Account.objects.count(), AccountRemoval.objects.count()) == (0, 0)


def test_celery_beat_finds_a_removal_whose_job_was_lost(
    alice: User, card: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with tenant(alice.pk):
                locks.lock_accounts(owner_id=alice.pk)
                holder[0].set()
                holder[1].wait(20)
        finally:
            connection.close()

    with ThreadPoolExecutor() as pool:
        held = pool.submit(hold)
        assert holder[0].wait(20)
        try:
            assert remove_account(user=alice, account_id=card.pk, keep_history=False) is not None
        finally:
            holder[1].set()
            held.result()
    monkeypatch.setattr(tasks.finish_account_removal, "delay", tasks.finish_account_removal)
    tasks.retry_account_removals()
    assert list_rows(alice) == {"coffee", "pay-out"}
