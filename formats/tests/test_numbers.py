"""Counts and percentages."""

from decimal import Decimal

import pytest
from babel.numbers import format_decimal, format_percent
from hypothesis import given
from hypothesis import strategies as st

from formats.numbers import MINUS, count, exact_percent, percent

LOCALES = st.sampled_from(("en", "es", "de", "fr", "ja", "el", "ar", "hi", "en_IN"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("31", "31%"),
        ("0", "0%"),
        ("0.4", "under 1%"),
        ("14.5", "15%"),
        ("117.5", "118%"),
        ("-3", "−3%"),
        ("-0.4", "0%"),
        ("1234", "1,234%"),
    ],
)
def test_it_rounds_a_percentage_to_a_whole_one(value: str, text: str) -> None:
    assert percent(Decimal(value), locale="en") == text


def test_it_never_formats_an_unknown_percentage_as_zero() -> None:
    assert percent(None) == "Not available"


def test_it_keeps_the_decimals_of_an_exact_percentage() -> None:
    assert [exact_percent(value, locale="en") for value in (30, Decimal("28.6"), Decimal("30.0"))] == [
        "30%",
        "28.6%",
        "30.0%",
    ]
    assert exact_percent(Decimal("28.6"), locale="de") == "28,6\xa0%"


@given(st.integers(min_value=-(10**24), max_value=10**24), LOCALES)
def test_it_formats_counts_as_babel_does(number: int, locale: str) -> None:
    assert count(number, locale=locale) == format_decimal(number, locale=locale).replace("-", MINUS)


@given(st.integers(min_value=-(10**9), max_value=10**9), LOCALES)
def test_it_formats_percentages_as_babel_does(number: int, locale: str) -> None:
    share = Decimal(number) / 100
    assert exact_percent(number, locale=locale) == format_percent(share, locale=locale).replace("-", MINUS)
