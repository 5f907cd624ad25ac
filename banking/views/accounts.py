"""A user's bank accounts, grouped by bank, and what they say about one of them."""

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.mfa.step_up import require_fresh_sign_in
from accounts.users.requests import AuthenticatedHttpRequest
from banking import connections, tasks
from banking.account_settings import removing
from banking.account_settings.editing import edit_account
from banking.account_settings.forms import AccountForm
from banking.forms import DisconnectForm
from banking.models import Account, Item
from banking.sync.bank_refresh.plan import plan_refreshes
from banking.sync.bank_refresh.plan_messages import describe_plan
from banking.sync.progress.sync_progress import sync_progress
from compliance.audit.daily_access import DataKind, record_data_access

REMOVED = gettext_lazy("%(account)s is removed. We no longer sync it.")
REMOVING = gettext_lazy("Removing %(account)s. We finish this in the background.")
ADDED_AGAIN = gettext_lazy(
    "We download %(account)s again with the next sync. If it doesn't appear then, share it with Plumbline again under "
    "Add or remove accounts."
)


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


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: AuthenticatedHttpRequest, account_id: UUID) -> HttpResponse:
    """Show an account's name and whether it is in lists and totals, and store what the person says."""
    accounts = Account.objects.for_user(request.user).select_related("item", "successor__item")
    account = get_object_or_404(accounts, pk=account_id)
    if account.successor is not None and request.method != "POST":
        return redirect("edit_account", account.successor_id)
    # A sync may have found out meanwhile that another account represents this one.
    account = account.successor or account
    form = AccountForm(request.POST or None, account=account)
    if form.is_valid():
        return store_edit(request, account, form)
    context = {"form": form, "account": account, "item": account.item}
    return render(request, "banking/edit_account.html", context, status=422 if form.is_bound else 200)


def store_edit(request: AuthenticatedHttpRequest, account: Account, form: AccountForm) -> HttpResponse:
    """Store what the person says, unless the account was deleted with its bank meanwhile."""
    try:
        edit_account(user=request.user, account_id=account.pk, edit=form.build_edit())
    except Account.DoesNotExist:
        raise Http404 from None
    messages.success(request, _("Changes saved"))
    return redirect("account", account.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@require_fresh_sign_in
@transaction.non_atomic_requests
def remove(request: AuthenticatedHttpRequest, account_id: UUID) -> HttpResponse:
    """Show what is kept and what is deleted, then remove the account."""
    form = DisconnectForm(request.POST or None)
    try:
        context = removing.removal_summary(user=request.user, account_id=account_id)
        if not form.is_valid():
            return render(request, "banking/remove_account.html", context, status=422 if form.is_bound else 200)
        keep_history = form.cleaned_data["history"] == "keep"
        removal = removing.remove_account(user=request.user, account_id=account_id, keep_history=keep_history)
    except Account.DoesNotExist:
        raise Http404 from None
    tasks.enqueue_account_removal(removal)
    messages.success(request, (REMOVING if removal else REMOVED) % {"account": context["account"]})
    return redirect("accounts")


@require_POST
@transaction.non_atomic_requests
def add_again(request: AuthenticatedHttpRequest, account_id: UUID) -> HttpResponse:
    """Let the next sync download a removed account again."""
    try:
        account, items = removing.add_account_again(user=request.user, account_id=account_id)
    except Account.DoesNotExist:
        raise Http404 from None
    for item in items:
        tasks.enqueue_sync(item, trigger="person")
    messages.success(request, ADDED_AGAIN % {"account": account})
    return redirect("item", account.item_id)
