"""The transfer that a transaction belongs to: show both legs, join two transactions, separate them."""

from typing import Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from accounts.users.requests import AuthenticatedHttpRequest
from banking.models import Transaction
from banking.transactions import transfer_details, transfer_edits
from compliance.audit.daily_access import DataKind, record_data_access

EDITS: Final = {
    "join": (transfer_edits.join_transactions, _("Joined. The two transactions are one transfer now.")),
    "separate": (transfer_edits.separate_transactions, _("Separated. We won't join these two transactions again.")),
}


@require_safe
def show_transfer(request: AuthenticatedHttpRequest, transaction_id: UUID) -> HttpResponse:
    """Show both legs of a transaction's transfer, or what could be its other leg."""
    rows = Transaction.objects.for_user(request.user).current().filter(part_of=None).select_related("account")
    row = get_object_or_404(rows, pk=transaction_id)
    record_data_access(request.user.pk, DataKind.TRANSACTIONS)
    return render(request, "banking/transfer.html", {"transfer": transfer_details.read_transfer_details(row=row)})


@require_POST
def edit_transfer(request: AuthenticatedHttpRequest, transaction_id: UUID, other_id: UUID) -> HttpResponse:
    """Join two transactions as one transfer, or separate them."""
    if (edit := request.POST.get("edit", "")) not in EDITS:
        raise Http404
    change, message = EDITS[edit]
    try:
        change(user=request.user, transaction_id=transaction_id, other_id=other_id)
    except (Transaction.DoesNotExist, transfer_edits.NotATransfer):
        raise Http404 from None
    messages.success(request, str(message))
    return redirect("transfer", transaction_id)
