"""The inquiries of the newest report."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts.users.requests import AuthenticatedHttpRequest
from compliance.audit.daily_access import DataKind, record_data_access
from credit.presentation.inquiries import list_inquiries
from credit.stored import reports

PER_PAGE = 50


@require_safe
def index(request: AuthenticatedHttpRequest) -> HttpResponse:
    """List other companies' inquiries, and separately our own, which only the user sees."""
    stored = reports.get_latest_report(owner=request.user.pk)
    if stored is None:
        return redirect("credit")
    page = Paginator(list_inquiries(stored.report.inquiries), PER_PAGE).get_page(request.GET.get("page"))
    own = reports.list_reports(owner=request.user.pk)
    record_data_access(request.user.pk, DataKind.CREDIT_REPORT)
    return render(request, "credit/inquiries.html", {"stored": stored, "page": page, "own": own})
