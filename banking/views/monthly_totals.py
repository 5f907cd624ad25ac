"""Income and spending by month, also of months whose transactions are deleted."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.users.requests import AuthenticatedHttpRequest
from banking.retention.monthly_totals import list_monthly_totals
from compliance.audit.daily_access import DataKind, record_data_access


@require_safe
def show_monthly_totals(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show each month with its categories."""
    months = list_monthly_totals(owner_id=request.user.pk)
    if months:
        record_data_access(request.user.pk, DataKind.TRANSACTIONS)
    return render(request, "banking/monthly_totals.html", {"months": months})
