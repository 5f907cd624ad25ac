"""Read the products of one Item that are due, after its sync, with the Item's lease."""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Final

from django.db.models.functions import Now

from banking.connection_status import products
from banking.credentials import TokenPurpose, open_token
from banking.models import Item, ItemProduct, Product
from banking.provider import NotReady, ProviderClient, ProviderError, RateLimited, Unavailable
from banking.sync.institution import connect_for_sync
from banking.sync.lease import Lease, LeaseLost, acquire_lease, keep_renewed
from banking.sync.ordinary_sync import ORDINARY_TRIGGERS
from banking.sync.outcome import SyncOutcome
from banking.sync.products.due_products import list_due_products
from banking.sync.products.liabilities import read_liabilities
from banking.sync.products.recurring import read_recurring_streams
from banking.sync.timeouts import SyncTimeouts
from compliance.audit import Action, record
from compliance.isolation import tenant
from compliance.isolation.tenant import recheck_connection
from compliance.queues import Lane

logger = logging.getLogger(__name__)

# After an error that may pass. The other ones wait for the next day.
RETRY_DELAY: Final = timedelta(hours=1)
# Calls the provider with a token, and returns what stores the response: a function of the locked Item, which returns
# how many rows could not be stored, by their field.
Store = Callable[[Item], Counter[str]]
Reader = Callable[[ProviderClient, str], Store]
READERS: Final[dict[Product, tuple[Reader, Action]]] = {
    Product.LIABILITIES: (read_liabilities, Action.LIABILITIES_READ),
    Product.RECURRING: (read_recurring_streams, Action.RECURRING_READ),
}


class NeedsSlowLane(Exception):
    """The provider did not respond within the quick timeouts."""


@dataclass(frozen=True, slots=True)
class ProductRead:
    """What the reads of one Item's products have in common."""

    lease: Lease
    client: ProviderClient
    token: str
    timeouts: SyncTimeouts


def read_due_products(*, item: Item, outcome: SyncOutcome, trigger: str, timeouts: SyncTimeouts) -> SyncOutcome:
    """Read each product of a synced Item that is due, and store it.

    Returns the outcome of the sync, or that it has to run again: a sync was requested meanwhile, or a product needs the
    slow lane. If another worker holds the Item, that worker reads the products at its end.
    """
    is_requested = trigger not in ORDINARY_TRIGGERS
    with tenant(item.owner_id):
        due = list_due_products(owner_id=item.owner_id, item_id=item.pk, is_requested=is_requested)
        acquired = acquire_lease(owner_id=item.owner_id, item_id=item.pk, if_due=False) if due else None
    if acquired is None:
        return outcome
    lease, current = acquired
    try:
        with keep_renewed(lease):
            reads = open_reads(lease=lease, item=current, trigger=trigger, timeouts=timeouts)
            for row in due:
                read_product(reads=reads, row=row)
    except NeedsSlowLane:
        return hand_over(lease=lease, outcome=outcome)
    except LeaseLost:
        return outcome
    except ProviderError as error:
        logger.warning("The products of Item %s could not be read: %s", item.pk, error)
    return release(lease=lease, before=item, outcome=outcome)


def open_reads(*, lease: Lease, item: Item, trigger: str, timeouts: SyncTimeouts) -> ProductRead:
    """Connect, and decrypt the token. Raises ``ProviderError``."""
    total = timeouts.response * len(READERS)
    client = connect_for_sync(item=item, trigger=trigger).with_timeouts(response=timeouts.response, total=total)
    with tenant(item.owner_id):
        return ProductRead(lease, client, open_token(item, purpose=TokenPurpose.PRODUCTS), timeouts)


def read_product(*, reads: ProductRead, row: ItemProduct) -> None:
    """Read one product and store it, or its error. Raises ``NeedsSlowLane`` and ``LeaseLost``."""
    read, _ = READERS[Product(row.product)]
    try:
        reads.lease.check()
        store = read(reads.client, reads.token)
        recheck_connection()
        store_product(lease=reads.lease, row=row, store=store)
    except LeaseLost:
        raise
    except RateLimited as error:
        # Nobody's failure, so it is neither counted nor shown.
        with tenant(row.owner_id):
            products.schedule_read(row=row, delay=timedelta(seconds=error.retry_after))
    except ProviderError as error:
        if reads.timeouts.should_hand_over(error):
            # Also if it was due only because a person asked for the sync.
            with tenant(row.owner_id):
                products.schedule_read(row=row, delay=timedelta())
            raise NeedsSlowLane from None
        record_failure(lease=reads.lease, row=row, error=error)
    except Exception as error:
        # A fault of ours in one product, which must neither stop the other one nor undo the sync.
        logger.exception("Item %s: its %s could not be stored", row.item_id, row.product)
        record_failure(lease=reads.lease, row=row, error=ProviderError(type(error).__name__))


def store_product(*, lease: Lease, row: ItemProduct, store: Store) -> None:
    """Store a response and that it was read, in one transaction."""
    with tenant(row.owner_id):
        item = lease.lock_item()
        errors = store(item)
        products.record_product_ready(item=item, product=Product(row.product), field_errors=errors)
        products.schedule_read(row=row, delay=None)
        record_event(row=row, skipped=errors.total())


def record_failure(*, lease: Lease, row: ItemProduct, error: ProviderError) -> None:
    """Store the error in the product's row, and when it is read again."""
    logger.warning("Item %s: its %s could not be read: %s", row.item_id, row.product, error)
    recheck_connection()
    may_pass = isinstance(error, Unavailable | NotReady)
    with tenant(row.owner_id):
        item = lease.lock_item()
        products.record_product_error(item=item, product=Product(row.product), error=error)
        products.schedule_read(row=row, delay=RETRY_DELAY if may_pass else None)
        record_event(row=row, error=error)


def record_event(*, row: ItemProduct, error: ProviderError | None = None, skipped: int = 0) -> None:
    """Write the audit event of a read, in the open transaction."""
    _, action = READERS[Product(row.product)]
    write = partial(record, action, actor=None, subject=row.owner_id, resource="item", resource_id=str(row.item_id))
    if error is None:
        write(skipped=skipped)
    else:
        write(outcome="failed", code=error.code)


def hand_over(*, lease: Lease, outcome: SyncOutcome) -> SyncOutcome:
    """Move the Item to the slow lane, where its products are still due."""
    with tenant(lease.owner_id):
        held = Item.objects.filter(pk=lease.item_id, lease_holder=lease.holder)
        held.update(lease_holder=None, leased_until=None, is_slow=True, next_sync_at=Now())
    return replace(outcome, run_again_in=0, lane=Lane.SLOW)


def release(*, lease: Lease, before: Item, outcome: SyncOutcome) -> SyncOutcome:
    """Give the Item back. A sync that was requested meanwhile found it held, so it runs now.

    ``before`` is the Item when its sync began: if its user has asked since then, they wait.
    """
    lease.release()
    with tenant(lease.owner_id):
        item = Item.objects.filter(pk=lease.item_id, next_sync_at__lte=Now()).first()
    if item is None:
        return outcome
    is_awaited = item.refreshed_at != before.refreshed_at and not item.is_slow
    return replace(outcome, run_again_in=0, lane=Lane.SHARED if is_awaited else outcome.lane)
