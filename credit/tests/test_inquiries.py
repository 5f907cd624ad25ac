"""When inquiries are removed from a credit file, and their order."""

from datetime import date

import pytest

from credit.presentation.inquiries import add_months, list_inquiries, removal_date
from credit.report import PartialDate, Precision
from credit.tests.experian_samples import INQUIRY, parse_sample

pytestmark = pytest.mark.dates


@pytest.mark.parametrize(
    ("day", "after"),
    [
        (date(2025, 9, 12), date(2027, 9, 12)),
        (date(2024, 2, 29), date(2026, 2, 28)),
        (date(2026, 12, 31), date(2028, 12, 31)),
    ],
)
def test_it_is_removed_after_24_months(day, after):
    assert removal_date(PartialDate(day)) == PartialDate(after)


def test_it_keeps_the_precision_of_the_date():
    assert removal_date(PartialDate(date(2025, 9, 1), Precision.MONTH)) == PartialDate(
        date(2027, 9, 1), Precision.MONTH
    )
    assert removal_date(PartialDate(date(2025, 1, 1), Precision.YEAR)) is None
    assert removal_date(None) is None


def test_it_has_no_removal_date_at_the_end_of_the_calendar():
    assert removal_date(PartialDate(date(9999, 12, 31))) is None
    assert add_months(date(9997, 12, 31), 24) == date(9999, 12, 31)


def test_it_lists_the_newest_first_and_the_undated_last():
    rows = [INQUIRY | {"date": day} for day in ("09122025", "00000000", "10012026")]
    days = [row.inquiry.on for row in list_inquiries(parse_sample(inquiry=rows).inquiries)]
    assert days == [PartialDate(date(2026, 10, 1)), PartialDate(date(2025, 9, 12)), None]
