"""The parts of a credit file, from which reports are built. Amounts are whole dollars.

Months are numbered: 0 is the month of the first report, -14 is fourteen months before it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from random import Random

Monthly = Callable[[int], int]
Factors = tuple[str, ...]
ALWAYS = 10_000


@dataclass(frozen=True)
class AccountType:
    """The bureau's codes for one type of account."""

    code: str
    portfolio: str
    business: str
    terms: str
    enhanced: str = ""


ACCOUNT_TYPES = {
    "card": AccountType("18", "R", "BC", "REV"),
    "retail": AccountType("07", "R", "DC", "REV"),
    "line": AccountType("15", "R", "BB", "REV"),
    "heloc": AccountType("47", "R", "BB", "REV", enhanced="89"),
    "auto": AccountType("00", "I", "FA", "072"),
    "personal": AccountType("01", "I", "FP", "036"),
    "student": AccountType("12", "I", "EL", "120"),
    "mortgage": AccountType("26", "I", "FM", "360"),
    "collection": AccountType("48", "I", "YC", "001"),
    "secured card": AccountType("2A", "R", "BC", "REV"),
    "secured loan": AccountType("02", "I", "FP", "048"),
    "installment sale": AccountType("06", "I", "HF", "024"),
    "installment loan": AccountType("78", "I", "FP", "036"),
    "real estate": AccountType("08", "I", "FM", "180"),
    "va mortgage": AccountType("25", "I", "FM", "360"),
    "business loan": AccountType("10", "I", "BB", "060"),
    "lease": AccountType("13", "I", "FA", "036"),
    "auto lease": AccountType("3A", "I", "FA", "036"),
    "unknown": AccountType("31", "I", "ZZ", "UNK"),
}


@dataclass(frozen=True)
class Mark:
    """A code in the payment grid from ``month`` to ``until``. Reports from the month ``gone`` on do not have it."""

    month: int
    code: str
    until: int | None = None
    gone: int = ALWAYS

    def covers(self, month: int, report_month: int) -> bool:
        """Whether the grid of a report has this code for a month."""
        return self.month <= month <= (self.month if self.until is None else self.until) and report_month < self.gone


@dataclass(frozen=True)
class Trade:
    """One account: opened in the month ``opened``, reported from the month ``appears`` to ``ends``.

    ``condition`` is its account condition once it is closed; ``limit`` and ``payment`` may change by month.
    ``wide_condition`` and ``payment_status`` replace the values in the enhanced data, ``status`` the one outside of it.
    A ``plain`` trade has no enhanced data; ``dated`` says which dates it has.
    """

    creditor: str
    member: str
    number: str
    kind: str
    opened: int
    balance: Monthly
    reports_on: int = 10
    limit: Monthly | None = None
    high: int | None = None
    original: int | None = None
    payment: Monthly | None = None
    marks: tuple[Mark, ...] = ()
    ecoa: str = "1"
    appears: int | None = None
    closed: int | None = None
    ends: int | None = None
    condition: str = ""
    charged_off: int | None = None
    remark: str = ""
    disputed: range = range(0)
    wide_condition: str = ""
    payment_status: str = ""
    status: str = ""
    plain: bool = False
    dated: str = "balance"

    @property
    def first(self) -> int:
        """The first month in the payment grid."""
        return self.opened if self.appears is None else self.appears


@dataclass(frozen=True)
class Inquiry:
    """A hard inquiry, ``days`` before the date of a month; ``type`` is the account type."""

    creditor: str
    member: str
    business: str
    month: int
    days: int = 9
    type: str = ""


@dataclass(frozen=True)
class Record:
    """A public record. Bankruptcies have ``assets`` and ``repays``, a percentage."""

    court: str
    court_code: str
    status: str
    filed: int
    settled: int
    reference: str
    amount: int | None = None
    plaintiff: str = ""
    assets: int | None = None
    repays: int | None = None


@dataclass(frozen=True)
class Address:
    """An address on file since a month."""

    number: str
    street: str
    suffix: str
    city: str
    state: str
    zip_code: str
    since: int = -60


@dataclass(frozen=True)
class Statement:
    """A statement on the file since a month, with the bureau's code for its type."""

    type: str
    text: str
    since: int = -1


@dataclass(frozen=True)
class File:
    """The credit file of one consumer. ``score`` is VantageScore 4.0; ``exclusion`` is the code instead of a score.

    ``alarms`` are fraud shield codes, ``ofac`` is the result of the sanctions check; for a file with ``quirks``, see
    ``quirks``.
    """

    trades: tuple[Trade, ...] = ()
    inquiries: tuple[Inquiry, ...] = ()
    records: tuple[Record, ...] = ()
    addresses: tuple[Address, ...] = ()
    employer: str = ""
    score: Monthly | None = None
    factors: Callable[[int], Factors] = lambda month: ()
    exclusion: str = ""
    statements: tuple[Statement, ...] = ()
    alarms: tuple[str, ...] = ()
    died: int | None = None
    ofac: tuple[str, str] | None = None
    quirks: bool = False


def steps(values: Mapping[int, int]) -> Monthly:
    """The value of the latest key that is not after the month; before all keys, the first value."""
    months = sorted(values)
    return lambda month: values[max((key for key in months if key <= month), default=months[0])]


def steady(value: int) -> Monthly:
    """The same value in every month."""
    return lambda month: value


def falling(value: int, by: int) -> Monthly:
    """``value`` in month 0, lower by ``by`` each month after, higher before; never below zero."""
    return lambda month: max(0, value - by * month)


def wavering(seed: str, around: int, spread: int) -> Monthly:
    """``around`` in month 0; in other months up to ``spread`` more or less, always the same for one seed."""

    @cache
    def value(month: int) -> int:
        # Not a secret: the number must be the same in every run.
        return around if month == 0 else max(0, around + Random(f"{seed}/{month}").randint(-spread, spread))  # noqa: S311

    return value


def always(*codes: str) -> Callable[[int], Factors]:
    """The same score factors in every month."""
    return lambda month: codes
