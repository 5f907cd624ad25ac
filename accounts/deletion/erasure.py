"""Erases accounts whose deletion is due."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from allauth.account.models import EmailAddress
from django.db import connection
from django.utils import timezone

from accounts.deletion import unsent_receipts
from accounts.deletion.models import DeletionRequest
from accounts.users.models import User
from compliance.isolation import SYSTEM, tenant
from compliance.personal_data.account_lock import lock_account
from compliance.personal_data.erasure import erase_person
from compliance.personal_data.receipts import ErasureReceipt

PAGE_SIZE: Final = 100
DUE_DELETIONS: Final = "SELECT due_at, owner_id FROM accounts_due_deletions(%s, %s, %s, %s)"


def erase_account(*, owner_id: UUID) -> ErasureReceipt | None:
    """Erase an account whose deletion is due, and keep where its receipt has to be sent.

    Returns the receipt; ``None`` if the deletion is not due, or not any more. Raises ``ErasureDelayed``; then it is
    still due, and nothing was deleted.
    """
    with tenant(owner_id):
        lock_account(owner_id)
        user = User.objects.filter(pk=owner_id).first()
        request = DeletionRequest.objects.for_user(owner_id).filter(canceled_at=None).first()
        if user is None or request is None or not request.is_due(at=timezone.now()):
            return None
        email = EmailAddress.objects.get_primary_email(user) or user.email
        unsent_receipts.keep_address(account=owner_id, email=email)
        return erase_person(owner=owner_id, requested_at=request.requested_at)


def iterate_due_deletions(*, at: datetime) -> Iterator[UUID]:
    """Yield all users whose deletion is due, the longest due first, also those whose erasure failed before."""
    page = _list_page(at, datetime.min.replace(tzinfo=UTC), SYSTEM)
    while page:
        yield from (owner_id for _due_at, owner_id in page)
        page = _list_page(at, *page[-1])


def _list_page(at: datetime, after_due_at: datetime, after_owner: UUID) -> list[tuple[datetime, UUID]]:
    with connection.cursor() as cursor:
        cursor.execute(DUE_DELETIONS, [at, after_due_at, after_owner, PAGE_SIZE])
        return cursor.fetchall()
