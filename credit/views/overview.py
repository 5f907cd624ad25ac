"""The overview of the newest report: the score, its reasons, and the report in figures."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.users.requests import AuthenticatedHttpRequest
from compliance.audit.daily_access import DataKind, record_data_access
from credit.enrollment.status import EnrollmentOverview, get_overview
from credit.presentation import overview, status_messages
from credit.statuses import EnrollmentStatus
from credit.stored import reports
from credit.stored.reports import StoredReport
from credit.views.pulling import render_status


@require_safe
def index(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show the newest report, or the status if there is none."""
    owner = request.user.pk
    stored, enrollment = reports.get_latest_report(owner=owner), get_overview(owner=owner)
    if stored is None:
        return render_status(request, enrollment)
    record_data_access(owner, DataKind.CREDIT_REPORT, DataKind.CREDIT_SCORE)
    return render(request, "credit/overview.html", report_context(request, stored, enrollment))


def report_context(
    request: AuthenticatedHttpRequest, stored: StoredReport, enrollment: EnrollmentOverview
) -> dict[str, object]:
    """Return the template context of one report."""
    report, today = stored.report, timezone.localdate()
    # A report about another person is not comparable.
    earlier = reports.list_reports(owner=request.user.pk) if stored.comparable else []
    headlines = overview.headlines(report, earlier)
    headline = headlines[0] if headlines else None
    is_old = overview.is_stale(reported_on=report.reported_on, pulled_at=stored.pulled_at, today=today)
    return {
        "stored": stored,
        "banner": status_messages.banner_for(enrollment.status),
        "headline": headline,
        "others": headlines[1:],
        "reasons": overview.reasons(headline.score, report.tradelines) if headline else [],
        "figures": overview.figures(report, on=report.reported_on or stored.pulled_at.date()),
        "next_pull_at": enrollment.next_pull_at,
        # The banner of that status already says that the report is out of date.
        "is_stale": is_old and enrollment.status is not EnrollmentStatus.STALE,
    }
