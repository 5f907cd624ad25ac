"""Which products of an Item have to be read.

A product is read once a day, when the provider says that it has changed, an hour after a failure that may pass, and
whenever a person asks for a sync. So nearly all syncs read none.
"""

from typing import Final
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from banking.linking import data_consent
from banking.models import Account, ItemProduct, Product
from banking.provider import Readiness
from banking.retention import transaction_rule

Status = ItemProduct.Status

# Of a product that is not supported or not allowed, nothing is read until the user has shared more.
READABLE: Final = (Status.PENDING, Status.READY, Status.ERROR)


def list_due_products(*, owner_id: UUID, item_id: UUID, is_requested: bool) -> list[ItemProduct]:
    """The products of an Item to read now, in the open transaction; ``is_requested`` says that a person waits.

    One query if none is due.
    """
    rows = ItemProduct.objects.filter(item=item_id, product__in=data_consent.PRODUCT_NAMES, status__in=READABLE)
    if not is_requested:
        is_of_another_day = Q(checked_at__date__lt=timezone.localdate())
        rows = rows.filter(Q(checked_at=None) | is_of_another_day | Q(next_read_at__lte=Now()))
    due = list(rows.select_related("item").order_by("product"))
    if not due:
        return []
    covered = data_consent.list_covered_products(user_id=owner_id)
    return [row for row in due if row.product in covered and has_data(row)]


def has_data(row: ItemProduct) -> bool:
    """Whether the Item can have rows of a product, and its owner keeps them.

    The first call for a product adds it to what the provider bills, so none is made that would return nothing.
    """
    if row.product == Product.LIABILITIES:
        return Account.objects.filter(item=row.item_id, closed_at=None, type__in=("credit", "loan")).exists()
    keeps_transactions = transaction_rule.keeps_transactions(owner_id=row.owner_id)
    return row.item.readiness == Readiness.HISTORICAL and keeps_transactions
