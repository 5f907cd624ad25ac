"""Pages that bring what the rooms below know together."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.requests import PersonRequest
from banking import listing, rosters
from banking.models import Account, Item
from insights import history
from insights.banner import most_urgent
from insights.overview import overview as figures

LATEST = 10


@require_safe
def overview(request: PersonRequest) -> HttpResponse:
    """Everything about a person's money on one page."""
    items = rosters.connections(request.user)
    context = figures(user=request.user, items=items, days=history.days_in(request.GET.get("range", "")))
    return render(request, "insights/overview.html", {"items": items, **context, **state(items)})


@require_safe
def sync_status(request: PersonRequest) -> HttpResponse:
    """The strip of connections alone, for the page that waits for a sync."""
    items = rosters.connections(request.user)
    now = state(items)
    return render(request, "ui/strip.html", {"items": items, **now, "synced": not now["syncing"]})


@require_safe
def account(request: PersonRequest, account_id: UUID) -> HttpResponse:
    """One account: its facts, its balance over time, its latest transactions."""
    found = get_object_or_404(Account.objects.for_user(request.user).select_related("item"), pk=account_id)
    days = history.days_in(request.GET.get("range", ""))
    context = {
        "account": found,
        "item": found.item,
        "history": history.of_accounts(user=request.user, accounts=[found.pk], currency=found.currency, days=days),
        "recent": listing.read(found.transactions.current().newest_first()[:LATEST]),
    }
    return render(request, "insights/account.html", context)


def state(items: list[Item]) -> dict[str, object]:
    """What the page says about the connections as a whole."""
    return {
        "syncing": any(item.is_syncing or item.awaits_sync for item in items),
        "banner": most_urgent(items),
    }
