"""Move the webhooks of existing Items to the URL in the settings, after that has changed.

A provider stores the URL with each Item when it is linked, and sends its webhooks there for ever. The Item's
``webhook_url`` is what the provider last confirmed; where it differs from the settings, it is changed at the provider,
a batch at a time. An Item that was moved is not found again, so this can be interrupted and repeated at any time.
"""

import logging
from typing import Final
from uuid import UUID

from django.db import connection

from banking.credentials import TokenPurpose, open_token
from banking.models import Item
from banking.provider import ProviderError
from banking.providers import all_providers, provider_for
from compliance.isolation import tenant

logger = logging.getLogger(__name__)

CLAIM: Final = "SELECT owner_id, item_id FROM banking_claim_webhook_updates(%s, %s, %s, %s)"


def claim_webhook_updates(*, limit: int) -> list[tuple[UUID, UUID]]:
    """Claim up to ``limit`` Items (owner, Item) whose webhooks go to another URL, each at most once an hour.

    None of a provider for which the settings have no URL.
    """
    claimed: list[tuple[UUID, UUID]] = []
    for provider in all_providers():
        url = provider.link_settings().webhook_url
        with connection.cursor() as cursor:
            cursor.execute(CLAIM, [provider.key, provider.environment, url, limit - len(claimed) if url else 0])
            claimed += [(owner_id, item_id) for owner_id, item_id in cursor.fetchall()]
    return claimed


def update_webhook_url(*, owner_id: UUID, item_id: UUID) -> bool:
    """Change the URL of one Item's webhooks at the provider, and store what it confirms.

    ``False`` if there is nothing to change. Raises ``ProviderError``.
    """
    with tenant(owner_id):
        item = Item.objects.visible().in_current_environment().filter(pk=item_id).first()
        url = provider_for(item.provider).link_settings().webhook_url if item else ""
        if item is None or not url or item.webhook_url == url:
            return False
        token = open_token(item, purpose=TokenPurpose.UPDATE_WEBHOOK)
    confirmed = provider_for(item.provider).connect().update_webhook(token, webhook=url)
    with tenant(owner_id):
        Item.objects.filter(pk=item_id).update(webhook_url=confirmed)
    return True


def update_all_webhook_urls(*, batch: int) -> tuple[int, int]:
    """Do this for every Item now, one after the other. Returns how many were changed and how many failed."""
    changed = failed = 0
    while claimed := claim_webhook_updates(limit=batch):
        for owner_id, item_id in claimed:
            try:
                changed += update_webhook_url(owner_id=owner_id, item_id=item_id)
            except ProviderError as error:
                failed += 1
                logger.warning("The webhook URL of Item %s could not be changed: %s", item_id, error)
    return changed, failed
