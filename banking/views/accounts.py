"""A person's bank accounts, grouped by the bank they are at."""

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.requests import PersonRequest
from banking import rosters
from compliance.audit import Action, record


@require_safe
def index(request: PersonRequest, item_id: UUID | None = None) -> HttpResponse:
    """All connections with their accounts, or one of them."""
    items = rosters.connections(request.user)
    selected = next((item for item in items if item.pk == item_id), None)
    if item_id is not None and selected is None:
        raise Http404
    record(Action.ACCOUNT_LIST, actor=request.user, subject=request.user)
    context = {"items": items, "selected": selected, "shown": [selected] if selected else items}
    return render(request, "banking/accounts.html", context)
