"""A payment history as a table of years and months, and accounts grouped by kind."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from credit.analysis.labels import KINDS_PLURAL
from credit.payment_history import Bucket, PaymentHistory
from credit.report import AccountKind, Tradeline


class CalendarYear(NamedTuple):
    """One year with its twelve months from January on; ``None`` outside the history."""

    year: int
    months: tuple[Bucket | None, ...]


def group_by_year(history: PaymentHistory) -> list[CalendarYear]:
    """Group a history by calendar years, newest first."""
    months_by_year: dict[int, list[Bucket | None]] = {}
    for payment in history.months():
        months_by_year.setdefault(payment.month.year, [None] * 12)[payment.month.month - 1] = payment.bucket
    return [CalendarYear(year, tuple(months)) for year, months in months_by_year.items()]


class UndatedRow(NamedTuple):
    """Twelve months without dates. ``first`` is how many reports ago the newest of them was, from 1 on."""

    first: int
    months: tuple[Bucket | None, ...]


def undated_rows(history: PaymentHistory) -> list[UndatedRow]:
    """Return the rows of a history without dates, newest first, twelve months each. A dated history has none."""
    if history.latest is not None:
        return []
    marks: list[Bucket | None] = [*history.buckets, *[None] * (-len(history.buckets) % 12)]
    return [UndatedRow(place + 1, tuple(marks[place : place + 12])) for place in range(0, len(marks), 12)]


def used_buckets(table: Iterable[CalendarYear | UndatedRow]) -> list[Bucket]:
    """Return the buckets that a table uses, in their own order, for its legend."""
    used = {bucket for row in table for bucket in row.months}
    return [bucket for bucket in Bucket if bucket in used]


@dataclass(frozen=True, slots=True)
class AccountGroup:
    """The accounts of one kind, open ones first. ``balance`` is ``None`` if no account reports one."""

    kind: AccountKind
    label: str
    accounts: tuple[Tradeline, ...]
    balance: int | None


def group_accounts(accounts: Sequence[Tradeline]) -> list[AccountGroup]:
    """Group accounts by kind, in the order of ``labels.KINDS_PLURAL``. Empty kinds are left out."""
    return [
        _account_group(kind, accounts_of_kind)
        for kind in KINDS_PLURAL
        if (accounts_of_kind := [account for account in accounts if account.kind is kind])
    ]


def _account_group(kind: AccountKind, accounts: list[Tradeline]) -> AccountGroup:
    balances = [account.balance for account in accounts if account.balance is not None]
    return AccountGroup(
        kind=kind,
        label=str(KINDS_PLURAL[kind]),
        accounts=tuple(sorted(accounts, key=lambda account: (account.is_open is False, account.creditor))),
        balance=sum(balances) if balances else None,
    )
