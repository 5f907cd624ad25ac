"""One connection: import progress, manual refresh, disconnect."""

from datetime import timedelta
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.mfa.step_up import require_fresh_sign_in
from accounts.users.requests import AuthenticatedHttpRequest
from banking import connections, tasks
from banking.error_messages import bank_name
from banking.forms import DisconnectForm
from banking.linking import disconnecting
from banking.models import Item
from banking.sync import sync_queue
from banking.sync.progress import import_progress
from formats import dates

COOLDOWN = timedelta(minutes=5)
NOT_CONNECTED = _("This connection can't sync right now. See what to do below.")
NO_BANK_TO_SYNC = _(
    "No bank can sync right now. You can sync a bank again 5 minutes after your last request. Accounts shows which "
    "banks need you to do something first."
)
DISCONNECTED = _("%(bank)s is disconnected. We no longer sync it.")
DISCONNECTING = _("Disconnecting %(bank)s. We finish this in the background.")
SYNCED_RECENTLY = _("You requested a sync in the last 5 minutes. Try again at %(time)s.")
SYNCING = _("Syncing %(bank)s")
ASKING = _("Syncing %(bank)s. We also ask the bank for new data.")


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
        messages.info(request, str(NOT_CONNECTED))
        return redirect("item", item_id)
    if item is None:
        next_at = sync_queue.next_refresh_at(user=request.user, item_id=item_id, cooldown=COOLDOWN)
        time = dates.time_of_day(timezone.localtime(next_at))
        messages.info(request, SYNCED_RECENTLY % {"time": time})
    else:
        tasks.enqueue_sync(item, trigger="person")
        message = ASKING if item.bank_refresh_requested else SYNCING
        messages.success(request, message % {"bank": bank_name(item.institution_name)})
    return redirect("item", item_id)


@require_POST
@transaction.non_atomic_requests
def refresh_all(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Sync every bank now that is not in its cooldown."""
    items = sync_queue.refresh_all(user=request.user, cooldown=COOLDOWN)
    for item in items:
        tasks.enqueue_sync(item, trigger="person")
    if not items:
        messages.info(request, str(NO_BANK_TO_SYNC))
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
        name = connections.institution_name(user=request.user, item_id=item_id)
        removal = disconnecting.disconnect_bank(user=request.user, item_id=item_id, keep_history=keep_history)
    except Item.DoesNotExist:
        raise Http404 from None
    tasks.enqueue_removal(removal)
    message = DISCONNECTING if removal and removal.history else DISCONNECTED
    messages.success(request, message % {"bank": bank_name(name)})
    return redirect("accounts")
