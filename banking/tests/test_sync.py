"""The sync of an Item with a scripted provider."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from accounts.models import User
from banking.models import Account, BalanceSnapshot, Item, SyncRun, Transaction
from banking.provider import (
    InvalidCursor,
    MutationDuringPagination,
    Readiness,
)
from banking.sync import sync_item
from banking.sync.outcome import SyncOutcome
from banking.tests.scripted_provider import CARD, CHECKING, ScriptedProvider, transaction_row, transactions_page
from banking.tests.sync_runs import StoredTransactions, get_last_run, run_sync
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_stores_rows_balances_and_cursor(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    provider.pages = [
        transactions_page(added=[transaction_row("a", "-4.33"), transaction_row("b", "-10")], cursor="c1", more=True),
        transactions_page(added=[transaction_row("c", "2500.00", account_id="acc-checking")], cursor="c2"),
    ]
    run_sync(item)
    assert {key: row.amount for key, row in stored_transactions().items()} == {
        "a": Decimal("-4.33"),
        "b": Decimal("-10"),
        "c": Decimal("2500"),
    }
    assert item.cursor == "c2"
    assert provider.cursors == ["", "c1"]
    with tenant(item.owner_id):
        card = Account.objects.get(provider_id="acc-card")
        assert (card.current, card.limit, card.utilization) == (Decimal(410), Decimal(2000), Decimal("20.5"))
        snapshot = BalanceSnapshot.objects.get(account__provider_id="acc-checking")
        assert (snapshot.day, snapshot.current) == (timezone.localdate(), Decimal("1200.50"))


def test_it_keeps_every_digit_that_a_bank_sends(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    provider.pages = [
        transactions_page(added=[transaction_row("a", "-115.57268"), transaction_row("b", "90071992547409.93")])
    ]
    run_sync(item)
    assert stored_transactions()["a"].amount == Decimal("-115.57268")
    assert stored_transactions()["b"].provider_amount == Decimal("-90071992547409.93")


def test_it_prefers_the_authorized_date(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    provider.pages = [transactions_page(added=[transaction_row("a"), transaction_row("b", authorized_date=None)])]
    run_sync(item)
    assert stored_transactions()["a"].day == date(2026, 11, 9)
    assert stored_transactions()["b"].day == date(2026, 11, 10)


def test_it_applies_the_last_change_of_a_transaction(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    provider.pages = [
        transactions_page(added=[transaction_row("a"), transaction_row("b")], cursor="c1", more=True),
        transactions_page(modified=[transaction_row("a", "-5")], removed=["b"], cursor="c2", more=True),
        transactions_page(modified=[transaction_row("a", "-6")], cursor="c3"),
    ]
    run_sync(item)
    assert {key: row.amount for key, row in stored_transactions().items()} == {"a": Decimal(-6)}


def test_it_accepts_repeated_additions_and_unknown_changes(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    provider.pages = [transactions_page(added=[transaction_row("a")], cursor="c1")]
    run_sync(item)
    provider.pages = [
        transactions_page(
            added=[transaction_row("a")], modified=[transaction_row("new")], removed=["never-seen"], cursor="c2"
        )
    ]
    run_sync(item)
    assert set(stored_transactions()) == {"a", "new"}


def test_it_stores_two_equal_purchases(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    provider.pages = [transactions_page(added=[transaction_row("twin-1"), transaction_row("twin-2")])]
    run_sync(item)
    assert set(stored_transactions()) == {"twin-1", "twin-2"}


def test_it_moves_the_users_changes_from_pending_to_posted(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions, alice: User
) -> None:
    provider.pages = [transactions_page(added=[transaction_row("pending", pending=True)], cursor="c1")]
    run_sync(item)
    with tenant(alice.pk):
        Transaction.objects.for_user(alice).update(user_category="TRAVEL", note="with Bob")
    posted = transaction_row("posted", "-5.20", pending_id="pending")
    provider.pages = [
        transactions_page(added=[posted], cursor="c2", more=True),
        transactions_page(removed=["pending"], cursor="c3"),
    ]
    run_sync(item)
    (row,) = stored_transactions().values()
    assert (row.provider_id, row.amount, row.user_category, row.note) == (
        "posted",
        Decimal("-5.20"),
        "TRAVEL",
        "with Bob",
    )


def test_it_never_overwrites_the_users_changes(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions, alice: User
) -> None:
    provider.pages = [transactions_page(added=[transaction_row("a")], cursor="c1")]
    run_sync(item)
    with tenant(alice.pk):
        Transaction.objects.for_user(alice).update(user_category="TRAVEL", note="mine", hidden=True)
    provider.pages = [transactions_page(modified=[transaction_row("a", "-9", category="MEDICAL")], cursor="c2")]
    run_sync(item)
    row = stored_transactions()["a"]
    assert (row.amount, row.category, row.user_category, row.note, row.hidden) == (
        Decimal(-9),
        "MEDICAL",
        "TRAVEL",
        "mine",
        True,
    )


def test_it_does_not_rewrite_unchanged_rows(
    item: Item, provider: ScriptedProvider, as_operator: Callable[..., list[tuple[object, ...]]]
) -> None:
    query = "SELECT ctid::text, xmin::text FROM banking_transaction ORDER BY provider_id"
    rows = [transaction_row(f"t{n}") for n in range(50)]
    provider.pages = [transactions_page(added=rows, cursor="c1")]
    run_sync(item)
    before = as_operator(query)
    provider.pages = [transactions_page(modified=rows, cursor="c2")]
    run_sync(item)
    assert as_operator(query) == before
    assert get_last_run(item).written == 0


def test_it_restarts_from_the_first_cursor_if_transactions_change(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    provider.pages = [transactions_page(added=[transaction_row("old")], cursor="start")]
    run_sync(item)
    provider.cursors.clear()
    provider.pages = [
        transactions_page(added=[transaction_row("ghost")], cursor="p1", more=True),
        MutationDuringPagination("TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION"),
        transactions_page(added=[transaction_row("real")], cursor="p2"),
    ]
    run_sync(item)
    assert provider.cursors == ["start", "p1", "start"]
    assert set(stored_transactions()) == {"old", "real"}
    assert get_last_run(item).restarts == 1


def test_it_fails_after_too_many_restarts(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    provider.pages = [MutationDuringPagination("MUTATION")] * 20
    run_sync(item)
    assert (stored_transactions(), item.cursor, item.failures) == ({}, "", 1)
    assert get_last_run(item).error_code == "CHANGED_TOO_OFTEN"


def test_it_reads_all_rows_again_if_the_cursor_is_lost_and_removes_missing_ones(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    today = timezone.localdate()
    recent = {"date": today, "authorized_date": today}
    provider.pages = [
        transactions_page(added=[transaction_row("kept", **recent), transaction_row("ghost", **recent)], cursor="c1")
    ]
    run_sync(item)
    provider.pages = [
        InvalidCursor("INVALID_FIELD"),
        transactions_page(added=[transaction_row("kept", **recent)], cursor="n1"),
    ]
    run_sync(item)
    assert set(stored_transactions()) == {"kept"}
    assert item.cursor == "n1"


def test_it_keeps_the_cursor_while_the_provider_is_not_ready(item: Item, provider: ScriptedProvider) -> None:
    provider.pages = [transactions_page(cursor="", readiness=Readiness.NOT_READY)]
    outcome = run_sync(item)
    assert (item.cursor, item.readiness, outcome.run_again_in) == ("", Readiness.NOT_READY, 3)


def test_it_never_lowers_the_readiness(item: Item, provider: ScriptedProvider) -> None:
    provider.pages = [transactions_page(cursor="c1"), transactions_page(cursor="c2", readiness=Readiness.INITIAL)]
    run_sync(item)
    outcome = run_sync(item)
    assert (item.readiness, outcome.run_again_in) == (Readiness.HISTORICAL, None)


def test_it_stops_at_a_repeated_cursor(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    provider.pages = [
        transactions_page(added=[transaction_row("a")], cursor="c1", more=True),
        transactions_page(cursor="c1", more=True),
    ]
    run_sync(item)
    assert (stored_transactions(), item.cursor) == ({}, "")
    assert item.error_code == "CURSOR_STANDS_STILL"


def test_it_stops_at_a_loop_of_cursors(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    looping_pages = [
        transactions_page(added=[transaction_row(name)], cursor=name, more=True) for name in ("c1", "c2", "c1")
    ]
    provider.pages = [*looping_pages, transactions_page(cursor="c2", more=True), transactions_page(cursor="end")]
    run_sync(item)
    assert (stored_transactions(), item.cursor, item.error_code) == ({}, "", "CURSOR_STANDS_STILL")
    assert provider.cursors == ["", "c1", "c2"]


def test_it_creates_an_account_that_only_a_page_contains(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    extra = CHECKING._replace(provider_id="acc-extra", name="Extra")
    provider.pages = [transactions_page(added=[transaction_row("a", account_id="acc-extra")], accounts=[extra])]
    run_sync(item)
    assert set(stored_transactions()) == {"a"}


def test_it_closes_an_account_that_the_bank_no_longer_lists(item: Item, provider: ScriptedProvider) -> None:
    run_sync(item)
    provider.listed_accounts = [CHECKING]
    run_sync(item)
    with tenant(item.owner_id):
        assert Account.objects.get(provider_id="acc-card").closed_at is not None
        assert Account.objects.get(provider_id="acc-checking").closed_at is None
    provider.listed_accounts = [CHECKING, CARD]
    run_sync(item)
    with tenant(item.owner_id):
        assert Account.objects.get(provider_id="acc-card").closed_at is None


def test_it_stores_one_snapshot_a_day(item: Item, provider: ScriptedProvider) -> None:
    with time_machine.travel(datetime(2026, 11, 20, 8, tzinfo=UTC), tick=False) as clock:
        run_sync(item)
        provider.listed_accounts = [CHECKING._replace(current=Decimal("900"))]
        clock.shift(timedelta(hours=6))
        run_sync(item)
        clock.shift(timedelta(hours=24))
        run_sync(item)
    with tenant(item.owner_id):
        days = BalanceSnapshot.objects.filter(account__provider_id="acc-checking").order_by("day")
        assert [(row.day, row.current) for row in days] == [
            (date(2026, 11, 20), Decimal(900)),
            (date(2026, 11, 21), Decimal(900)),
        ]


def test_it_lets_one_worker_at_a_time_sync_an_item(item: Item, provider: ScriptedProvider) -> None:
    outcomes: list[SyncOutcome] = []

    def second_worker() -> object:
        outcomes.append(sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="other"))
        return transactions_page(cursor="c1")

    provider.pages = [second_worker]
    run_sync(item)
    assert [outcome.ran for outcome in outcomes] == [False]
    assert item.cursor == "c1"


def test_it_stores_nothing_if_its_worker_dies_between_pages(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    provider.pages = [transactions_page(added=[transaction_row("a")], cursor="p1", more=True), SystemExit()]
    with pytest.raises(SystemExit):
        run_sync(item)
    assert stored_transactions() == {}
    assert run_sync(item).ran is False
    with tenant(item.owner_id):
        Item.objects.filter(pk=item.pk).update(leased_until=timezone.now())
    provider.pages = [
        transactions_page(added=[transaction_row("a")], cursor="p1", more=True),
        transactions_page(cursor="p2"),
    ]
    assert run_sync(item).ran is True
    assert set(stored_transactions()) == {"a"}
    assert item.cursor == "p2"
    with tenant(item.owner_id):
        runs = SyncRun.objects.filter(item=item).order_by("started_at")
        assert [(run.result, run.error_code) for run in runs] == [("failed", "WORKER_LOST"), ("ok", "")]


def test_it_stores_nothing_after_it_lost_the_lease(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    def lose_lease() -> object:
        with tenant(item.owner_id):
            Item.objects.filter(pk=item.pk).update(leased_until=timezone.now() - timedelta(seconds=1))
        provider.pages = [transactions_page(added=[transaction_row("theirs")], cursor="theirs")]
        sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="other")
        return transactions_page(added=[transaction_row("mine")], cursor="mine")

    provider.pages = [lose_lease]
    assert run_sync(item).ran is False
    assert set(stored_transactions()) == {"theirs"}
    assert item.cursor == "theirs"


def test_it_stores_nothing_for_an_item_that_was_disconnected_meanwhile(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions, alice: User
) -> None:
    from banking.linking.disconnecting import disconnect_bank

    def disconnect() -> object:
        disconnect_bank(user=alice, item_id=item.pk, keep_history=False)
        return transactions_page(added=[transaction_row("late")], cursor="late")

    provider.pages = [disconnect]
    assert run_sync(item).ran is False
    assert stored_transactions() == {}


def test_it_keeps_no_transaction_open_during_calls(item: Item, provider: ScriptedProvider) -> None:
    states: list[bool] = []

    def record_transaction_state() -> object:
        states.append(connection.in_atomic_block)
        return transactions_page(cursor="c1")

    provider.pages = [record_transaction_state]
    run_sync(item)
    assert states == [False]


@pytest.mark.parametrize("slow_by", [0, 5], ids=["one clock", "another clock"])
def test_it_runs_again_if_a_sync_was_requested_meanwhile(item: Item, provider: ScriptedProvider, slow_by: int) -> None:
    from banking.sync import sync_queue

    def request_sync() -> object:
        with time_machine.travel(timezone.now() - timedelta(seconds=slow_by)):
            sync_queue.request_sync(owner_id=item.owner_id, item_id=item.pk)
        return transactions_page(cursor="c1")

    provider.pages = [request_sync]
    assert run_sync(item).run_again_in == 0
    assert run_sync(item).run_again_in is None


def test_it_stores_text_with_escapes_of_copy(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    name = "a\tb\nc\\N\\.\r☕ 'quoted' \\"
    provider.pages = [transactions_page(added=[transaction_row("a", name=name)])]
    run_sync(item)
    assert stored_transactions()["a"].name == name
