"""A payment history as a table of years and months, and accounts sorted by what they are for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from credit.analysis.labels import KINDS_PLURAL
from credit.payment_history import Bucket, PaymentHistory
from credit.report import Kind, Tradeline


class CalendarYear(NamedTuple):
    """One year; the twelve months from January on, ``None`` where the history does not reach."""

    year: int
    months: tuple[Bucket | None, ...]


def group_by_year(history: PaymentHistory) -> list[CalendarYear]:
    """Lay a history out by calendar years, newest first."""
    found: dict[int, list[Bucket | None]] = {}
    for each in history.months():
        found.setdefault(each.month.year, [None] * 12)[each.month.month - 1] = each.bucket
    return [CalendarYear(year, tuple(months)) for year, months in found.items()]


class UndatedRow(NamedTuple):
    """Twelve months that nothing dates; ``first`` is how many reports ago the newest of them was, from 1 on."""

    first: int
    months: tuple[Bucket | None, ...]


def undated_rows(history: PaymentHistory) -> list[UndatedRow]:
    """Lay a history out that nothing dates, newest first, twelve months a row; a dated one gives no rows."""
    if history.latest is not None:
        return []
    marks: list[Bucket | None] = [*history.buckets, *[None] * (-len(history.buckets) % 12)]
    return [UndatedRow(place + 1, tuple(marks[place : place + 12])) for place in range(0, len(marks), 12)]


def used_buckets(table: Iterable[CalendarYear | UndatedRow]) -> list[Bucket]:
    """The marks that a table uses, in their own order: what its legend has to explain."""
    used = {bucket for row in table for bucket in row.months}
    return [bucket for bucket in Bucket if bucket in used]


@dataclass(frozen=True, slots=True)
class AccountGroup:
    """The accounts of one kind, open ones first; ``balance`` is ``None`` where none of them reports one."""

    kind: Kind
    label: str
    accounts: tuple[Tradeline, ...]
    balance: int | None


def group_accounts(accounts: Sequence[Tradeline]) -> list[AccountGroup]:
    """Sort accounts by kind, in the order of ``labels.KINDS_PLURAL``; kinds without any are left out."""
    return [
        _account_group(kind, own) for kind in KINDS_PLURAL if (own := [each for each in accounts if each.kind is kind])
    ]


def _account_group(kind: Kind, accounts: list[Tradeline]) -> AccountGroup:
    stated = [each.balance for each in accounts if each.balance is not None]
    return AccountGroup(
        kind=kind,
        label=KINDS_PLURAL[kind],
        accounts=tuple(sorted(accounts, key=lambda each: (each.is_open is False, each.creditor))),
        balance=sum(stated) if stated else None,
    )
