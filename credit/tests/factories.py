"""Store reports as pulls do, but without a bureau and without a consent."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from uuid import UUID, uuid4

from msgspec.structs import replace

from compliance.isolation import tenant
from credit import models
from credit.diffing import diff
from credit.enrollment import details
from credit.report import CreditReport
from credit.statuses import EnrollmentStatus
from credit.stored import reports
from credit.stored.documents import encode_changes, pack
from credit.tests.client_samples import ADA
from credit.tests.experian_samples import RECORD, SSN, parse_sample


def store_report(user, report: CreditReport, *, is_sample=False) -> UUID:
    """Store a report of a user, pulled at noon of its day."""
    with tenant(user.pk):
        at = datetime.combine(report.reported_on, time(12), UTC) if report.reported_on else datetime.now(UTC)
        return reports.store_report(raw=_store_raw(user, report, at, is_sample), report=report).pk


def _store_raw(user, report, at, is_sample):
    request = {"provider": report.provider, "inquiry_class": "soft", "purpose": "3F", "reference_id": uuid4().hex}
    attempt = models.PullAttempt.objects.create(
        owner_id=user.pk,
        status=models.AttemptStatus.MADE,
        trigger=models.Trigger.SCHEDULED,
        consent_id=uuid4(),
        environment="embedded",
        finished_at=at,
        **request,
    )
    return models.RawReport.objects.create(
        owner_id=user.pk,
        attempt=attempt,
        body=pack(b"{}"),
        sha256=report.sha256,
        size=2,
        http_status=200,
        fetched_at=at,
        endpoint="/",
        is_sample=is_sample,
        **request,
    )


def store_reports(user, credit_reports: Sequence[CreditReport]) -> list[UUID]:
    """Store several reports, oldest first, with the changes from each to the next."""
    ids = [store_report(user, report) for report in credit_reports]
    with tenant(user.pk):
        for (before, after), report_id in zip(pairwise(credit_reports), ids[1:], strict=True):
            row = models.Report.objects.get(pk=report_id)
            row.changes = encode_changes(diff(before, after))
            row.save(update_fields=["changes"])
    return ids


def store_full_report(user) -> UUID:
    """Store an enrollment and a report with a row of every kind and with changes. Return the report's id."""
    report = parse_sample(
        publicRecord=[RECORD],
        statement=[{"type": "04", "dateReported": "11012026", "statementText": "CALL ME FIRST"}],
        informationalMessage=[{"messageNumber": "84", "messageText": "SSN MATCHES"}],
    )
    with tenant(user.pk):
        models.Enrollment.objects.create(
            owner=user,
            identity=details.serialize(ADA),
            ssn=SSN,
            pull_day=1,
            status=EnrollmentStatus.READY,
            succeeded_at=datetime.now(UTC),
        )
    before = replace(report, reported_on=report.reported_on - timedelta(days=30), inquiries=(), public_records=())
    return store_reports(user, [before, report])[-1]
