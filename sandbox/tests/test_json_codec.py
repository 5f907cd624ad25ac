from decimal import Decimal

import pytest

from sandbox.json_codec import dumps, loads


@pytest.mark.parametrize(
    "digits", ["23631.9805", "90071992547409.93", "-0.008902867462305952", "0.10", "1234567890.12"]
)
def test_it_keeps_every_digit_of_a_number(digits: str) -> None:
    assert dumps({"amount": Decimal(digits)}) == f'{{"amount":{digits}}}'
    assert loads(f'{{"amount": {digits}}}') == {"amount": Decimal(digits)}
    assert str(loads(digits)) == digits


@pytest.mark.parametrize("text", ["NaN", "Infinity", '{"a": -Infinity}', "", "{", "{'a': 1}", b"\xff\xfe"])
def test_it_refuses_invalid_json(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"JSON|truncated"):
        loads(text)


def test_it_sends_text_of_every_script() -> None:
    assert loads(dumps("ラーメン ☕️ متجر \u2028")) == "ラーメン ☕️ متجر \u2028"
