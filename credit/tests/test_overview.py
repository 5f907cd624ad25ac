"""The figures of the credit overview: scores with their change, factors, totals."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from msgspec import structs

from credit.presentation import overview
from credit.report import AccountKind
from credit.tests.experian_samples import SCORE, card, header, loan, parse_sample


@dataclass(frozen=True)
class Earlier:
    value: int | None
    reported_on: date | None = date(2026, 10, 20)
    indicator: str = "V4"
    provider: str = "experian"


def get_step(*earlier, **score):
    (headline,) = overview.headlines(parse_sample(riskModel=[SCORE | score]), earlier)
    return headline.step


def test_it_compares_a_score_with_the_newest_earlier_one_of_its_model():
    result = get_step(Earlier(770), Earlier(790, date(2026, 9, 20)), Earlier(600, date(2026, 8, 20)))
    assert (result.points, result.distance, result.since) == (12, 12, date(2026, 10, 20))
    assert get_step(Earlier(800)).points == -18
    assert get_step(Earlier(782)).points == 0


@pytest.mark.parametrize(
    "earlier",
    [
        Earlier(770, indicator="F9"),
        Earlier(770, provider="another"),
        Earlier(None),
        Earlier(770, reported_on=None),
        Earlier(770, reported_on=date(2026, 11, 20)),
        Earlier(770, reported_on=date(2026, 12, 20)),
    ],
    ids=["model", "bureau", "unscored", "undated", "the-same-day", "later"],
)
def test_it_does_not_compare_with_other_scores(earlier):
    assert get_step(earlier) is None


def test_it_skips_a_report_without_a_score():
    assert get_step(Earlier(None), Earlier(770, date(2026, 9, 20))).since == date(2026, 9, 20)


def test_it_never_shows_an_exclusion_code_as_a_score():
    (result,) = overview.headlines(parse_sample(riskModel=[SCORE | {"score": "9002"}]), [Earlier(770)])
    assert (result.score.value, result.band, result.step, result.gauge.mark) == (None, None, None, "")


def test_it_returns_model_bureau_and_band():
    (result,) = overview.headlines(parse_sample(), [])
    assert (result.label, result.bureau, result.band.name) == ("VantageScore 4.0", "Experian", "Superprime")


def test_it_links_factors_to_at_most_three_accounts():
    lines = [card(subscriberCode=str(number), balanceAmount=f"{9000 + number:08}") for number in range(5)]
    report = parse_sample(tradeline=lines, riskModel=[SCORE | {"scoreFactors": [{"importance": "1", "code": "32"}]}])
    (reason,) = overview.reasons(report.scores[0], report.tradelines)
    assert [account.balance for account in reason.accounts] == [9004, 9003, 9002]
    assert (reason.more, reason.place) == (2, "")


def test_it_links_inquiries_to_their_page_and_keeps_the_order():
    report = parse_sample(
        riskModel=[SCORE | {"scoreFactors": [{"importance": "2", "code": "84"}, {"importance": "1", "code": "13"}]}]
    )
    result = overview.reasons(report.scores[0], report.tradelines)
    assert [reason.place for reason in result] == ["", "credit_inquiries"]


def test_it_sums_only_reported_balances():
    report = parse_sample(tradeline=[card(), card(subscriberCode="2", balanceAmount="UNKNOWN"), loan()])
    result = overview.figures(report, on=date(2026, 11, 20))
    assert (result.total_balance, result.silent) == (7240, 1)
    assert [(debt.kind, debt.balance, debt.width) for debt in result.debts] == [
        (AccountKind.STUDENT, 6100, "100.0"),
        (AccountKind.CARD, 1140, "18.7"),
    ]


def test_it_has_no_total_if_no_balance_is_reported():
    result = overview.figures(parse_sample(tradeline=[card(balanceAmount="UNKNOWN")]), on=date(2026, 11, 20))
    assert (result.total_balance, result.debts, result.use.overall) == (None, (), None)


def test_it_draws_no_bar_for_a_negative_balance():
    report = parse_sample(tradeline=[card(balanceAmount="-0000025")])
    report = structs.replace(report, tradelines=(structs.replace(report.tradelines[0], balance=-25),))
    assert overview.figures(report, on=date(2026, 11, 20)).debts == ()


@pytest.mark.parametrize(
    ("share", "expected"),
    [(Fraction(21, 23), "91.3"), (Fraction(1), "100.0"), (Fraction(1, 2000), "0.1"), (Fraction(0), "0.0")],
)
def test_it_rounds_a_share_to_a_tenth(share, expected):
    assert overview.percent_of_share(share) == Decimal(expected)
    assert overview.percent_of_share(None) is None


@pytest.mark.parametrize(
    ("reported_on", "pulled", "stale"),
    [
        (date(2026, 10, 8), datetime(2026, 11, 22, tzinfo=UTC), False),
        (date(2026, 10, 7), datetime(2026, 11, 22, tzinfo=UTC), True),
        (None, datetime(2026, 10, 7, tzinfo=UTC), True),
        (None, datetime(2026, 11, 21, tzinfo=UTC), False),
    ],
)
def test_it_is_stale_after_45_days(reported_on, pulled, stale):
    assert overview.is_stale(reported_on=reported_on, pulled_at=pulled, today=date(2026, 11, 22)) is stale


def test_it_compares_by_the_date_of_the_report():
    (result,) = overview.headlines(parse_sample(headerRecord=header("10012026")), [Earlier(770)])
    assert result.step is None
