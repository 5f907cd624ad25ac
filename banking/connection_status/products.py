"""The status of each product of an Item. Only this module writes it.

An error of one product touches only its row. Whether an error ends the access to the whole Item is decided by the sync
of transactions (``sync.item_state``).
"""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from django.utils import timezone

from banking.models import Item, ItemProduct, Product
from banking.provider import ConsentRequired, NotReady, ProviderError, Unsupported

Status = ItemProduct.Status

# The provider's names of each product. Recurring transactions are derived from transactions.
PROVIDER_NAMES: Final[Mapping[Product, frozenset[str]]] = {
    Product.TRANSACTIONS: frozenset({"transactions"}),
    Product.LIABILITIES: frozenset({"liabilities"}),
    Product.RECURRING: frozenset({"transactions", "recurring_transactions"}),
}
STATUS_AFTER_ERROR: Final[Mapping[type[ProviderError], Status]] = {
    Unsupported: Status.UNSUPPORTED,
    ConsentRequired: Status.NOT_CONSENTED,
    NotReady: Status.PENDING,
}


def record_listed_products(*, item: Item, listed: Sequence[str]) -> None:
    """Record which products the provider lists for an Item, used or not; an empty list says nothing.

    A product that was read keeps its status: what a call returned is more certain than the list.
    """
    if not listed:
        return
    known = {row.product: row for row in ItemProduct.objects.filter(item=item)}
    for product, names in PROVIDER_NAMES.items():
        row = known.get(product)
        status = Status.UNSUPPORTED if names.isdisjoint(listed) else Status.PENDING
        if row is None or (row.checked_at is None and row.status != status):
            save_status(item=item, product=product, status=status)


def record_product_ready(*, item: Item, product: Product) -> None:
    """Record that a product was read."""
    now = timezone.now()
    save_status(item=item, product=product, status=Status.READY, checked_at=now, last_ok_at=now)


def record_product_error(*, item: Item, product: Product, error: ProviderError) -> None:
    """Record that a product could not be read. The Item and its other products stay as they are."""
    status = STATUS_AFTER_ERROR.get(type(error), Status.ERROR)
    code = "" if status == Status.PENDING else error.code[:100]
    save_status(item=item, product=product, status=status, error_code=code, checked_at=timezone.now())


def request_recheck(*, item_id: UUID) -> None:
    """Let products be tried again that were not supported or not allowed: the user may have shared more since."""
    refused = ItemProduct.objects.filter(item=item_id, status__in=(Status.UNSUPPORTED, Status.NOT_CONSENTED))
    refused.filter(checked_at__isnull=False).update(status=Status.PENDING, error_code="", checked_at=None)


def save_status(*, item: Item, product: Product, status: Status, error_code: str = "", **times: object) -> None:
    """Create or change the row of one product, in one statement."""
    row = ItemProduct(owner_id=item.owner_id, item=item, product=product, status=status, error_code=error_code, **times)
    ItemProduct.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["item", "product"],
        update_fields=["status", "error_code", *times],
    )
