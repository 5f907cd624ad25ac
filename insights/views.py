"""Pages that bring what the rooms below know together."""

from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.users.requests import AuthenticatedHttpRequest
from banking import connections
from banking.models import Account, Item, Transaction, TransactionQuerySet
from banking.transactions import transaction_list
from credit.stored import reports
from insights.balances import history
from insights.banner import most_urgent
from insights.credit import card_links, score_history, utilization
from insights.credit.card_links import Said
from insights.overview import overview as figures

LATEST = 10


@require_safe
def overview(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Everything about a person's money on one page."""
    items = connections.list_connections(request.user)
    context = figures(user=request.user, items=items, days=history.days_in(request.GET.get("range", "")))
    return render(request, "insights/overview.html", {"items": items, **context, **state(items)})


@require_safe
def sync_status(request: AuthenticatedHttpRequest) -> HttpResponse:
    """The strip of connections alone, for the page that waits for a sync."""
    items = connections.list_connections(request.user)
    now = state(items)
    return render(request, "ui/strip.html", {"items": items, **now, "synced": not now["syncing"]})


@require_safe
def account(request: AuthenticatedHttpRequest, account_id: UUID) -> HttpResponse:
    """One account: its facts, its balance over time, its latest transactions."""
    found = get_object_or_404(Account.objects.for_user(request.user).select_related("item"), pk=account_id)
    if found.successor_id is not None:
        return redirect("account", found.successor_id)
    days = history.days_in(request.GET.get("range", ""))
    context = {
        "account": found,
        "item": found.item,
        "history": history.of_accounts(user=request.user, accounts=[found], currency=found.currency, days=days),
        "recent": transaction_list.read_rows(own_rows(found)[:LATEST], owner_id=request.user.pk),
    }
    return render(request, "insights/account.html", context)


def own_rows(account: Account) -> QuerySet[Transaction]:
    """What counts of an account's rows, newest first, under whatever id it was read."""
    rows: TransactionQuerySet = Transaction.objects.filter(
        owner=account.owner_id, account__in=account.with_former_accounts
    )
    return rows.current().newest_first()


@require_safe
def credit_history(request: AuthenticatedHttpRequest) -> HttpResponse:
    """The score, report by report."""
    listed = reports.listed(owner=request.user.pk)
    if not listed:
        return redirect("credit")
    found = score_history.history(listed, reports.changes(owner=request.user.pk))
    context = {"history": found, "is_sample": any(each.is_sample for each in listed)}
    return render(request, "insights/credit_history.html", context)


@require_safe
def credit_utilization(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Each card's use of its limit, as the bureau reports it and as the bank says today."""
    kept = reports.latest(owner=request.user.pk)
    if kept is None:
        return redirect("credit")
    own = request.GET.get("own") == "1"
    told = card_links.answers(user=request.user)
    page = utilization.page(kept.report.tradelines, connections.list_connections(request.user), told, own=own)
    return render(request, "insights/credit_utilization.html", {"kept": kept, "page": page, "own": own})


@require_POST
def card_link(request: AuthenticatedHttpRequest, key: str, account_id: UUID) -> HttpResponse:
    """Take a person's word on whether an account of the report is a card at a bank."""
    kept, said = reports.latest(owner=request.user.pk), request.POST.get("said", "")
    if kept is None or said not in list(Said) or key not in {each.key for each in kept.report.tradelines}:
        raise Http404
    try:
        card_links.answer(user=request.user, key=key, account_id=account_id, said=Said(said))
    except Account.DoesNotExist:
        raise Http404 from None
    return redirect("credit_utilization")


def state(items: list[Item]) -> dict[str, object]:
    """What the page says about the connections as a whole."""
    return {
        "syncing": any(item.is_syncing or item.has_pending_sync_request for item in items),
        "banner": most_urgent(items),
    }
