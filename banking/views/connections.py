"""One connection: import progress, manual refresh, disconnect."""

from datetime import timedelta
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.mfa.step_up import require_fresh_sign_in
from accounts.users.requests import AuthenticatedHttpRequest
from banking import tasks
from banking.forms import DisconnectForm
from banking.linking import disconnecting
from banking.models import Item
from banking.sync import import_progress, sync_queue

COOLDOWN = timedelta(minutes=5)
NOT_CONNECTED = "This bank does not let Plumbline in at the moment. See below what it needs."
NOBODY_TO_ASK = "No bank can be asked right now: each was asked a moment ago, or needs you to sign in first."
DISCONNECTED = "Disconnected. Plumbline reads nothing from this bank any more."
DISCONNECTING = "Disconnecting. Plumbline is storing something of yours right now, and finishes this after that."
JUST_ASKED = "Your bank was asked a moment ago. Wait five minutes before asking again."


@require_safe
def importing(request: AuthenticatedHttpRequest, item_id: UUID) -> HttpResponse:
    """Show the progress of the first import; the fragment polls until it is done."""
    item = get_object_or_404(Item.objects.for_user(request.user), pk=item_id)
    template = "banking/importing.html#progress" if request.htmx else "banking/importing.html"
    progress = import_progress.import_progress(item=item, at=timezone.now())
    return render(request, template, {"item": item, "job": progress, "poll_seconds": progress.poll_seconds})


@require_POST
@transaction.non_atomic_requests
def refresh(request: AuthenticatedHttpRequest, item_id: UUID) -> HttpResponse:
    """Sync one bank now, at most every few minutes."""
    try:
        item = sync_queue.refresh(user=request.user, item_id=item_id, cooldown=COOLDOWN)
    except Item.DoesNotExist:
        raise Http404 from None
    except sync_queue.NotConnected:
        messages.info(request, NOT_CONNECTED)
        return redirect("item", item_id)
    if item is None:
        messages.info(request, JUST_ASKED)
    else:
        tasks.enqueue_sync(item, trigger="person")
        messages.success(request, f"Asking {item.institution_name} for news.")
    return redirect("item", item_id)


@require_POST
@transaction.non_atomic_requests
def refresh_all(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Sync every bank now that is not in its cooldown."""
    items = sync_queue.refresh_all(user=request.user, cooldown=COOLDOWN)
    for item in items:
        tasks.enqueue_sync(item, trigger="person")
    if not items:
        messages.info(request, NOBODY_TO_ASK)
    return redirect("overview")


@require_http_methods(["GET", "HEAD", "POST"])
@require_fresh_sign_in
@transaction.non_atomic_requests
def disconnect(request: AuthenticatedHttpRequest, item_id: UUID) -> HttpResponse:
    """Show what is kept and what is deleted, then disconnect the bank."""
    form = DisconnectForm(request.POST or None)
    try:
        if not form.is_valid():
            context = disconnecting.disconnect_summary(user=request.user, item_id=item_id)
            return render(request, "banking/disconnect.html", context, status=422 if form.is_bound else 200)
        keep_history = form.cleaned_data["history"] == "keep"
        removal = disconnecting.disconnect_bank(user=request.user, item_id=item_id, keep_history=keep_history)
    except Item.DoesNotExist:
        raise Http404 from None
    tasks.enqueue_removal(removal)
    messages.success(request, DISCONNECTING if removal and removal.history else DISCONNECTED)
    return redirect("accounts")
