"""The changes from report to report, and between any two reports."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.users.requests import AuthenticatedHttpRequest
from compliance.audit.daily_access import DataKind, record_data_access
from credit.diffing import NotComparable, diff
from credit.presentation import change_feed
from credit.presentation.comparison_form import ComparisonForm
from credit.report import ReportStatus
from credit.stored import reports

PER_PAGE = 6
FIRST_REPORT = _("No changes yet. They appear after your second credit report.")
NO_CHANGE = _("We found no changes between your reports.")
OTHER_FILE = _("These reports are from different credit files, so we can't compare them.")
UNREADABLE_REPORT = _("We can't open one of these reports. This is a problem on our end.")


@require_safe
def index(request: AuthenticatedHttpRequest) -> HttpResponse:
    """List the changes of each report or, when two are selected, the differences between them."""
    # A report that may be another person's is never shown.
    summaries = [
        report for report in reports.list_reports(owner=request.user.pk) if report.state is not ReportStatus.MISMATCH
    ]
    if not summaries:
        return redirect("credit")
    is_comparing = bool({"before", "after"} & set(request.GET))
    form = ComparisonForm(request.GET if is_comparing else None, reports=summaries)
    context = {"form": form, "can_compare": len(summaries) > 1}
    context |= compare_reports(request, form) if is_comparing else list_changes(request, len(summaries))
    record_data_access(request.user.pk, DataKind.CREDIT_REPORT)
    return render(request, "credit/changes.html", context, status=422 if form.errors else 200)


def compare_reports(request: AuthenticatedHttpRequest, form: ComparisonForm) -> dict[str, object]:
    """Return the changes between the two selected reports, as template context."""
    if not form.is_valid():
        return {}
    before, after = form.selected_reports()
    stored = reports.get_reports(owner=request.user.pk, report_ids=(before, after))
    if not stored.keys() >= {before, after}:
        form.add_error(None, UNREADABLE_REPORT)
        return {}
    try:
        changes = diff(stored[before].report, stored[after].report)
    except NotComparable:
        form.add_error(None, OTHER_FILE)
        return {}
    return {"stored": stored[after], "compared": change_feed.describe_changes(changes, accounts=())}


def list_changes(request: AuthenticatedHttpRequest, count: int) -> dict[str, object]:
    """List the stored changes of ``count`` reports, a few reports a page."""
    stored = reports.get_latest_report(owner=request.user.pk)
    accounts = {account.key for account in stored.report.tradelines} if stored else set()
    groups = change_feed.group_by_report(reports.list_changes(owner=request.user.pk), accounts=accounts)
    page = Paginator(groups, PER_PAGE).get_page(request.GET.get("page"))
    return {"stored": stored, "page": page, "nothing": NO_CHANGE if count > 1 else FIRST_REPORT}
