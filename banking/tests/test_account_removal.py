"""One account of a bank is removed while the others stay, and is added again."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Notification, User
from accounts.notifications.inbox import notify
from accounts.notifications.notification_types import NotificationType
from banking import connections, tasks
from banking.account_matching import locks, succession
from banking.account_settings import removal_jobs, removing
from banking.account_settings.removing import add_account_again, remove_account
from banking.linking import disconnecting
from banking.models import (
    Account,
    AccountRemoval,
    BalanceSnapshot,
    Item,
    Liability,
    LiabilityApr,
    RecurringStream,
    Transaction,
    TransactionTotal,
    Transfer,
)
from banking.notification_messages import LargeTransactionsMessage
from banking.product_notices import get_account_terms
from banking.provider import LiabilitiesResponse, RecurringResponse
from banking.splits.splitting import PartValues, split_transaction
from banking.sync import item_sync, sync_item
from banking.sync.products.liabilities import store_liabilities
from banking.sync.products.recurring import store_recurring_streams
from banking.tests.factories import copy_transaction, make_liability, make_stream
from banking.tests.scripted_provider import (
    CARD,
    CARD_TERMS,
    CHECKING,
    RENT,
    ScriptedProvider,
    transaction_row,
    transactions_page,
)
from banking.transactions.recurring import list_recurring_payments
from compliance.audit.events import AuditEvent
from compliance.isolation import tenant
from ui.tests.page_text import visible_text

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = [
    transaction_row("coffee"),
    transaction_row("tea", "-3", account_id="acc-card"),
    transaction_row("pay-out", "-50", category="", name="PAYMENT", merchant_name="", payment_channel="other"),
    transaction_row(
        "pay-in", "50", account_id="acc-card", category="", name="PAYMENT", merchant_name="", payment_channel="other"
    ),
]


def sync_page(item: Item, provider: ScriptedProvider, **page: Any) -> None:
    """Sync an Item whose stream is one page."""
    provider.pages = [transactions_page(cursor=f"c{len(provider.cursors)}", **page)]
    assert sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="test").ran


@pytest.fixture
def synced_item(item: Item, provider: ScriptedProvider) -> Item:
    """Alice's bank with a checking account and a card, two transactions each."""
    sync_page(item, provider, added=ROWS)
    return item


@pytest.fixture
def card(synced_item: Item) -> Account:
    with tenant(synced_item.owner_id):
        return Account.objects.get(provider_id="acc-card")


def list_rows(user: User) -> set[str]:
    with tenant(user.pk):
        return set(Transaction.objects.for_user(user).filter(removed_at=None).values_list("provider_id", flat=True))


def list_shown(user: User) -> list[tuple[list[str], list[str]]]:
    """The names of the open and of the removed accounts of each bank."""
    with tenant(user.pk):
        return [
            ([account.name for account in item.open_accounts], [account.name for account in item.removed_accounts])
            for item in connections.list_connections(user)
        ]


def reload_account(account: Account) -> Account:
    with tenant(account.owner_id):
        account.refresh_from_db()
    return account


# --- What is left -----------------------------------------------------------------------------------------


def test_it_deletes_all_of_one_account_and_nothing_of_the_others(alice: User, card: Account) -> None:
    assert remove_account(user=alice, account_id=card.pk, keep_history=False) is None
    assert list_rows(alice) == {"coffee", "pay-out"}
    assert list_shown(alice) == [(["Checking"], ["Card"])]
    card = reload_account(card)
    assert (card.current, card.available, card.limit, card.balance_as_of) == (None, None, None, None)
    with tenant(alice.pk):
        assert set(BalanceSnapshot.objects.values_list("account__name", flat=True)) == {"Checking"}
        assert not AccountRemoval.objects.exists()
        event = AuditEvent.objects.get(action="account_removed")
    assert (event.resource, event.resource_id) == ("account", str(card.pk))


def test_it_keeps_the_history_of_an_account_if_the_person_wants_that(alice: User, card: Account) -> None:
    assert remove_account(user=alice, account_id=card.pk, keep_history=True) is None
    assert list_rows(alice) == {"coffee", "tea", "pay-out", "pay-in"}
    assert list_shown(alice) == [(["Checking"], ["Card"])]
    assert reload_account(card).current == Decimal(410)
    remove_account(user=alice, account_id=card.pk, keep_history=False)
    assert list_rows(alice) == {"coffee", "pay-out"}


def test_the_other_leg_of_a_transfer_counts_by_itself_afterwards(alice: User, card: Account) -> None:
    with tenant(alice.pk):
        assert Transfer.objects.count() == 1
    remove_account(user=alice, account_id=card.pk, keep_history=True)
    with tenant(alice.pk):
        assert Transfer.objects.count() == 1
    remove_account(user=alice, account_id=card.pk, keep_history=False)
    with tenant(alice.pk):
        assert Transfer.objects.count() == 0


def test_it_deletes_the_totals_of_an_account_and_the_alerts_of_its_bank(alice: User, card: Account) -> None:
    notify(
        user_id=alice.pk,
        type=NotificationType.BANK_LARGE_CHANGE,
        message=LargeTransactionsMessage(
            count=2, bank="Platypus", amount=Decimal(900), currency="USD", counterparty="x"
        ),
        url="/transactions/",
        fingerprint="large",
        subject_id=card.item_id,
    )
    with tenant(alice.pk):
        TransactionTotal.objects.create(
            owner=alice,
            account=card,
            source="purged",
            period="month",
            starts_on=date(2026, 1, 1),
            currency="USD",
            money_in=1,
            money_out=0,
            count=1,
        )
        Account.objects.filter(pk=card.pk).update(purged_before=date(2026, 2, 1), totals_until=date(2026, 1, 31))
    remove_account(user=alice, account_id=card.pk, keep_history=False)
    with tenant(alice.pk):
        assert (TransactionTotal.objects.count(), Notification.objects.count()) == (0, 0)
    card = reload_account(card)
    assert (card.purged_before, card.totals_until) == (None, None)


@pytest.mark.parametrize("keeps", [True, False])
def test_its_terms_and_recurring_payments_are_part_of_its_history(alice: User, card: Account, keeps: bool) -> None:
    make_liability(card, aprs={"purchase_apr": "12.5"})
    make_stream(card, "-15")
    remove_account(user=alice, account_id=card.pk, keep_history=keeps)
    with tenant(alice.pk):
        kept = [Liability.objects.count(), LiabilityApr.objects.count(), card.recurring_streams.count()]
        assert kept == [keeps] * 3
        # Of an account that is not here, nothing is expected.
        assert {stream.account.name for stream in list_recurring_payments(alice).outflows} == {"Checking"}
        terms = get_account_terms(reload_account(card), user=alice)
        assert (terms and (terms.liability is not None, terms.notice)) == ((True, None) if keeps else None)


def test_a_split_transaction_counts_once_where_an_equal_row_of_another_connection_counts_instead(
    alice: User, provider: ScriptedProvider, make_item: Callable[..., Item]
) -> None:
    items = [make_item(alice, provider_item_id=f"item-{number}") for number in range(2)]
    for number in (0, 1, 0):
        account = CHECKING._replace(provider_id=f"acc-{number}", persistent_id="the same")
        provider.listed_accounts = [account]
        sync_page(
            items[number], provider, added=[transaction_row(f"lunch-{number}", "-30", account_id=f"acc-{number}")]
        )
    with tenant(alice.pk):
        whole = Transaction.objects.get(removed_at=None)
    assert whole.provider_id == "lunch-1"
    split_transaction(user=alice, transaction_id=whole.pk, parts=[PartValues(amount=Decimal(-n)) for n in (10, 20)])
    remove_account(user=alice, account_id=whole.account_id, keep_history=True)
    with tenant(alice.pk):
        counted = Transaction.objects.filter(removed_at=None)
        assert sorted(counted.values_list("amount", flat=True)) == [-20, -10]
        assert set(counted.values_list("account__provider_id", flat=True)) == {"acc-0"}


# --- Syncs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keeps", [True, False])
def test_nothing_is_stored_of_the_terms_and_recurring_payments_of_a_removed_account(
    alice: User, synced_item: Item, card: Account, keeps: bool
) -> None:
    make_liability(card, minimum_payment_amount=Decimal(20))
    stream = make_stream(card, "-15", provider_id="old")
    remove_account(user=alice, account_id=card.pk, keep_history=keeps)
    with tenant(alice.pk):
        item = Item.objects.select_for_update().get(pk=synced_item.pk)
        errors = store_liabilities(LiabilitiesResponse([CARD_TERMS], "r"), item)
        errors += store_recurring_streams(RecurringResponse([RENT._replace(account_id="acc-card"), RENT], "r"), item)
        # They are not odd either: the provider still shares the account.
        assert sum(errors.values()) == 0
        assert list(Liability.objects.values_list("minimum_payment_amount", flat=True)) == [Decimal(20)] * keeps
        accounts = RecurringStream.objects.order_by("account__name").values_list("account__name", "provider_id")
        assert list(accounts) == [("Card", stream.provider_id)] * keeps + [("Checking", "stream-rent")]


@pytest.mark.parametrize(("keeps", "kept"), [(True, {"tea", "pay-in"}), (False, set())])
def test_no_sync_brings_it_back_or_counts_its_rows_as_odd(
    alice: User, synced_item: Item, card: Account, provider: ScriptedProvider, keeps: bool, kept: set[str]
) -> None:
    remove_account(user=alice, account_id=card.pk, keep_history=keeps)
    sync_page(
        synced_item, provider, added=[transaction_row("new-tea", "-4", account_id="acc-card"), transaction_row("bread")]
    )
    with tenant(alice.pk):
        Item.objects.filter(pk=synced_item.pk).update(cursor="")
    sync_page(synced_item, provider, added=[*ROWS, transaction_row("bread")])
    assert list_rows(alice) == {"coffee", "pay-out", "bread"} | kept
    assert list_shown(alice) == [(["Checking"], ["Card"])]
    with tenant(alice.pk):
        synced_item.refresh_from_db()
        last = synced_item.runs.latest("started_at")
        assert BalanceSnapshot.objects.filter(account=card).count() == keeps
    assert (synced_item.skipped_transactions, last.skipped_rows, last.field_errors) == (0, 0, "")


@pytest.mark.parametrize("keeps", [True, False])
def test_a_transaction_that_the_bank_moves_to_it_does_not_count_on_the_other_account(
    alice: User, synced_item: Item, card: Account, provider: ScriptedProvider, keeps: bool
) -> None:
    remove_account(user=alice, account_id=card.pk, keep_history=keeps)
    sync_page(synced_item, provider, modified=[transaction_row("coffee", account_id="acc-card")])
    assert list_rows(alice) == {"pay-out"} | ({"tea", "pay-in"} if keeps else set())
    sync_page(synced_item, provider, modified=[transaction_row("coffee")])
    assert "coffee" in list_rows(alice)


def test_it_stays_removed_under_a_new_id_of_the_same_connection(
    alice: User, synced_item: Item, card: Account, provider: ScriptedProvider
) -> None:
    remove_account(user=alice, account_id=card.pk, keep_history=False)
    provider.listed_accounts = [CHECKING, CARD._replace(provider_id="acc-card-2")]
    sync_page(synced_item, provider, added=[transaction_row("tea-2", "-3", account_id="acc-card-2")])
    assert list_rows(alice) == {"coffee", "pay-out"}
    assert list_shown(alice) == [(["Checking"], ["Card"])]
    with tenant(alice.pk):
        again = Account.objects.get(provider_id="acc-card-2")
        assert (again.current, again.user_removed_at is None, again.closed_at is None) == (None, False, False)
        assert not BalanceSnapshot.objects.filter(account=again).exists()


def test_nothing_stays_of_a_new_id_that_only_its_rows_show_to_be_the_removed_account(
    alice: User, item: Item, provider: ScriptedProvider
) -> None:
    days = [timezone.localdate() - timedelta(days=ago) for ago in range(1, 5)]
    rows = [transaction_row(f"tea-{day}", "-3", account_id="acc-card", date=day, authorized_date=day) for day in days]
    provider.listed_accounts = [CHECKING, CARD._replace(mask="")]
    sync_page(item, provider, added=[*ROWS[:1], *rows])
    with tenant(alice.pk):
        card = Account.objects.get(provider_id="acc-card")
    remove_account(user=alice, account_id=card.pk, keep_history=True)
    kept = list_rows(alice)
    provider.listed_accounts = [CHECKING, CARD._replace(mask="", provider_id="acc-card-2")]
    again = [row._replace(provider_id=f"{row.provider_id}-2", account_id="acc-card-2") for row in rows]
    sync_page(item, provider, added=[*again, transaction_row("new-tea", "-4", account_id="acc-card-2")])
    with tenant(alice.pk):
        assert Account.objects.get(provider_id="acc-card-2").user_removed_at is not None
    assert list_rows(alice) == kept


def test_it_stays_removed_when_the_bank_is_connected_again(
    alice: User, synced_item: Item, card: Account, provider: ScriptedProvider, make_item: Callable[..., Item]
) -> None:
    remove_account(user=alice, account_id=card.pk, keep_history=False)
    disconnecting.disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=True)
    second = make_item(alice, provider_item_id="item-again")
    provider.listed_accounts = [row._replace(provider_id=f"{row.provider_id}-new") for row in (CHECKING, CARD)]
    added = [row._replace(provider_id=f"{row.provider_id}-new", account_id=f"{row.account_id}-new") for row in ROWS]
    sync_page(second, provider, added=added)
    assert list_rows(alice) == {"coffee-new", "pay-out-new"}
    assert list_shown(alice) == [(["Checking"], ["Card"])]


def test_another_account_that_looks_the_same_is_not_removed_with_it(
    alice: User, item: Item, provider: ScriptedProvider
) -> None:
    twin = CARD._replace(provider_id="acc-twin")
    provider.listed_accounts = [CHECKING, CARD, twin]
    sync_page(item, provider, added=[*ROWS, transaction_row("tea-of-twin", "-9", account_id="acc-twin")])
    with tenant(alice.pk):
        card = Account.objects.get(provider_id="acc-card")
    remove_account(user=alice, account_id=card.pk, keep_history=False)
    sync_page(item, provider, added=[transaction_row("later", "-8", account_id="acc-twin")])
    assert {"tea-of-twin", "later"} <= list_rows(alice)
    assert list_shown(alice) == [(["Card", "Checking"], ["Card"])]


def test_it_is_completely_read_again_when_it_is_added_again(
    alice: User, synced_item: Item, card: Account, provider: ScriptedProvider
) -> None:
    remove_account(user=alice, account_id=card.pk, keep_history=False)
    account, items = add_account_again(user=alice, account_id=card.pk)
    assert (account, items) == (card, [synced_item])
    sync_page(synced_item, provider, added=ROWS)
    assert provider.cursors[-1] == ""
    assert list_rows(alice) == {"coffee", "tea", "pay-out", "pay-in"}
    assert list_shown(alice) == [(["Card", "Checking"], [])]
    with tenant(alice.pk):
        assert Transfer.objects.count() == 1
        assert BalanceSnapshot.objects.filter(account=card).count() == 1
        assert AuditEvent.objects.filter(action="account_added_again").count() == 1
    with pytest.raises(Account.DoesNotExist):
        add_account_again(user=alice, account_id=card.pk)


# --- Races ------------------------------------------------------------------------------------------------


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


# --- Pages ------------------------------------------------------------------------------------------------


@pytest.fixture
def as_fresh_alice(as_alice: Client, alice: User, with_second_factor: Callable[..., Client]) -> Client:
    return with_second_factor(as_alice, alice)


def test_its_pages_remove_an_account_and_add_it_again(as_fresh_alice: Client, alice: User, card: Account) -> None:
    url = reverse("remove_account", args=[card.pk])
    page = visible_text(as_fresh_alice.get(url))
    for text in ("Remove Card?", "1 account · 2 transactions", "Your other accounts at First Platypus Bank stay"):
        assert text in page
    assert as_fresh_alice.post(url, {"history": "some"}).status_code == 422
    page = visible_text(as_fresh_alice.post(url, {"history": "delete"}, follow=True))
    assert "Card ••3333 is removed. We no longer sync it." in page
    assert "1 removed account" in page
    assert "Card" not in visible_text(as_fresh_alice.get(reverse("transactions")))
    assert "Removed" in visible_text(as_fresh_alice.get(reverse("account", args=[card.pk])))
    # Its page links to the list of its transactions, and there are none.
    response = as_fresh_alice.get(reverse("transactions"), {"account": card.pk})
    assert (response.status_code, response.context["count"]) == (200, 0)
    page = visible_text(as_fresh_alice.post(reverse("add_account_again", args=[card.pk]), follow=True))
    assert "We download Card ••3333 again with the next sync." in page
    assert as_fresh_alice.post(reverse("add_account_again", args=[card.pk])).status_code == 404


def test_it_says_that_a_worker_finishes_it(
    as_fresh_alice: Client, card: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disconnecting, "MAX_ROWS_IN_REQUEST", 1)
    monkeypatch.setattr(tasks, "enqueue_account_removal", lambda removal: None)
    response = as_fresh_alice.post(reverse("remove_account", args=[card.pk]), {"history": "delete"}, follow=True)
    assert "Removing Card ••3333. We finish this in the background." in visible_text(response)


def test_another_user_gets_404(
    mallory: User, as_mallory: Client, card: Account, with_second_factor: Callable[..., Client]
) -> None:
    client = with_second_factor(as_mallory, mallory)
    for name in ("remove_account", "add_account_again"):
        assert client.post(reverse(name, args=[card.pk]), {"history": "delete"}).status_code == 404
    with pytest.raises(Account.DoesNotExist):
        remove_account(user=mallory, account_id=card.pk, keep_history=False)
    with pytest.raises(Account.DoesNotExist):
        removing.removal_summary(user=mallory, account_id=card.pk)
    assert list_rows(User(pk=card.owner_id)) == {"coffee", "tea", "pay-out", "pay-in"}
