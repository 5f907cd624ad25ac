"""The inbox: each verified webhook is stored once before it is acknowledged, and processed by a job.

The provider sends a webhook again until it is acknowledged, and then never again. So what follows from it must not
depend on the job's message: a stored webhook has a ``next_attempt_at`` until it is done, and Celery beat queues what is
overdue. The rows belong to the site, see ``banking.models.webhooks``.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from banking.models import Item, LinkSession, WebhookEvent, WebhookOutcome
from banking.provider import VerifiedWebhook
from banking.providers import in_current_environments
from compliance.backoff import exponential_delay
from compliance.isolation import SYSTEM, tenant
from compliance.isolation.tenant import tenant_cursor

logger = logging.getLogger(__name__)

KEPT_FOR: Final = timedelta(days=30)
# Within this time its own job processes it; after that Celery beat queues it.
JOB_DELAY: Final = timedelta(seconds=30)
# Longer than a job takes. Until then no other job processes the same webhook.
CLAIM_DURATION: Final = timedelta(minutes=2)
FIRST_RETRY_DELAY, MAX_RETRY_DELAY = timedelta(minutes=1), timedelta(hours=1)
# After that an orphan has expired, and a failed webhook is not tried again.
RETRY_PERIOD: Final = timedelta(days=1)
# Of one Item, in one job.
MAX_BATCH: Final = 1000

INSERT: Final = "INSERT INTO banking_webhookevent ({}) VALUES ({}) ON CONFLICT (fingerprint) DO NOTHING"


def store_webhook(webhook: VerifiedWebhook) -> UUID | None:
    """Store a webhook that has to be processed. Returns its id, ``None`` for a replay of a stored one."""
    now = timezone.now()
    event = WebhookEvent(
        **{name: getattr(webhook, name) for name in ("fingerprint", "provider", "environment", "provider_item_id")},
        **{name: getattr(webhook, name) for name in ("link_token_hash", "kind", "type", "code", "issued_at")},
        summary=dict(webhook.summary),
        received_at=now,
        next_attempt_at=now + JOB_DELAY,
    )
    return event.pk if add_event(event) else None


def add_event(event: WebhookEvent) -> bool:
    """Insert a row, inside any tenant. ``False`` if its fingerprint is stored already.

    One statement by hand: the provider is waiting, and Django needs a second one to find out whether it inserted a row.
    """
    with tenant_cursor(SYSTEM) as cursor:
        fields = event._meta.concrete_fields
        cursor.execute(
            INSERT.format(", ".join(str(field.column) for field in fields), ", ".join(["%s"] * len(fields))),
            [field.get_db_prep_save(getattr(event, field.attname), cursor.db) for field in fields],
        )
        return cursor.rowcount == 1


def claim_events(*, event_id: UUID) -> list[WebhookEvent]:
    """Claim a webhook and all others of its Item, or of its dialog, that wait, oldest first, and count the attempt.

    None if it is done, is claimed by another job, has to wait, or is of an environment that the site does not use.
    """
    now = timezone.now()
    with tenant(SYSTEM):
        is_due = Q(attempts=0, next_attempt_at__isnull=False) | Q(next_attempt_at__lte=now)
        waiting = WebhookEvent.objects.filter(is_due, in_current_environments()).select_for_update(skip_locked=True)
        first = waiting.filter(pk=event_id).first()
        if first is None:
            return []
        related = waiting.filter(
            provider=first.provider,
            environment=first.environment,
            provider_item_id=first.provider_item_id,
            link_token_hash=first.link_token_hash,
        )
        events = list(related.order_by("received_at", "pk")[:MAX_BATCH])
        WebhookEvent.objects.filter(pk__in=[event.pk for event in events]).update(
            attempts=F("attempts") + 1, next_attempt_at=now + CLAIM_DURATION
        )
        for event in events:
            event.attempts += 1
        return events


def finish_events(events: Iterable[WebhookEvent], outcome: WebhookOutcome) -> None:
    """Record the outcome of claimed webhooks that are done."""
    with tenant(SYSTEM):
        WebhookEvent.objects.filter(pk__in=[event.pk for event in events]).update(
            outcome=outcome, processed_at=timezone.now(), next_attempt_at=None, error_code=""
        )


def postpone_events(events: Sequence[WebhookEvent], *, error_code: str) -> None:
    """Record that claimed webhooks could not be processed, and when they are tried again."""
    for event in events:
        event.outcome, event.error_code = WebhookOutcome.FAILED, error_code[:100]
        event.next_attempt_at = next_attempt_at(event)
        if event.next_attempt_at is None:
            logger.error("Webhook %s was not processed within a day: %s", event.pk, error_code)
    save_attempts(events)


def keep_orphans(events: Sequence[WebhookEvent]) -> None:
    """Keep claimed webhooks that name an Item which is not stored, perhaps because its exchange has not ended yet.

    After a day they have expired and no longer name it or its account: its user may have been erased.
    """
    if any(event.outcome == WebhookOutcome.NEW for event in events):
        # It may be the Item of an exchange whose response was lost: operators find its id in this log line.
        logger.warning("A webhook names Item %s, which is unknown here", events[0].provider_item_id)
    for event in events:
        event.outcome, event.next_attempt_at = WebhookOutcome.ORPHAN, next_attempt_at(event)
        if event.next_attempt_at is None:
            event.outcome, event.processed_at, event.provider_item_id = WebhookOutcome.EXPIRED, timezone.now(), ""
            event.summary.pop("account_id", None)
    save_attempts(events)


def next_attempt_at(event: WebhookEvent) -> datetime | None:
    """The time of the next attempt; ``None`` if there was time enough."""
    now = timezone.now()
    delay = exponential_delay(FIRST_RETRY_DELAY, event.attempts - 1, maximum=MAX_RETRY_DELAY)
    return now + delay if now - event.received_at < RETRY_PERIOD else None


def save_attempts(events: Sequence[WebhookEvent]) -> None:
    columns = ["outcome", "error_code", "next_attempt_at", "processed_at", "provider_item_id", "summary"]
    with tenant(SYSTEM):
        WebhookEvent.objects.bulk_update(events, columns)


def release_orphans(*, item: Item) -> None:
    """Let Celery beat process the webhooks that came before their Item was stored, in the transaction that stores it.

    A job that looks for the Item meanwhile does not find it yet: then the orphans' next attempt does.
    """
    with tenant_cursor(SYSTEM):
        find_events_of([item]).filter(outcome=WebhookOutcome.ORPHAN).update(
            outcome=WebhookOutcome.NEW, attempts=0, next_attempt_at=timezone.now()
        )


def list_overdue_events(*, limit: int) -> list[UUID]:
    """List up to ``limit`` webhooks whose job was lost or whose retry is due, one of each Item and of each dialog."""
    with tenant(SYSTEM):
        overdue = WebhookEvent.objects.filter(in_current_environments(), next_attempt_at__lte=timezone.now())
        subject = ("provider_item_id", "link_token_hash")
        return list(overdue.order_by(*subject).distinct(*subject).values_list("pk", flat=True)[:limit])


def delete_old_events() -> None:
    """Delete the webhooks that are older than ``KEPT_FOR``."""
    with tenant(SYSTEM):
        WebhookEvent.objects.filter(received_at__lt=timezone.now() - KEPT_FOR).delete()


def erase_events(owner_id: UUID) -> int:
    """Delete all webhooks of a user's Items and dialogs, in the user's open transaction. Counts them."""
    items = list(Item.objects.for_user(owner_id).only("provider", "environment", "provider_item_id"))
    sessions = LinkSession.objects.for_user(owner_id).exclude(link_token_hash=None)
    hashes = list(sessions.values_list("link_token_hash", flat=True))
    with tenant_cursor(SYSTEM):
        of_items = find_events_of(items).delete()[0] if items else 0
        return of_items + WebhookEvent.objects.filter(link_token_hash__in=hashes).delete()[0]


def find_events_of(items: Sequence[Item]) -> QuerySet[WebhookEvent]:
    """All webhooks that name one of these Items."""
    matches = Q(pk__in=[])
    for item in items:
        matches |= Q(provider=item.provider, environment=item.environment, provider_item_id=item.provider_item_id)
    return WebhookEvent.objects.filter(matches)
