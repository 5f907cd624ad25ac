"""Rows of insights for tests."""

from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from banking.models import Account
from insights.models import FigureCheck


def make_check(account: Account) -> FigureCheck:
    """Create a check that found a difference of $30; call it inside ``tenant``."""
    return FigureCheck.objects.create(
        owner_id=account.owner_id,
        kind=FigureCheck.Kind.BALANCE,
        account=account,
        currency="USD",
        since=timezone.localdate() - timedelta(days=7),
        until=timezone.localdate(),
        expected=Decimal(0),
        actual=Decimal(30),
        checked_at=timezone.now(),
        differs_since=timezone.now(),
    )
