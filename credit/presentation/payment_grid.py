"""A payment history as a table of years and months, and accounts sorted by what they are for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from credit.analysis.labels import GROUPS
from credit.payment_history import Bucket, PaymentHistory
from credit.report import Kind, Tradeline


class Year(NamedTuple):
    """One year; the twelve months from January on, ``None`` where the history does not reach."""

    year: int
    months: tuple[Bucket | None, ...]


def years(history: PaymentHistory) -> list[Year]:
    """Lay a history out by calendar years, newest first."""
    found: dict[int, list[Bucket | None]] = {}
    for each in history.months():
        found.setdefault(each.month.year, [None] * 12)[each.month.month - 1] = each.bucket
    return [Year(year, tuple(months)) for year, months in found.items()]


class Row(NamedTuple):
    """Twelve months that nothing dates; ``first`` is how many reports ago the newest of them was, from 1 on."""

    first: int
    months: tuple[Bucket | None, ...]


def undated(history: PaymentHistory) -> list[Row]:
    """Lay a history out that nothing dates, newest first, twelve months a row; a dated one gives no rows."""
    if history.latest is not None:
        return []
    marks: list[Bucket | None] = [*history.buckets, *[None] * (-len(history.buckets) % 12)]
    return [Row(place + 1, tuple(marks[place : place + 12])) for place in range(0, len(marks), 12)]


def buckets(table: Iterable[Year | Row]) -> list[Bucket]:
    """The marks that a table uses, in their own order: what its legend has to explain."""
    used = {bucket for row in table for bucket in row.months}
    return [bucket for bucket in Bucket if bucket in used]


@dataclass(frozen=True, slots=True)
class Group:
    """The accounts of one kind, open ones first; ``balance`` is ``None`` where none of them reports one."""

    kind: Kind
    label: str
    accounts: tuple[Tradeline, ...]
    balance: int | None


def groups(accounts: Sequence[Tradeline]) -> list[Group]:
    """Sort accounts by kind, in the order of ``words.GROUPS``; kinds without any are left out."""
    return [_group(kind, own) for kind in GROUPS if (own := [each for each in accounts if each.kind is kind])]


def _group(kind: Kind, accounts: list[Tradeline]) -> Group:
    stated = [each.balance for each in accounts if each.balance is not None]
    return Group(
        kind=kind,
        label=GROUPS[kind],
        accounts=tuple(sorted(accounts, key=lambda each: (each.is_open is False, each.creditor))),
        balance=sum(stated) if stated else None,
    )
