"""The accounts of the newest report: the list, and one account."""

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts.users.requests import AuthenticatedHttpRequest
from compliance.audit.daily_access import DataKind, record_data_access
from credit.analysis.summary import summarize
from credit.analysis.utilization import utilization_of
from credit.presentation import payment_grid
from credit.stored import reports


@require_safe
def index(request: AuthenticatedHttpRequest) -> HttpResponse:
    """List all accounts, grouped by kind."""
    stored = reports.get_latest_report(owner=request.user.pk)
    if stored is None:
        return redirect("credit")
    report = stored.report
    summary = summarize(report.tradelines, report.inquiries, on=report.reported_on or stored.pulled_at.date())
    context = {"stored": stored, "groups": payment_grid.group_accounts(report.tradelines), "summary": summary}
    record_data_access(request.user.pk, DataKind.CREDIT_REPORT)
    return render(request, "credit/accounts.html", context)


@require_safe
def account(request: AuthenticatedHttpRequest, key: str) -> HttpResponse:
    """Show one account with its payment history."""
    stored = reports.get_latest_report(owner=request.user.pk)
    account = (
        next((candidate for candidate in stored.report.tradelines if candidate.key == key), None) if stored else None
    )
    if account is None:
        raise Http404
    years = payment_grid.group_by_year(account.history) if account.history else []
    undated = payment_grid.undated_rows(account.history) if account.history else []
    context = {
        "stored": stored,
        "account": account,
        "use": utilization_of(account),
        "years": years,
        "undated": undated,
        "marks": payment_grid.used_buckets([*years, *undated]),
    }
    record_data_access(request.user.pk, DataKind.CREDIT_REPORT)
    return render(request, "credit/account.html", context)
