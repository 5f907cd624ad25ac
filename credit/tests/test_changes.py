"""What changed with a report: written down once, told once, and silent where nothing can be said."""

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
from credit.tests.documents import stored_changes
from credit.tests.experian_samples import card, header, loan, parse_sample

pytestmark = pytest.mark.django_db

MONTHS = [f"{month:02}202026" for month in range(1, 13)]
STEADY = [card(), loan()]


def come(user, number, *, quietly=False, **sections):
    """Let the report of a month come in; returns what is new about it."""
    report = parse_sample(headerRecord=header(MONTHS[number]), **sections)
    return keep(user, number, report, quietly=quietly)


def keep(user, number, report, *, quietly=False):
    with tenant(user.pk):
        row = reports.store_report(raw=kept_raw(user, report, number), report=report)
        return record_changes(stored=row, report=report, quietly=quietly)


def kept_raw(user, report, number):
    asked = {"provider": "experian", "inquiry_class": "soft", "purpose": "3F", "reference_id": uuid4().hex}
    attempt = PullAttempt.objects.create(
        owner=user,
        status="made",
        trigger="scheduled",
        finished_at=timezone.now(),
        consent_id=uuid4(),
        environment="embedded",
        **asked,
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
        **asked,
    )


def list_notifications(user):
    with tenant(user.pk):
        return [(row.type, row.title) for row in Notification.objects.order_by("created_at")]


def test_it_says_nothing_about_the_first_report(alice):
    assert come(alice, 0, tradeline=STEADY) == []
    assert (len(stored_changes(alice)), list_notifications(alice)) == (0, [])


def test_it_writes_down_what_changed_and_tells_what_matters(alice):
    come(alice, 0, tradeline=STEADY)
    found = come(alice, 1, tradeline=[card(balanceAmount="00007000"), loan()])
    assert {(change.type, change.severity) for change in found} == {
        (ChangeType.BALANCE_CHANGED, Severity.INFO),
        (ChangeType.UTILIZATION_UP, Severity.NOTICE),
    } | {(change.type, change.severity) for change in found if change.entity == "overall"}
    with tenant(alice.pk):
        assert [kept.change for kept in reports.list_changes(owner=alice.pk)] == found
        assert {kept.reported_on for kept in reports.list_changes(owner=alice.pk)} == {date(2026, 2, 20)}
    assert {kind for kind, _title in list_notifications(alice)} == {NotificationType.CREDIT_UTILIZATION}
    assert any("LAKESHORE BANK" in title for _kind, title in list_notifications(alice))
    with tenant(alice.pk):
        assert {row.url for row in Notification.objects.all()} == {"/credit/changes/"}


def test_it_finds_nothing_new_when_it_compares_again(alice):
    come(alice, 0, tradeline=STEADY)
    come(alice, 1, tradeline=[card(balanceAmount="00007000"), loan()])
    before, heard = len(stored_changes(alice)), list_notifications(alice)
    with tenant(alice.pk):
        row = Report.objects.order_by("-pulled_at").first()
        assert record_changes(stored=row, report=read_report(row), quietly=False) == []
    assert (len(stored_changes(alice)), list_notifications(alice)) == (before, heard)


def test_it_stays_quiet_when_it_is_asked_to(alice):
    come(alice, 0, tradeline=STEADY)
    assert come(alice, 1, quietly=True, tradeline=[card(balanceAmount="00007000"), loan()])
    assert list_notifications(alice) == []


def test_it_does_not_take_our_own_asking_for_news(alice, settings):
    settings.EXPERIAN_SUBSCRIBER_CODE = "2222222"
    ours = {"date": "02202026", "subscriberName": "PLUMBLINE", "subscriberCode": "2222222", "type": "I"}
    theirs = ours | {"subscriberName": "MESA AUTO FINANCE", "subscriberCode": "1110006"}
    come(alice, 0, tradeline=STEADY, inquiry=[])
    assert [change.name for change in come(alice, 1, tradeline=STEADY, inquiry=[ours, theirs])] == ["MESA AUTO FINANCE"]


def test_it_tells_of_what_happened_behind_a_freeze(alice):
    come(alice, 0, tradeline=STEADY)
    frozen = {"tradeline": None, "riskModel": None, "inquiry": None}
    freeze = [{"type": "25", "statementText": "FILE FROZEN BY CONSUMER"}]
    assert [change.type for change in come(alice, 1, **frozen, statement=freeze)] == [ChangeType.FLAG_ADDED]
    found = come(alice, 2, tradeline=[loan()])
    assert [change.type for change in found] == [ChangeType.FLAG_CLEARED, ChangeType.ACCOUNT_VANISHED]


def test_it_marks_a_report_about_somebody_else_and_compares_nothing(alice):
    come(alice, 0, tradeline=STEADY)
    assert come(alice, 1, tradeline=[], uniqueConsumerIdentifier=[{"value": "SOMEBODYELSE"}]) == []
    with tenant(alice.pk):
        newest, first = reports.list_reports(owner=alice.pk)
        assert not reports.get_report(owner=alice.pk, report_id=newest.id).comparable
        assert reports.get_report(owner=alice.pk, report_id=first.id).comparable
        assert [each.comparable for each in reports.list_reports(owner=alice.pk)] == [False, True]
    assert list_notifications(alice) == []


def test_it_compares_with_no_other_bureau_and_no_sample(alice):
    come(alice, 0, tradeline=STEADY)
    other = replace(parse_sample(headerRecord=header(MONTHS[1]), tradeline=[]), provider="another")
    assert keep(alice, 1, other) == []


def test_it_keeps_changes_of_people_apart(alice, mallory):
    for user in (alice, mallory):
        come(user, 0, tradeline=STEADY)
        assert come(user, 1, tradeline=[loan()])
    with tenant(mallory.pk):
        report_ids = {kept.report_id for kept in reports.list_changes(owner=mallory.pk)}
    with tenant(alice.pk):
        assert not report_ids & {kept.report_id for kept in reports.list_changes(owner=alice.pk)}
    assert len(stored_changes(alice)) == len(stored_changes(mallory)) == 1


def test_it_has_a_kind_of_alert_for_every_change():
    assert set(NOTIFICATION_TYPES) == set(ChangeType)
