"""The transaction list: filtered, paginated, or exported as CSV."""

from functools import partial

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.mfa.step_up import require_fresh_sign_in_to_download
from accounts.users.requests import AuthenticatedHttpRequest
from banking.categorization.forms import BulkForm
from banking.models import Account, Item, Transaction
from banking.retention import transaction_rule
from banking.sync.progress.sync_progress import sync_progress
from banking.transactions import csv_export, totals
from banking.transactions.listing import pagination, querystrings, transaction_list
from banking.transactions.listing.filters import TransactionFilter
from compliance.audit import Action, record
from compliance.audit.daily_access import DataKind, record_data_access


def build_filter(request: AuthenticatedHttpRequest) -> TransactionFilter:
    """The filter of the request, over the user's own rows; it leaves out hidden ones unless they are asked for."""
    rows = Transaction.objects.for_user(request.user).filter(removed_at=None)
    return TransactionFilter(request.GET, queryset=rows, request=request)


@require_safe
def index(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show one page of the filtered list. An invalid value is an error beside its field."""
    transaction_filter = build_filter(request)
    template = "banking/transactions.html#results" if request.htmx else "banking/transactions.html"
    context = {
        "form": transaction_filter.form,
        "kept": transaction_rule.get_kept_period(owner_id=request.user.pk),
        "presets": querystrings.date_range_presets(request.GET, timezone.localdate()),
    }
    if not transaction_filter.is_valid():
        return render(request, template, context, status=422)
    try:
        context |= build_results(request, transaction_filter)
    except pagination.InvalidPosition:
        transaction_filter.form.add_error(None, _("This page address isn't valid. Clear the filters to start again."))
        return render(request, template, context, status=422)
    if context["rows"]:
        record_data_access(request.user.pk, DataKind.TRANSACTIONS)
    return render(request, template, context)


def build_results(request: AuthenticatedHttpRequest, transaction_filter: TransactionFilter) -> dict[str, object]:
    """One page of rows, the totals of all pages, and the links of the page."""
    page = pagination.get_page(
        transaction_filter.qs,
        read=partial(transaction_list.read_tagged_rows, owner_id=request.user.pk),
        size=pagination.parse_page_size(request.GET.get("size", "")),
        before=request.GET.get("before", ""),
        after=request.GET.get("after", ""),
    )
    is_hidden = bool(transaction_filter.form.cleaned_data["hidden"])
    sums = totals.totals_by_currency(transaction_filter.qs, owner_id=request.user.pk)
    return {
        "rows": page.rows,
        # Hidden rows are in no total.
        "sums": [] if is_hidden else sums,
        "count": sum(total.count for total in sums),
        "active_filters": querystrings.active_filters(request.GET, transaction_filter),
        "older_url": querystrings.with_params(request.GET, before=str(page.older)) if page.older else "",
        "newer_url": querystrings.with_params(request.GET, after=str(page.newer)) if page.newer else "",
        "bulk_form": BulkForm(),
        "is_hidden": is_hidden,
        "has_uncounted": not is_hidden and any(total.has_uncounted for total in sums),
        "uncounted_url": querystrings.with_params(request.GET, counted="no"),
        "csv_url": reverse("transactions-csv") + querystrings.with_params(request.GET),
        "progress": sync_progress(list(Item.objects.for_user(request.user).visible())),
        "has_accounts": bool(page.rows) or Account.objects.for_user(request.user).exists(),
    }


@require_safe
@require_fresh_sign_in_to_download(page="transactions")
def csv(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    """Stream the filtered transactions as a CSV file."""
    transaction_filter = build_filter(request)
    if not transaction_filter.is_valid():
        return render(request, "banking/transactions.html", {"form": transaction_filter.form}, status=422)
    record(Action.TRANSACTION_FETCH, actor=request.user, subject=request.user, form="csv")
    record_data_access(request.user.pk, DataKind.TRANSACTIONS)
    return StreamingHttpResponse(
        csv_export.csv_lines(owner_id=request.user.pk, rows=transaction_filter.qs.prefetch_related("account")),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="transactions.csv"'},
    )
