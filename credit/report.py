"""A credit report as structs that do not depend on the bureau.

A bureau's package (today ``credit/experian/``) parses its own format into these structs. Amounts are whole US dollars,
as bureaus send them. ``None`` means that the bureau does not report a value, and never zero. Every row has the ``path``
of its data in the raw report. No row has a Social Security number or a full account number.
"""

from datetime import date
from enum import StrEnum
from typing import ClassVar, NamedTuple

import msgspec

from credit.payment_history import PaymentHistory


class Guarded(msgspec.Struct, frozen=True):
    """A struct whose ``repr`` leaves out the fields in ``UNPRINTED``, which identify the consumer."""

    UNPRINTED: ClassVar[frozenset[str]] = frozenset()

    def __repr__(self) -> str:
        names = (name for name in self.__struct_fields__ if name not in self.UNPRINTED)
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"


class Precision(StrEnum):
    """How much of a date the bureau states."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"


class PartialDate(NamedTuple):
    """A date as reported: ``first`` is the first day that it can mean."""

    first: date
    precision: Precision = Precision.DAY


class AccountKind(StrEnum):
    """What an account is for, such as a card or a mortgage."""

    CARD = "card"
    RETAIL = "retail"
    LINE = "loc"
    HOME_EQUITY = "heloc"
    AUTO = "auto"
    STUDENT = "student"
    MORTGAGE = "mortgage"
    PERSONAL = "personal"
    LEASE = "lease"
    BUSINESS = "business"
    MEDICAL = "medical"
    UTILITY = "utility"
    SUPPORT = "support"
    COLLECTION = "collection"
    OTHER = "other"


class Role(StrEnum):
    """The consumer's role on an account (ECOA code)."""

    INDIVIDUAL = "individual"
    JOINT = "joint"
    AUTHORIZED_USER = "authorized_user"
    COSIGNER = "cosigner"
    MAKER = "maker"
    ON_BEHALF = "on_behalf"
    BUSINESS = "business"
    TERMINATED = "terminated"
    DECEASED = "deceased"
    DELETED = "deleted"
    UNDESIGNATED = "undesignated"
    UNKNOWN = "unknown"


class Trend(msgspec.Struct, frozen=True):
    """What an account reported in a month. ``months_ago`` counts from the month of the report, which is 0.

    ``None`` if the bureau does not number the month.
    """

    months_ago: int | None
    balance: int | None
    limit_or_original: int | None
    scheduled_payment: int | None
    actual_payment: int | None
    last_payment: PartialDate | None


class Counters(msgspec.Struct, frozen=True):
    """How often an account was late, as the bureau counts it; ``months`` is how many months it counts."""

    days_30: int
    days_60: int
    days_90: int
    derogatory: int
    months: int

    @property
    def ever_late(self) -> bool:
        """Whether the account was late or worse at any time."""
        return any((self.days_30, self.days_60, self.days_90, self.derogatory))


class Tradeline(msgspec.Struct, frozen=True):
    """One account in the file. ``key`` is the same in every report, even if other values change.

    ``balance`` may be negative. ``limit`` is a credit limit and never a high balance. ``account_condition``,
    ``payment_status``, ``worst`` and ``compliance`` are our names; the fields that end in ``_code`` are the bureau's.
    ``product`` is more specific than the kind, or empty. ``terms`` is the bureau's own text, mostly a number of months.
    ``bankruptcy`` is a chapter, and ``bankruptcy_stage`` a word.
    """

    key: str
    path: str
    creditor: str
    subscriber_code: str
    kind: AccountKind
    revolving: bool | None
    is_open: bool | None
    role: Role
    opened: PartialDate | None
    status_on: PartialDate | None
    balance: int | None
    balance_on: PartialDate | None
    limit: int | None
    high: int | None
    original: int | None
    past_due: int | None
    monthly_payment: int | None
    payment_type: str
    last_payment: PartialDate | None
    account_condition: str
    account_condition_code: str
    payment_status: str
    payment_status_code: str
    derogatory: bool
    disputed: bool
    remark_code: str
    comment: str
    counters: Counters
    last_four: str
    original_creditor: str
    sold_to: str
    bankruptcy: str
    last_delinquency: PartialDate | None
    history: PaymentHistory | None
    trend: tuple[Trend, ...] = ()
    product: str = ""
    terms: str = ""
    second_delinquency: PartialDate | None = None
    worst_delinquency: PartialDate | None = None
    worst: str = ""
    worst_code: str = ""
    compliance: str = ""
    compliance_code: str = ""
    bankruptcy_stage: str = ""

    @property
    def closed_on(self) -> PartialDate | None:
        """When the account was closed, according to its last change of status."""
        return self.status_on if self.is_open is False else None


class Factor(msgspec.Struct, frozen=True, order=True):
    """A reason that the model gives for a score. ``credit.analysis.factors`` has its text."""

    rank: int
    code: str


class Score(msgspec.Struct, frozen=True):
    """One model's score. ``value`` is ``None`` if the model gives none, and ``exclusion_code`` says why.

    ``model`` names a model that we know, such as ``vantagescore_4``, or is empty; ``indicator`` is the bureau's.
    """

    path: str
    model: str
    indicator: str
    value: int | None
    exclusion_code: str
    on: date | None
    percentile: int | None
    factors: tuple[Factor, ...]


class Inquiry(msgspec.Struct, frozen=True):
    """A hard inquiry: a company that requested the file, which others can see."""

    path: str
    on: PartialDate | None
    subscriber: str
    subscriber_code: str
    business: str
    type: str
    amount: int | None


class PublicRecord(msgspec.Struct, frozen=True):
    """A record of a court. ``percent`` is what a chapter 13 plan repays, ``adjustment_percent`` its adjustment.

    ``assets`` and ``voluntary`` are reported for bankruptcies; ``comment`` is the consumer's own. The bureau's status
    codes have no public documentation, so the code is stored without a label. A record is a bankruptcy if the court's
    name says so.
    """

    key: str
    path: str
    court: str
    court_code: str
    reference: str
    status_code: str
    status_on: PartialDate | None
    filed_on: PartialDate | None
    amount: int | None
    evaluation: str
    disputed: bool
    plaintiff: str
    bankruptcy: bool
    percent: int | None
    adjustment_percent: int | None = None
    assets: int | None = None
    voluntary: bool | None = None
    role: Role = Role.UNKNOWN
    comment: str = ""


class Detail(StrEnum):
    """The kind of a personal detail."""

    NAME = "name"
    BIRTH = "birth"
    ADDRESS = "address"
    EMPLOYER = "employer"
    PHONE = "phone"


class PersonalDetail(Guarded, frozen=True):
    """A personal detail in the file, as one line of text."""

    UNPRINTED = frozenset({"text"})

    path: str
    kind: Detail
    text: str
    first_reported: PartialDate | None = None
    last_reported: PartialDate | None = None


class Notice(StrEnum):
    """What a statement in the file is about."""

    FREEZE = "freeze"
    FRAUD_ALERT = "fraud_alert"
    ACTIVE_DUTY = "active_duty"
    CONSUMER = "consumer"


class Statement(Guarded, frozen=True):
    """A statement in the credit file. Its text may contain a telephone number of the consumer."""

    UNPRINTED = frozenset({"text"})

    path: str
    notice: Notice
    code: str
    on: PartialDate | None
    text: str


class BureauMessage(msgspec.Struct, frozen=True):
    """A message of the bureau about its own response."""

    path: str
    code: str
    text: str


class Flags(msgspec.Struct, frozen=True):
    """Properties of the whole file."""

    frozen: bool = False
    fraud_alert: bool = False
    active_duty: bool = False
    deceased: bool = False
    ssn_variation: bool = False
    address_mismatch: bool = False
    no_hit: bool = False


class ReportStatus(StrEnum):
    """Whether a report can be shown."""

    READY = "ready"
    NO_HIT = "no_hit"
    FROZEN = "frozen"
    RESTRICTED = "restricted"
    MISMATCH = "mismatch"


class ParseWarning(msgspec.Struct, frozen=True):
    """Something in the raw report that could not be parsed.

    ``code`` is the bureau's own short code if it is unknown, and otherwise empty: other values may be personal.
    """

    path: str
    problem: str
    code: str = ""


class CreditReport(Guarded, frozen=True):
    """A whole report. ``consumer_hash`` only distinguishes files; it is empty if the bureau sends no consumer id.

    ``consumer_identifier`` is the bureau's permanent id of the consumer: sealed, never shown.
    """

    UNPRINTED = frozenset({"consumer_identifier"})

    provider: str
    parser_version: int
    sha256: str
    reported_on: date | None
    consumer_hash: str
    consumer_identifier: str
    flags: Flags
    scores: tuple[Score, ...]
    tradelines: tuple[Tradeline, ...]
    inquiries: tuple[Inquiry, ...]
    public_records: tuple[PublicRecord, ...]
    personal: tuple[PersonalDetail, ...]
    statements: tuple[Statement, ...]
    messages: tuple[BureauMessage, ...]
    totals: tuple[tuple[str, int], ...]
    warnings: tuple[ParseWarning, ...]

    @property
    def ofac(self) -> BureauMessage | None:
        """The result of the bureau's check of the name against the OFAC list, if it made one."""
        return next((message for message in self.messages if "OFAC" in message.text.upper()), None)

    @property
    def state(self) -> ReportStatus:
        """Whether the report can be shown; the more serious status takes precedence."""
        if self.flags.no_hit:
            return ReportStatus.NO_HIT
        if self.flags.deceased:
            return ReportStatus.RESTRICTED
        if self.flags.frozen and not self.tradelines and not any(score.value for score in self.scores):
            return ReportStatus.FROZEN
        return ReportStatus.MISMATCH if self.flags.address_mismatch or self.flags.ssn_variation else ReportStatus.READY
