"""Deleting original reports: which stay because they are needed, and what the reports are without them."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from msgspec.structs import replace

from accounts.models import User
from compliance.isolation import tenant
from compliance.retention.models import RetentionSetting
from compliance.retention.rules import EVERYTHING
from credit.enrollment.consumer_rights import list_retention_facts
from credit.enrollment.retention_rule import RAW_REPORTS
from credit.models import PullAttempt, RawReport, Report
from credit.pulls import processing
from credit.report import ReportStatus
from credit.stored import reports
from credit.stored.raw_retention import preview_raw_reports, purge_raw_reports
from credit.tests.experian_samples import parse_sample
from credit.tests.factories import store_report
from credit.tests.page_steps import enroll_through_pages
from credit.tests.pull_steps import enroll_user, get_enrollment
from credit.tests.sandbox_bureau import Bureau

pytestmark = pytest.mark.django_db

OLD, NEW = date(2024, 11, 1), date(2026, 11, 1)
CUTOFF = date(2026, 1, 1)


def store(user: User, day: date, **columns: object) -> UUID:
    """Store a report of a day, with some columns of its row."""
    report_id = store_report(user, replace(parse_sample(), reported_on=day))
    with tenant(user.pk):
        Report.objects.filter(pk=report_id).update(**columns)
    return report_id


def list_raw_ids(user: User) -> set[UUID]:
    with tenant(user.pk):
        return set(RawReport.objects.for_user(user).values_list("pk", flat=True))


def purge(user: User, before: date = CUTOFF, limit: int = 100) -> int:
    return purge_raw_reports(owner_id=user.pk, before=before, limit=limit)


def test_it_deletes_old_originals_and_keeps_their_reports(alice: User) -> None:
    old, new = store(alice, OLD), store(alice, NEW)
    with tenant(alice.pk):
        before = reports.get_report(owner=alice.pk, report_id=old)
        kept = Report.objects.get(pk=new).raw_id
    assert purge(alice) == 1
    assert list_raw_ids(alice) == {kept}
    with tenant(alice.pk):
        assert reports.get_report(owner=alice.pk, report_id=old) == before
        assert len(reports.list_reports(owner=alice.pk)) == 2
        assert PullAttempt.objects.count() == 2


def test_it_previews_exactly_what_it_deletes(alice: User, mallory: User) -> None:
    for day in (OLD, OLD + timedelta(days=30), NEW):
        store(alice, day)
    store(mallory, OLD)
    with tenant(alice.pk):
        preview = preview_raw_reports(owner_id=alice.pk, before=CUTOFF)
    assert (preview.count, preview.oldest, preview.newest) == (2, OLD, OLD + timedelta(days=30))
    assert (purge(alice, limit=1), purge(alice, limit=1), purge(alice, limit=1)) == (1, 1, 0)
    assert len(list_raw_ids(mallory)) == 1


def test_it_keeps_an_original_that_is_not_parsed_or_cannot_be_read(alice: User) -> None:
    unparsed, unreadable = store(alice, OLD), store(alice, OLD + timedelta(days=1))
    with tenant(alice.pk):
        Report.objects.filter(pk=unparsed).delete()
        report = Report.objects.get(pk=unreadable)
        report.document = "damaged"
        report.save()
    assert purge(alice, EVERYTHING) == 0


def test_it_keeps_the_newest_original_while_its_questions_wait(alice: User) -> None:
    store(alice, OLD, state=ReportStatus.MISMATCH)
    newest = store(alice, OLD + timedelta(days=1), state=ReportStatus.MISMATCH)
    assert purge(alice, EVERYTHING) == 1
    with tenant(alice.pk):
        assert list_raw_ids(alice) == {Report.objects.get(pk=newest).raw_id}


def test_it_keeps_showing_a_report_that_its_user_confirmed(alice: User) -> None:
    report_id = store(alice, OLD, state=ReportStatus.MISMATCH)
    answered_at = datetime(2024, 11, 2, tzinfo=UTC)
    with tenant(alice.pk):
        RawReport.objects.update(confirmed_at=answered_at)
    assert purge(alice) == 1
    with tenant(alice.pk):
        assert Report.objects.get(pk=report_id).confirmed_at == answered_at
        assert reports.get_latest_report(owner=alice.pk) is not None


def test_it_inherits_a_confirmation_whose_original_is_deleted(alice: User) -> None:
    enroll_user(alice)
    mismatch = {"state": ReportStatus.MISMATCH, "consumer_hash": "a" * 64}
    store(alice, OLD, **mismatch)
    with tenant(alice.pk):
        RawReport.objects.update(confirmed_at=timezone.now())
    purge(alice)
    newer = store(alice, NEW, **mismatch)
    with tenant(alice.pk):
        stored = Report.objects.get(pk=newer)
        status = processing.inherit_confirmation(get_enrollment(alice), stored.raw, stored)
    assert status is ReportStatus.READY


def test_it_starts_with_24_months_for_everyone_who_enrolls(alice: User) -> None:
    enroll_user(alice)
    with tenant(alice.pk):
        setting = RetentionSetting.objects.get(owner=alice, data_type=RAW_REPORTS.data_type)
    assert (setting.days_to_retain, setting.chosen_at, setting.effective_at) == (730, None, None)
    assert setting.due_at is not None


def test_it_says_on_the_raw_page_that_the_original_is_deleted(as_alice: Client, alice: User) -> None:
    report_id = store(alice, OLD)
    purge(alice)
    for name in ("credit_raw_page", "credit_raw_download"):
        response = as_alice.get(reverse(name, args=[report_id]))
        assert response.status_code == 404
        assert "Original report deleted" in response.content.decode()


def test_it_lists_the_period_among_the_rights(as_alice: Client, site_bureau: Bureau) -> None:
    enroll_through_pages(as_alice)
    page = as_alice.get(reverse("credit_rights")).content.decode()
    assert "24 months (730 days). Encrypted." in page
    assert "no end date. They" not in page


@pytest.mark.parametrize(
    ("days", "previous", "is_in_effect", "period"),
    [
        (365, 730, True, "12 months (365 days). Encrypted."),
        (365, 730, False, "24 months (730 days); 7 days after we email you about it: 12 months (365 days). Encrypted."),
        (0, None, True, "Up to a day after we prepared them for our pages. Encrypted."),
    ],
)
def test_it_lists_the_period_in_effect_among_the_rights(
    alice: User, days: int, previous: int | None, is_in_effect: bool, period: str
) -> None:
    with tenant(alice.pk):
        RetentionSetting.objects.create(
            owner=alice,
            data_type=RAW_REPORTS.data_type,
            days_to_retain=days,
            previous_days=previous,
            effective_at=timezone.now() if is_in_effect else None,
        )
        assert str(list_retention_facts(alice)[0].how_long).startswith(period)
