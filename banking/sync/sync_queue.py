"""Whose turn it is. These questions are about everybody's Items, so the database answers them through narrow
functions that give ids away and little else (see ``migrations/0002_isolation.py``).

When an Item is read stands in its row: ``next_sync_at`` is set near by whoever wants a reading, and far by the reading
that ends well. A job is no more than a hint that the time has come. So no copy of a job reads again, and an Item whose
job is lost, with the queue or with a worker, is due still and found by the clock.
"""

from datetime import timedelta
from itertools import chain
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import F
from django.db.models.functions import Least
from django.utils import timezone

from accounts.models import User
from banking.models import Connection, Item, WebhookReceipt
from banking.providers import all_providers, provider_for
from compliance.isolation import tenant
from compliance.queues import Lane

# Webhooks come in bursts: so many seconds after the first one reading answers all of them.
SETTLE = 2
# Longer than any webhook is accepted after it was signed, see banking/plaid/webhooks.py.
REPLAYABLE = timedelta(minutes=15)

Named = tuple[UUID, UUID]


class Claimed(NamedTuple):
    """An Item that is due, and the lane in which its job waits."""

    owner_id: UUID
    item_id: UUID
    lane: Lane


def claim_syncs(*, limit: int) -> list[Claimed]:
    """Name up to ``limit`` Items that are due, each at most once a minute, and none that is being read."""
    claimed: list[Claimed] = []
    with connection.cursor() as cursor:
        for provider in all_providers():
            cursor.execute(
                "SELECT owner_id, item_id, lane FROM banking_claim_due_syncs(%s, %s, %s)",
                [provider.key, provider.environment, limit - len(claimed)],
            )
            claimed += [Claimed(owner_id, item_id, Lane(lane)) for owner_id, item_id, lane in cursor.fetchall()]
    return claimed


def owed_removals(*, limit: int) -> list[Named]:
    """Name up to ``limit`` removals (owner, removal) that are owed and due."""
    return ask_of_each_provider("SELECT owner_id, removal_id FROM banking_due_removals(%s, %s, %s)", limit)


def owed_lookups(*, limit: int) -> list[Named]:
    """Name up to ``limit`` sessions of the linking dialog (owner, session) whose outcome has to be asked for."""
    return ask_of_each_provider("SELECT owner_id, session_id FROM banking_owed_lookups(%s, %s, %s)", limit)


def item_named(*, provider_key: str, environment: str, provider_item_id: str) -> Named | None:
    """Find whose Item the provider speaks of."""
    question = "SELECT owner_id, item_id FROM banking_item_named(%s, %s, %s)"
    found = ask(question, provider_key, environment, provider_item_id)
    return found[0] if found else None


def current_item_named(*, provider_key: str, provider_item_id: str) -> Named | None:
    """Find whose Item the provider names, in the environment that this site talks to."""
    environment = provider_for(provider_key).environment
    return item_named(provider_key=provider_key, environment=environment, provider_item_id=provider_item_id)


def ask_of_each_provider(question: str, limit: int) -> list[Named]:
    answers = (ask(question, provider.key, provider.environment, limit) for provider in all_providers())
    return list(chain.from_iterable(answers))


def ask(question: str, *values: str | int) -> list[Named]:
    with connection.cursor() as cursor:
        cursor.execute(question, values)
        return [(owner_id, row_id) for owner_id, row_id in cursor.fetchall()]


def want(*, owner_id: UUID, item_id: UUID) -> Item | None:
    """Note that an Item has news, for the worker that holds it or the next one; ``None`` when it cannot be read."""
    now = timezone.now()
    with tenant(owner_id):
        readable = Item.objects.in_current_environment().filter(pk=item_id, connection=Connection.ACTIVE)
        soon = Least(F("next_sync_at"), now + timedelta(seconds=SETTLE))
        return readable.first() if readable.update(sync_wanted_at=now, next_sync_at=soon) else None


class NotConnected(Exception):
    """The bank lets nobody in at the moment, or is not asked by this environment."""


def refresh(*, user: User, item_id: UUID, cooldown: timedelta) -> Item | None:
    """Note a person's wish for a sync; ``None`` when they asked a moment ago.

    Raises ``Item.DoesNotExist`` for an Item that is not this person's, and ``NotConnected``.
    """
    with tenant(user.pk):
        item = Item.objects.for_user(user).select_for_update(of=["self"]).get(pk=item_id)
        if item.connection != Connection.ACTIVE or item.is_in_other_environment:
            raise NotConnected
        return item if wish(item=item, cooldown=cooldown) else None


def refresh_all(*, user: User, cooldown: timedelta) -> list[Item]:
    """Note a person's wish for a sync of all their banks; returns those that were not asked a moment ago."""
    with tenant(user.pk):
        items = Item.objects.for_user(user).visible().select_for_update(of=["self"]).order_by("pk")
        return [item for item in items if wish(item=item, cooldown=cooldown)]


def wish(*, item: Item, cooldown: timedelta) -> bool:
    """Write the wish to a locked Item, unless it comes too soon after the last one."""
    now = timezone.now()
    if not item.can_refresh(at=now, cooldown=cooldown):
        return False
    item.sync_wanted_at = item.refreshed_at = now
    item.next_sync_at = min(item.next_sync_at, now)
    item.save(update_fields=["sync_wanted_at", "refreshed_at", "next_sync_at"])
    return True


def accept_webhook(fingerprint: str) -> bool:
    """Remember a webhook's fingerprint; ``False`` when it was seen before."""
    _, fresh = WebhookReceipt.objects.get_or_create(fingerprint=fingerprint)
    return fresh


def forget_webhooks() -> None:
    """Drop fingerprints that no webhook can carry any more."""
    WebhookReceipt.objects.filter(received_at__lt=timezone.now() - REPLAYABLE).delete()
