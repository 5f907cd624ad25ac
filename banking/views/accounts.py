"""A user's bank accounts, grouped by bank, and what they say about one of them."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.users.requests import AuthenticatedHttpRequest
from banking import connections
from banking.account_settings.editing import edit_account
from banking.account_settings.forms import AccountForm
from banking.models import Account, Item
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


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: AuthenticatedHttpRequest, account_id: UUID) -> HttpResponse:
    """Show an account's name and whether it is in lists and totals, and store what the person says."""
    account = get_object_or_404(Account.objects.for_user(request.user).select_related("item"), pk=account_id)
    if account.successor_id is not None:
        return redirect("edit_account", account.successor_id)
    form = AccountForm(request.POST or None, account=account)
    if form.is_valid():
        edit_account(user=request.user, account_id=account_id, edit=form.build_edit())
        messages.success(request, _("Changes saved"))
        return redirect("account", account_id)
    record_data_access(request.user.pk, DataKind.BALANCES)
    context = {"form": form, "account": account, "item": account.item}
    return render(request, "banking/edit_account.html", context, status=422 if form.is_bound else 200)
