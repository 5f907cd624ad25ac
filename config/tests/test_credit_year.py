"""A year of a user's reports through all layers: consent, schedule, bureau, database and notifications."""

import pytest
from django.utils import timezone

from accounts.models import Notification
from compliance.isolation import tenant
from credit.changes.record import record_changes
from credit.diffing import Severity
from credit.models import Report, Trigger
from credit.pulls import pulling
from credit.stored import reports
from credit.stored.parsing import read_report
from credit.tests.documents import load_changes
from credit.tests.pull_steps import (
    count,
    count_raw_and_parsed_reports,
    enroll_user,
    get_enrollment,
    list_report_calls,
    pull,
)
from credit.tests.test_diffing_year import YEAR, describe_briefly

pytestmark = pytest.mark.dates


@pytest.mark.django_db(transaction=True)
def test_it_records_each_change_of_a_year_once(days, alice, site_bureau):
    enroll_user(alice, "P11")
    pull(alice)
    alerts = 0
    for month, expected in YEAR.items():
        days.advance(days=30)
        report_id = pull(alice, Trigger.SCHEDULED).report_id
        with tenant(alice.pk):
            stored_changes = reports.list_changes(owner=alice.pk, report_id=report_id)
        changes = [stored_change.change for stored_change in stored_changes]
        assert {describe_briefly(change) for change in changes} == expected, month
        alerts += sum(change.severity is not Severity.INFO for change in changes)
        assert_nothing_new(alice, report_id)
        with pytest.raises(pulling.NotDue):
            pull(alice, Trigger.SCHEDULED)
    alice.refresh_from_db()
    assert count(Notification, alice) == alice.unread == alerts
    assert len(load_changes(alice)) == len(list_all_changes(alice))
    assert count_raw_and_parsed_reports(alice) == (13, 13)
    assert site_bureau.count_reports_made() == len(list_report_calls(site_bureau)) == 13
    assert get_enrollment(alice).next_pull_at > timezone.now()


def assert_nothing_new(user, report_id):
    """Compare the newest report again and expect no change."""
    with tenant(user.pk):
        row = Report.objects.get(pk=report_id)
        assert record_changes(stored=row, report=read_report(row), quietly=False) == []


def list_all_changes(user):
    with tenant(user.pk):
        return reports.list_changes(owner=user.pk)
