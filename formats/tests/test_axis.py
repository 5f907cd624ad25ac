"""Labels of a chart's axis."""

from decimal import Decimal

import pytest
from babel.numbers import format_compact_currency
from django.conf import global_settings
from django.utils.translation import to_locale

from formats.axis import axis_label
from formats.numbers import MINUS


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "$0"),
        ("-0", "$0"),
        ("500", "$500"),
        ("2.5", "$2.50"),
        ("0.0025", "$0"),
        ("12500", "$12.5K"),
        ("40000", "$40K"),
        ("-5000", "−$5K"),
        ("12525", "$12,525"),
        ("2500000", "$2.5M"),
        ("1E+4", "$10K"),
        ("3E+9", "$3B"),
        ("1E+40", f"${10**28:,}T"),
    ],
)
def test_it_abbreviates_only_if_the_value_stays_the_same(amount: str, text: str) -> None:
    assert axis_label(Decimal(amount), locale="en") == text


# Babel has all of Django's languages but Udmurt.
@pytest.mark.parametrize("language", [code for code, _ in global_settings.LANGUAGES if code != "udm"])
def test_it_formats_a_value_in_every_language_of_django(language: str) -> None:
    assert axis_label(Decimal(1_000_000), locale=to_locale(language))


def test_it_names_other_currencies_by_their_code() -> None:
    assert axis_label(Decimal(12500), "BTC", locale="en") == "12.5K BTC"
    assert axis_label(Decimal("0.0025"), "BTC", locale="en") == "0.0025 BTC"
    assert axis_label(Decimal(5000), "JPY", locale="en") == "5K JPY"


def remove_direction_marks(text: str) -> str:
    """Remove right-to-left marks, which Babel adds after a minus sign."""
    return text.replace("\u200f", "")


@pytest.mark.parametrize("locale", ["en", "es", "fr", "ja", "ar", "el"])
@pytest.mark.parametrize("amount", [20000, -20000, 30000, 2500000, 300000000])
def test_it_abbreviates_as_babel_does(amount: int, locale: str) -> None:
    expected = format_compact_currency(amount, "USD", locale=locale, fraction_digits=1)

    assert remove_direction_marks(axis_label(Decimal(amount), locale=locale)) == remove_direction_marks(
        expected.replace("-", MINUS)
    )


def test_it_does_not_abbreviate_in_languages_that_have_no_abbreviation() -> None:
    assert axis_label(Decimal(12500), locale="de") == "12.500\xa0$"
    assert axis_label(Decimal(5000), locale="ja") == "$5,000"


def test_it_writes_the_unit_before_the_digits_in_languages_that_do() -> None:
    assert axis_label(Decimal(-20000), locale="sw") == "−US$\xa0elfu\xa020"
