"""Text in CSV files that is safe to open in a spreadsheet."""

from typing import Final

# A cell that begins with one of these is a formula to a spreadsheet, in some languages also the wide and small forms.
# Source: OWASP, CSV Injection.
FORMULA_STARTS: Final = tuple("=+-@＝＋－＠﹦﹢﹣﹫")
# All control and format characters (Cc and Cf in Unicode) as ranges, without NUL, which PostgreSQL does not store: a
# reader that drops them, or a line break, would find the formula behind them. Some turn the direction of the text that
# follows, so that a cell that begins with one shows something else than it contains.
INVISIBLE_RANGES: Final = (
    ("\x01", "\x1f"), ("\x7f", "\x9f"), ("\u00ad", "\u00ad"), ("\u0600", "\u0605"), ("\u061c", "\u061c"),
    ("\u06dd", "\u06dd"), ("\u070f", "\u070f"), ("\u0890", "\u0891"), ("\u08e2", "\u08e2"), ("\u180e", "\u180e"),
    ("\u200b", "\u200f"), ("\u202a", "\u202e"), ("\u2060", "\u206f"), ("\ufeff", "\ufeff"), ("\ufff9", "\ufffb"),
    ("\U000110bd", "\U000110bd"), ("\U000110cd", "\U000110cd"), ("\U00013430", "\U0001343f"),
    ("\U0001bca0", "\U0001bca3"), ("\U0001d173", "\U0001d17a"), ("\U000e0001", "\U000e0001"),
    ("\U000e0020", "\U000e007f"),
)  # fmt: skip
INVISIBLE_STARTS: Final = tuple(
    chr(code_point) for first, last in INVISIBLE_RANGES for code_point in range(ord(first), ord(last) + 1)
)
ESCAPED_STARTS: Final = FORMULA_STARTS + INVISIBLE_STARTS
ESCAPED_CHARACTERS: Final = frozenset(ESCAPED_STARTS)


class Echo:
    """A pseudo-file whose ``write`` returns what it is given, as in Django's guide to streaming CSV files."""

    def write(self, line: str) -> str:
        """Return the line."""
        return line


def escape_formula(text: str) -> str:
    """Prefix text that a spreadsheet would run as a formula with an apostrophe. Not for numbers, which stay numbers."""
    return f"'{text}" if text[:1] in ESCAPED_CHARACTERS else text
