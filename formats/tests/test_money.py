"""Amounts: rounded to the minor unit of their currency, and equal to Babel's in every language."""

import decimal
from decimal import Decimal

import pytest
from babel.numbers import format_currency, format_decimal, get_currency_precision
from hypothesis import given
from hypothesis import strategies as st

from formats.money import (
    currency_decimals,
    minor_unit,
    money,
    money_templates,
    rounded_money,
    short_money,
    signed_money,
)
from formats.numbers import EXACT, MINUS

LOCALES = ("en", "en_US", "es", "de", "fr", "ja", "el", "ar", "he", "hi", "en_IN")


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("1234.56", "USD", "$1,234.56"),
        ("-20", "USD", "−$20.00"),
        ("0.005", "USD", "$0.01"),
        ("2.675", "USD", "$2.68"),
        ("1E+3", "USD", "$1,000.00"),
        ("123456789012345678.1234567890", "USD", "$123,456,789,012,345,678.12"),
        ("1234.5", "EUR", "1,234.50 EUR"),
        ("-1234.5", "JPY", "−1,235 JPY"),
        ("1234.5", "KRW", "1,235 KRW"),
        ("1.0005", "KWD", "1.001 KWD"),
        ("-1.0005", "TND", "−1.001 TND"),
        ("1.23456", "CLF", "1.2346 CLF"),
        ("1234.56", "COP", "1,234.56 COP"),
        ("12.5", "HUF", "12.50 HUF"),
        ("12.5", "IQD", "12.500 IQD"),
        ("1234.5", "ISK", "1,235 ISK"),
    ],
)
def test_it_rounds_to_the_minor_unit_of_the_currency(amount: str, currency: str, text: str) -> None:
    assert money(Decimal(amount), currency, locale="en") == text


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("0.0031415900", "BTC", "0.00314159 BTC"),
        ("-0.0000000001", "BTC", "−0.0000000001 BTC"),
        ("2", "BTC", "2.00 BTC"),
        ("0.0312", "XAU", "0.0312 XAU"),
        ("12.5", "USDT", "12.50 USDT"),
        ("0.00314159", "GNS", "0.00314159 GNS"),
        ("0.00314159", "BRZ", "0.00314159 BRZ"),
        ("1", "¤#.0'{}%", "1.00 ¤#.0'{}%"),
        ("1", "usd", "1.00 usd"),
        ("1234.5678", "", "1,234.5678"),
        ("-7", "", "−7.00"),
    ],
)
def test_it_does_not_round_currencies_of_no_country(amount: str, currency: str, text: str) -> None:
    assert money(Decimal(amount), currency, locale="en") == text


@pytest.mark.parametrize("amount", ["0", "-0", "-0.00", "0.004", "-0.004", "0E+5", "-0E-20"])
def test_it_formats_a_rounded_zero_without_sign(amount: str) -> None:
    assert money(Decimal(amount), locale="en") == signed_money(Decimal(amount), locale="en") == "$0.00"
    assert money(Decimal(amount), "JPY", locale="en") == "0 JPY"
    assert rounded_money(Decimal(amount), locale="en") == short_money(Decimal(amount), locale="en") == "$0"


@pytest.mark.parametrize("format_amount", [money, signed_money, rounded_money])
def test_it_never_formats_an_unknown_amount_as_zero(format_amount) -> None:
    assert format_amount(None) == format_amount(None, "JPY") == "Not available"


def test_it_formats_amounts_larger_than_any_column_holds() -> None:
    assert money(Decimal(10) ** 40, "USD", locale="en") == f"${10**40:,}.00"
    assert money(-(Decimal(10) ** 40), "JPY", locale="de") == f"−{10**40:,} JPY".replace(",", ".")


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("en", "−$1,234.50 +$1,234.50 −1,234.50 EUR"),
        ("es", "−1.234,50\xa0US$ +1.234,50\xa0US$ −1.234,50 EUR"),
        ("de", "−1.234,50\xa0$ +1.234,50\xa0$ −1.234,50 EUR"),
        ("fr", "−1\u202f234,50\xa0$US +1\u202f234,50\xa0$US −1\u202f234,50 EUR"),
        ("ja", "−$1,234.50 +$1,234.50 −1,234.50 EUR"),
    ],
)
def test_it_places_signs_and_symbols_as_the_language_does(locale: str, text: str) -> None:
    amount = Decimal("1234.5")
    texts = money(-amount, locale=locale), signed_money(amount, locale=locale), money(-amount, "EUR", locale=locale)
    assert " ".join(texts) == text


def test_it_rounds_to_whole_units_for_sentences() -> None:
    assert [rounded_money(Decimal(text), locale="en") for text in ("6268.50", "-6267.5", "0.4")] == [
        "$6,269",
        "−$6,268",
        "$0",
    ]
    assert rounded_money(Decimal("0.00314159"), "BTC", locale="en") == "0.00314159 BTC"
    assert rounded_money(Decimal("6268.5"), "EUR", locale="en") == "6,269 EUR"


def test_it_omits_decimals_only_if_they_are_zero() -> None:
    assert [short_money(Decimal(text), locale="en") for text in ("500", "500.004", "2.5", "-1E+4")] == [
        "$500",
        "$500",
        "$2.50",
        "−$10,000",
    ]
    assert short_money(Decimal(2), "BTC", locale="en") == "2.00 BTC"


def test_it_describes_the_format_for_scripts() -> None:
    currencies = ("USD", "JPY", "KWD", "BTC", "")
    assert [currency_decimals(currency) for currency in currencies] == [(2, 2), (0, 0), (3, 3), (2, 10), (2, 10)]
    assert money_templates("USD", locale="en") == ("$#", "−$#")
    assert money_templates("EUR", locale="en") == ("# EUR", "−# EUR")
    assert money_templates("USD", locale="de") == ("#\xa0$", "−#\xa0$")


@given(st.decimals(min_value=-(10**17), max_value=10**17, places=10))
def test_it_loses_no_digits_of_an_unknown_currency(amount: Decimal) -> None:
    text = money(amount, "ETH", locale="en").removesuffix(" ETH").replace(",", "").replace(MINUS, "-")
    assert Decimal(text) == amount


@given(st.decimals(min_value=-(10**17), max_value=10**17, places=10))
def test_it_rounds_by_at_most_half_a_cent(amount: Decimal) -> None:
    text = money(amount, locale="en").replace("$", "").replace(",", "").replace(MINUS, "-")
    assert abs(Decimal(text) - amount) <= Decimal("0.005")


AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**25), max_value=10**25, places=6)
TINY = st.decimals(allow_nan=False, allow_infinity=False, min_value=-1, max_value=1, places=12)


@given(AMOUNTS | TINY | st.just(Decimal("-0")), st.sampled_from(LOCALES))
def test_it_formats_dollars_as_babel_does(amount: Decimal, locale: str) -> None:
    with decimal.localcontext(EXACT):
        expected = format_currency(amount.quantize(Decimal("0.01")) + 0, "USD", locale=locale)

    assert money(amount, locale=locale) == expected.replace("-", MINUS)


@given(AMOUNTS | TINY, st.sampled_from(LOCALES), st.sampled_from(("EUR", "JPY", "KWD", "CLF", "ISK", "GBP")))
def test_it_formats_other_currencies_with_the_digits_of_babel(amount: Decimal, locale: str, currency: str) -> None:
    unit = minor_unit(currency)
    assert unit is not None
    decimals = "0" * get_currency_precision(currency)
    grouping = "#,##,##0" if locale in ("hi", "en_IN") else "#,##0"
    with decimal.localcontext(EXACT):
        pattern = f"{grouping}.{decimals}" if decimals else grouping
        expected = format_decimal(amount.quantize(unit) + 0, format=pattern, locale=locale)

    assert money(amount, currency, locale=locale) == f"{expected.replace('-', MINUS)} {currency}"


@given(st.text(max_size=12), AMOUNTS)
def test_it_accepts_any_text_as_a_currency(currency: str, amount: Decimal) -> None:
    assert money(amount, currency, locale="en").endswith(f" {currency}" if currency else "") or currency == "USD"
