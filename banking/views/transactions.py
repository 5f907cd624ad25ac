"""Transactions: filtered, a page at a time, or as one CSV file."""

from functools import partial

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.users.requests import AuthenticatedHttpRequest
from banking.models import Account, Transaction
from banking.transactions import csv_export, paging, querystrings, totals, transaction_list
from banking.transactions.filters import TransactionFilter
from compliance.audit import Action, record


def asked(request: AuthenticatedHttpRequest) -> TransactionFilter:
    """The request's filter over the person's own rows."""
    rows = Transaction.objects.for_user(request.user).current()
    return TransactionFilter(request.GET, queryset=rows, request=request)


@require_safe
def index(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show one page of what the filter leaves; a value that makes no sense is named beside its field."""
    found = asked(request)
    template = "banking/transactions.html#results" if request.htmx else "banking/transactions.html"
    context = {"form": found.form, "presets": querystrings.presets(request.GET, timezone.localdate())}
    if not found.is_valid():
        return render(request, template, context, status=422)
    try:
        context |= results(request, found)
    except paging.BadPosition:
        found.form.add_error(None, "This page's address is damaged. Clear the filters to begin again.")
        return render(request, template, context, status=422)
    return render(request, template, context)


def results(request: AuthenticatedHttpRequest, found: TransactionFilter) -> dict[str, object]:
    """One page of rows, what all of them add up to, and the addresses of the pages beside it."""
    page = paging.page(
        found.qs,
        read=partial(transaction_list.read, owner_id=request.user.pk),
        size=paging.size(request.GET.get("size", "")),
        before=request.GET.get("before", ""),
        after=request.GET.get("after", ""),
    )
    sums = totals.of(found.qs, owner_id=request.user.pk)
    return {
        "rows": page.rows,
        "sums": sums,
        "count": sum(total.count for total in sums),
        "active_filters": querystrings.active_filters(request.GET, found),
        "older_url": querystrings.changed(request.GET, before=str(page.older)) if page.older else "",
        "newer_url": querystrings.changed(request.GET, after=str(page.newer)) if page.newer else "",
        "has_uncounted": any(total.has_moved for total in sums),
        "uncounted_url": querystrings.changed(request.GET, counted="no"),
        "csv_url": reverse("transactions-csv") + querystrings.changed(request.GET),
        "has_accounts": bool(page.rows) or Account.objects.for_user(request.user).exists(),
    }


@require_safe
def csv(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    """Stream everything that the filter leaves as a CSV file."""
    found = asked(request)
    if not found.is_valid():
        return render(request, "banking/transactions.html", {"form": found.form}, status=422)
    record(Action.TRANSACTION_FETCH, actor=request.user, subject=request.user, form="csv")
    return StreamingHttpResponse(
        csv_export.lines(owner_id=request.user.pk, rows=found.qs.prefetch_related("account")),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="transactions.csv"'},
    )
