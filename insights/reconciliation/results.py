"""The result of one check of one figure."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from insights.models import FigureCheck


class CheckResult(NamedTuple):
    """What a figure is, and what it should be by the rows behind it; both of one currency and one period.

    ``account_id`` is ``None`` for a figure of all accounts.
    """

    kind: FigureCheck.Kind
    account_id: UUID | None
    currency: str
    since: date
    until: date
    expected: Decimal
    actual: Decimal

    @property
    def agrees(self) -> bool:
        return self.expected == self.actual
