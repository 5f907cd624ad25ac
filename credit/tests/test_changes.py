"""The changes of a new report: stored once, notified once, and none if reports cannot be compared."""

from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from django.utils import timezone
from msgspec.structs import replace

from accounts.models import Notification
from accounts.notifications.notification_types import NotificationType
from compliance.isolation import tenant
from credit.changes.record import NOTIFICATION_TYPES, record_changes
from credit.diffing import ChangeType, Severity
from credit.models import PullAttempt, RawReport, Report
from credit.stored import reports
from credit.stored.parsing import read_report
from credit.tests.documents import load_changes
from credit.tests.experian_samples import card, header, loan, parse_sample

pytestmark = pytest.mark.django_db

MONTHS = [f"{month:02}202026" for month in range(1, 13)]
UNCHANGED = [card(), loan()]


def store_month(user, number, *, quietly=False, **sections):
    """Store the report of a month, and return its changes."""
    report = parse_sample(headerRecord=header(MONTHS[number]), **sections)
    return store_and_compare(user, number, report, quietly=quietly)


def store_and_compare(user, number, report, *, quietly=False):
    with tenant(user.pk):
        row = reports.store_report(raw=store_raw(user, report, number), report=report)
        return record_changes(stored=row, report=report, quietly=quietly)


def store_raw(user, report, number):
    request = {"provider": "experian", "inquiry_class": "soft", "purpose": "3F", "reference_id": uuid4().hex}
    attempt = PullAttempt.objects.create(
        owner=user,
        status="made",
        trigger="scheduled",
        finished_at=timezone.now(),
        consent_id=uuid4(),
        environment="embedded",
        **request,
    )
    return RawReport.objects.create(
        owner=user,
        attempt=attempt,
        body="",
        sha256=report.sha256,
        size=0,
        http_status=200,
        fetched_at=datetime(2026, number + 1, 20, 12, tzinfo=UTC),
        endpoint="/",
        is_sample=True,
        **request,
    )


def list_notifications(user):
    with tenant(user.pk):
        return [(row.type, row.title) for row in Notification.objects.order_by("created_at")]


def test_it_finds_no_changes_in_the_first_report(alice):
    assert store_month(alice, 0, tradeline=UNCHANGED) == []
    assert (len(load_changes(alice)), list_notifications(alice)) == (0, [])


def test_it_stores_all_changes_and_notifies_of_important_ones(alice):
    store_month(alice, 0, tradeline=UNCHANGED)
    changes = store_month(alice, 1, tradeline=[card(balanceAmount="00007000"), loan()])
    assert {(change.type, change.severity) for change in changes} == {
        (ChangeType.BALANCE_CHANGED, Severity.INFO),
        (ChangeType.UTILIZATION_UP, Severity.NOTICE),
    } | {(change.type, change.severity) for change in changes if change.entity == "overall"}
    with tenant(alice.pk):
        assert [stored.change for stored in reports.list_changes(owner=alice.pk)] == changes
        assert {stored.reported_on for stored in reports.list_changes(owner=alice.pk)} == {date(2026, 2, 20)}
    assert {kind for kind, _title in list_notifications(alice)} == {NotificationType.CREDIT_UTILIZATION}
    assert any("LAKESHORE BANK" in title for _kind, title in list_notifications(alice))
    with tenant(alice.pk):
        assert {row.url for row in Notification.objects.all()} == {"/credit/changes/"}


def test_it_finds_no_new_changes_when_it_compares_again(alice):
    store_month(alice, 0, tradeline=UNCHANGED)
    store_month(alice, 1, tradeline=[card(balanceAmount="00007000"), loan()])
    change_count, notifications = len(load_changes(alice)), list_notifications(alice)
    with tenant(alice.pk):
        row = Report.objects.order_by("-pulled_at").first()
        assert record_changes(stored=row, report=read_report(row), quietly=False) == []
    assert (len(load_changes(alice)), list_notifications(alice)) == (change_count, notifications)


def test_it_does_not_notify_if_quiet(alice):
    store_month(alice, 0, tradeline=UNCHANGED)
    assert store_month(alice, 1, quietly=True, tradeline=[card(balanceAmount="00007000"), loan()])
    assert list_notifications(alice) == []


def test_it_ignores_our_own_inquiries(alice, settings):
    settings.EXPERIAN_SUBSCRIBER_CODE = "2222222"
    own_inquiry = {"date": "02202026", "subscriberName": "PLUMBLINE", "subscriberCode": "2222222", "type": "I"}
    other_inquiry = own_inquiry | {"subscriberName": "MESA AUTO FINANCE", "subscriberCode": "1110006"}
    store_month(alice, 0, tradeline=UNCHANGED, inquiry=[])
    assert [
        change.name for change in store_month(alice, 1, tradeline=UNCHANGED, inquiry=[own_inquiry, other_inquiry])
    ] == ["MESA AUTO FINANCE"]


def test_it_finds_changes_that_happened_during_a_freeze(alice):
    store_month(alice, 0, tradeline=UNCHANGED)
    frozen = {"tradeline": None, "riskModel": None, "inquiry": None}
    freeze = [{"type": "25", "statementText": "FILE FROZEN BY CONSUMER"}]
    assert [change.type for change in store_month(alice, 1, **frozen, statement=freeze)] == [ChangeType.FLAG_ADDED]
    changes = store_month(alice, 2, tradeline=[loan()])
    assert [change.type for change in changes] == [ChangeType.FLAG_CLEARED, ChangeType.ACCOUNT_VANISHED]


def test_it_marks_a_report_about_another_person_as_not_comparable(alice):
    store_month(alice, 0, tradeline=UNCHANGED)
    assert store_month(alice, 1, tradeline=[], uniqueConsumerIdentifier=[{"value": "SOMEBODYELSE"}]) == []
    with tenant(alice.pk):
        newest, first = reports.list_reports(owner=alice.pk)
        assert not reports.get_report(owner=alice.pk, report_id=newest.id).comparable
        assert reports.get_report(owner=alice.pk, report_id=first.id).comparable
        assert [report.comparable for report in reports.list_reports(owner=alice.pk)] == [False, True]
    assert list_notifications(alice) == []


def test_it_does_not_compare_with_another_bureau(alice):
    store_month(alice, 0, tradeline=UNCHANGED)
    other_report = replace(parse_sample(headerRecord=header(MONTHS[1]), tradeline=[]), provider="another")
    assert store_and_compare(alice, 1, other_report) == []


def test_it_stores_changes_per_user(alice, mallory):
    for user in (alice, mallory):
        store_month(user, 0, tradeline=UNCHANGED)
        assert store_month(user, 1, tradeline=[loan()])
    with tenant(mallory.pk):
        report_ids = {stored.report_id for stored in reports.list_changes(owner=mallory.pk)}
    with tenant(alice.pk):
        assert not report_ids & {stored.report_id for stored in reports.list_changes(owner=alice.pk)}
    assert len(load_changes(alice)) == len(load_changes(mallory)) == 1


def test_it_has_a_notification_type_for_every_change():
    assert set(NOTIFICATION_TYPES) == set(ChangeType)
