"""Public records and collections."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts.users.requests import AuthenticatedHttpRequest
from compliance.audit.daily_access import DataKind, record_data_access
from credit.report import AccountKind
from credit.stored import reports

PER_PAGE = 25


@require_safe
def index(request: AuthenticatedHttpRequest) -> HttpResponse:
    """List public records, a page at a time, and the accounts in collection."""
    stored = reports.get_latest_report(owner=request.user.pk)
    if stored is None:
        return redirect("credit")
    page = Paginator(stored.report.public_records, PER_PAGE).get_page(request.GET.get("page"))
    collections = [account for account in stored.report.tradelines if account.kind is AccountKind.COLLECTION]
    record_data_access(request.user.pk, DataKind.CREDIT_REPORT)
    return render(request, "credit/public_records.html", {"stored": stored, "page": page, "collections": collections})
