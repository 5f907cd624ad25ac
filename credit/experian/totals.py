"""Experian's own totals, compared with the same totals computed from the accounts. They should agree to the dollar."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from credit.experian.node import Node, WarningList, parse_date
from credit.report import AccountKind, Tradeline

PROFILE_SUMMARY = "profile summary"
OLDEST = "oldestTradeDate"
EXCLUDED = "disputedAccountsExcluded"
PAID = "paid"
# Some attributes only say whether another one is complete.
FLAGS = ("Y", "N", "*")


class Total(NamedTuple):
    """One attribute of the Profile Summary. ``value`` is dollars, a count, or a date as the number CCYYMMDD."""

    id: str
    value: int
    path: str


def parse_totals(profile: Node) -> tuple[Total, ...]:
    """The attributes that can be read as a number. Any other value adds a warning."""
    summaries = [row for row in profile.nodes("summaries") if row.text("summaryType").lower() in ("", PROFILE_SUMMARY)]
    totals = (_total(row) for summary in summaries for row in summary.nodes("attributes"))
    return tuple(total for total in totals if total is not None)


def check_totals(stated: Sequence[Total], lines: Sequence[Tradeline], warnings: WarningList) -> None:
    """Add a warning for every total that differs from the sum of the accounts. Pages show the sums of the accounts.

    The bureau may exclude disputed accounts. Which totals do so is undocumented, so the sum may match with or without.
    """
    excluded = next((total for total in stated if total.id == EXCLUDED and total.value), None)
    undisputed = [line for line in lines if not line.disputed]
    if excluded and len(lines) - len(undisputed) != excluded.value:
        warnings.note(excluded.path, "total_differs")
        return
    accepted = (lines, undisputed) if excluded else (lines,)
    for total in stated:
        count = COUNTS.get(total.id)
        if count is not None and all(count(tradelines) != total.value for tradelines in accepted):
            warnings.note(total.path, "total_differs")


def _total(row: Node) -> Total | None:
    name = row.text("id", 40)
    if name == OLDEST:
        oldest = parse_date(row.text("value", 8))
        return Total(name, _as_number(oldest.first), row.path) if oldest else None
    if row.text("value", 8) in FLAGS:
        return None
    value = row.amount("value", signed=True)
    return Total(name, value, row.path) if name and value is not None else None


def _as_number(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day


def _balances(lines: Iterable[Tradeline]) -> int:
    """Most closed accounts report no balance. That is not a balance of zero, so they are left out."""
    return sum(line.balance for line in lines if line.balance is not None)


def _oldest(lines: Sequence[Tradeline]) -> int:
    return min((_as_number(line.opened.first) for line in lines if line.opened), default=0)


def _is_real_estate(line: Tradeline) -> bool:
    return line.kind is AccountKind.MORTGAGE


def _was_delinquent(line: Tradeline) -> bool:
    """Whether an account that is current or paid was late or derogatory at any time."""
    is_delinquent = line.payment_status.startswith("late") or (line.derogatory and line.account_condition != PAID)
    return not is_delinquent and line.counters.ever_late


COUNTS: Mapping[str, Callable[[Sequence[Tradeline]], int]] = {
    "installmentBalance": lambda lines: _balances(
        line for line in lines if line.revolving is False and not _is_real_estate(line)
    ),
    "realEstateBalance": lambda lines: _balances(line for line in lines if _is_real_estate(line)),
    "revolvingBalance": lambda lines: _balances(line for line in lines if line.revolving),
    "totalTradeItems": len,
    "paidAccounts": lambda lines: sum(line.is_open is False for line in lines),
    "delinquencies30Days": lambda lines: sum(line.counters.days_30 for line in lines),
    "delinquencies60Days": lambda lines: sum(line.counters.days_60 for line in lines),
    "delinquencies90to180Days": lambda lines: sum(line.counters.days_90 for line in lines),
    "derogCounter": lambda lines: sum(line.counters.derogatory for line in lines),
    "pastDueAmount": lambda lines: sum(line.past_due or 0 for line in lines),
    "wasDelinquentDerog": lambda lines: sum(_was_delinquent(line) for line in lines),
    OLDEST: _oldest,
}
