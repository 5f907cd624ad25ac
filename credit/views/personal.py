"""The personal details in the bureau's file."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts.users.requests import AuthenticatedHttpRequest
from compliance.audit.daily_access import DataKind, record_data_access
from credit.report import Detail
from credit.stored import reports


@require_safe
def index(request: AuthenticatedHttpRequest) -> HttpResponse:
    """List names, addresses and other details by kind. Of the Social Security number, only whether it matches."""
    stored = reports.get_latest_report(owner=request.user.pk)
    if stored is None:
        return redirect("credit")
    details = stored.report.personal
    kinds = [
        (kind, details_of_kind)
        for kind in Detail
        if (details_of_kind := [detail for detail in details if detail.kind is kind])
    ]
    record_data_access(request.user.pk, DataKind.CREDIT_REPORT)
    return render(request, "credit/personal.html", {"stored": stored, "kinds": kinds})
