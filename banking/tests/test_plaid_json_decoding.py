from decimal import Decimal

import pytest

from banking.plaid import json_decoding
from banking.plaid.json_decoding import InvalidJsonResponse, InvalidNumber


@pytest.mark.parametrize("text", ["", " ", "[]", "null", "1", '"x"', "{", '{"a"}', '{"a": 1} trailing', "{'a': 1}"])
def test_it_decodes_only_one_object(text):
    with pytest.raises(InvalidJsonResponse) as error:
        json_decoding.decode(text)
    assert error.value.__context__ is None


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1" * 4301, "1e1000000000000000000000"])
def test_it_rejects_invalid_numbers(number):
    with pytest.raises(InvalidNumber):
        json_decoding.decode(f'{{"a": {number}}}')


def test_it_decodes_only_utf_8():
    for encoding in ("utf-16", "utf-32", "latin-1"):
        with pytest.raises(InvalidJsonResponse):
            json_decoding.decode('{"a": "é"}'.encode(encoding))
    assert json_decoding.decode('{"a": "é"}'.encode()) == {"a": "é"}


def test_it_keeps_every_digit():
    text = '{"a": 0.10, "b": 123456789012345678901.5, "c": 1e400, "d": -0.0, "e": 18446744073709551616}'
    decoded = json_decoding.decode(text)
    assert [str(value) for value in decoded.values()] == [
        *("0.10", "123456789012345678901.5", "1E+400", "-0.0", "18446744073709551616")
    ]
    assert [type(value) for value in decoded.values()] == [Decimal, Decimal, Decimal, Decimal, int]


def test_it_decodes_half_a_surrogate_pair():
    assert json_decoding.decode(r'{"a": "Caf\ud83d", "b": 0.10}') == {"a": "Caf\ud83d", "b": Decimal("0.10")}


def test_it_rejects_deeply_nested_json():
    with pytest.raises(InvalidJsonResponse):
        json_decoding.decode('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}")
