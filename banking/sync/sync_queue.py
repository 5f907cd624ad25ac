"""Which Items are due for a sync, and how a sync is requested.

Queries across owners go through definer functions that return ids and little else (see
``migrations/0002_isolation.py``).

An Item is due when its ``next_sync_at`` has passed. Every request sets it to now or close to it, a successful sync sets
it hours ahead, and a failed one to the time of the retry (``item_state``). A job is only a hint that the Item is due.
So a duplicate job does nothing, and an Item whose job is lost, with the queue or with a worker, is still due, and
Celery beat finds it.
"""

from datetime import datetime, timedelta
from itertools import chain
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import F
from django.db.models.functions import Least, Now
from django.utils import timezone

from accounts.models import User
from banking.models import Connection, Item
from banking.providers import all_providers, provider_for
from banking.sync.bank_refresh.plan import RefreshState, plan_refreshes
from compliance.isolation import tenant
from compliance.queues import Lane

# Webhooks come in bursts: one sync, this many seconds after the first, is enough for all of them.
WEBHOOK_DELAY_SECONDS = 2

OwnedId = tuple[UUID, UUID]


class ClaimedItem(NamedTuple):
    """An Item that is due, and the lane in which its job waits."""

    owner_id: UUID
    item_id: UUID
    lane: Lane


def claim_due_syncs(*, limit: int) -> list[ClaimedItem]:
    """Claim up to ``limit`` Items that are due, each at most once a minute, and none that a worker holds."""
    claimed: list[ClaimedItem] = []
    with connection.cursor() as cursor:
        for provider in all_providers():
            cursor.execute(
                "SELECT owner_id, item_id, lane FROM banking_claim_due_syncs(%s, %s, %s)",
                [provider.key, provider.environment, limit - len(claimed)],
            )
            claimed += [ClaimedItem(owner_id, item_id, Lane(lane)) for owner_id, item_id, lane in cursor.fetchall()]
    return claimed


def claim_due_checks(*, limit: int) -> list[OwnedId]:
    """Claim up to ``limit`` Items (owner, Item) that require a sign-in, each at most once a day.

    The sign-in may have been done elsewhere, and the webhook that says so may be lost.
    """
    return query_all_providers("SELECT owner_id, item_id FROM banking_claim_due_checks(%s, %s, %s)", limit)


def due_removals(*, limit: int) -> list[OwnedId]:
    """Up to ``limit`` pending removals (owner, removal) that are due."""
    return query_all_providers("SELECT owner_id, removal_id FROM banking_due_removals(%s, %s, %s)", limit)


def due_link_recoveries(*, limit: int) -> list[OwnedId]:
    """Up to ``limit`` link sessions (owner, session) whose result has to be requested from the provider again."""
    return query_all_providers("SELECT owner_id, session_id FROM banking_due_link_recoveries(%s, %s, %s)", limit)


def find_item(*, provider_key: str, environment: str, provider_item_id: str) -> OwnedId | None:
    """Find the Item, with its owner, that has this id at the provider."""
    statement = "SELECT owner_id, item_id FROM banking_find_item(%s, %s, %s)"
    ids = query_ids(statement, provider_key, environment, provider_item_id)
    return ids[0] if ids else None


def find_current_item(*, provider_key: str, provider_item_id: str) -> OwnedId | None:
    """The same in the environment that this site is configured for."""
    environment = provider_for(provider_key).environment
    return find_item(provider_key=provider_key, environment=environment, provider_item_id=provider_item_id)


def find_link_session(*, provider_key: str, environment: str, link_token_hash: str) -> OwnedId | None:
    """Find the link session, with its owner, that was opened with this link token."""
    statement = "SELECT owner_id, session_id FROM banking_find_link_session(%s, %s, %s)"
    ids = query_ids(statement, provider_key, environment, link_token_hash)
    return ids[0] if ids else None


def query_all_providers(statement: str, limit: int) -> list[OwnedId]:
    ids = (query_ids(statement, provider.key, provider.environment, limit) for provider in all_providers())
    return list(chain.from_iterable(ids))


def query_ids(statement: str, *params: str | int) -> list[OwnedId]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return [(owner_id, row_id) for owner_id, row_id in cursor.fetchall()]


def request_sync(*, owner_id: UUID, item_id: UUID) -> Item | None:
    """Request a sync by the worker that holds the Item or the next one. ``None`` if the Item cannot be synced."""
    with tenant(owner_id):
        syncable = Item.objects.in_current_environment().filter(pk=item_id, connection=Connection.ACTIVE)
        soon = Least(F("next_sync_at"), Now() + timedelta(seconds=WEBHOOK_DELAY_SECONDS))
        return syncable.first() if syncable.update(sync_requested_at=timezone.now(), next_sync_at=soon) else None


class NotConnected(Exception):
    """The bank gives no access at the moment, or the Item is in another environment."""


def refresh(*, user: User, item_id: UUID, cooldown: timedelta) -> Item | None:
    """Request a sync for the user. ``None`` within ``cooldown`` of their last request.

    Raises ``Item.DoesNotExist`` for another user's Item, and ``NotConnected``.
    """
    with tenant(user.pk):
        item = Item.objects.for_user(user).select_for_update(of=["self"]).get(pk=item_id)
        if item.connection != Connection.ACTIVE or item.is_in_other_environment:
            raise NotConnected
        return item if record_request(item=item, cooldown=cooldown) else None


def next_refresh_at(*, user: User, item_id: UUID, cooldown: timedelta) -> datetime:
    """When the user may request the next sync of an Item."""
    with tenant(user.pk):
        requested_at = Item.objects.for_user(user).get(pk=item_id).refreshed_at
    return timezone.now() if requested_at is None else requested_at + cooldown


def refresh_all(*, user: User, cooldown: timedelta) -> list[Item]:
    """Request a sync of all banks of the user. Returns those outside ``cooldown`` of their last request."""
    with tenant(user.pk):
        items = Item.objects.for_user(user).visible().select_for_update(of=["self"]).order_by("pk")
        return [item for item in items if record_request(item=item, cooldown=cooldown)]


def record_request(*, item: Item, cooldown: timedelta) -> bool:
    """Record a request on a locked Item, unless it comes too soon after the last one.

    The sync asks the bank itself where that is possible. It reserves the calls, so this only says that it is wanted.
    """
    now = timezone.now()
    if not item.can_refresh(at=now, cooldown=cooldown):
        return False
    item.sync_requested_at = item.refreshed_at = now
    item.next_sync_at = Least(F("next_sync_at"), Now())
    item.bank_refresh_requested = plan_refreshes([item])[item.pk].state == RefreshState.AVAILABLE
    item.save(update_fields=["sync_requested_at", "refreshed_at", "next_sync_at", "bank_refresh_requested"])
    return True
