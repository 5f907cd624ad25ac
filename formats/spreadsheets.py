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


class Echo:
    """A pseudo-file whose ``write`` returns what it is given, as in Django's guide to streaming CSV files."""

    def write(self, line: str) -> str:
        """Return the line."""
        return line


def escape_formula(text: str) -> str:
    """Prefix text that a spreadsheet would run as a formula with an apostrophe. Not for numbers, which stay numbers."""
    return f"'{text}" if _compile_pattern().match(text) else text


@cache
def build_pattern() -> str:
    """Return the regular expression of texts to escape, the same for Python and PostgreSQL.

    They begin with an invisible character, or with a formula behind any number of blank, invisible or ignorable ones.
    """
    invisible = _list_characters(INVISIBLE)
    skipped = sorted({*invisible, *_list_characters(BLANK), *IGNORABLE})
    formula = _build_class(sorted(map(ord, FORMULA_STARTS)))
    return f"^(?:{_build_class(invisible)}|{_build_class(skipped)}*{formula})"


@cache
def _compile_pattern() -> re.Pattern[str]:
    return re.compile(build_pattern())


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
