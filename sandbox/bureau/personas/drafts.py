"""What a credit file is made of before anybody reads a page of it. Amounts are whole dollars.

Months are counted from the page that the story begins with: 0 is that page, -14 lies fourteen months before it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from random import Random

Monthly = Callable[[int], int]
Factors = tuple[str, ...]
FOR_EVER = 10_000


@dataclass(frozen=True)
class AccountType:
    """How the bureau codes one kind of account."""

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
    """A letter in the payment grid from one month to another. From the page ``gone`` on the bureau takes it back."""

    month: int
    code: str
    until: int | None = None
    gone: int = FOR_EVER

    def covers(self, month: int, page: int) -> bool:
        """Whether this is what the grid of a page says about a month."""
        return self.month <= month <= (self.month if self.until is None else self.until) and page < self.gone


@dataclass(frozen=True)
class Trade:
    """One account. ``opened`` is when the person got it, ``appears`` when its reports begin, ``ends`` their last month.

    ``condition`` is how it ended, by the month from which that is so; ``limit`` and ``payment`` may change by month.
    ``wide_condition`` and ``payment_status`` stand in the enhanced data instead of what the account itself tells, and
    ``status`` in the plain field. A ``plain`` trade comes without enhanced data; ``dated`` says which dates it has.
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
    """Somebody's hard look at the file, ``days`` before the page of a month; ``type`` is that of the account meant."""

    creditor: str
    member: str
    business: str
    month: int
    days: int = 9
    type: str = ""


@dataclass(frozen=True)
class Record:
    """A public record. ``assets`` and ``repays``, a percentage, are told of bankruptcies."""

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
    """An address on file since the page of a month."""

    number: str
    street: str
    suffix: str
    city: str
    state: str
    zip_code: str
    since: int = -60


@dataclass(frozen=True)
class Statement:
    """Words that stand on the file since the page of a month, with the bureau's code for their type."""

    type: str
    text: str
    since: int = -1


@dataclass(frozen=True)
class File:
    """All that the bureau knows of one person. ``score`` is VantageScore 4.0; ``exclusion`` stands instead of it.

    ``alarms`` are codes of the fraud shield, ``ofac`` what the list of sanctions said; a file with ``quirks`` is
    written as badly as real ones are.
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
    """The value of the latest month named that is not after the one asked for; before all of them, the first."""
    months = sorted(values)
    return lambda month: values[max((named for named in months if named <= month), default=months[0])]


def steady(value: int) -> Monthly:
    """The same value in every month."""
    return lambda month: value


def falling(value: int, by: int) -> Monthly:
    """``value`` in month 0, lower by ``by`` each month after, higher before; never below zero."""
    return lambda month: max(0, value - by * month)


def wavering(seed: str, around: int, spread: int) -> Monthly:
    """``around`` in month 0; in every other month up to ``spread`` more or less, always the same for one seed."""

    @cache
    def value(month: int) -> int:
        # Not a secret: it has to give the same number in every run.
        return around if month == 0 else max(0, around + Random(f"{seed}/{month}").randint(-spread, spread))  # noqa: S311

    return value


def always(*codes: str) -> Callable[[int], Factors]:
    """The same score factors in every month."""
    return lambda month: codes
