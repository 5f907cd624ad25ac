"""Counting which kinds of data a person looked at, and the events that closed days become."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from compliance.audit import Action, daily_access
from compliance.audit.daily_access import DataKind, RecentMinutes, record_closed_days, record_data_access
from compliance.audit.events import AuditEvent, DailyAccess
from compliance.isolation import tenant
from compliance.tasks import record_daily_accesses
from compliance.tests.conftest import default_and_ops
from compliance.tests.threads import in_threads

pytestmark = default_and_ops

NOON = datetime(2026, 11, 20, 12, 0, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin as a new process does, and delete what other tests left for the nightly job."""
    start_process(monkeypatch)
    DailyAccess.objects.using("ops").all().delete()


def start_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daily_access, "recent_minutes", RecentMinutes(100))


def look(owner: UUID, *kinds: DataKind) -> int:
    """Look at data of these kinds; returns how many statements that took."""
    with tenant(owner), CaptureQueriesContext(connection) as queries:
        record_data_access(owner, *kinds)
    return len([query for query in queries if "compliance_count_accesses" in query["sql"]])


def list_counts(owner: UUID) -> dict[str, int]:
    with tenant(owner):
        return dict(DailyAccess.objects.order_by("kind").values_list("kind", "count"))


def list_events(owner: UUID) -> list[AuditEvent]:
    with tenant(owner):
        return list(AuditEvent.objects.filter(action=Action.DATA_ACCESSED).order_by("pk"))


def test_it_stores_the_first_view_of_a_minute_and_nothing_for_the_others(alice: Any, time_machine: Any) -> None:
    time_machine.move_to(NOON, tick=False)
    assert look(alice.pk, DataKind.TRANSACTIONS, DataKind.BALANCES) == 1
    assert look(alice.pk, DataKind.BALANCES) == 0
    assert look(alice.pk, DataKind.CREDIT_SCORE, DataKind.BALANCES) == 1
    assert list_counts(alice.pk) == {"balances": 1, "credit_score": 1, "transactions": 1}
    time_machine.move_to(NOON + timedelta(minutes=1), tick=False)
    assert look(alice.pk, DataKind.BALANCES) == 1
    assert list_counts(alice.pk) == {"balances": 2, "credit_score": 1, "transactions": 1}


def test_it_counts_a_minute_once_in_two_processes(
    alice: Any, time_machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    time_machine.move_to(NOON, tick=False)
    look(alice.pk, DataKind.BALANCES)
    start_process(monkeypatch)
    assert look(alice.pk, DataKind.BALANCES) == 1
    assert list_counts(alice.pk) == {"balances": 1}


def test_it_counts_parallel_views_once(alice: Any, time_machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    time_machine.move_to(NOON, tick=False)
    monkeypatch.setattr(RecentMinutes, "has", lambda *_: False)
    kinds = [DataKind.TRANSACTIONS, DataKind.BALANCES]
    assert in_threads(4, lambda: look(alice.pk, *kinds)) == [1] * 4
    assert list_counts(alice.pk) == {"balances": 1, "transactions": 1}


def test_it_stores_the_next_view_if_the_first_was_rolled_back(alice: Any, time_machine: Any) -> None:
    time_machine.move_to(NOON, tick=False)
    with tenant(alice.pk):
        record_data_access(alice.pk, DataKind.BALANCES)
        transaction.set_rollback(True)
    assert list_counts(alice.pk) == {}
    look(alice.pk, DataKind.BALANCES)
    assert list_counts(alice.pk) == {"balances": 1}


def test_it_shows_each_person_only_their_own_counts(alice: Any, mallory: Any) -> None:
    look(alice.pk, DataKind.BALANCES)
    assert list_counts(mallory.pk) == {}


def test_it_forgets_the_oldest_minutes_first() -> None:
    minutes = RecentMinutes(2)
    for number in range(3):
        minutes.put(UUID(int=number), ["balances"], 7)
    assert [minutes.has(UUID(int=number), "balances", 7) for number in range(3)] == [False, True, True]
    assert not minutes.has(UUID(int=2), "balances", 8)


def test_it_turns_closed_days_into_one_event_for_each_kind(alice: Any, mallory: Any, time_machine: Any) -> None:
    for minute in range(3):
        time_machine.move_to(NOON + timedelta(minutes=minute), tick=False)
        look(alice.pk, DataKind.BALANCES)
    look(mallory.pk, DataKind.CREDIT_REPORT)
    time_machine.move_to(NOON + timedelta(days=1), tick=False)
    look(alice.pk, DataKind.BALANCES)
    record_daily_accesses()
    (event,) = list_events(alice.pk)
    assert event.public_fields() == (alice.pk, alice.pk, "data_accessed", "balances", "2026-11-20", "ok")
    assert event.details() == {
        "count": 3,
        "first_at": "2026-11-20T12:00:10Z",
        "last_at": "2026-11-20T12:02:10Z",
    }
    assert [event.resource for event in list_events(mallory.pk)] == ["credit_report"]
    # The current day goes on.
    assert list_counts(alice.pk) == {"balances": 1}
    record_daily_accesses()
    assert len(list_events(alice.pk)) == 1


def test_it_records_each_closed_day(alice: Any, time_machine: Any) -> None:
    for days in range(3):
        time_machine.move_to(NOON + timedelta(days=days), tick=False)
        look(alice.pk, DataKind.BALANCES)
    assert record_closed_days(now=NOON + timedelta(days=9)) == 3
    assert [date.fromisoformat(event.resource_id).day for event in list_events(alice.pk)] == [20, 21, 22]


def test_it_goes_on_if_the_counts_of_one_person_cannot_be_recorded(
    alice: Any, mallory: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    look(alice.pk, DataKind.BALANCES)
    look(mallory.pk, DataKind.BALANCES)
    tomorrow = timezone.now() + timedelta(days=1)
    failures = [ValueError("An event could not be stored.")]
    record_day = daily_access._record_day

    def fail_once(row: DailyAccess) -> None:
        if failures:
            raise failures.pop()
        record_day(row)

    monkeypatch.setattr(daily_access, "_record_day", fail_once)
    assert record_closed_days(now=tomorrow) == 1
    assert "could not be recorded" in caplog.text
    assert len(list_events(alice.pk)) + len(list_events(mallory.pk)) == 1
    assert record_closed_days(now=tomorrow) == 1
    assert (len(list_events(alice.pk)), len(list_events(mallory.pk))) == (1, 1)


def test_two_jobs_record_a_day_once(alice: Any) -> None:
    look(alice.pk, DataKind.BALANCES)
    tomorrow = timezone.now() + timedelta(days=1)
    assert sorted(in_threads(2, lambda: record_closed_days(now=tomorrow))) == [0, 1]
    assert len(list_events(alice.pk)) == 1


def test_it_counts_days_in_utc(alice: Any, time_machine: Any, settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    time_machine.move_to(datetime(2026, 11, 20, 23, 30, tzinfo=UTC), tick=False)
    look(alice.pk, DataKind.BALANCES)
    with tenant(alice.pk):
        assert DailyAccess.objects.get().day == date(2026, 11, 20)
