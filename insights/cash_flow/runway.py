"""Notify a user of a low runway (less than three months): once, until it was longer again."""

from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.notifications.inbox import notify
from accounts.notifications.notification_types import NotificationType
from banking import connections
from banking.models import Item
from compliance.isolation import tenant
from compliance.personal_data.account_lock import lock_account
from insights.balances import account_totals
from insights.cash_flow.notification_messages import LowRunwayMessage
from insights.cash_flow.sums import Window, add_up_by_currency, runway_months, sum_transactions
from insights.models import LowRunway

LOW_MONTHS: Final = Decimal(3)
# If a runway is around three months, the user is notified once and not every day.
RECOVERED_MONTHS: Final = Decimal("3.5")


class Runway(NamedTuple):
    """How many months the money of one currency lasts; ``None`` if it does not shrink."""

    currency: str
    months: Decimal | None

    @property
    def is_low(self) -> bool:
        return self.months is not None and self.months < LOW_MONTHS

    @property
    def is_recovered(self) -> bool:
        return self.months is None or self.months >= RECOVERED_MONTHS


def update_alerts(*, owner_id: UUID) -> list[str]:
    """Check a user's runways and notify them of each that became low; return the currencies of these.

    While one of their banks is out of date, or does not report a balance, nothing changes: the data is old or
    incomplete.
    """
    with tenant(owner_id):
        known = set(LowRunway.objects.filter(owner=owner_id).values_list("currency", flat=True))
        changed = [
            runway
            for runway in _runways(owner_id)
            if (runway.is_recovered if runway.currency in known else runway.is_low)
        ]
        # Before the rows of the alerts, because the notification locks the user's row, too.
        if not changed or not lock_account(owner_id):
            return []
        return [runway.currency for runway in changed if _update_alert(owner_id, runway)]


def _runways(owner_id: UUID) -> list[Runway]:
    items = connections.list_connections(User(pk=owner_id))
    bank = account_totals.bank_balance(items)
    if bank is None or not _all_fresh(items):
        return []
    accounts = account_totals.list_row_account_ids(account_totals.list_cash_flow_accounts(items))
    window = Window.ending(timezone.localdate())
    net = add_up_by_currency(sum_transactions(user=User(pk=owner_id), window=window, accounts=accounts))
    return [
        Runway(
            total.currency,
            runway_months(liquid=total.amount, net=net[total.currency].net) if total.currency in net else None,
        )
        for total in bank.totals
        if total.amount is not None and not total.unstated
    ]


def _all_fresh(items: list[Item]) -> bool:
    return all(item.state == "fresh" for item in items)


def _update_alert(owner_id: UUID, runway: Runway) -> bool:
    if runway.is_recovered:
        LowRunway.objects.filter(owner=owner_id, currency=runway.currency).delete()
        return False
    row, is_new = LowRunway.objects.get_or_create(owner_id=owner_id, currency=runway.currency)
    if is_new:
        notify(
            user_id=owner_id,
            type=NotificationType.LOW_RUNWAY,
            message=LowRunwayMessage(months=int(runway.months or 0), currency=runway.currency),
            url=reverse("overview"),
            fingerprint=f"low runway {row.pk}",
        )
    return is_new
