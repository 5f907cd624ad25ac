"""Text in CSV files that is safe to open in a spreadsheet."""

from typing import Final

# A cell that begins with one of these is a formula to a spreadsheet. Source: OWASP, CSV Injection.
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Characters without a width: a reader that drops them would find the formula behind them. They also turn the direction
# of the text that follows, so that a cell that begins with one shows something else than it contains.
INVISIBLE_STARTS: Final = tuple(
    "\u200b\u200c\u200d\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)
ESCAPED_STARTS: Final = FORMULA_STARTS + INVISIBLE_STARTS


class Echo:
    """A pseudo-file whose ``write`` returns what it is given, as in Django's guide to streaming CSV files."""

    def write(self, line: str) -> str:
        """Return the line."""
        return line


def escape_formula(text: str) -> str:
    """Prefix text that a spreadsheet would run as a formula with an apostrophe. Not for numbers, which stay numbers."""
    return f"'{text}" if text.startswith(ESCAPED_STARTS) else text
