"""Counts and shares as text, and the digits of amounts: grouped, rounded half up, signed, as the locale writes them.

Babel reads the pattern of a locale once; digits are then written by Python's own ``format``, which takes a twentieth of
the time of ``babel.numbers`` (``docs/decisions/0022-formats.md``). Tests hold the two equal.
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
    """How a locale writes one kind of number: the text around the digits, and the separators.

    ``before_gain`` precedes a positive number whose sign is said. ``group_sizes`` count digits from the decimal point
    on: the last group, then all others. ``is_plain`` says that the digits are as Python writes them.
    """

    before: str
    after: str
    before_minus: str
    after_minus: str
    before_gain: str
    group: str
    point: str
    group_sizes: tuple[int, int]
    is_plain: bool

    @classmethod
    def read(cls, pattern: NumberPattern, locale: Locale, *, symbol: str = "", code: str = "") -> Self:
        """Read a pattern of CLDR. ``symbol`` takes the place of ``¤``; ``code`` follows the digits."""
        before, before_minus, after, after_minus = (
            part.replace("¤", symbol).replace("'", "") for part in (*pattern.prefix, *pattern.suffix)
        )
        following = f" {code}" if code else ""
        group, point, group_sizes = get_group_symbol(locale), get_decimal_symbol(locale), pattern.grouping
        return cls(
            before=before,
            after=after + following,
            before_minus=before_minus.replace("-", MINUS),
            after_minus=after_minus.replace("-", MINUS) + following,
            before_gain=before_minus.replace("-", "+"),
            group=group,
            point=point,
            group_sizes=group_sizes,
            is_plain=(group, point, group_sizes) == (",", ".", THOUSANDS),
        )

    def enclose(self, before: str, after: str) -> Self:
        """Return the same format with more text around the digits, within its own."""
        return self._replace(
            before=self.before + before,
            before_minus=self.before_minus + before,
            before_gain=self.before_gain + before,
            after=after + self.after,
            after_minus=after + self.after_minus,
        )

    def write(self, number: Decimal, *, with_plus: bool = False) -> str:
        """Write a number with all its digits; a zero has no sign."""
        digits = f"{number:,f}".lstrip("-")
        if not self.is_plain:
            digits = self.localize(digits)
        if number < 0:
            return f"{self.before_minus}{digits}{self.after_minus}"
        return f"{self.before_gain if with_plus and number else self.before}{digits}{self.after}"

    def localize(self, digits: str) -> str:
        """Put the locale's marks in place of the commas and the point in ``1,234.5``."""
        whole, _point, fraction = digits.partition(".")
        groups = whole.split(",")
        if self.group_sizes != THOUSANDS:
            groups = split_groups("".join(groups), self.group_sizes)
        return self.group.join(groups) + (self.point + fraction if fraction else "")


def split_groups(digits: str, sizes: tuple[int, int]) -> list[str]:
    """Split digits as Indian languages do: three at the end, and twos before them."""
    last, size = sizes
    rest, groups = digits[:-last], [digits[-last:]]
    while rest:
        rest, group = rest[:-size], rest[-size:]
        groups.insert(0, group)
    return groups


@lru_cache(maxsize=64)
def count_format(locale: str) -> NumberFormat:
    """Return how a locale writes a plain number."""
    cldr = Locale.parse(locale)
    return NumberFormat.read(cldr.decimal_formats[None], cldr)


@lru_cache(maxsize=64)
def percent_format(locale: str) -> NumberFormat:
    """Return how a locale writes a number of percent."""
    cldr = Locale.parse(locale)
    return NumberFormat.read(cldr.percent_formats[None], cldr)


def not_available() -> str:
    """Return the text for an unknown value."""
    return _("Not available")


def count(number: int, *, locale: str | None = None) -> str:
    """Format a whole number: ``12,340``."""
    return count_format(locale or active_locale()).write(Decimal(number))


def percent(value: Decimal | None, *, locale: str | None = None) -> str:
    """Format a share in whole percent: ``14%``; a trace reads "under 1%" because it is not nothing."""
    if value is None:
        return not_available()
    if 0 < value < ONE:
        return _("under 1%")
    return exact_percent(value.quantize(ONE, None, EXACT), locale=locale)


def exact_percent(value: Decimal | int, *, locale: str | None = None) -> str:
    """Format a share in percent with the decimals that it has: ``28.6%``."""
    return percent_format(locale or active_locale()).write(Decimal(value))
