"""The overview page of a report: the score with its score factors, and the report summary.

Pure functions from a report and the list of earlier ones to plain values.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Protocol

from credit.analysis import bands, factors
from credit.analysis.bands import Band
from credit.analysis.factors import FactorCategory
from credit.analysis.labels import KINDS_PLURAL
from credit.analysis.summary import Summary, summarize
from credit.analysis.utilization import UtilizationSummary, summarize_utilization
from credit.presentation.gauge import Gauge, gauge
from credit.report import AccountKind, CreditReport, Score, Tradeline
from credit.statuses import STALE_AFTER

MAX_ACCOUNTS = 3
MAX_FACTORS = 5
# The page for a reason without accounts.
CATEGORY_PAGES = {FactorCategory.INQUIRIES: "credit_inquiries", FactorCategory.RECORDS: "credit_records"}


class EarlierReport(Protocol):
    """An earlier report, as ``credit.stored.reports`` lists it."""

    @property
    def provider(self) -> str: ...
    @property
    def indicator(self) -> str: ...
    @property
    def value(self) -> int | None: ...
    @property
    def reported_on(self) -> date | None: ...


@dataclass(frozen=True, slots=True)
class ScoreChange:
    """The difference to the previous score, and its date."""

    points: int
    since: date

    @property
    def distance(self) -> int:
        """The number of points without a sign."""
        return abs(self.points)


@dataclass(frozen=True, slots=True)
class ScoreHeadline:
    """A score with its band, gauge and change. ``step`` is ``None`` if there is no earlier score to compare."""

    score: Score
    label: str
    bureau: str
    gauge: Gauge
    band: Band | None
    step: ScoreChange | None


@dataclass(frozen=True, slots=True)
class ReasonWithAccounts:
    """A reason of the model: its label, some accounts that it applies to, how many more, and a page for the rest."""

    label: str
    accounts: tuple[Tradeline, ...]
    more: int
    place: str


@dataclass(frozen=True, slots=True)
class DebtTotal:
    """The balance of one kind of account. ``width`` is its bar, in percent of the longest."""

    kind: AccountKind
    label: str
    balance: int
    width: str


@dataclass(frozen=True, slots=True)
class Figures:
    """The summary of a report. ``silent`` counts accounts without a reported balance, which are in no total."""

    summary: Summary
    use: UtilizationSummary
    on_time: Decimal | None
    debts: tuple[DebtTotal, ...]
    total_balance: int | None
    silent: int

    @property
    def utilization_percent(self) -> Decimal | None:
        """The overall utilization in percent; ``None`` if no card reports it."""
        return self.use.overall.percent if self.use.overall else None


def headlines(report: CreditReport, earlier: Iterable[EarlierReport]) -> list[ScoreHeadline]:
    """Compare every score of a report with its earlier value, in the order of the requested models."""
    comparable = [candidate for candidate in earlier if _is_before(candidate, report)]
    return [_headline(score, report, comparable) for score in report.scores]


def _is_before(earlier_report: EarlierReport, report: CreditReport) -> bool:
    day = earlier_report.reported_on
    return bool(day and report.reported_on and day < report.reported_on and earlier_report.provider == report.provider)


def _headline(score: Score, report: CreditReport, earlier: Sequence[EarlierReport]) -> ScoreHeadline:
    return ScoreHeadline(
        score=score,
        label=bands.model_name(score.model, score.indicator, report.provider),
        bureau=bands.PROVIDERS.get(report.provider, report.provider),
        gauge=gauge(score.model, score.value),
        band=bands.band_for_score(score.model, score.value),
        step=_score_change(score, earlier),
    )


def _score_change(score: Score, earlier: Iterable[EarlierReport]) -> ScoreChange | None:
    """Compare with the newest earlier score of the same model and bureau only."""
    same = [(old.reported_on, old.value) for old in earlier if old.indicator == score.indicator]
    scored = [(day, value) for day, value in same if day is not None and value is not None]
    if score.value is None or not scored:
        return None
    day, value = max(scored)
    return ScoreChange(score.value - value, day)


def reasons(score: Score, accounts: Sequence[Tradeline]) -> list[ReasonWithAccounts]:
    """Return a score's reasons in the model's order, each with the accounts that it applies to."""
    ranked = sorted(score.factors, key=lambda factor: factor.rank)[:MAX_FACTORS]
    return [_reason(factors.reason(score.model, factor), accounts) for factor in ranked]


def _reason(reason: factors.Reason, accounts: Sequence[Tradeline]) -> ReasonWithAccounts:
    matching = factors.accounts_behind(reason, accounts)
    return ReasonWithAccounts(
        label=str(reason.label),
        accounts=matching[:MAX_ACCOUNTS],
        more=max(0, len(matching) - MAX_ACCOUNTS),
        place=CATEGORY_PAGES.get(reason.category, ""),
    )


def figures(report: CreditReport, *, on: date) -> Figures:
    """Summarize a report as of a day."""
    summary = summarize(report.tradelines, report.inquiries, on=on)
    return Figures(
        summary=summary,
        use=summarize_utilization(report.tradelines),
        on_time=percent_of_share(summary.on_time),
        debts=_debts(summary),
        total_balance=_total_balance(report.tradelines),
        silent=sum(account.balance is None and account.is_open is not False for account in report.tradelines),
    )


def percent_of_share(share: Fraction | None) -> Decimal | None:
    """Return a share in percent with one decimal, halves rounded up."""
    if share is None:
        return None
    exact = Decimal(100 * share.numerator) / Decimal(share.denominator)
    return exact.quantize(Decimal("0.1"), ROUND_HALF_UP)


def _debts(summary: Summary) -> tuple[DebtTotal, ...]:
    """Return the balances by kind, largest first. A negative balance is not a debt."""
    balances_and_kinds = sorted(((sum_, kind) for kind, sum_ in summary.balances.items() if sum_ > 0), reverse=True)
    largest = balances_and_kinds[0][0] if balances_and_kinds else 1
    return tuple(
        DebtTotal(kind, str(KINDS_PLURAL[kind]), sum_, f"{Decimal(100 * sum_) / largest:.1f}")
        for sum_, kind in balances_and_kinds
    )


def _total_balance(accounts: Iterable[Tradeline]) -> int | None:
    """Return the sum of all balances; ``None`` when no account reports one."""
    balances = [account.balance for account in accounts if account.balance is not None]
    return sum(balances) if balances else None


def is_stale(*, reported_on: date | None, pulled_at: datetime, today: date) -> bool:
    """Whether a report is too old to be current."""
    return today - (reported_on or pulled_at.date()) > STALE_AFTER
