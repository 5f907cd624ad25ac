"""What a person is told of their banks: that one lets us in no more, and that a large amount moved."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.db import connection
from django.urls import reverse
from django.utils import timezone

from accounts.notifications.inbox import notify
from accounts.notifications.models import DEFAULT_LARGE_TRANSACTION
from accounts.notifications.notification_types import NotificationType
from banking.models import Item, SyncRun
from compliance.isolation import tenant
from formats.money import money

# Older rows that come in late, as those of an account that was just added, are history and no news.
NEWS: Final = timedelta(days=30)
WHAT_TO_DO: Final = {
    "reauth": ("{} wants you to sign in again", "reconnect"),
    "repair": ("{} has to be connected again", "reconnect"),
    "disconnected": ("{} can no longer be read", "item"),
}

# Ids are made in the order of time: rows that a run brought carry ids after its own, whoever else writes meanwhile.
LARGEST = """
SELECT moved.amount, moved.currency, coalesce(nullif(moved.merchant_name, ''), moved.name), account.name, account.mask,
    item.institution_name, count(*) OVER (), min(moved.day) OVER (), wish.large_transaction
FROM (
    SELECT coalesce(max(large_transaction), %(usual)s) AS large_transaction
    FROM accounts_notificationsettings WHERE owner_id = %(owner)s
) AS wish, banking_transaction AS moved
JOIN banking_account AS account ON account.id = moved.account_id
JOIN banking_item AS item ON item.id = account.item_id
WHERE moved.owner_id = %(owner)s AND account.item_id = %(item)s AND moved.id > %(run)s AND moved.day >= %(since)s
    AND NOT moved.pending AND NOT moved.hidden AND moved.removed_at IS NULL
    AND abs(moved.amount) >= wish.large_transaction
ORDER BY abs(moved.amount) DESC, moved.id LIMIT 1
"""


class Largest(NamedTuple):
    """The largest of a run's large movements, how many there are, since when, and what counts as large."""

    amount: Decimal
    currency: str
    label: str
    account: str
    mask: str
    bank: str
    found: int
    since: date
    threshold: Decimal

    @property
    def title(self) -> str:
        """What happened, in a line: of one movement itself, of several their number."""
        if self.found > 1:
            return f"{self.found} large transactions at {self.bank or 'your bank'}"
        way = "came in" if self.amount > 0 else "went out"
        return f"{money(abs(self.amount), self.currency)} {way}: {self.label or 'Unknown'}"

    @property
    def text(self) -> str:
        """A line more."""
        if self.found > 1:
            way = "in" if self.amount > 0 else "out"
            largest = money(abs(self.amount), self.currency)
            return f"The largest: {largest} {way}, {self.label or 'Unknown'}."
        account = f"{self.account} ••{self.mask}" if self.mask else self.account
        return f"{account}, {self.bank}." if self.bank else f"{account}."

    @property
    def url(self) -> str:
        """The list that holds all of them."""
        asked = urlencode({"since": self.since, "min": f"{self.threshold.normalize():f}"})
        return f"{reverse('transactions')}?{asked}"


def connection_lost(*, item: Item, run: SyncRun) -> bool:
    """Tell an Item's owner that its bank lets us in no more, in the transaction that found it out."""
    words, page = WHAT_TO_DO[item.state]
    return notify(
        user_id=item.owner_id,
        type=NotificationType.BANK_RECONNECT,
        title=words.format(item.institution_name or "A bank"),
        text=item.reauth_message,
        url=reverse(page, args=[item.pk]),
        fingerprint=f"connection {item.pk} lost in {run.pk}",
    )


def large_changes(*, owner_id: UUID, item_id: UUID, run_id: UUID) -> bool:
    """Tell a person of the large amounts among what a run brought, in one notification; one query when there are none.

    Asked after the run's rows are committed: a worker that dies in between loses the news and no row.
    """
    facts: dict[str, Any] = {
        "owner": owner_id,
        "item": item_id,
        "run": run_id,
        "since": timezone.localdate() - NEWS,
        "usual": DEFAULT_LARGE_TRANSACTION,
    }
    with tenant(owner_id), connection.cursor() as cursor:
        cursor.execute(LARGEST, facts)
        row = cursor.fetchone()
        if row is None:
            return False
        largest = Largest(*row)
        return notify(
            user_id=owner_id,
            type=NotificationType.BANK_LARGE_CHANGE,
            title=largest.title,
            text=largest.text,
            url=largest.url,
            fingerprint=f"large changes of {run_id}",
        )
