"""Texts that a spreadsheet would run are escaped, and nothing else."""

import csv
import io
import re
import sys
from unicodedata import category

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from formats.spreadsheets import SEPARATORS, build_pattern, escape_formula, escape_separated_formulas

# Of all characters; no database of this site stores NUL.
CHARACTERS = [*map(chr, range(1, sys.maxunicode + 1))]
INVISIBLE = [char for char in CHARACTERS if category(char) in ("Cc", "Cf")]
# Spaces, ends of lines, marks, and what else is ignorable by default.
BLANK = [char for char in CHARACTERS if category(char)[0] in "ZM"] + [*"\u115f\u1160\u2065\u3164\uffa0\ufff0\U000e0080"]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@A1",
        "\tx",
        "\rx",
        "\nx",
        "\t",
        "＝1",
        "＋1",
        "－1",
        "＠A1",
        "\u202e=1",
        "\ufeff=1",
        "\u200b@",
    ],
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
    others = [char for char in INVISIBLE if char not in SEPARATORS]
    assert [hex(ord(char)) for char in others if escape_formula(f"{char}=1") != f"'{char}=1"] == []


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


# --- Separators of other languages ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("Shop;=1+1;", "Shop;'=1+1;"),
        ("Shop\t-1", "Shop\t'-1"),
        ("a\r\n@A1", "a\r'\n'@A1"),
        ("\t=1", "'\t'=1"),
        ("; \u202e\uff1d1;+1", ";' \u202e\uff1d1;'+1"),
        ('x;"=1"', 'x;\'"=1"'),
        ("a; b\t1;\n2", "a; b\t1;\n2"),
    ],
)
def test_it_escapes_a_formula_behind_another_separator(text: str, escaped: str) -> None:
    assert escape_formula(text) == escaped
    assert escape_formula(escaped) == escaped


TEXTS = st.lists(st.text(alphabet=";\t\r\n=-\"', \u200bx", max_size=8), min_size=1, max_size=4)


def write_lines(texts: list[str]) -> str:
    """Write two lines of CSV as COPY does: with a text that has an end of a line in quotes."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(["1f", *texts, "-5"])
    return (line.getvalue().removesuffix("\r\n") + "\n") * 2


@pytest.mark.parametrize("delimiter", [";", "\t", ","])
@given(TEXTS)
def test_no_program_finds_a_formula_whatever_separates_its_cells(delimiter: str, texts: list[str]) -> None:
    lines = io.StringIO(write_lines([escape_formula(text) for text in texts]), newline="")
    cells = [cell for row in csv.reader(lines, delimiter=delimiter) for cell in row if cell != "-5"]
    assert [cell for cell in cells if cell.lstrip("\u200b \t\r\n").startswith(("=", "-"))] == []


@given(TEXTS)
@example(["\n\r="])
@example(["\r\n=", ";\t-"])
def test_it_escapes_lines_as_it_escapes_their_texts(texts: list[str]) -> None:
    """PostgreSQL escapes texts at their beginning only. Amounts stay numbers."""
    begun = [f"'{text}" if re.match(build_pattern(), text) else text for text in texts]
    escaped = write_lines([escape_formula(text) for text in texts])
    assert escape_separated_formulas(write_lines(begun).encode()).decode() == escaped


def test_it_returns_lines_without_separators_as_they_are() -> None:
    lines = b"1f,Shop,-5\n2a,'=1,7\n"
    assert escape_separated_formulas(lines) is lines
