"""Text in CSV files that is safe to open in a spreadsheet."""

import re
from collections.abc import Iterable
from functools import cache
from itertools import chain
from typing import Final
from unicodedata import category

# A cell that begins with one of these is a formula to a spreadsheet, in some languages also the wide and small forms.
# Source: OWASP, CSV Injection.
FORMULA_STARTS: Final = "=+-@＝＋－＠﹦﹢﹣﹫"
# Without NUL, which PostgreSQL does not store; there are no such characters in the planes between.
CODE_POINTS: Final = (range(1, 0x20000), range(0xE0000, 0xE1000))
# Control and format characters. Some turn the direction of the text that follows, so that a cell that begins with one
# shows something else than it contains.
INVISIBLE: Final = frozenset({"Cc", "Cf"})
# Spaces, ends of lines and marks, which a reader may drop or not show: it would find the formula behind them.
BLANK: Final = frozenset({"Zs", "Zl", "Zp", "Mn", "Mc", "Me"})
# What else Unicode calls Default_Ignorable_Code_Point: fillers of Hangul, and what is reserved.
IGNORABLE: Final = frozenset(
    chain((0x115F, 0x1160, 0x2065, 0x3164, 0xFFA0), range(0xFFF0, 0xFFF9), range(0xE0000, 0xE1000))
)


# Where a program begins a cell that expects another separator than the comma, as spreadsheets do in many languages. The
# quotes around a text of several lines mean nothing to it, because it does not find them at the beginning of a cell.
SEPARATORS: Final = ";\t\r\n"
# What the first line of a block of CSV cannot have behind it, unless a text of several lines goes on there.
_LINE_OF_TEXT: Final = re.compile(rb"\n[^0-9A-Za-z]")
_QUOTED_OR_NOT: Final = re.compile(r'"(?:[^"]|"")*"|[^"]+')


class Echo:
    """A pseudo-file whose ``write`` returns what it is given, as in Django's guide to streaming CSV files."""

    def write(self, line: str) -> str:
        """Return the line."""
        return line


def escape_formula(text: str) -> str:
    """Put an apostrophe before whatever a spreadsheet would run in a text. Not for numbers, which stay numbers.

    That is at the beginning, and behind each of ``SEPARATORS``.
    """
    escaped = f"'{text}" if _compile_pattern().match(text) else text
    if any(separator in text for separator in SEPARATORS):
        return _compile_separated(SEPARATORS).sub(r"\1'", escaped)
    return escaped


def escape_separated_formulas(lines: bytes) -> bytes:
    """Do the same behind separators in whole lines of CSV, whose texts are escaped at their beginning already.

    A fast search finds that most lines need nothing.
    """
    if not (any(char in lines for char in (b";", b"\t", b"\r")) or _LINE_OF_TEXT.search(lines)):
        return lines
    return _QUOTED_OR_NOT.sub(_escape_part, lines.decode()).encode()


def _escape_part(part: re.Match[str]) -> str:
    # A text with the end of a line is in quotes. Outside of them, that ends a line of the file.
    separators = SEPARATORS if part[0].startswith('"') else ";\t"
    return _compile_separated(separators).sub(r"\1'", part[0])


@cache
def build_pattern() -> str:
    """Return the regular expression of texts to escape, the same for Python and PostgreSQL.

    They begin with an invisible character, or with a formula behind any number of blank, invisible or ignorable ones.
    """
    return f"^(?:{_build_class(_list_characters(INVISIBLE))}|{_build_formula()})"


def _build_formula(also_skipped: str = "") -> str:
    skipped = {*_list_characters(INVISIBLE), *_list_characters(BLANK), *IGNORABLE, *map(ord, also_skipped)}
    return f"{_build_class(sorted(skipped))}*{_build_class(sorted(map(ord, FORMULA_STARTS)))}"


@cache
def _compile_pattern() -> re.Pattern[str]:
    return re.compile(build_pattern())


@cache
def _compile_separated(separators: str) -> re.Pattern[str]:
    # A quote at the beginning of such a cell is not part of it.
    formula = _build_formula(also_skipped='"')
    return re.compile(f"([{separators}])(?={formula})")


def _list_characters(categories: frozenset[str]) -> list[int]:
    return [code_point for code_point in chain(*CODE_POINTS) if category(chr(code_point)) in categories]


def _build_class(code_points: Iterable[int]) -> str:
    """Return a class of sorted characters, as ranges in escapes that Python and PostgreSQL know."""
    ranges: list[list[int]] = []
    for code_point in code_points:
        if ranges and ranges[-1][1] == code_point - 1:
            ranges[-1][1] = code_point
        else:
            ranges.append([code_point, code_point])
    return "[" + "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges) + "]"
