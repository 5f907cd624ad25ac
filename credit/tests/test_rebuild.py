"""Reading kept answers again: the same rows as before, nothing asked, nobody alerted."""

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


def everything(user):
    """All that pages can read of a person."""
    with tenant(user.pk):
        listed = reports.list_reports(owner=user.pk)
        return (
            listed,
            [reports.get_report(owner=user.pk, report_id=each.id) for each in listed],
            reports.list_changes(owner=user.pk),
            reports.get_latest_report(owner=user.pk),
        )


def changes_of(user):
    with tenant(user.pk):
        found = reports.list_changes(owner=user.pk)
    return [(kept.change.type, kept.change.entity, kept.change.after) for kept in found]


def list_notification_titles(user):
    with tenant(user.pk):
        return sorted(row.title for row in Notification.objects.all())


def lose_rows(user):
    with tenant(user.pk):
        Report.objects.all().delete()


@pytest.mark.parametrize("persona", PERSONAS_WITH_FILE)
def test_it_makes_the_same_rows_again(site_bureau, alice, persona):
    enroll_user(alice, persona)
    pull(alice)
    before = everything(alice)
    lose_rows(alice)
    assert count_raw_and_parsed_reports(alice) == (1, 0)
    rebuild("--all")
    assert everything(alice) == before
    assert len(list_report_calls(site_bureau)) == 1


def test_it_makes_the_same_changes_again_and_alerts_nobody(days, alice):
    enroll_user(alice, "P11")
    pull(alice)
    for _ in range(3):
        days.advance(days=30)
        pull(alice)
    before, notification_count = everything(alice), count(Notification, alice)
    assert (len(before[2]), notification_count) > (3, 3)
    with tenant(alice.pk):
        Notification.objects.all().delete()
    for spoil in (lambda: None, lambda: lose_rows(alice)):
        spoil()
        rebuild("--owner", str(alice.pk))
        assert everything(alice) == before
    assert count(Notification, alice) == 0
    assert list_audit_actions(alice).count(Action.CREDIT_REBUILD) == 2


def test_it_compares_with_an_older_report_as_it_reads_it_today(days, alice, mallory):
    """What a new parser reads otherwise did not change in the file: nobody is told that it did."""
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
    assert changes_of(alice) == changes_of(mallory)
    assert list_notification_titles(alice) == list_notification_titles(mallory)
    rebuild()
    assert changes_of(alice) == changes_of(mallory)
    assert list_notification_titles(alice) == list_notification_titles(mallory)


def test_it_compares_with_an_older_report_as_it_stands_where_it_cannot_read_it(days, alice):
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
    assert ChangeType.DEROGATORY_ADDED in {change_type for change_type, _entity, _after in changes_of(alice)}


def test_it_reads_without_being_asked_only_what_this_parser_has_not(site_bureau, alice, mallory):
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


def test_it_goes_on_behind_the_person_named_last(site_bureau, alice, mallory):
    for user in (alice, mallory):
        enroll_user(user)
        pull(user)
    first, second = sorted((alice, mallory), key=lambda user: user.pk)
    assert list(rebuilding.list_owners()) == [first.pk, second.pk]
    assert str(first.pk) not in rebuild("--all", "--after", str(first.pk))
    assert rebuild("--owner", str(uuid4())) == "Read 0 raw reports again.\n"


def test_it_goes_on_after_being_killed(days, alice, monkeypatch):
    enroll_user(alice, "P11")
    pull(alice)
    days.advance(days=30)
    pull(alice)
    before = everything(alice)
    lose_rows(alice)
    one, seen = rebuilding.rebuild_report, []

    def die_at_the_second(**options):
        seen.append(options)
        if len(seen) == 2:
            raise KeyboardInterrupt
        one(**options)

    with monkeypatch.context() as patch:
        patch.setattr(rebuilding, "rebuild_report", die_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            rebuild()
    assert count_raw_and_parsed_reports(alice) == (2, 1)
    rebuild()
    assert everything(alice) == before


def test_it_makes_an_answer_readable_that_was_not(site_bureau, alice, monkeypatch):
    enroll_user(alice)
    with monkeypatch.context() as patch:

        def cannot(*_, **__):
            raise MalformedReport("NO_PROFILE")

        patch.setattr("credit.experian.normalize.normalize", cannot)
        with pytest.raises(MalformedReport):
            pull(alice)
        with pytest.raises(CommandError, match="cannot read 1 raw reports"):
            rebuild()
    assert get_status(alice) is EnrollmentStatus.UNPARSED
    rebuild()
    assert (get_status(alice), count_raw_and_parsed_reports(alice)) == (EnrollmentStatus.READY, (1, 1))
    assert load_changes(alice) == []


def test_it_leaves_rows_alone_that_it_cannot_make_anew(site_bureau, alice):
    enroll_user(alice)
    pull(alice)
    before = everything(alice)
    with tenant(alice.pk):
        raw = RawReport.objects.get()
        raw.body = pack(b"no report")
        raw.save()
    with pytest.raises(CommandError):
        rebuild("--all")
    assert everything(alice) == before
