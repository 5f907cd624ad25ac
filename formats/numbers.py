"""Formats counts and percentages, and the digits of amounts: grouped, rounded half up and signed as in the locale.

Babel reads the pattern of a locale once; Python's ``format`` then writes the digits in a twentieth of the time of
``babel.numbers`` (``docs/decisions/0022-formats.md``). Tests check that the results are equal.
"""

from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from typing import Final, NamedTuple, Self

from babel import Locale
from babel.numbers import NumberPattern, get_decimal_symbol, get_group_symbol
from django.utils.translation import gettext as _

from formats.locales import active_locale

MINUS: Final = "\N{MINUS SIGN}"
EXACT: Final = Context(prec=60, rounding=ROUND_HALF_UP)
ONE: Final = Decimal(1)
THOUSANDS: Final = (3, 3)


class NumberFormat(NamedTuple):
    """The format of one kind of number in a locale: the text around the digits, and the separators.

    ``before_plus`` is the text before a positive number with a plus sign. ``group_sizes`` are the digits of the group
    before the decimal point, and of all other groups. ``is_plain`` is true if the separators are those of Python.
    """

    before: str
    after: str
    before_minus: str
    after_minus: str
    before_plus: str
    group: str
    point: str
    group_sizes: tuple[int, int]
    is_plain: bool

    @classmethod
    def from_pattern(cls, pattern: NumberPattern, locale: Locale, *, symbol: str = "", code: str = "") -> Self:
        """Parse a pattern of CLDR. ``symbol`` replaces ``¤``; ``code`` follows the digits."""
        before, before_minus, after, after_minus = (
            part.replace("¤", symbol).replace("'", "") for part in (*pattern.prefix, *pattern.suffix)
        )
        suffix = f" {code}" if code else ""
        group, point, group_sizes = get_group_symbol(locale), get_decimal_symbol(locale), pattern.grouping
        return cls(
            before=before,
            after=after + suffix,
            before_minus=before_minus.replace("-", MINUS),
            after_minus=after_minus.replace("-", MINUS) + suffix,
            before_plus=before_minus.replace("-", "+"),
            group=group,
            point=point,
            group_sizes=group_sizes,
            is_plain=(group, point, group_sizes) == (",", ".", THOUSANDS),
        )

    def enclose(self, before: str, after: str) -> Self:
        """Return the format with more text directly before and after the digits."""
        return self._replace(
            before=self.before + before,
            before_minus=self.before_minus + before,
            before_plus=self.before_plus + before,
            after=after + self.after,
            after_minus=after + self.after_minus,
        )

    def write(self, number: Decimal, *, with_plus: bool = False) -> str:
        """Format a number with all its digits; zero has no sign."""
        digits = f"{number:,f}".lstrip("-")
        if not self.is_plain:
            digits = self.localize(digits)
        if number < 0:
            return f"{self.before_minus}{digits}{self.after_minus}"
        return f"{self.before_plus if with_plus and number else self.before}{digits}{self.after}"

    def localize(self, digits: str) -> str:
        """Replace the separators of ``1,234.5`` with those of the locale."""
        whole, _point, fraction = digits.partition(".")
        groups = whole.split(",")
        if self.group_sizes != THOUSANDS:
            groups = split_groups("".join(groups), self.group_sizes)
        return self.group.join(groups) + (self.point + fraction if fraction else "")


def split_groups(digits: str, sizes: tuple[int, int]) -> list[str]:
    """Split digits into groups of different sizes, such as 12,34,567 in Indian languages."""
    last, size = sizes
    rest, groups = digits[:-last], [digits[-last:]]
    while rest:
        rest, group = rest[:-size], rest[-size:]
        groups.insert(0, group)
    return groups


@lru_cache(maxsize=64)
def count_format(locale: str) -> NumberFormat:
    """Return the format of plain numbers in a locale."""
    cldr = Locale.parse(locale)
    return NumberFormat.from_pattern(cldr.decimal_formats[None], cldr)


@lru_cache(maxsize=64)
def percent_format(locale: str) -> NumberFormat:
    """Return the format of percentages in a locale."""
    cldr = Locale.parse(locale)
    return NumberFormat.from_pattern(cldr.percent_formats[None], cldr)


def not_available() -> str:
    """Return the text for an unknown value."""
    return _("Not available")


def count(number: int, *, locale: str | None = None) -> str:
    """Format a whole number: ``12,340``."""
    return count_format(locale or active_locale()).write(Decimal(number))


def percent(value: Decimal | None, *, locale: str | None = None) -> str:
    """Format a percentage without decimals: ``14%``; "under 1%" for a positive one below 1."""
    if value is None:
        return not_available()
    if 0 < value < ONE:
        return _("under 1%")
    return exact_percent(value.quantize(ONE, None, EXACT), locale=locale)


def exact_percent(value: Decimal | int, *, locale: str | None = None) -> str:
    """Format a percentage with all its decimals: ``28.6%``."""
    return percent_format(locale or active_locale()).write(Decimal(value))
