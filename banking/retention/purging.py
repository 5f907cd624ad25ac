"""Delete an owner's old transactions, and show in advance which."""

from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.utils import timezone

from accounts.notifications.inbox import delete_notifications
from accounts.notifications.notification_types import NotificationType
from banking.account_matching.locks import try_to_lock_accounts
from banking.models import RecurringStream, Transaction, TransactionTotal
from banking.retention import statements
from compliance.isolation import tenant
from compliance.retention import OwnerIsBusy, PurgeGroup, PurgePreview
from compliance.retention.rules import EVERYTHING, PurgeSample

SAMPLE_ROWS: Final = 5
# The overview shows 30 days, and a bank may report a day of them late.
DAYS_OF_DAILY_TOTALS: Final = 62


def are_transactions_stored(*, owner_id: UUID) -> bool:
    """Whether an owner has transactions, or a sync stores some now; if not, none does until the transaction ends."""
    return not try_to_lock_accounts(owner_id=owner_id) or Transaction.objects.filter(owner=owner_id).exists()


def preview_purge(*, owner_id: UUID, before: date) -> PurgePreview:
    """Count an owner's transactions before a day, by account, with the newest of them as a sample; two queries."""
    params: dict[str, Any] = {
        "owner": owner_id,
        "before": before,
        "everything": before == EVERYTHING,
        "limit": SAMPLE_ROWS,
    }
    with connection.cursor() as cursor:
        cursor.execute(statements.PREVIEW, params)
        groups = [
            PurgeGroup(f"{name} ••{mask}" if mask else name, count, oldest, newest)
            for name, mask, count, oldest, newest in cursor.fetchall()
        ]
        cursor.execute(statements.SAMPLE, params)
        return PurgePreview(groups, [PurgeSample(day, label) for day, label in cursor.fetchall()])


def purge_transactions(*, owner_id: UUID, before: date, limit: int) -> int:
    """Delete up to ``limit`` transactions before a day, oldest first, and add them to their totals.

    Notifications of large transactions, and recurring payments that ended before the day, are deleted, too, and not
    counted. Other legs of transfers, replaced pending rows and parts of split rows come on top of ``limit``. The open
    transaction has locked the owner's row, so none of these rows gets a notification meanwhile. Raises ``OwnerIsBusy``
    while a sync stores rows of this owner.
    """
    with tenant(owner_id):
        if not try_to_lock_accounts(owner_id=owner_id):
            raise OwnerIsBusy
        delete_old_alerts(owner_id=owner_id, before=before)
        RecurringStream.objects.filter(owner=owner_id, last_date__lt=before).delete()
        params = _purge_params(owner_id, before, limit)
        with connection.cursor() as cursor:
            if before == EVERYTHING:
                cursor.execute(statements.FOLD_DAYS, params)
            cursor.execute(statements.HASH_GROUPS)
            cursor.execute(statements.PURGE_BATCH, params)
            return int(cursor.fetchone()[0])


def delete_old_alerts(*, owner_id: UUID, before: date) -> None:
    """Delete the notifications of large transactions from before a day: they name who was paid, and how much."""
    delete_notifications(user_id=owner_id, type=NotificationType.BANK_LARGE_CHANGE, before=before)


def _purge_params(owner_id: UUID, before: date, limit: int) -> dict[str, Any]:
    # A rule keeps at least 30 days, so days that the overview shows are only purged with everything.
    is_everything = before == EVERYTHING
    daily_since = first_daily_day() if is_everything else EVERYTHING
    return {
        "owner": owner_id,
        "before": before,
        "limit": limit,
        "everything": is_everything,
        "source": TransactionTotal.Source.PURGED,
        "daily_since": daily_since,
    }


def first_daily_day() -> date:
    """Return the first day of which totals are kept for itself; older ones are kept by month."""
    return timezone.localdate() - timedelta(days=DAYS_OF_DAILY_TOTALS - 1)
