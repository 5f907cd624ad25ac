from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts.models import User
from banking import tasks
from banking.models import Connection, Item, SyncRun
from banking.provider import InstitutionDown, LoginRequired, TimedOut, Unavailable
from banking.retention.sync_runs import delete_old_runs
from banking.retention.transaction_rule import NOT_AT_ALL, RULE
from banking.sync.item_sync import sync_item
from banking.tests.factories import mark_synced
from banking.tests.scripted_provider import ScriptedProvider, transaction_row, transactions_page
from banking.tests.sync_runs import run_sync
from compliance.isolation import tenant
from compliance.retention.choosing import choose_period
from ui.tests.page_text import visible_text

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def make_run(item: Item, **fields: object) -> SyncRun:
    """A successful run of two seconds at noon, unless ``fields`` say otherwise."""
    with tenant(item.owner_id):
        values = {"trigger": "beat", "result": "ok", "added": 0, "started_at": NOON}
        values |= {"finished_at": NOON + timedelta(seconds=2)} | fields
        return SyncRun.objects.create(owner_id=item.owner_id, item=item, **values)


def read_history(client: Client, item: Item, **params: object) -> str:
    """Return the text of the table and of what is below it."""
    with time_machine.travel(NOON + timedelta(hours=1), tick=False):
        page = client.get(reverse("sync_history", args=[item.pk]), params)
    assert page.status_code == 200
    return visible_text(page)


def test_it_counts_new_changed_and_removed_transactions(
    as_alice: Client, item: Item, provider: ScriptedProvider
) -> None:
    rows = [transaction_row("a"), transaction_row("b"), transaction_row("c")]
    provider.pages = [
        transactions_page(added=rows),
        transactions_page(added=[transaction_row("d")], modified=[transaction_row("a", "-9")], removed=["b"]),
        transactions_page(modified=[transaction_row("a", "-9")]),
    ]
    for _ in range(3):
        run_sync(item)
    with tenant(item.owner_id):
        runs = SyncRun.objects.order_by("started_at")
        assert [(run.added, run.changed_rows, run.removed) for run in runs] == [(3, 0, 0), (1, 1, 1), (0, 0, 0)]


@pytest.mark.parametrize(
    ("fields", "row"),
    [
        ({}, "12:00 PM On schedule 2 seconds 0 0 0 0 Completed"),
        (
            {"trigger": "person", "written": 1500, "added": 1200, "removed": 7, "skipped_rows": 3},
            "12:00 PM You asked for it 2 seconds 1,200 300 7 3 Completed",
        ),
        ({"trigger": "webhook", "finished_at": NOON}, "The bank had new data less than a second"),
        (
            {"trigger": "follow-up", "finished_at": NOON + timedelta(minutes=3)},
            "Follow-up of the sync before 3 minutes",
        ),
        ({"trigger": "trigger of tomorrow"}, "Started by Plumbline"),
        ({"written": 4, "added": None}, "4 new or changed 0 0 Completed"),
        ({"result": "running", "added": None, "finished_at": None}, "On schedule – 0 0 0 0 Running"),
        ({"bank_refresh": "requested"}, "Completed The bank was asked for new data."),
        ({"bank_refresh": "unsupported"}, "Completed The bank could not be asked: that isn't offered here."),
        ({"postponed": 1}, "1 attempt before it was put off, because we may call only so often."),
        ({"postponed": 5}, "5 attempts before it were put off, because we may call only so often."),
        (
            {"result": "failed", "error_code": "HANDED_OVER"},
            "Not completed The bank responded slowly. We started it again with more time.",
        ),
        ({"result": "failed", "error_code": "WORKER_LOST"}, "Interrupted on our end. We started it again."),
        (
            {"result": "failed", "error_code": "DISCONNECTED"},
            "Not completed Stopped, because the bank was disconnected.",
        ),
        ({"result": "failed", "error_code": "PRODUCT_NOT_READY"}, "First Platypus Bank's data was not ready yet."),
    ],
)
def test_it_says_who_asked_how_long_it_took_and_how_it_ended(
    as_alice: Client, item: Item, fields: dict[str, object], row: str
) -> None:
    make_run(item, **fields)
    assert row in read_history(as_alice, item)


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (LoginRequired("ITEM_LOGIN_REQUIRED"), "First Platypus Bank needs you to sign in again."),
        (InstitutionDown("INSTITUTION_DOWN"), "because the bank isn't responding."),
        (TimedOut("TIMEOUT"), "We couldn't update First Platypus Bank."),
        (Unavailable("INTERNAL_SERVER_ERROR"), "We couldn't update First Platypus Bank."),
        (ZeroDivisionError(), "because of a problem on our end."),
    ],
)
def test_it_blames_whom_the_error_names(
    as_alice: Client, item: Item, provider: ScriptedProvider, error: Exception, result: str
) -> None:
    provider.pages = [error]
    with suppress(ZeroDivisionError):
        run_sync(item)
    page = visible_text(as_alice.get(reverse("sync_history", args=[item.pk])))
    assert result in page.split("Result")[1]


def test_it_shows_the_state_with_two_times_and_one_action(as_alice: Client, item: Item) -> None:
    mark_synced(item, checked_at=NOON, data_as_of=NOON - timedelta(hours=3))
    page = read_history(as_alice, item)
    for part in ("Up to date", "Updated 1 hour ago · bank data from 9:00 AM", "Sync now", "No syncs yet."):
        assert part in page


def test_it_offers_nothing_for_a_bank_that_was_disconnected(as_alice: Client, item: Item) -> None:
    make_run(item)
    mark_synced(item, connection=Connection.REMOVED)
    page = read_history(as_alice, item)
    assert ("Completed" in page, "Sync now" in page, "Disconnect" in page) == (True, False, False)


def test_it_shows_25_on_a_page(as_alice: Client, item: Item) -> None:
    for number in range(30):
        make_run(item, started_at=NOON - timedelta(minutes=number), written=number, added=number)
    first, second = read_history(as_alice, item), read_history(as_alice, item, page=2)
    assert (first.count("Completed"), second.count("Completed")) == (25, 5)
    assert ("Older" in first, "Newer" in first, "Older" in second, "Newer" in second) == (True, False, False, True)
    for page in ("0", "-1", "x", "99"):
        assert "Completed" in read_history(as_alice, item, page=page)


def test_it_explains_the_zeros_of_people_who_keep_no_transactions(as_alice: Client, alice: User, item: Item) -> None:
    make_run(item)
    sentence = "You keep no transactions, so only totals change, and the counts are zero."
    assert sentence not in read_history(as_alice, item)
    with time_machine.travel(NOON, tick=False):
        choose_period(user=alice, rule=RULE, days=NOT_AT_ALL)
    assert sentence in read_history(as_alice, item)


def test_it_shows_no_syncs_of_another_user(as_mallory: Client, item: Item) -> None:
    make_run(item)
    assert as_mallory.get(reverse("sync_history", args=[item.pk])).status_code == 404


def test_it_links_to_the_history_of_each_bank(as_alice: Client, item: Item) -> None:
    assert reverse("sync_history", args=[item.pk]) in as_alice.get(reverse("accounts")).content.decode()


# --- Retention --------------------------------------------------------------------------------------------


def test_it_deletes_old_runs_but_the_last_that_succeeded(
    item: Item, mallory: User, make_item, provider: ScriptedProvider
) -> None:
    other = make_item(mallory)
    with time_machine.travel(NOON + timedelta(days=90, seconds=1), tick=False):
        kept = [make_run(item), make_run(item, started_at=NOON + timedelta(seconds=2), result="failed")]
        make_run(item, result="failed", started_at=NOON - timedelta(seconds=1))
        make_run(item, started_at=NOON - timedelta(days=9))
        for days in (1, 2):
            make_run(other, started_at=NOON - timedelta(days=days))
        make_run(other, started_at=NOON + timedelta(days=1))
        assert delete_old_runs(limit=1) + delete_old_runs(limit=10) == 4
        assert delete_old_runs(limit=10) == 0
    with tenant(item.owner_id):
        assert set(SyncRun.objects.all()) == set(kept)
    with tenant(mallory.pk):
        assert SyncRun.objects.count() == 1
    sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="beat")


def test_it_deletes_those_of_all_banks_in_one_job(
    alice: User, make_item: Callable[..., Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "SYNC_CHUNK", 2)
    for number in range(5):
        bank = make_item(alice, provider_item_id=f"item {number}")
        make_run(bank)
        make_run(bank, started_at=NOON - timedelta(days=91))
    with time_machine.travel(NOON, tick=False):
        tasks.delete_old_sync_runs()
    with tenant(alice.pk):
        assert list(SyncRun.objects.values_list("started_at", flat=True)) == [NOON] * 5
