"""Webhooks as they come out of the verification, and what the inbox stores of them."""

from datetime import timedelta
from uuid import UUID, uuid4

from django.utils import timezone

from banking.models import Item, WebhookEvent
from banking.plaid.webhooks import KINDS
from banking.provider import VerifiedWebhook, WebhookKind
from banking.webhooks import inbox
from compliance.isolation import SYSTEM, tenant


def build_webhook(
    provider_item_id: str, type_: str = "TRANSACTIONS", code: str = "SYNC_UPDATES_AVAILABLE", **fields: object
) -> VerifiedWebhook:
    """Build a webhook with a signature of its own, unless ``fields`` say otherwise."""
    return VerifiedWebhook(
        **{
            "provider": "plaid",
            "environment": "embedded",
            "provider_item_id": provider_item_id,
            "kind": KINDS.get((type_, code), WebhookKind.OTHER),
            "type": type_,
            "code": code,
            "fingerprint": f"{uuid4().hex}{uuid4().hex}",
            "issued_at": timezone.now(),
            **fields,
        }
    )


def receive(
    item: Item | str, type_: str = "TRANSACTIONS", code: str = "SYNC_UPDATES_AVAILABLE", **fields: object
) -> UUID:
    """Store a webhook about an Item, given as a row or by the provider's id, as the view does. Returns its id."""
    item_id = item if isinstance(item, str) else item.provider_item_id
    event_id = inbox.store_webhook(build_webhook(item_id, type_, code, **fields))
    assert event_id is not None
    return event_id


def reload_event(event_id: UUID) -> WebhookEvent:
    with tenant(SYSTEM):
        return WebhookEvent.objects.get(pk=event_id)


def list_events() -> list[WebhookEvent]:
    with tenant(SYSTEM):
        return list(WebhookEvent.objects.order_by("pk"))


def make_events_older(age: timedelta) -> None:
    """Move all stored webhooks into the past, with what is still to be done with them."""
    with tenant(SYSTEM):
        for event in WebhookEvent.objects.all():
            event.received_at -= age
            event.next_attempt_at = event.next_attempt_at and event.next_attempt_at - age
            event.save()
