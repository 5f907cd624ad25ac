"""The syncs of one connection."""

from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.users.requests import AuthenticatedHttpRequest
from banking.models import VISIBLE_CONNECTIONS, Item, SyncRun
from banking.retention import transaction_rule
from banking.sync.progress.run_messages import describe_run

PAGE_SIZE = 25


@require_safe
def list_syncs(request: AuthenticatedHttpRequest, item_id: UUID) -> HttpResponse:
    """Show the state of a connection, and its syncs, the newest first."""
    item = get_object_or_404(Item.objects.for_user(request.user), pk=item_id)
    runs = SyncRun.objects.for_user(request.user).filter(item=item).order_by("-started_at", "-pk")
    page = Paginator(runs, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "item": item,
        "is_visible": item.connection in VISIBLE_CONNECTIONS,
        "runs": [describe_run(run, item) for run in page],
        "keeps_transactions": transaction_rule.keeps_transactions(owner_id=request.user.pk),
        "newer_url": f"?page={page.previous_page_number()}" if page.has_previous() else "",
        "older_url": f"?page={page.next_page_number()}" if page.has_next() else "",
    }
    return render(request, "banking/sync_history.html", context)
