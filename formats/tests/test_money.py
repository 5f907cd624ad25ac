from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.money import CURRENCIES_BY_DECIMALS, DECIMALS, axis_label, currency_decimals, money, rounded_money


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        ("0.0031415900", "BTC", "0.00314159 BTC"),
        ("-0.0000000001", "BTC", "−0.0000000001 BTC"),
        ("2", "BTC", "2.00 BTC"),
        ("12.5", "USDT", "12.50 USDT"),
        ("1234.5678", "", "1,234.5678"),
        ("7", "", "7.00"),
        ("0.004", "USD", "$0.00"),
        ("1.23456", "CLF", "1.2346 CLF"),
    ],
)
def test_it_keeps_the_digits_of_a_currency_without_a_smallest_unit(amount: str, currency: str, words: str) -> None:
    assert money(Decimal(amount), currency) == words


def test_it_keeps_them_in_sentences_and_beside_an_axis() -> None:
    assert rounded_money(Decimal("0.00314159"), "BTC") == "0.00314159 BTC"
    assert axis_label(Decimal("0.0025"), "BTC") == "0.0025 BTC"
    assert axis_label(Decimal("0.0025"), "USD") == "$0.00"
    assert (rounded_money(Decimal("6268.5"), "EUR"), axis_label(Decimal(12500), "BTC")) == ("6,269 EUR", "12.5K BTC")


def test_it_says_how_many_decimals_a_script_has_to_write() -> None:
    assert [currency_decimals(each) for each in ("USD", "JPY", "KWD", "BTC", "")] == [
        (2, 2),
        (0, 0),
        (3, 3),
        (2, 10),
        (2, 10),
    ]


def test_it_names_each_currency_once() -> None:
    assert sum(len(codes.split()) for codes in CURRENCIES_BY_DECIMALS.values()) == len(DECIMALS)


@given(st.decimals(min_value=-(10**17), max_value=10**17, places=10))
def test_it_loses_nothing_of_a_currency_that_it_does_not_know(amount: Decimal) -> None:
    words = money(amount, "ETH").removesuffix(" ETH").replace(",", "").replace("−", "-")
    assert Decimal(words) == amount
