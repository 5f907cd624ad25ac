"""The status of each product of an Item. Only this module writes it.

An error of one product touches only its row. Whether an error ends the access to the whole Item is decided by the sync
of transactions (``sync.item_state``).
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from banking.models import Item, ItemProduct, Product
from banking.provider import ConsentRequired, NotReady, ProviderError, Unsupported

logger = logging.getLogger(__name__)

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


def record_product_ready(*, item: Item, product: Product, field_errors: Counter[str] | None = None) -> None:
    """Record that a product was read. ``field_errors`` counts the rows that could not be stored by their field."""
    now, errors = timezone.now(), field_errors or Counter()
    names = ", ".join(f"{name} {count}" for name, count in sorted(errors.items()) if count)
    if names:
        logger.error("Item %s: rows of %s were skipped: %s", item.pk, product, names)
    save_status(
        item=item,
        product=product,
        status=Status.READY,
        checked_at=now,
        last_ok_at=now,
        skipped_rows=errors.total(),
        field_errors=names,
    )


def record_product_error(*, item: Item, product: Product, error: ProviderError) -> None:
    """Record that a product could not be read. The Item and its other products stay as they are."""
    status = STATUS_AFTER_ERROR.get(type(error), Status.ERROR)
    code = "" if status == Status.PENDING else error.code[:100]
    save_status(item=item, product=product, status=status, error_code=code, checked_at=timezone.now())


def request_read(*, item_id: UUID, product: Product) -> None:
    """Let a product be read again soon, because the provider says that it has changed; by now it may be supported."""
    row = ItemProduct.objects.filter(item=item_id, product=product)
    row.update(next_read_at=Now())
    row.filter(status=Status.UNSUPPORTED).update(status=Status.PENDING, error_code="")


def schedule_read(*, row: ItemProduct, delay: timedelta | None) -> None:
    """Set when a product that was read just now is read again: after ``delay``, or as usual.

    A request that came during the read stays, because the provider may have responded before the change.
    """
    unchanged = ItemProduct.objects.filter(pk=row.pk, next_read_at=row.next_read_at)
    unchanged.update(next_read_at=None if delay is None else Now() + delay)


def list_missing_consents(*, item: Item) -> list[str]:
    """The provider's names of products for which its dialog has to ask, because none was read with a consent."""
    row = ItemProduct.objects.filter(item=item, product=Product.LIABILITIES)
    is_missing = row.filter(Q(status=Status.NOT_CONSENTED) | Q(status=Status.PENDING, checked_at=None)).exists()
    return sorted(PROVIDER_NAMES[Product.LIABILITIES]) if is_missing else []


def request_recheck(*, item_id: UUID) -> None:
    """Let products be tried again that were not supported or not allowed: the user may have shared more since."""
    refused = ItemProduct.objects.filter(item=item_id, status__in=(Status.UNSUPPORTED, Status.NOT_CONSENTED))
    refused.filter(checked_at__isnull=False).update(status=Status.PENDING, error_code="", checked_at=None)


def save_status(*, item: Item, product: Product, status: Status, error_code: str = "", **columns: object) -> None:
    """Create or change the row of one product, in one statement."""
    row = ItemProduct(
        owner_id=item.owner_id, item=item, product=product, status=status, error_code=error_code, **columns
    )
    ItemProduct.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["item", "product"],
        update_fields=["status", "error_code", *columns],
    )
