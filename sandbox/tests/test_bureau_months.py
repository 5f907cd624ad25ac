"""Calendar months, and the months of reports."""

from datetime import date, timedelta
from itertools import pairwise, product

import pytest

from sandbox.bureau.months import LAG, between, current_report_month, latest, plus

pytestmark = pytest.mark.dates

DAYS = [date(2024, 1, 1) + timedelta(days=number) for number in range(0, 1500, 3)]


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
        (date(2026, 1, 15), -1, date(2025, 12, 15)),
        (date(2026, 3, 31), -13, date(2025, 2, 28)),
        (date(2026, 3, 31), 0, date(2026, 3, 31)),
    ],
)
def test_it_adds_months_and_stops_at_the_end_of_a_short_one(day: date, months: int, later: date) -> None:
    assert plus(day, months) == later


def test_it_counts_the_months_that_it_adds() -> None:
    for first, months in product(DAYS, (0, 1, 2, 11, 12, 13)):
        last = plus(first, months)
        assert between(first, last) == months
        assert between(first, last - timedelta(days=1)) == months - 1


def test_it_finds_the_latest_day_with_a_number() -> None:
    assert latest(10, date(2026, 3, 10)) == date(2026, 3, 10)
    assert latest(10, date(2026, 3, 9)) == date(2026, 2, 10)
    assert latest(28, date(2026, 1, 5)) == date(2025, 12, 28)


@pytest.mark.parametrize("interval", [30, 31])
def test_it_reports_every_month_once_to_a_client_that_pulls_every_thirty_days(interval: int) -> None:
    for began in DAYS:
        read = [current_report_month(began, began + timedelta(days=interval * number)).number for number in range(13)]
        assert read == list(range(13)), began


def test_it_dates_each_statement_a_month_after_the_one_before() -> None:
    for began, number in product(DAYS[:40], (1, 10, 28)):
        report_month = current_report_month(began, plus(began, 14))
        days = [report_month.statement(month, number) for month in range(-90, 15)]
        assert [between(one, other) for one, other in pairwise(days)] == [1] * 104
        assert all(day.day == number for day in days)
        assert all(day <= report_month.as_of(month) for month, day in zip(range(-90, 15), days, strict=True))


def test_it_stays_at_month_0_before_the_first_report() -> None:
    began = date(2026, 5, 5)
    early = current_report_month(began, date(2025, 1, 1))
    assert (early.number, early.as_of(0)) == (0, began - LAG)
