"""Pages that need data of several apps."""

from uuid import UUID

from django.db.models import F, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from accounts.users.requests import AuthenticatedHttpRequest
from banking import connections
from banking.models import Account, Transaction, TransactionQuerySet
from banking.models.accounts import display_name_of
from banking.product_notices import get_account_terms
from banking.sync.bank_refresh.plan_messages import describe_all
from banking.sync.progress.sync_progress import FIGURES_CHANGED, sync_progress
from banking.transactions.listing import transaction_list
from compliance.audit.daily_access import DataKind, record_data_access
from credit.stored import reports
from insights.balances import history
from insights.banner import differences_banner, most_urgent_banner
from insights.credit import card_links, score_history, utilization
from insights.credit.card_links import LinkDecision
from insights.models import FigureCheck
from insights.overview import build_overview

RECENT_COUNT = 10


@require_safe
def overview(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show the overview: all of a user's money on one page."""
    items = connections.list_connections(request.user)
    context = build_overview(user=request.user, items=items, days=history.days_in_range(request.GET.get("range", "")))
    if items:
        record_data_access(request.user.pk, DataKind.BALANCES, DataKind.TRANSACTIONS)
    state = {
        "progress": sync_progress(items),
        "banner": most_urgent_banner(items) or differences_banner(request.user),
        "can_sync": any(item.can_sync_now for item in items),
        "plan_message": describe_all(),
    }
    return render(request, "insights/overview.html", {"items": items, **context, **state})


@require_safe
def sync_status(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show only the connection status, for a page that waits for a sync."""
    items = connections.list_connections(request.user)
    progress = sync_progress(items)
    context = {"items": items, "progress": progress, "synced": not progress.is_running}
    response = render(request, "ui/connection_strip.html", context)
    if progress.is_news_to(request.GET.get("seen", "")):
        trigger_client_event(response, FIGURES_CHANGED)
    return response


@require_safe
def account(request: AuthenticatedHttpRequest, account_id: UUID) -> HttpResponse:
    """Show one account: its details, its balance over time, its latest transactions."""
    account = get_object_or_404(Account.objects.for_user(request.user).select_related("item"), pk=account_id)
    if account.successor_id is not None:
        return redirect("account", account.successor_id)
    days = history.days_in_range(request.GET.get("range", ""))
    checks = FigureCheck.objects.for_user(request.user).of_shown_accounts().filter(account=account)
    context = {
        "account": account,
        "item": account.item,
        "check": checks.order_by("-checked_at").first(),
        "terms": get_account_terms(account, user=request.user),
        "history": history.account_balance_history(
            user=request.user, accounts=[account], currency=account.currency, days=days
        ),
        "recent": transaction_list.read_rows(account_transactions(account)[:RECENT_COUNT], owner_id=request.user.pk),
        "progress": sync_progress([account.item]),
    }
    record_data_access(request.user.pk, DataKind.BALANCES, DataKind.TRANSACTIONS)
    return render(request, "insights/account.html", context)


@require_safe
def figure_checks(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show whether each figure agreed with the rows behind it in the last nightly check."""
    checks = FigureCheck.objects.for_user(request.user).of_shown_accounts().select_related("account__item")
    ordered = checks.order_by(F("differs_since").asc(nulls_last=True), "kind", display_name_of("account__"), "id")
    if ordered:
        record_data_access(request.user.pk, DataKind.BALANCES)
    return render(request, "insights/figure_checks.html", {"checks": ordered})


def account_transactions(account: Account) -> QuerySet[Transaction]:
    """An account's transactions that count, newest first, including those of former accounts."""
    rows: TransactionQuerySet = Transaction.objects.filter(
        owner=account.owner_id, account__in=account.with_former_accounts
    )
    return rows.current().newest_first()


@require_safe
def credit_history(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show the score in each report."""
    summaries = reports.list_reports(owner=request.user.pk)
    if not summaries:
        return redirect("credit")
    history_of_scores = score_history.score_history(summaries, reports.list_changes(owner=request.user.pk))
    context = {"history": history_of_scores, "is_sample": any(report.is_sample for report in summaries)}
    record_data_access(request.user.pk, DataKind.CREDIT_SCORE)
    return render(request, "insights/credit_history.html", context)


@require_safe
def credit_utilization(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show each card's utilization, as the bureau reports it, and the bank's current balance."""
    stored = reports.get_latest_report(owner=request.user.pk)
    if stored is None:
        return redirect("credit")
    own = request.GET.get("own") == "1"
    links = card_links.list_decisions(user=request.user)
    page = utilization.utilization_page(
        stored.report.tradelines, connections.list_connections(request.user), links, own=own
    )
    record_data_access(request.user.pk, DataKind.CREDIT_REPORT, DataKind.BALANCES)
    return render(request, "insights/credit_utilization.html", {"stored": stored, "page": page, "own": own})


@require_POST
def card_link(request: AuthenticatedHttpRequest, key: str, account_id: UUID) -> HttpResponse:
    """Store a user's decision whether an account of the report is a card at a bank."""
    stored, decision = reports.get_latest_report(owner=request.user.pk), request.POST.get("decision", "")
    if (
        stored is None
        or decision not in list(LinkDecision)
        or key not in {tradeline.key for tradeline in stored.report.tradelines}
    ):
        raise Http404
    try:
        card_links.record_decision(user=request.user, key=key, account_id=account_id, decision=LinkDecision(decision))
    except Account.DoesNotExist:
        raise Http404 from None
    return redirect("credit_utilization")
