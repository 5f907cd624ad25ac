"""Who may read an Item now.

A thread beside the reader renews the lease. So it can be short, however long the provider takes over an answer: whoever
is killed, or cut off from the database, loses the Item within ``LEASE``. The database's clock alone says when that is:
a worker whose own clock is ahead takes nobody's Item away.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from django.db import Error, connection
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from banking.models import Connection, Item
from compliance.isolation import tenant

logger = logging.getLogger(__name__)

# Two renewals may fail before the lease runs out. Most readings have ended before the first is due.
LEASE = timedelta(seconds=30)
HEARTBEAT_SECONDS = 10.0


class LeaseLost(Exception):
    """Somebody else took the Item over, or it was disconnected, while it was being read."""


@dataclass(slots=True)
class Lease:
    """The right of one worker to read one Item until ``leased_until`` in its row."""

    owner_id: UUID
    item_id: UUID
    holder: UUID
    lost: bool = False

    def check(self) -> None:
        """Raise ``LeaseLost`` once a renewal has found that the Item is no longer ours. Asks nobody."""
        if self.lost:
            raise LeaseLost

    def renew(self) -> None:
        """Hold on for another while; where the Item is no longer ours, ``lost`` says so from now on."""
        with tenant(self.owner_id):
            held = Item.objects.filter(pk=self.item_id, lease_holder=self.holder)
            self.lost = not held.update(leased_until=Now() + LEASE)

    def lock(self) -> Item:
        """Lock the Item's row for the rest of the open transaction. Raises ``LeaseLost``."""
        # Rows that name the Item may be written meanwhile, such as the wish to disconnect it.
        rows = Item.objects.select_for_update(of=["self"], no_key=True)
        item = rows.filter(pk=self.item_id, lease_holder=self.holder).first()
        if item is None:
            raise LeaseLost
        return item


def take(*, owner_id: UUID, item_id: UUID, if_due: bool) -> tuple[Lease, Item] | None:
    """Take the Item if it can be read, is of this environment and nobody holds it, in the open transaction.

    With ``if_due``, only if its time has come: a copy of a job finds that another one has been here.
    """
    lease = Lease(owner_id=owner_id, item_id=item_id, holder=uuid4())
    unheld = Q(leased_until=None) | Q(leased_until__lte=Now())
    free = Item.objects.in_current_environment().filter(unheld, pk=item_id, connection=Connection.ACTIVE)
    if if_due:
        free = free.filter(next_sync_at__lte=timezone.now())
    if not free.update(lease_holder=lease.holder, leased_until=Now() + LEASE):
        return None
    return lease, Item.objects.select_related("institution").get(pk=item_id)


@contextmanager
def kept(lease: Lease) -> Iterator[None]:
    """Renew the lease until the block ends, on a thread and a database connection of its own."""
    over = threading.Event()
    heart = threading.Thread(target=_keep, args=(lease, over), name=f"lease of {lease.item_id}", daemon=True)
    heart.start()
    try:
        yield
    finally:
        over.set()
        heart.join()


def _keep(lease: Lease, over: threading.Event) -> None:
    try:
        while not lease.lost and not over.wait(HEARTBEAT_SECONDS):
            _renew(lease)
    finally:
        connection.close()


def _renew(lease: Lease) -> None:
    try:
        lease.renew()
    except Error as error:
        # The next one may get through; if none does, the lease runs out as it should.
        logger.warning("The lease of Item %s could not be renewed: %s", lease.item_id, type(error).__name__)
        connection.close()
