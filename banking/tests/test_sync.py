"""The reading of an Item, against a scripted stream. Expected rows are written down by hand."""

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
from banking.tests.scripted import CARD, CHECKING, ScriptedProvider, page, transaction
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db(transaction=True)

Ledger = Callable[[], dict[str, Transaction]]


def read(item: Item) -> SyncOutcome:
    outcome = sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="test")
    with tenant(item.owner_id):
        item.refresh_from_db()
    return outcome


def last_run(item: Item) -> SyncRun:
    with tenant(item.owner_id):
        return SyncRun.objects.filter(item=item).latest("started_at")


def test_it_stores_rows_balances_and_cursor(item: Item, provider: ScriptedProvider, ledger: Ledger) -> None:
    provider.pages = [
        page(added=[transaction("a", "-4.33"), transaction("b", "-10")], cursor="c1", more=True),
        page(added=[transaction("c", "2500.00", account_id="acc-checking")], cursor="c2"),
    ]
    read(item)
    assert {key: row.amount for key, row in ledger().items()} == {
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


def test_it_keeps_every_digit_that_a_bank_sends(item: Item, provider: ScriptedProvider, ledger: Ledger) -> None:
    provider.pages = [page(added=[transaction("a", "-115.57268"), transaction("b", "90071992547409.93")])]
    read(item)
    assert ledger()["a"].amount == Decimal("-115.57268")
    assert ledger()["b"].provider_amount == Decimal("-90071992547409.93")


def test_it_shows_the_day_of_payment_before_the_day_of_posting(
    item: Item, provider: ScriptedProvider, ledger: Ledger
) -> None:
    provider.pages = [page(added=[transaction("a"), transaction("b", authorized_date=None)])]
    read(item)
    assert ledger()["a"].day == date(2026, 11, 9)
    assert ledger()["b"].day == date(2026, 11, 10)


def test_it_lets_the_last_word_about_a_transaction_count(
    item: Item, provider: ScriptedProvider, ledger: Ledger
) -> None:
    provider.pages = [
        page(added=[transaction("a"), transaction("b")], cursor="c1", more=True),
        page(modified=[transaction("a", "-5")], removed=["b"], cursor="c2", more=True),
        page(modified=[transaction("a", "-6")], cursor="c3"),
    ]
    read(item)
    assert {key: row.amount for key, row in ledger().items()} == {"a": Decimal(-6)}


def test_it_takes_what_was_added_twice_or_changed_unseen(
    item: Item, provider: ScriptedProvider, ledger: Ledger
) -> None:
    provider.pages = [page(added=[transaction("a")], cursor="c1")]
    read(item)
    provider.pages = [
        page(added=[transaction("a")], modified=[transaction("new")], removed=["never-seen"], cursor="c2")
    ]
    read(item)
    assert set(ledger()) == {"a", "new"}


def test_it_keeps_two_equal_purchases_apart(item: Item, provider: ScriptedProvider, ledger: Ledger) -> None:
    provider.pages = [page(added=[transaction("twin-1"), transaction("twin-2")])]
    read(item)
    assert set(ledger()) == {"twin-1", "twin-2"}


def test_it_carries_what_a_person_wrote_from_pending_to_posted(
    item: Item, provider: ScriptedProvider, ledger: Ledger, alice: User
) -> None:
    provider.pages = [page(added=[transaction("pending", pending=True)], cursor="c1")]
    read(item)
    with tenant(alice.pk):
        Transaction.objects.for_user(alice).update(user_category="TRAVEL", note="with Bob")
    posted = transaction("posted", "-5.20", pending_id="pending")
    provider.pages = [
        page(added=[posted], cursor="c2", more=True),
        page(removed=["pending"], cursor="c3"),
    ]
    read(item)
    (row,) = ledger().values()
    assert (row.provider_id, row.amount, row.user_category, row.note) == (
        "posted",
        Decimal("-5.20"),
        "TRAVEL",
        "with Bob",
    )


def test_it_never_writes_over_what_a_person_wrote(
    item: Item, provider: ScriptedProvider, ledger: Ledger, alice: User
) -> None:
    provider.pages = [page(added=[transaction("a")], cursor="c1")]
    read(item)
    with tenant(alice.pk):
        Transaction.objects.for_user(alice).update(user_category="TRAVEL", note="mine", hidden=True)
    provider.pages = [page(modified=[transaction("a", "-9", category="MEDICAL")], cursor="c2")]
    read(item)
    row = ledger()["a"]
    assert (row.amount, row.category, row.user_category, row.note, row.hidden) == (
        Decimal(-9),
        "MEDICAL",
        "TRAVEL",
        "mine",
        True,
    )


def test_it_writes_no_row_version_for_a_page_without_news(
    item: Item, provider: ScriptedProvider, as_operator: Callable[..., list[tuple[object, ...]]]
) -> None:
    where_rows_lie = "SELECT ctid::text, xmin::text FROM banking_transaction ORDER BY provider_id"
    rows = [transaction(f"t{n}") for n in range(50)]
    provider.pages = [page(added=rows, cursor="c1")]
    read(item)
    before = as_operator(where_rows_lie)
    provider.pages = [page(modified=rows, cursor="c2")]
    read(item)
    assert as_operator(where_rows_lie) == before
    assert last_run(item).written == 0


def test_it_begins_again_from_the_first_cursor_when_the_stream_changes(
    item: Item, provider: ScriptedProvider, ledger: Ledger
) -> None:
    provider.pages = [page(added=[transaction("old")], cursor="start")]
    read(item)
    provider.cursors.clear()
    provider.pages = [
        page(added=[transaction("ghost")], cursor="p1", more=True),
        MutationDuringPagination("TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION"),
        page(added=[transaction("real")], cursor="p2"),
    ]
    read(item)
    assert provider.cursors == ["start", "p1", "start"]
    assert set(ledger()) == {"old", "real"}
    assert last_run(item).restarts == 1


def test_it_gives_up_on_a_stream_that_never_holds_still(item: Item, provider: ScriptedProvider, ledger: Ledger) -> None:
    provider.pages = [MutationDuringPagination("MUTATION")] * 20
    read(item)
    assert (ledger(), item.cursor, item.failures) == ({}, "", 1)
    assert last_run(item).error_code == "CHANGED_TOO_OFTEN"


def test_it_reads_everything_again_when_its_cursor_is_lost_and_drops_ghosts(
    item: Item, provider: ScriptedProvider, ledger: Ledger
) -> None:
    today = timezone.localdate()
    recent = {"date": today, "authorized_date": today}
    provider.pages = [page(added=[transaction("kept", **recent), transaction("ghost", **recent)], cursor="c1")]
    read(item)
    provider.pages = [InvalidCursor("INVALID_FIELD"), page(added=[transaction("kept", **recent)], cursor="n1")]
    read(item)
    assert set(ledger()) == {"kept"}
    assert item.cursor == "n1"


def test_it_keeps_the_cursor_while_the_provider_prepares(item: Item, provider: ScriptedProvider) -> None:
    provider.pages = [page(cursor="", readiness=Readiness.NOT_READY)]
    outcome = read(item)
    assert (item.cursor, item.readiness, outcome.retry_in) == ("", Readiness.NOT_READY, 3)


def test_it_never_takes_readiness_back(item: Item, provider: ScriptedProvider) -> None:
    provider.pages = [page(cursor="c1"), page(cursor="c2", readiness=Readiness.INITIAL)]
    read(item)
    outcome = read(item)
    assert (item.readiness, outcome.retry_in) == (Readiness.HISTORICAL, None)


def test_it_stops_at_a_cursor_that_stands_still(item: Item, provider: ScriptedProvider, ledger: Ledger) -> None:
    provider.pages = [page(added=[transaction("a")], cursor="c1", more=True), page(cursor="c1", more=True)]
    read(item)
    assert (ledger(), item.cursor) == ({}, "")
    assert item.error_code == "CURSOR_STANDS_STILL"


def test_it_stops_at_a_cursor_that_leads_back(item: Item, provider: ScriptedProvider, ledger: Ledger) -> None:
    circle = [page(added=[transaction(name)], cursor=name, more=True) for name in ("c1", "c2", "c1")]
    provider.pages = [*circle, page(cursor="c2", more=True), page(cursor="end")]
    read(item)
    assert (ledger(), item.cursor, item.error_code) == ({}, "", "CURSOR_STANDS_STILL")
    assert provider.cursors == ["", "c1", "c2"]


def test_it_takes_an_account_that_only_the_stream_names(item: Item, provider: ScriptedProvider, ledger: Ledger) -> None:
    extra = CHECKING._replace(provider_id="acc-extra", name="Extra")
    provider.pages = [page(added=[transaction("a", account_id="acc-extra")], accounts=[extra])]
    read(item)
    assert set(ledger()) == {"a"}


def test_it_closes_an_account_that_the_bank_lists_no_more(item: Item, provider: ScriptedProvider) -> None:
    read(item)
    provider.roster = [CHECKING]
    read(item)
    with tenant(item.owner_id):
        assert Account.objects.get(provider_id="acc-card").closed_at is not None
        assert Account.objects.get(provider_id="acc-checking").closed_at is None
    provider.roster = [CHECKING, CARD]
    read(item)
    with tenant(item.owner_id):
        assert Account.objects.get(provider_id="acc-card").closed_at is None


def test_it_keeps_one_snapshot_for_each_day(item: Item, provider: ScriptedProvider) -> None:
    with time_machine.travel(datetime(2026, 11, 20, 8, tzinfo=UTC), tick=False) as clock:
        read(item)
        provider.roster = [CHECKING._replace(current=Decimal("900"))]
        clock.shift(timedelta(hours=6))
        read(item)
        clock.shift(timedelta(hours=24))
        read(item)
    with tenant(item.owner_id):
        days = BalanceSnapshot.objects.filter(account__provider_id="acc-checking").order_by("day")
        assert [(row.day, row.current) for row in days] == [
            (date(2026, 11, 20), Decimal(900)),
            (date(2026, 11, 21), Decimal(900)),
        ]


def test_it_lets_one_worker_at_a_time_read_an_item(item: Item, provider: ScriptedProvider) -> None:
    outcomes: list[SyncOutcome] = []

    def second_worker() -> object:
        outcomes.append(sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="other"))
        return page(cursor="c1")

    provider.pages = [second_worker]
    read(item)
    assert [outcome.ran for outcome in outcomes] == [False]
    assert item.cursor == "c1"


def test_it_leaves_nothing_behind_when_its_worker_dies_between_pages(
    item: Item, provider: ScriptedProvider, ledger: Ledger
) -> None:
    provider.pages = [page(added=[transaction("a")], cursor="p1", more=True), SystemExit()]
    with pytest.raises(SystemExit):
        read(item)
    assert ledger() == {}
    assert read(item).ran is False
    with tenant(item.owner_id):
        Item.objects.filter(pk=item.pk).update(leased_until=timezone.now())
    provider.pages = [page(added=[transaction("a")], cursor="p1", more=True), page(cursor="p2")]
    assert read(item).ran is True
    assert set(ledger()) == {"a"}
    assert item.cursor == "p2"
    with tenant(item.owner_id):
        runs = SyncRun.objects.filter(item=item).order_by("started_at")
        assert [(run.result, run.error_code) for run in runs] == [("failed", "WORKER_LOST"), ("ok", "")]


def test_it_stores_nothing_once_another_worker_took_the_item_over(
    item: Item, provider: ScriptedProvider, ledger: Ledger
) -> None:
    def too_slow() -> object:
        with tenant(item.owner_id):
            Item.objects.filter(pk=item.pk).update(leased_until=timezone.now() - timedelta(seconds=1))
        provider.pages = [page(added=[transaction("theirs")], cursor="theirs")]
        sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="other")
        return page(added=[transaction("mine")], cursor="mine")

    provider.pages = [too_slow]
    assert read(item).ran is False
    assert set(ledger()) == {"theirs"}
    assert item.cursor == "theirs"


def test_it_stores_nothing_of_an_item_that_was_disconnected_meanwhile(
    item: Item, provider: ScriptedProvider, ledger: Ledger, alice: User
) -> None:
    from banking.linking.disconnecting import disconnect_bank

    def disconnect() -> object:
        disconnect_bank(user=alice, item_id=item.pk, keep_history=False)
        return page(added=[transaction("late")], cursor="late")

    provider.pages = [disconnect]
    assert read(item).ran is False
    assert ledger() == {}


def test_it_holds_no_transaction_open_while_the_provider_answers(item: Item, provider: ScriptedProvider) -> None:
    seen: list[bool] = []

    def look() -> object:
        seen.append(connection.in_atomic_block)
        return page(cursor="c1")

    provider.pages = [look]
    read(item)
    assert seen == [False]


@pytest.mark.parametrize("slow_by", [0, 5], ids=["one clock", "another clock"])
def test_it_looks_again_at_once_when_it_was_asked_for_meanwhile(
    item: Item, provider: ScriptedProvider, slow_by: int
) -> None:
    from banking.sync import sync_queue

    def ring() -> object:
        with time_machine.travel(timezone.now() - timedelta(seconds=slow_by)):
            sync_queue.request_sync(owner_id=item.owner_id, item_id=item.pk)
        return page(cursor="c1")

    provider.pages = [ring]
    assert read(item).retry_in == 0
    assert read(item).retry_in is None


def test_it_takes_text_that_copy_would_read_as_commands(item: Item, provider: ScriptedProvider, ledger: Ledger) -> None:
    name = "a\tb\nc\\N\\.\r☕ 'quoted' \\"
    provider.pages = [page(added=[transaction("a", name=name)])]
    read(item)
    assert ledger()["a"].name == name
