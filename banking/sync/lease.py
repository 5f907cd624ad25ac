"""Who may read an Item now. A lease that its holder stops renewing runs out by itself."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db.models import Q
from django.utils import timezone

from banking.models import Connection, Item
from compliance.isolation import tenant

# A live worker keeps its lease: what is left when the next answer is awaited, LEASE less FRESH, is longer than the
# slowest that the provider is given (60 s to begin, as much again to trickle in).
LEASE = timedelta(seconds=180)
FRESH = timedelta(seconds=50)


class LeaseLost(Exception):
    """Somebody else took the Item over, or it was disconnected, while it was being read."""


@dataclass(slots=True)
class Lease:
    """The right of one worker to read one Item until ``leased_until`` in its row."""

    owner_id: UUID
    item_id: UUID
    holder: UUID
    renewed_at: datetime

    def renew(self) -> None:
        """Hold on for another while, unless that was done a moment ago. Raises ``LeaseLost``."""
        now = timezone.now()
        if now - self.renewed_at < FRESH:
            return
        with tenant(self.owner_id):
            held = Item.objects.filter(pk=self.item_id, lease_holder=self.holder)
            if not held.update(leased_until=now + LEASE):
                raise LeaseLost
        self.renewed_at = now

    def lock(self) -> Item:
        """Lock the Item's row for the rest of the open transaction. Raises ``LeaseLost``."""
        item = Item.objects.select_for_update(of=["self"]).filter(pk=self.item_id, lease_holder=self.holder).first()
        if item is None:
            raise LeaseLost
        return item


def take(*, owner_id: UUID, item_id: UUID) -> tuple[Lease, Item] | None:
    """Take the Item if it can be read, is of this environment, and nobody holds it."""
    now = timezone.now()
    lease = Lease(owner_id=owner_id, item_id=item_id, holder=uuid4(), renewed_at=now)
    with tenant(owner_id):
        free = Item.objects.here().filter(
            Q(leased_until=None) | Q(leased_until__lte=now), pk=item_id, connection=Connection.ACTIVE
        )
        if not free.update(lease_holder=lease.holder, leased_until=now + LEASE):
            return None
        return lease, Item.objects.select_related("institution").get(pk=item_id)
