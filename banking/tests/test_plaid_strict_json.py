import pytest

from banking.plaid import strict_json
from banking.plaid.strict_json import BadNumber, NotJson


@pytest.mark.parametrize("text", ["", " ", "[]", "null", "1", '"x"', "{", '{"a"}', '{"a": 1} trailing', "{'a': 1}"])
def test_it_reads_nothing_but_one_object(text):
    with pytest.raises(NotJson) as caught:
        strict_json.decode(text)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1" * 4301, "1e1000000000000000000000"])
def test_it_reads_no_number_that_json_does_not_know(number):
    with pytest.raises(BadNumber):
        strict_json.decode(f'{{"a": {number}}}')


def test_it_reads_only_utf_8():
    for encoding in ("utf-16", "utf-32", "latin-1"):
        with pytest.raises(NotJson):
            strict_json.decode('{"a": "é"}'.encode(encoding))
    assert strict_json.decode('{"a": "é"}'.encode()) == {"a": "é"}
