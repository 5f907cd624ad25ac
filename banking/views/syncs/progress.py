"""The progress of syncs, for a page that waits for them."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django_htmx.http import trigger_client_event

from accounts.users.requests import AuthenticatedHttpRequest
from banking.models import Item
from banking.sync.progress.sync_progress import FIGURES_CHANGED, sync_progress


@require_safe
def show_sync_progress(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show one sentence, which polls until no sync is under way, and say whether the page's figures are outdated."""
    progress = sync_progress(list(Item.objects.for_user(request.user).visible()))
    response = render(request, "banking/sync_progress.html", {"progress": progress})
    if progress.is_news_to(request.GET.get("seen", "")):
        trigger_client_event(response, FIGURES_CHANGED)
    return response
