"""Days, months and times of day."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from babel.dates import format_date, format_time

from formats import dates

NEW_YORK = ZoneInfo("America/New_York")
DAY = date(2026, 11, 9)


@pytest.mark.parametrize(
    ("locale", "texts"),
    [
        ("en", ["Nov 9, 2026", "Nov 9", "November 9", "Nov 2026", "November 2026", "2026"]),
        ("es", ["9 nov 2026", "9 nov", "9 de noviembre", "nov 2026", "noviembre de 2026", "2026"]),
        ("de", ["9. Nov. 2026", "9. Nov.", "9. November", "Nov. 2026", "November 2026", "2026"]),
        ("ja", ["2026年11月9日", "11月9日", "11月9日", "2026年11月", "2026年11月", "2026年"]),
    ],
)
def test_it_formats_a_day_in_each_form_of_the_language(locale: str, texts: list[str]) -> None:
    forms = (dates.day, dates.day_of_year, dates.long_day_of_year, dates.month, dates.long_month, dates.year)

    assert [format_day(DAY, locale=locale) for format_day in forms] == texts


@pytest.mark.parametrize("value", [date.min, date(999, 2, 28), date(2028, 2, 29), date.max])
@pytest.mark.parametrize("locale", ["en", "ar"])
def test_it_formats_days_of_any_year(value: date, locale: str) -> None:
    assert str(value.year) in dates.day(value, locale=locale)
    assert dates.day(value, locale="en") == format_date(value, "medium", locale="en")


def test_it_formats_a_day_with_its_weekday() -> None:
    assert dates.weekday_and_day(DAY, locale="en") == "Monday, November 9, 2026"
    assert dates.weekday_and_day(DAY, locale="es") == "lunes, 9 de noviembre de 2026"


def test_it_returns_the_names_of_the_months() -> None:
    assert dates.months(locale="en")[8] == ("September", "Sep")
    assert dates.months(locale="el")[0] == ("Ιανουάριος", "Ιαν")
    assert len(dates.months(locale="en")) == 12


@pytest.mark.parametrize(
    ("hour", "minute", "text"), [(0, 0, "12:00 AM"), (9, 40, "9:40 AM"), (12, 5, "12:05 PM"), (23, 59, "11:59 PM")]
)
def test_it_formats_a_time_with_an_ordinary_space(hour: int, minute: int, text: str) -> None:
    value = datetime(2026, 11, 9, hour, minute, 59, tzinfo=NEW_YORK)

    assert dates.time_of_day(value, locale="en") == text
    assert dates.time_of_day(value, locale="es") == format_time(value.time(), "short", locale="es")


def test_it_omits_the_day_or_year_of_today() -> None:
    value = datetime(2026, 11, 9, 9, 40, tzinfo=NEW_YORK)

    assert dates.moment(value, today=DAY, locale="en") == "9:40 AM"
    assert dates.moment(value, today=date(2026, 11, 10), locale="en") == "Nov 9, 9:40 AM"
    assert dates.moment(value, today=date(2027, 11, 9), locale="en") == "Nov 9, 2026, 9:40 AM"
    assert dates.moment(value, locale="en") == "Nov 9, 2026, 9:40 AM"
    assert dates.moment(value, locale="ja") == "2026年11月9日 9:40"


def test_it_formats_the_time_zone_of_a_moment() -> None:
    assert dates.zoned_moment(datetime(2026, 11, 21, 9, 40, tzinfo=UTC), locale="en") == "Nov 21, 2026, 9:40 AM UTC"
    assert dates.zoned_time(datetime(2026, 7, 1, 9, 40, tzinfo=NEW_YORK), locale="en") == "9:40 AM EDT"
