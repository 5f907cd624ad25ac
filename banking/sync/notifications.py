"""Notifications about banks: of a lost connection and of large transactions."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Final, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Count, F, Min, Subquery, Value, Window
from django.db.models.functions import Abs, Coalesce
from django.urls import reverse
from django.utils import timezone

from accounts.notifications.inbox import hide_notifications_about, notify, reopen_notification
from accounts.notifications.messages import NotificationMessage
from accounts.notifications.models import DEFAULT_LARGE_TRANSACTION, NotificationSettings
from accounts.notifications.notification_types import NotificationType
from banking.models import Item, Transaction
from banking.models.accounts import display_name_of
from banking.notification_messages import (
    ConnectionLostMessage,
    LargeTransactionMessage,
    LargeTransactionsMessage,
    LostAccess,
)
from compliance.isolation import tenant
from compliance.personal_data.account_lock import lock_account

# Users are not notified of older rows that arrive late, such as those of an account that was just added.
MAX_AGE: Final = timedelta(days=30)
# Of the same state of the same bank.
EMAIL_INTERVAL: Final = timedelta(hours=24)
# The page that the notification of a lost connection links to.
PAGES: Final = {LostAccess.REAUTH: "reconnect", LostAccess.REPAIR: "reconnect", LostAccess.DISCONNECTED: "item"}


class LargestTransaction(NamedTuple):
    """The largest of a sync's large transactions, the count and first day of all of them, and the threshold."""

    amount: Decimal
    currency: str
    user_merchant: str
    merchant_name: str
    name: str
    account_name: str
    mask: str
    bank: str
    large_count: int
    since: date
    threshold: Decimal

    @property
    def message(self) -> NotificationMessage:
        """The message about the one transaction, or about all of them."""
        counterparty = self.user_merchant or self.merchant_name or self.name
        if self.large_count > 1:
            return LargeTransactionsMessage(
                count=self.large_count,
                bank=self.bank,
                amount=self.amount,
                currency=self.currency,
                counterparty=counterparty,
            )
        return LargeTransactionMessage(
            amount=self.amount,
            currency=self.currency,
            counterparty=counterparty,
            account=self.account_name,
            mask=self.mask,
            bank=self.bank,
        )

    @property
    def url(self) -> str:
        """The transaction list, filtered to all of them."""
        query = urlencode({"since": self.since, "min": f"{self.threshold.normalize():f}"})
        return f"{reverse('transactions')}?{query}"


def notify_connection_lost(*, item: Item) -> bool:
    """Notify an Item's owner that its bank no longer gives access, in the transaction that stores the new state.

    A bank that gives access again and loses it is shown again, but causes one email a day for each state.
    """
    # Such as a reminder that the access ends soon.
    hide_notifications_about(user_id=item.owner_id, type=NotificationType.BANK_RECONNECT, subject_id=item.pk)
    state = LostAccess(item.state)
    fingerprint = f"connection {item.pk} lost: {state}"
    if reopen_notification(user_id=item.owner_id, fingerprint=fingerprint, within=EMAIL_INTERVAL):
        return True
    return notify(
        user_id=item.owner_id,
        type=NotificationType.BANK_RECONNECT,
        message=ConnectionLostMessage(
            state=state,
            bank=item.institution_name,
            provider=item.provider,
            error_code=item.error_code,
            reason=item.error_reason,
        ),
        url=reverse(PAGES[state], args=[item.pk]),
        fingerprint=fingerprint,
        subject_id=item.pk,
    )


def notify_large_transactions(*, owner_id: UUID, item_id: UUID, run_id: UUID) -> bool:
    """Notify a user of the large transactions that a run stored, in one notification; one query when there are none.

    They are looked up again under the lock of the user's row, which whoever deletes alerts with a bank's history takes,
    too, so that no alert of deleted transactions stays. Called after the run's rows are committed: if the worker dies
    before it, the notification is lost, but no row.
    """
    with tenant(owner_id):
        largest = find_largest(owner_id=owner_id, item_id=item_id, run_id=run_id)
        if largest is not None:
            lock_account(owner_id)
            largest = find_largest(owner_id=owner_id, item_id=item_id, run_id=run_id)
        if largest is None:
            return False
        return notify(
            user_id=owner_id,
            type=NotificationType.BANK_LARGE_CHANGE,
            message=largest.message,
            url=largest.url,
            fingerprint=f"large changes of {run_id}",
            subject_id=item_id,
        )


def find_largest(*, owner_id: UUID, item_id: UUID, run_id: UUID) -> LargestTransaction | None:
    """The largest transaction at or above the user's threshold that a run stored, if there is one.

    None of an account that the user has hidden. Of one that is split, the whole counts: its posted row may arrive with
    the parts of the pending one.

    Ids are in order of time, so rows that a run stored have greater ids than the run.
    """
    settings = NotificationSettings.objects.filter(owner=owner_id).values("large_transaction")[:1]
    recent = (
        Transaction.objects.from_bank()
        .on_shown_accounts()
        .filter(
            owner=owner_id,
            hidden=False,
            account__item=item_id,
            pk__gt=run_id,
            day__gte=timezone.localdate() - MAX_AGE,
            pending=False,
        )
    )
    large = recent.annotate(
        size=Abs("amount"), threshold=Coalesce(Subquery(settings), Value(DEFAULT_LARGE_TRANSACTION))
    ).filter(size__gte=F("threshold"))
    row = (
        large.annotate(large_count=Window(Count("pk")), since=Window(Min("day")))
        .order_by("-size", "pk")
        .values(
            *("amount", "currency", "user_merchant", "merchant_name", "name", "large_count", "since", "threshold"),
            account_name=display_name_of("account__"),
            mask=F("account__mask"),
            bank=F("account__item__institution_name"),
        )
        .first()
    )
    return None if row is None else LargestTransaction(**row)
