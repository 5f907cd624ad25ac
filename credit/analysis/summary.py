"""The summary of a report: ages, on-time payments, counts and totals. In whole months and whole dollars."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from credit.payment_history import Bucket
from credit.report import AccountKind, Inquiry, Tradeline

INQUIRY_MONTHS = (6, 12, 24)
# A date less than a month ahead is accepted, because of time zones; a later one counts as unknown.
MIN_AGE = -1
GOOD = frozenset({Bucket.OK, Bucket.CURRENT_ZERO_BALANCE})


@dataclass(frozen=True, slots=True)
class Ages:
    """How old accounts are, in whole months; ``None`` if none has an opening date."""

    oldest: int | None
    newest: int | None
    average: int | None


@dataclass(frozen=True, slots=True)
class Summary:
    """A report in figures. ``on_time`` is exact; a month without data counts neither as on time nor as late.

    A balance that is not reported, as on most closed accounts, is not in any total.
    """

    balances: dict[AccountKind, int]
    past_due: int
    open_accounts: int
    closed_accounts: int
    all_ages: Ages
    open_ages: Ages
    on_time: Fraction | None
    late_months: int
    derogatory: int
    collections: int
    collection_balance: int
    inquiries: dict[int, int]
    monthly_payments: int


def summarize(accounts: Sequence[Tradeline], inquiries: Iterable[Inquiry], *, on: date) -> Summary:
    """Summarize a report as of ``on``, which is the report date."""
    is_open = [account for account in accounts if account.is_open]
    collections = [account for account in accounts if account.kind is AccountKind.COLLECTION]
    good, late = _months(accounts)
    inquiry_dates = [inquiry.on.first for inquiry in inquiries if inquiry.on]
    return Summary(
        balances={kind: _sum(account.balance for account in accounts if account.kind is kind) for kind in AccountKind},
        past_due=_sum(account.past_due for account in accounts),
        open_accounts=len(is_open),
        closed_accounts=sum(account.is_open is False for account in accounts),
        all_ages=_ages(accounts, on),
        open_ages=_ages(is_open, on),
        on_time=Fraction(good, good + late) if good + late else None,
        late_months=late,
        derogatory=sum(account.derogatory for account in accounts),
        collections=len(collections),
        collection_balance=_sum(account.balance for account in collections),
        inquiries={months: sum(MIN_AGE <= age(day, on) < months for day in inquiry_dates) for months in INQUIRY_MONTHS},
        monthly_payments=_sum(account.monthly_payment for account in is_open),
    )


def age(opened: date, on: date) -> int:
    """Return the whole months from one day to another. A month counts from the same day of the month on."""
    months = (on.year - opened.year) * 12 + on.month - opened.month
    return months - (on.day < opened.day)


def _ages(accounts: Iterable[Tradeline], on: date) -> Ages:
    ages_in_months = [age(account.opened.first, on) for account in accounts if account.opened]
    ages = [max(0, months) for months in ages_in_months if months >= MIN_AGE]
    return Ages(max(ages), min(ages), sum(ages) // len(ages)) if ages else Ages(None, None, None)


def _months(accounts: Iterable[Tradeline]) -> tuple[int, int]:
    """Count the months that were paid as agreed, and those that were not."""
    known = [bucket for account in accounts if account.history for bucket in account.history.buckets if bucket.is_known]
    good = sum(bucket in GOOD for bucket in known)
    return good, len(known) - good


def _sum(figures: Iterable[int | None]) -> int:
    return sum(figure for figure in figures if figure is not None)
