"""Syncs of people whose transactions are purged, or not kept at all."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Notification, User
from banking.models import Account, Item, SyncRun, Transaction, TransactionTotal, Transfer
from banking.provider import InvalidCursor, Readiness, TransactionRow
from banking.retention.purging import purge_transactions
from banking.retention.transaction_rule import RULE
from banking.splits.splitting import PartValues, split_transaction
from banking.sync.notifications import notify_large_transactions
from banking.tests.factories import update_item
from banking.tests.scripted_provider import ScriptedProvider, transaction_row, transactions_page
from banking.tests.sync_runs import StoredTransactions, run_sync
from compliance.isolation import tenant
from compliance.retention.choosing import choose_period
from compliance.retention.models import RetentionSetting
from compliance.retention.rules import EVERYTHING

pytestmark = pytest.mark.django_db(transaction=True)

TODAY = date(2026, 11, 22)
NOON = "2026-11-22T12:00Z"
CUTOFF = TODAY - timedelta(days=90)
OLD = CUTOFF - timedelta(days=1)


def set_period(user: User, days: int | None) -> None:
    """Let a period count as if its person had been told long ago."""
    choose_period(user=user, rule=RULE, days=days)
    with tenant(user.pk):
        long_ago = timezone.now() - timedelta(days=100)
        RetentionSetting.objects.update(announced_at=long_ago, effective_at=long_ago)


def purge(user: User, before: date = CUTOFF) -> None:
    while purge_transactions(owner_id=user.pk, before=before, limit=1000):
        pass


def row(provider_id: str, day: date, amount: str = "-5", **changes: object) -> TransactionRow:
    return transaction_row(provider_id, amount, date=day, authorized_date=None, **changes)


def sync_pages(item: Item, provider: ScriptedProvider, *pages: object) -> None:
    provider.pages = list(pages)
    run_sync(item)


def stored_totals(user: User) -> dict[tuple[str, date], Decimal]:
    """Net of each total, by its period and first day."""
    with tenant(user.pk):
        sums: dict[tuple[str, date], Decimal] = {}
        for total in TransactionTotal.objects.for_user(user):
            key = (total.period, total.starts_on)
            sums[key] = sums.get(key, Decimal(0)) + total.money_in - total.money_out
        return sums


@pytest.fixture(autouse=True)
def _today() -> Iterable[None]:
    with time_machine.travel(NOON, tick=False):
        yield


# --- Rows that were purged --------------------------------------------------------------------------------


def test_it_does_not_store_purged_rows_again_after_a_complete_download(
    alice: User, item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    stream = [row("old", OLD), row("kept", CUTOFF)]
    sync_pages(item, provider, transactions_page(added=stream))
    set_period(alice, 90)
    purge(alice)
    totals = stored_totals(alice)
    sync_pages(item, provider, InvalidCursor("INVALID_FIELD"), transactions_page(added=stream))
    assert set(stored_transactions()) == {"kept"}
    purge(alice)
    assert stored_totals(alice) == totals == {("month", OLD.replace(day=1)): Decimal(-5)}


def test_it_does_not_store_a_purged_row_that_the_bank_changes(
    alice: User, item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    sync_pages(item, provider, transactions_page(added=[row("old", OLD)]))
    set_period(alice, 90)
    purge(alice)
    sync_pages(item, provider, transactions_page(modified=[row("old", OLD, category="TRAVEL")], cursor="c2"))
    assert stored_transactions() == {}


def test_it_keeps_purged_rows_away_when_the_period_becomes_longer(
    alice: User, item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    stream = [row("old", OLD), row("kept", CUTOFF)]
    sync_pages(item, provider, transactions_page(added=stream))
    set_period(alice, 90)
    purge(alice)
    choose_period(user=alice, rule=RULE, days=None)
    update_item(item, cursor="")
    sync_pages(item, provider, transactions_page(added=stream))
    assert set(stored_transactions()) == {"kept"}


def test_it_stores_no_older_rows_of_a_bank_that_is_connected_later(
    alice: User, item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    set_period(alice, 90)
    sync_pages(item, provider, transactions_page(added=[row("old", OLD), row("kept", CUTOFF)]))
    assert set(stored_transactions()) == {"kept"}


def test_it_stores_old_rows_that_the_bank_could_not_deliver_before_the_purge(
    alice: User, item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    with time_machine.travel("2026-08-01T12:00Z", tick=False):
        sync_pages(item, provider, transactions_page(added=[row("known", date(2026, 7, 30))]))
    set_period(alice, 90)
    purge(alice)
    # The bank was out of reach for months.
    sync_pages(item, provider, transactions_page(added=[row("missed", date(2026, 8, 10))], cursor="c2"))
    assert set(stored_transactions()) == {"missed"}
    purge(alice)
    assert stored_totals(alice) == {("month", date(2026, 7, 1)): -5, ("month", date(2026, 8, 1)): -5}


def test_it_counts_the_day_of_the_last_sync_once(alice: User, item: Item, provider: ScriptedProvider) -> None:
    stream = [row("known", date(2026, 8, 1))]
    with time_machine.travel("2026-08-01T12:00Z", tick=False):
        sync_pages(item, provider, transactions_page(added=stream))
    set_period(alice, 90)
    purge(alice)
    sync_pages(item, provider, InvalidCursor("INVALID_FIELD"), transactions_page(added=stream))
    purge(alice)
    assert stored_totals(alice) == {("month", date(2026, 8, 1)): -5}


def test_it_stores_the_posted_row_of_a_pending_one_that_stayed(
    alice: User, item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    sync_pages(item, provider, transactions_page(added=[row("pending", OLD, pending=True)]))
    set_period(alice, 90)
    purge(alice)
    posted = row("posted", OLD, pending_id="pending")
    sync_pages(item, provider, transactions_page(added=[posted], removed=["pending"], cursor="c2"))
    assert set(stored_transactions()) == {"posted"}
    purge(alice)
    assert stored_totals(alice) == {("month", OLD.replace(day=1)): Decimal(-5)}


def test_it_stores_the_posted_row_of_a_split_pending_one_that_stayed(
    alice: User, item: Item, provider: ScriptedProvider
) -> None:
    sync_pages(item, provider, transactions_page(added=[row("pending", OLD, pending=True)]))
    with tenant(alice.pk):
        pending = Transaction.objects.get()
    parts = [PartValues(amount=Decimal(-2), category="TRAVEL"), PartValues(amount=Decimal(-3))]
    split_transaction(user=alice, transaction_id=pending.pk, parts=parts)
    set_period(alice, 90)
    purge(alice)
    posted = row("posted", OLD, "-6", pending_id="pending")
    sync_pages(item, provider, transactions_page(added=[posted], removed=["pending"], cursor="c2"))
    purge(alice)
    with tenant(alice.pk):
        totals = dict(TransactionTotal.objects.values_list("category", "money_out"))
        assert totals == {"TRAVEL": Decimal(2), posted.category: Decimal(4)}
        assert not Transaction.objects.exists()


def test_it_stores_no_pending_row_whose_posted_row_was_purged(
    alice: User, item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    stream = [row("pending", CUTOFF, pending=True), row("posted", OLD, pending_id="pending")]
    sync_pages(item, provider, transactions_page(added=stream))
    set_period(alice, 90)
    purge(alice)
    update_item(item, cursor="")
    sync_pages(item, provider, transactions_page(added=stream))
    assert stored_transactions() == {}
    assert stored_totals(alice) == {("month", OLD.replace(day=1)): Decimal(-5)}


def test_it_marks_no_row_removed_because_older_ones_were_purged(
    alice: User, item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    stream = [row("old", OLD), row("kept", CUTOFF), row("gone", TODAY)]
    sync_pages(item, provider, transactions_page(added=stream))
    set_period(alice, 90)
    purge(alice)
    update_item(item, cursor="")
    sync_pages(item, provider, transactions_page(added=stream[:2]))
    assert set(stored_transactions()) == {"kept"}
    with tenant(alice.pk):
        assert Transaction.objects.for_user(alice).exclude(removed_at=None).get().provider_id == "gone"


# --- People who keep no transactions ----------------------------------------------------------------------


@pytest.fixture
def keeps_none(alice: User) -> User:
    """Alice, who keeps no transactions."""
    choose_period(user=alice, rule=RULE, days=0)
    return alice


def test_it_counts_at_once_if_nothing_is_stored(keeps_none: User) -> None:
    with tenant(keeps_none.pk):
        assert RetentionSetting.objects.get().first_day_kept(timezone.now()) == EVERYTHING


def test_it_stores_totals_by_day_and_month_and_no_row(
    keeps_none: User, item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    stream = [row("new", TODAY), row("new2", TODAY, "7"), row("old", OLD), row("older", date(2026, 8, 2))]
    sync_pages(item, provider, transactions_page(added=stream))
    assert stored_transactions() == {}
    assert stored_totals(keeps_none) == {("day", TODAY): Decimal(2), ("month", date(2026, 8, 1)): Decimal(-10)}
    assert item.cursor == ""


def test_it_replaces_the_totals_at_each_sync(keeps_none: User, item: Item, provider: ScriptedProvider) -> None:
    stream = [row("old", OLD), row("pending", TODAY, pending=True)]
    sync_pages(item, provider, transactions_page(added=stream))
    assert stored_totals(keeps_none) == {("day", TODAY): Decimal(-5), ("month", OLD.replace(day=1)): Decimal(-5)}
    stream += [row("posted", TODAY, "-6", pending_id="pending")]
    sync_pages(item, provider, transactions_page(added=stream))
    assert stored_totals(keeps_none) == {("day", TODAY): Decimal(-6), ("month", OLD.replace(day=1)): Decimal(-5)}
    sync_pages(item, provider, transactions_page(added=stream[:1]))
    assert stored_totals(keeps_none) == {("month", OLD.replace(day=1)): Decimal(-5)}
    assert provider.cursors == ["", "", ""]


def test_it_finds_transfers_between_the_accounts_of_one_bank(
    keeps_none: User, item: Item, provider: ScriptedProvider
) -> None:
    unspecific = {"category": "OTHER", "category_detail": ""}
    stream = [
        row("out", TODAY, "-500", **unspecific),
        row("in", TODAY, "500", account_id="acc-card", **unspecific),
        row("spent", TODAY, "-7", **unspecific),
    ]
    sync_pages(item, provider, transactions_page(added=stream))
    assert stored_totals(keeps_none) == {("day", TODAY): Decimal(-7)}
    with tenant(keeps_none.pk):
        assert not Transfer.objects.exists()


def test_it_keeps_the_totals_while_the_provider_prepares_the_stream_again(
    keeps_none: User, item: Item, provider: ScriptedProvider
) -> None:
    sync_pages(item, provider, transactions_page(added=[row("a", TODAY)]))
    sync_pages(item, provider, transactions_page(readiness=Readiness.NOT_READY))
    assert stored_totals(keeps_none) == {("day", TODAY): Decimal(-5)}


def test_it_counts_purged_rows_once_when_the_stream_has_them_too(
    alice: User, item: Item, provider: ScriptedProvider
) -> None:
    stream = [row("new", TODAY), row("old", OLD)]
    sync_pages(item, provider, transactions_page(added=stream))
    set_period(alice, 0)
    # The purge has not run yet, so the sync leaves the rows and the totals alone.
    sync_pages(item, provider, transactions_page(added=stream))
    assert stored_totals(alice) == {}
    purge(alice, EVERYTHING)
    totals = stored_totals(alice)
    sync_pages(item, provider, transactions_page(added=stream))
    assert stored_totals(alice) == totals == {("day", TODAY): -5, ("month", OLD.replace(day=1)): -5}


def test_it_downloads_everything_when_a_person_keeps_transactions_again(
    keeps_none: User, item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    stream = [row("new", TODAY), row("old", OLD)]
    sync_pages(item, provider, transactions_page(added=stream))
    choose_period(user=keeps_none, rule=RULE, days=90)
    item = update_item(item)
    assert (item.cursor, item.next_sync_at) == ("", timezone.now())
    sync_pages(item, provider, transactions_page(added=stream))
    # Nothing is deleted before they were told.
    assert set(stored_transactions()) == {"new", "old"}
    assert stored_totals(keeps_none) == {}
    assert item.cursor == "c1"


def test_it_starts_over_if_the_choice_changed_during_a_download_of_changes(
    alice: User, item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    sync_pages(item, provider, transactions_page(added=[row("first", TODAY)]))

    def choose_meanwhile() -> object:
        choose_period(user=alice, rule=RULE, days=0, at_once=True)
        purge(alice, EVERYTHING)
        choose_period(user=alice, rule=RULE, days=None)
        return transactions_page(added=[row("second", TODAY)], cursor="c2")

    sync_pages(item, provider, choose_meanwhile)
    assert item.cursor == ""
    sync_pages(item, provider, transactions_page(added=[row("first", TODAY), row("second", TODAY)]))
    assert set(stored_transactions()) == {"first", "second"}
    assert stored_totals(alice) == {}


def test_it_notifies_nobody_of_large_transactions_that_are_not_kept(
    keeps_none: User, item: Item, provider: ScriptedProvider
) -> None:
    sync_pages(item, provider, transactions_page())
    provider.pages = [transactions_page(added=[row("large", TODAY, "-9000")])]
    assert run_sync(item).new_rows_run_id is None


@pytest.mark.parametrize("before", [EVERYTHING, TODAY - timedelta(days=30)])
def test_it_deletes_alerts_of_large_transactions_as_old_as_what_it_purges(
    alice: User, item: Item, provider: ScriptedProvider, before: date
) -> None:
    for day, name in ((TODAY - timedelta(days=40), "Old clinic"), (TODAY, "New clinic")):
        with time_machine.travel(datetime.combine(day, time(12), UTC), tick=False):
            sync_pages(item, provider, transactions_page(added=[row(name, day, "-5000", merchant_name=name)]))
            with tenant(alice.pk):
                run_id = SyncRun.objects.filter(item=item).latest("pk").pk
            notify_large_transactions(owner_id=alice.pk, item_id=item.pk, run_id=run_id)
    with tenant(alice.pk):
        assert Notification.objects.count() == 2
    purge(alice, before)
    with tenant(alice.pk):
        titles = [notification.title for notification in Notification.objects.all()]
        assert User.objects.get(pk=alice.pk).unread == len(titles)
    assert titles == ([] if before == EVERYTHING else ["$5,000.00 went out: New clinic"])


def test_it_lets_the_totals_of_a_deleted_account_go(keeps_none: User, item: Item, provider: ScriptedProvider) -> None:
    sync_pages(item, provider, transactions_page(added=[row("a", TODAY)]))
    with tenant(keeps_none.pk):
        Account.objects.all().delete()
        assert not TransactionTotal.objects.exists()
