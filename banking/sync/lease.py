"""The lease that lets one worker at a time sync an Item.

A background thread renews the lease. So it can be short even if the provider takes long to respond: a worker that is
killed, or loses the database, loses the Item within ``LEASE_DURATION``. Only the database's clock counts, so a worker
whose clock is ahead cannot take an Item from another one.
"""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from django.db import Error, connection
from django.db.models import Q
from django.db.models.functions import Now

from accounts.users.processing import ProcessingStopped, hold_processing, may_process
from banking.models import Connection, Item
from compliance.isolation import tenant

logger = logging.getLogger(__name__)

# Two renewals may fail before the lease expires. Most syncs end before the first renewal is due.
LEASE_DURATION = timedelta(seconds=30)
HEARTBEAT_SECONDS = 10.0


class LeaseLost(Exception):
    """Another worker took the Item over, or it was disconnected, during the sync."""


@dataclass(slots=True)
class Lease:
    """The right of one worker to sync one Item until ``leased_until`` in its row."""

    owner_id: UUID
    item_id: UUID
    holder: UUID
    lost: bool = False

    def check(self) -> None:
        """Raise ``LeaseLost`` if a renewal has failed. Makes no query."""
        if self.lost:
            raise LeaseLost

    def renew(self) -> None:
        """Extend the lease; sets ``lost`` if another worker holds the Item."""
        with tenant(self.owner_id):
            held = Item.objects.filter(pk=self.item_id, lease_holder=self.holder)
            self.lost = not held.update(leased_until=Now() + LEASE_DURATION)

    def release(self) -> None:
        """Give the Item back without another change of it."""
        with tenant(self.owner_id):
            held = Item.objects.filter(pk=self.item_id, lease_holder=self.holder)
            held.update(lease_holder=None, leased_until=None)

    def lock_item(self, *, with_user: bool = False) -> Item:
        """Lock the Item's row for the rest of the open transaction.

        ``with_user`` locks the user's row before it, for a transaction that may notify them. Raises ``LeaseLost``, also
        if the account was deactivated or scheduled for deletion meanwhile.
        """
        if with_user:
            self._hold_processing()
        # ``no_key`` lets others write rows that refer to the Item meanwhile, such as a pending removal.
        rows = Item.objects.select_for_update(of=["self"], no_key=True)
        item = rows.filter(pk=self.item_id, lease_holder=self.holder).first()
        if item is None or not may_process(self.owner_id):
            raise LeaseLost
        return item

    def _hold_processing(self) -> None:
        try:
            hold_processing(self.owner_id)
        except ProcessingStopped:
            raise LeaseLost from None


def acquire_lease(
    *, owner_id: UUID, item_id: UUID, if_due: bool, connections: Sequence[Connection] = (Connection.ACTIVE,)
) -> tuple[Lease, Item] | None:
    """Acquire the lease, in the open transaction. ``None`` if another worker holds it, or the Item may not be synced.

    With ``if_due``, also ``None`` if it is not due, so that a duplicate job does nothing. ``connections`` are the
    states in which it is given: a sync needs an active connection.
    """
    if not may_process(owner_id):
        return None
    lease = Lease(owner_id=owner_id, item_id=item_id, holder=uuid4())
    unheld = Q(leased_until=None) | Q(leased_until__lte=Now())
    free = Item.objects.in_current_environment().filter(unheld, pk=item_id, connection__in=connections)
    if if_due:
        free = free.filter(next_sync_at__lte=Now())
    if not free.update(lease_holder=lease.holder, leased_until=Now() + LEASE_DURATION):
        return None
    return lease, Item.objects.select_related("institution").get(pk=item_id)


@contextmanager
def keep_renewed(lease: Lease) -> Iterator[None]:
    """Renew the lease until the block ends, in a thread with a database connection of its own."""
    stop = threading.Event()
    thread = threading.Thread(target=_renew_until, args=(lease, stop), name=f"lease of {lease.item_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _renew_until(lease: Lease, stop: threading.Event) -> None:
    try:
        while not lease.lost and not stop.wait(HEARTBEAT_SECONDS):
            _renew(lease)
    finally:
        connection.close()


def _renew(lease: Lease) -> None:
    try:
        lease.renew()
    except Error as error:
        # The next renewal may succeed. If none does, the lease expires.
        logger.warning("The lease of Item %s could not be renewed: %s", lease.item_id, type(error).__name__)
        connection.close()
