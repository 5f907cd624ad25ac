"""Find webhooks that a provider sent and this site never received: then the URL, the proxy or the firewall is wrong."""

import hashlib
import logging
from datetime import timedelta
from typing import Final

from django.utils import timezone

from banking.models import Item, WebhookEvent, WebhookOutcome
from banking.provider import ItemDetails, SentWebhook, WebhookKind
from banking.providers import provider_for
from banking.webhooks.inbox import add_event, find_events_of
from compliance.isolation import SYSTEM
from compliance.isolation.tenant import tenant_cursor

logger = logging.getLogger(__name__)

# A delivery that is not acknowledged is repeated after 30 seconds, 2 and 8 minutes.
MISSED_AFTER: Final = timedelta(minutes=15)
# An older one says nothing about the present.
MAX_AGE: Final = timedelta(days=1)
# The clocks of the provider and of this site differ.
CLOCK_TOLERANCE: Final = timedelta(minutes=1)


def record_missed_webhook(*, item: Item, details: ItemDetails) -> bool:
    """Record the last webhook of an Item for operators if it did not arrive, once. Returns whether it was recorded."""
    sent = details.last_webhook
    if sent is None or not provider_for(item.provider).link_settings().webhook_url:
        return False
    if not MISSED_AFTER <= timezone.now() - sent.sent_at <= MAX_AGE or has_arrived(item=item, sent=sent):
        return False
    is_new = add_event(build_event(item=item, sent=sent))
    if is_new:
        logger.error("A webhook of Item %s did not arrive: %s, sent at %s", item.pk, sent.code, sent.sent_at)
    return is_new


def has_arrived(*, item: Item, sent: SentWebhook) -> bool:
    """Whether a webhook with this code arrived at that time or later."""
    with tenant_cursor(SYSTEM):
        since = sent.sent_at - CLOCK_TOLERANCE
        arrived = find_events_of([item]).exclude(outcome=WebhookOutcome.MISSED)
        return arrived.filter(code=sent.code, received_at__gte=since).exists()


def build_event(*, item: Item, sent: SentWebhook) -> WebhookEvent:
    """The row of a webhook that did not arrive. Nothing follows from it: the sync that found it has read the Item."""
    identity = f"{item.pk} {sent.code} {sent.sent_at.isoformat()}"
    return WebhookEvent(
        fingerprint=hashlib.sha256(identity.encode()).hexdigest(),
        provider=item.provider,
        environment=item.environment,
        provider_item_id=item.provider_item_id,
        kind=WebhookKind.OTHER,
        code=sent.code,
        issued_at=sent.sent_at,
        outcome=WebhookOutcome.MISSED,
        processed_at=timezone.now(),
    )
