"""A person's own words for transactions: one of them, or those that are selected in the list."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts.users.requests import AuthenticatedHttpRequest
from banking.categorization.bulk_edits import edit_transactions
from banking.categorization.editing import edit_transaction
from banking.categorization.forms import BulkForm, TransactionForm
from banking.categorization.provenance import get_provenance
from banking.models import Transaction
from banking.splits.details import read_split_details
from banking.transactions.transaction_tags import get_tag_names
from banking.views import splits
from compliance.audit.daily_access import DataKind, record_data_access
from formats import numbers


@require_http_methods(["GET", "HEAD", "POST"])
def show_transaction(request: AuthenticatedHttpRequest, transaction_id: UUID) -> HttpResponse:
    """Show one transaction, and store what the person says about it.

    The page of one that another one replaced leads to that one: the posted one of a pending one, or the same one in
    the connection that counts now.
    """
    row = find_row(request, transaction_id)
    if row is None:
        return splits.redirect_to_row_now(request, transaction_id)
    if row.replaced_by == Transaction.Replaced.SPLIT:
        return splits.show_whole(request, row)
    names = get_tag_names(owner_id=request.user.pk, row_ids=[row.pk]).get(row.pk, [])
    form = TransactionForm(request.POST or None, row=row, tag_names=names)
    if form.is_valid():
        return store_edit(request, row=row, form=form)
    record_data_access(request.user.pk, DataKind.TRANSACTIONS)
    context = {"form": form, "row": row, "tags": names, "provenance": get_provenance(row)}
    context["split"] = read_split_details(row)
    return render(request, "banking/transaction.html", context, status=422 if form.is_bound else 200)


def store_edit(request: AuthenticatedHttpRequest, *, row: Transaction, form: TransactionForm) -> HttpResponse:
    """Store what the person says, unless a sync replaced the transaction meanwhile."""
    try:
        edit_transaction(user=request.user, transaction_id=row.pk, edit=form.build_edit())
    except Transaction.DoesNotExist:
        return splits.redirect_to_row_now(request, row.pk)
    messages.success(request, _("Changes saved"))
    return redirect("transaction", row.pk)


def find_row(request: AuthenticatedHttpRequest, transaction_id: UUID) -> Transaction | None:
    """The user's transaction if it counts, itself or by its parts."""
    rows = Transaction.objects.for_user(request.user).whole_or_split()
    return rows.select_related("account").filter(pk=transaction_id).first()


@require_POST
def change_transactions(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Change the selected transactions, and return to the list with its filters."""
    form = BulkForm(request.POST)
    if form.is_valid():
        try:
            rows = form.cleaned_data["row"]
            count = edit_transactions(user=request.user, row_ids=rows, edit=form.build_edit())
        except Transaction.DoesNotExist:
            raise Http404 from None
        sentence = ngettext("%(number)s transaction changed", "%(number)s transactions changed", count)
        messages.success(request, sentence % {"number": numbers.count(count)})
    else:
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
    query = request.GET.urlencode()
    return redirect(f"{reverse('transactions')}?{query}" if query else reverse("transactions"))
