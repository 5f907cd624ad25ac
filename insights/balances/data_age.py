"""The age of a figure, which is that of its oldest bank data, and the banks whose data is out of date."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from banking.models import Item

LATE_STATES = ("stale", "reauth", "repair", "error", "disconnected", "elsewhere")


@dataclass(frozen=True, slots=True)
class Age:
    """The time of the oldest current data, and the connections whose data is out of date."""

    as_of: datetime | None
    late: list[Item]


def data_age(items: Iterable[Item]) -> Age:
    """Return the age of a figure from these Items."""
    times, late = [], []
    for item in items:
        if item.state in LATE_STATES:
            late.append(item)
        elif time := item.data_as_of or item.checked_at:
            times.append(time)
    return Age(as_of=min(times, default=None), late=late)
