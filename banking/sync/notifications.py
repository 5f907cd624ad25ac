"""Notifications about banks: a connection was lost, and a large amount moved."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Final, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Count, F, Min, Subquery, Value, Window
from django.db.models.functions import Abs, Coalesce
from django.urls import reverse
from django.utils import timezone

from accounts.notifications.inbox import notify
from accounts.notifications.models import DEFAULT_LARGE_TRANSACTION, NotificationSettings
from accounts.notifications.notification_types import NotificationType
from banking.models import Item, SyncRun, Transaction
from compliance.isolation import tenant
from formats.money import money

# Older rows that arrive late, such as those of an account that was just added, are history and no news.
MAX_AGE: Final = timedelta(days=30)
WHAT_TO_DO: Final = {
    "reauth": ("{} needs you to sign in again", "reconnect"),
    "repair": ("{} needs to be reconnected", "reconnect"),
    "disconnected": ("We no longer have access to {}", "item"),
}


class LargestTransaction(NamedTuple):
    """The largest of a sync's large transactions, how many there are, since when, and what counts as large."""

    amount: Decimal
    currency: str
    merchant_name: str
    name: str
    account_name: str
    mask: str
    bank: str
    large_count: int
    since: date
    threshold: Decimal

    @property
    def label(self) -> str:
        return self.merchant_name or self.name or "Unknown"

    @property
    def title(self) -> str:
        """What happened: the transaction itself, or how many there are."""
        if self.large_count > 1:
            return f"{self.large_count} large transactions at {self.bank or 'your bank'}"
        direction = "came in" if self.amount > 0 else "went out"
        return f"{money(abs(self.amount), self.currency)} {direction}: {self.label}"

    @property
    def text(self) -> str:
        """The details."""
        if self.large_count > 1:
            direction = "in" if self.amount > 0 else "out"
            largest = money(abs(self.amount), self.currency)
            return f"Largest: {largest} {direction}, {self.label}."
        account = f"{self.account_name} ••{self.mask}" if self.mask else self.account_name
        return f"{account}, {self.bank}." if self.bank else f"{account}."

    @property
    def url(self) -> str:
        """The list of all of them."""
        query = urlencode({"since": self.since, "min": f"{self.threshold.normalize():f}"})
        return f"{reverse('transactions')}?{query}"


def notify_connection_lost(*, item: Item, run: SyncRun) -> bool:
    """Notify an Item's owner that its bank no longer gives access, in the transaction that found out."""
    title, url_name = WHAT_TO_DO[item.state]
    return notify(
        user_id=item.owner_id,
        type=NotificationType.BANK_RECONNECT,
        title=title.format(item.institution_name or "Your bank"),
        text=item.reauth_message,
        url=reverse(url_name, args=[item.pk]),
        fingerprint=f"connection {item.pk} lost in {run.pk}",
    )


def notify_large_transactions(*, owner_id: UUID, item_id: UUID, run_id: UUID) -> bool:
    """Notify a person of the large amounts that a run stored, in one notification; one query when there are none.

    Called after the run's rows are committed: a worker that dies in between loses the notification and no row.
    """
    with tenant(owner_id):
        largest = find_largest(owner_id=owner_id, item_id=item_id, run_id=run_id)
        if largest is None:
            return False
        return notify(
            user_id=owner_id,
            type=NotificationType.BANK_LARGE_CHANGE,
            title=largest.title,
            text=largest.text,
            url=largest.url,
            fingerprint=f"large changes of {run_id}",
        )


def find_largest(*, owner_id: UUID, item_id: UUID, run_id: UUID) -> LargestTransaction | None:
    """The largest transaction at or above the person's threshold that a run stored, if there is one.

    Ids are made in the order of time: rows that a run stored have ids after its own, whoever else writes meanwhile.
    """
    settings = NotificationSettings.objects.filter(owner=owner_id).values("large_transaction")[:1]
    recent = Transaction.objects.current().filter(
        owner=owner_id,
        account__item=item_id,
        pk__gt=run_id,
        day__gte=timezone.localdate() - MAX_AGE,
        pending=False,
    )
    large = recent.annotate(
        size=Abs("amount"), threshold=Coalesce(Subquery(settings), Value(DEFAULT_LARGE_TRANSACTION))
    ).filter(size__gte=F("threshold"))
    row = (
        large.annotate(large_count=Window(Count("pk")), since=Window(Min("day")))
        .order_by("-size", "pk")
        .values(
            *("amount", "currency", "merchant_name", "name", "large_count", "since", "threshold"),
            account_name=F("account__name"),
            mask=F("account__mask"),
            bank=F("account__item__institution_name"),
        )
        .first()
    )
    return None if row is None else LargestTransaction(**row)
