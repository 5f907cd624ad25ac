"""A user's bank accounts, grouped by bank."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from accounts.users.requests import AuthenticatedHttpRequest
from banking import connections
from banking.models import Item
from banking.sync.bank_refresh.plan import plan_refreshes
from banking.sync.bank_refresh.plan_messages import describe_plan
from banking.sync.progress.sync_progress import sync_progress
from compliance.audit.daily_access import DataKind, record_data_access


@require_safe
def index(request: AuthenticatedHttpRequest, item_id: UUID | None = None) -> HttpResponse:
    """All connections with their accounts, or one of them; one that was disconnected redirects to all."""
    items = connections.list_connections(request.user)
    selected = next((item for item in items if item.pk == item_id), None)
    if item_id is not None and selected is None:
        get_object_or_404(Item.objects.for_user(request.user), pk=item_id)
        return redirect("accounts")
    if items:
        record_data_access(request.user.pk, DataKind.BALANCES)
    plans = plan_refreshes([item for item in items if item.can_sync_now])
    context = {
        "items": items,
        "selected": selected,
        "shown": [selected] if selected else items,
        "progress": sync_progress(items),
        "plan_messages": {item.pk: describe_plan(item, plans[item.pk]) for item in items if item.pk in plans},
    }
    return render(request, "banking/accounts.html", context)
