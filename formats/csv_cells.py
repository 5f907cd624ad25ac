"""Cells of CSV files that are safe to open in a spreadsheet."""

from typing import Final

# A cell that begins with one of these is a formula to a spreadsheet. Source: OWASP, CSV Injection.
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class Echo:
    """A pseudo-file whose ``write`` returns what it is given, as in Django's guide to streaming CSV files."""

    def write(self, line: str) -> str:
        """Return the line."""
        return line


def escape_formula(text: str) -> str:
    """Prefix text that a spreadsheet would run as a formula. Amounts are our own numbers and stay as they are."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
