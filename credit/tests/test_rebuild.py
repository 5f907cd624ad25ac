"""Rebuilding reports from stored raw reports: the same rows as before, no call to the bureau, no notification."""

from datetime import date
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Notification
from compliance.audit import Action
from compliance.isolation import tenant
from credit.diffing import ChangeType
from credit.models import RawReport, Report
from credit.provider import MalformedReport
from credit.pulls import rebuilding
from credit.statuses import EnrollmentStatus
from credit.stored import reports
from credit.stored.documents import pack
from credit.tests.documents import load_accounts, load_changes, rewrite_accounts, rewrite_histories
from credit.tests.pull_steps import (
    count,
    count_raw_and_parsed_reports,
    enroll_user,
    get_status,
    list_audit_actions,
    list_report_calls,
    pull,
)
from credit.tests.sandbox_bureau import PERSONAS_WITH_FILE

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "ops"])


def rebuild(*options):
    out = StringIO()
    call_command("credit_rebuild", *options, stdout=out)
    return out.getvalue()


def read_all(user):
    """Everything of a user's reports that pages can read."""
    with tenant(user.pk):
        listings = reports.list_reports(owner=user.pk)
        return (
            listings,
            [reports.get_report(owner=user.pk, report_id=listing.id) for listing in listings],
            reports.list_changes(owner=user.pk),
            reports.get_latest_report(owner=user.pk),
        )


def list_stored_changes(user):
    with tenant(user.pk):
        stored_changes = reports.list_changes(owner=user.pk)
    return [(stored.change.type, stored.change.entity, stored.change.after) for stored in stored_changes]


def list_notification_titles(user):
    with tenant(user.pk):
        return sorted(row.title for row in Notification.objects.all())


def delete_reports(user):
    with tenant(user.pk):
        Report.objects.all().delete()


@pytest.mark.parametrize("persona", PERSONAS_WITH_FILE)
def test_it_rebuilds_equal_reports(site_bureau, alice, persona):
    enroll_user(alice, persona)
    pull(alice)
    before = read_all(alice)
    delete_reports(alice)
    assert count_raw_and_parsed_reports(alice) == (1, 0)
    rebuild("--all")
    assert read_all(alice) == before
    assert len(list_report_calls(site_bureau)) == 1


def test_it_rebuilds_equal_changes_without_notifications(days, alice):
    enroll_user(alice, "P11")
    pull(alice)
    for _ in range(3):
        days.advance(days=30)
        pull(alice)
    before, notification_count = read_all(alice), count(Notification, alice)
    assert (len(before[2]), notification_count) > (3, 3)
    with tenant(alice.pk):
        Notification.objects.all().delete()
    for prepare in (lambda: None, lambda: delete_reports(alice)):
        prepare()
        rebuild("--owner", str(alice.pk))
        assert read_all(alice) == before
    assert count(Notification, alice) == 0
    assert list_audit_actions(alice).count(Action.CREDIT_REBUILD) == 2


def test_it_compares_with_an_older_report_as_the_current_parser_reads_it(days, alice, mallory):
    """What only a new parser reads differently did not change in the file, so it is no change and no notification."""
    for user in (alice, mallory):
        enroll_user(user, "P03")
        pull(user)
    with tenant(alice.pk):
        Report.objects.update(parser_version=1)
    rewrite_accounts(alice, derogatory=False, balance=None, disputed=True)
    rewrite_histories(alice, latest=date(2019, 1, 1))
    days.advance(days=30)
    for user in (alice, mallory):
        pull(user)
    assert list_stored_changes(alice) == list_stored_changes(mallory)
    assert list_notification_titles(alice) == list_notification_titles(mallory)
    rebuild()
    assert list_stored_changes(alice) == list_stored_changes(mallory)
    assert list_notification_titles(alice) == list_notification_titles(mallory)


def test_it_compares_with_the_stored_older_report_when_its_raw_report_is_unreadable(days, alice):
    enroll_user(alice, "P03")
    pull(alice)
    with tenant(alice.pk):
        Report.objects.update(parser_version=1)
        raw = RawReport.objects.get()
        raw.body = pack(b"no report")
        raw.save()
    rewrite_accounts(alice, derogatory=False)
    days.advance(days=30)
    pull(alice)
    assert ChangeType.DEROGATORY_ADDED in {change_type for change_type, _entity, _after in list_stored_changes(alice)}


def test_it_rebuilds_only_outdated_reports_by_default(site_bureau, alice, mallory):
    for user in (alice, mallory):
        enroll_user(user)
        pull(user)
    assert rebuild() == "Read 0 raw reports again.\n"
    with tenant(alice.pk):
        Report.objects.update(parser_version=0)
    rewrite_accounts(alice, creditor="AS AN OLDER PARSER READ IT")
    assert rebuild() == f"{alice.pk}: 1 read, 0 unreadable\nRead 1 raw reports again.\n"
    assert rebuild() == "Read 0 raw reports again.\n"
    assert "AS AN OLDER PARSER READ IT" not in {account.creditor for account in load_accounts(alice)}
    assert list_audit_actions(mallory).count(Action.CREDIT_REBUILD) == 0


def test_it_continues_after_the_owner_given_with_after(site_bureau, alice, mallory):
    for user in (alice, mallory):
        enroll_user(user)
        pull(user)
    first, second = sorted((alice, mallory), key=lambda user: user.pk)
    assert list(rebuilding.list_owners()) == [first.pk, second.pk]
    assert str(first.pk) not in rebuild("--all", "--after", str(first.pk))
    assert rebuild("--owner", str(uuid4())) == "Read 0 raw reports again.\n"


def test_it_continues_after_an_interrupted_rebuild(days, alice, monkeypatch):
    enroll_user(alice, "P11")
    pull(alice)
    days.advance(days=30)
    pull(alice)
    before = read_all(alice)
    delete_reports(alice)
    rebuild_report, calls = rebuilding.rebuild_report, []

    def interrupt_second_call(**options):
        calls.append(options)
        if len(calls) == 2:
            raise KeyboardInterrupt
        rebuild_report(**options)

    with monkeypatch.context() as patch:
        patch.setattr(rebuilding, "rebuild_report", interrupt_second_call)
        with pytest.raises(KeyboardInterrupt):
            rebuild()
    assert count_raw_and_parsed_reports(alice) == (2, 1)
    rebuild()
    assert read_all(alice) == before


def test_it_parses_a_raw_report_that_was_unreadable_before(site_bureau, alice, monkeypatch):
    enroll_user(alice)
    with monkeypatch.context() as patch:

        def raise_malformed(*_, **__):
            raise MalformedReport("NO_PROFILE")

        patch.setattr("credit.experian.normalize.normalize", raise_malformed)
        with pytest.raises(MalformedReport):
            pull(alice)
        with pytest.raises(CommandError, match="cannot read 1 raw reports"):
            rebuild()
    assert get_status(alice) is EnrollmentStatus.UNPARSED
    rebuild()
    assert (get_status(alice), count_raw_and_parsed_reports(alice)) == (EnrollmentStatus.READY, (1, 1))
    assert load_changes(alice) == []


def test_it_leaves_reports_unchanged_that_it_cannot_rebuild(site_bureau, alice):
    enroll_user(alice)
    pull(alice)
    before = read_all(alice)
    with tenant(alice.pk):
        raw = RawReport.objects.get()
        raw.body = pack(b"no report")
        raw.save()
    with pytest.raises(CommandError):
        rebuild("--all")
    assert read_all(alice) == before
