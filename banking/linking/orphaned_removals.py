"""Removals of Items that exist at the provider only: their user was erased, or they could not be saved.

The token is sealed for the site, and kept until the provider confirms the removal.
"""

import logging
from uuid import UUID

from django.db import DatabaseError, transaction
from django.utils import timezone

from banking.credentials import TokenPurpose, open_token
from banking.linking.removals import MAX_ATTEMPT_COUNT, retry_delay
from banking.models import OrphanedRemoval
from banking.provider import Credential, ItemNotFound, Provider, ProviderError
from banking.providers import in_current_environments, provider_for
from compliance.audit import Action, record
from compliance.isolation import SYSTEM, tenant
from compliance.isolation.tenant import tenant_cursor
from compliance.vault import SealError

logger = logging.getLogger(__name__)


def remove_unsaved_item(credential: Credential, *, provider: Provider) -> None:
    """Remove an Item at the provider that could not be saved: at once, or later if the provider does not confirm it."""
    try:
        removal_id = keep_token(credential, provider=provider)
    except (DatabaseError, SealError):
        logger.exception("The token of Item %s cannot be stored", credential.provider_item_id)
        remove_without_row(credential, provider=provider)
        return
    try:
        remove_orphan_at_provider(removal_id=removal_id)
    except ProviderError as error:
        logger.warning("Orphaned removal %s is still pending: %s", removal_id, error)


def keep_token(credential: Credential, *, provider: Provider) -> UUID:
    """Store the token of an Item, sealed for the site, as a removal that is due. Returns the removal's id."""
    with tenant_cursor(SYSTEM):
        return OrphanedRemoval.objects.create(
            provider=provider.key,
            environment=provider.environment,
            provider_item_id=credential.provider_item_id,
            access_token=credential.access_token,
        ).pk


def remove_without_row(credential: Credential, *, provider: Provider) -> None:
    """Remove an Item at the provider whose token is stored nowhere. If that fails, operators are told."""
    try:
        provider.connect().remove_item(credential.access_token)
    except ProviderError as error:
        logger.critical("Item %s exists at the provider, and its token is lost: %s", credential.provider_item_id, error)


def remove_orphan_at_provider(*, removal_id: UUID) -> None:
    """Execute one such removal, if it is due. Deletes the token once the provider confirms.

    Raises ``ProviderError`` after recording it.
    """
    removal = claim_orphaned_removal(removal_id=removal_id)
    if removal is None:
        return
    try:
        # A transaction of its own, because an unreadable token ends it.
        with transaction.atomic(), tenant_cursor(SYSTEM):
            token = open_token(removal, purpose=TokenPurpose.REMOVE)
        provider_for(removal.provider).connect().remove_item(token)
    except ItemNotFound:
        logger.info("Item %s was gone already", removal.provider_item_id)
    except ProviderError as error:
        with tenant_cursor(SYSTEM):
            OrphanedRemoval.objects.filter(pk=removal.pk).update(error_code=error.code[:100])
        raise
    with tenant_cursor(SYSTEM):
        delete_orphan(removal_id=removal.pk)


def delete_orphan(*, removal_id: UUID, **conditions: object) -> bool:
    """Delete a removal that the provider has confirmed, in the open transaction. ``False`` if there is none."""
    is_deleted = OrphanedRemoval.objects.filter(pk=removal_id, **conditions).delete()[0] > 0
    if is_deleted:
        record(Action.CREDENTIAL_DELETE, subject=None, resource="orphaned_removal", resource_id=str(removal_id))
    return is_deleted


def claim_orphaned_removal(*, removal_id: UUID) -> OrphanedRemoval | None:
    """Claim such a removal that is due, and schedule the next attempt, in case this one fails."""
    now = timezone.now()
    with tenant_cursor(SYSTEM):
        current = OrphanedRemoval.objects.filter(in_current_environments()).select_for_update()
        removal = current.filter(pk=removal_id, next_attempt_at__lte=now).first()
        if removal is not None:
            removal.next_attempt_at = now + retry_delay(removal.attempts)
            removal.attempts = min(removal.attempts + 1, MAX_ATTEMPT_COUNT)
            removal.save(update_fields=["next_attempt_at", "attempts"])
        return removal


def list_due_orphans(*, limit: int) -> list[UUID]:
    """List up to ``limit`` such removals that are due."""
    with tenant(SYSTEM):
        current = OrphanedRemoval.objects.filter(in_current_environments(), next_attempt_at__lte=timezone.now())
        return list(current.order_by("next_attempt_at").values_list("pk", flat=True)[:limit])


def list_lost_orphans() -> list[OrphanedRemoval]:
    """List the removals that are not retried, because their token was lost, the oldest first."""
    with tenant(SYSTEM):
        return list(OrphanedRemoval.objects.filter(next_attempt_at=None).order_by("created_at"))


def confirm_lost_orphan(*, removal_id: UUID) -> bool:
    """End such a removal, which the provider's support has confirmed. ``False`` if there is none with this id."""
    with tenant(SYSTEM):
        return delete_orphan(removal_id=removal_id, next_attempt_at=None)
