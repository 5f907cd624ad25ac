"""Split a transaction into parts, change them, and join them again."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from accounts.users.requests import AuthenticatedHttpRequest
from banking.categorization.forms import is_id
from banking.models import Transaction
from banking.splits import details, splitting
from banking.splits.forms import BasePartFormSet, PartFormSet, add_row, build_initial
from banking.transactions.replacements import find_row_now
from banking.transactions.transaction_tags import get_tag_names
from compliance.audit.daily_access import DataKind, record_data_access

CHANGED = gettext_lazy("This transaction or its parts changed meanwhile. Check them, and enter your changes again.")
NOT_SPLITTABLE = gettext_lazy(
    "This transaction can't be split, because it's part of a transfer, is a part itself, or has no amount."
)


@require_http_methods(["GET", "HEAD", "POST"])
def split(request: AuthenticatedHttpRequest, transaction_id: UUID) -> HttpResponse:
    """Show the parts of a transaction as a form, and store them."""
    row = Transaction.objects.for_user(request.user).from_bank().filter(pk=transaction_id).first()
    if row is None:
        return redirect_to_row_now(request, transaction_id)
    if not splitting.may_split(row):
        messages.error(request, str(NOT_SPLITTABLE))
        return redirect("transaction", row.pk)
    parts = list(splitting.list_parts(row))
    forms = build_forms(request, row=row, parts=parts)
    if forms.is_bound and forms.is_valid():
        return store_parts(request, row=row, values=forms.build_parts(parts))
    record_data_access(request.user.pk, DataKind.TRANSACTIONS)
    # Of a form that is shown again, the parts that it has shown first.
    known = request.POST.get("known", "") if request.method == "POST" else ",".join(str(part.pk) for part in parts)
    context = {"forms": forms, "row": row, "known": known}
    return render(request, "banking/split_form.html", context, status=422 if forms.is_bound else 200)


def build_forms(request: AuthenticatedHttpRequest, *, row: Transaction, parts: list[Transaction]) -> BasePartFormSet:
    """The forms with what is stored, with what was sent, or with one more row than was sent."""
    if "add" in request.POST:
        return PartFormSet(row=row, initial=add_row(request.POST, row=row))
    tags = get_tag_names(owner_id=request.user.pk, row_ids=[part.pk for part in parts])
    return PartFormSet(request.POST or None, row=row, initial=build_initial(row, parts, tags))


def store_parts(
    request: AuthenticatedHttpRequest, *, row: Transaction, values: list[splitting.PartValues]
) -> HttpResponse:
    """Store the parts, unless a sync or another page of the person changed the transaction meanwhile."""
    known = [UUID(part_id) for part_id in request.POST.get("known", "").split(",") if is_id(part_id)]
    try:
        splitting.split_transaction(user=request.user, transaction_id=row.pk, parts=values, known=known)
        messages.success(request, _("Transaction split"))
    except (Transaction.DoesNotExist, splitting.CannotSplit, splitting.PartsChanged, splitting.InvalidParts):
        messages.error(request, str(CHANGED))
    return redirect("transaction", row.pk)


@require_POST
def join_parts(request: AuthenticatedHttpRequest, transaction_id: UUID) -> HttpResponse:
    """Delete the parts of a transaction, which then counts as a whole."""
    try:
        splitting.join_parts(user=request.user, transaction_id=transaction_id)
    except Transaction.DoesNotExist:
        return redirect_to_row_now(request, transaction_id)
    messages.success(request, _("Parts joined again"))
    return redirect("transaction", transaction_id)


def show_whole(request: AuthenticatedHttpRequest, row: Transaction) -> HttpResponse:
    """Show a transaction that was split, with its parts."""
    if request.method == "POST":
        messages.error(request, str(CHANGED))
        return redirect("transaction", row.pk)
    record_data_access(request.user.pk, DataKind.TRANSACTIONS)
    context = {"row": row, "rows": details.read_part_rows(row), "is_adjusted": details.was_adjusted(row)}
    return render(request, "banking/split_transaction.html", context)


def redirect_to_row_now(request: AuthenticatedHttpRequest, transaction_id: UUID) -> HttpResponse:
    """Lead to the transaction that counts in the place of another one. Raises ``Http404`` if there is none."""
    row_id = find_row_now(transaction_id, owner_id=request.user.pk)
    if row_id is None:
        raise Http404
    if request.method == "POST":
        messages.error(request, _("Your bank replaced this transaction meanwhile. Enter your changes again."))
    return redirect("transaction", row_id)
