"""Texts that a spreadsheet would run are escaped, and nothing else."""

import sys
from unicodedata import category

import pytest

from formats.spreadsheets import escape_formula

# Of all characters; no database of this site stores NUL.
CHARACTERS = [*map(chr, range(1, sys.maxunicode + 1))]
INVISIBLE = [char for char in CHARACTERS if category(char) in ("Cc", "Cf")]
# Spaces, ends of lines, marks, and what else is ignorable by default.
BLANK = [char for char in CHARACTERS if category(char)[0] in "ZM"] + [*"\u115f\u1160\u2065\u3164\uffa0\ufff0\U000e0080"]


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@A1", "\tx", "\rx", "\nx", "＝1", "＋1", "－1", "＠A1", "\u202e=1", "\ufeff=1", "\u200b@"],
)
def test_it_escapes_what_a_spreadsheet_would_run(text: str) -> None:
    assert escape_formula(text) == f"'{text}"


@pytest.mark.parametrize(
    "start", ["﹢", "﹣", "﹦", "﹫", "\xad", "\u180e", "\u2061", "\u2064", "\x7f", "\x85", "\U000e0020"]
)
def test_it_escapes_small_forms_and_invisible_characters(start: str) -> None:
    assert escape_formula(f"{start}=1") == f"'{start}=1"


def test_it_escapes_behind_every_control_and_format_character() -> None:
    assert len(INVISIBLE) > 200
    assert [hex(ord(char)) for char in INVISIBLE if escape_formula(f"{char}=1") != f"'{char}=1"] == []


def test_it_escapes_a_formula_behind_blank_characters() -> None:
    assert len(BLANK) > 2000
    assert [hex(ord(char)) for char in BLANK if escape_formula(f"{char}=1") != f"'{char}=1"] == []


@pytest.mark.parametrize(
    "start", [" ", "   ", "\xa0", "\u2028", "\u3000 \u3164", "\u034f\ufe0f", " \u202e", "\u0301\u200b "]
)
@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@A1", "＝1", "﹦1"])
def test_it_escapes_a_formula_behind_several_of_them(start: str, formula: str) -> None:
    assert escape_formula(start + formula) == f"'{start}{formula}"


def test_it_leaves_texts_behind_blank_characters_as_they_are() -> None:
    assert [hex(ord(char)) for char in BLANK if escape_formula(f"{char}x=1") != f"{char}x=1"] == []


@pytest.mark.parametrize(
    "text", ["", " ", "Café", "1=1", " a=1", " 1", "\u3000a", "a\u202eb", "'=1", " '=1", "Ünïcode", "שלום"]
)
def test_it_leaves_other_texts_as_they_are(text: str) -> None:
    assert escape_formula(text) == text
