"""Labels of a chart's axis: round amounts, abbreviated if that does not change the value."""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

from babel import Locale
from babel.numbers import NumberPattern

from formats.locales import active_locale
from formats.money import money_format, short_money
from formats.numbers import EXACT, ONE

TENTH: Final = Decimal("0.1")


class CompactUnit(NamedTuple):
    """How a locale abbreviates numbers from ``magnitude`` on, in units of ``size``: from 10,000 in units of 1,000.

    ``affixes`` are the texts before and after the digits, such as "K", for each plural form.
    """

    magnitude: Decimal
    size: Decimal
    affixes: Mapping[str, tuple[str, str]]


def axis_label(amount: Decimal, currency: str = "USD", *, locale: str | None = None) -> str:
    """Format a round value: ``$12.5K``, ``$2.50``."""
    return format_axis_label(amount, currency, locale or active_locale())


@lru_cache(maxsize=512)
def format_axis_label(amount: Decimal, currency: str, locale: str) -> str:
    """Format a value of an axis. The result is cached, because the same round values are on many pages."""
    for unit in compact_units(locale):
        quotient = EXACT.divide(amount, unit.size)
        if abs(amount) >= unit.magnitude and quotient == quotient.quantize(TENTH, None, EXACT):
            form = Locale.parse(locale).plural_form(abs(quotient))
            before, after = unit.affixes.get(form, unit.affixes["other"])
            number = money_format(currency, locale).number.enclose(before, after)
            digits = ONE if quotient == quotient.to_integral_value() else TENTH
            return number.write(quotient.quantize(digits, None, EXACT))
    return short_money(amount, currency, locale=locale)


@lru_cache(maxsize=64)
def compact_units(locale: str) -> list[CompactUnit]:
    """Return the abbreviations of a locale in CLDR, largest magnitude first. The pattern ``0`` means none."""
    forms = Locale.parse(locale).compact_decimal_formats["short"]
    units = []
    for magnitude, pattern in forms["other"].items():
        if pattern.pattern != "0":
            affixes = {form: read_affixes(patterns.get(magnitude, pattern)) for form, patterns in forms.items()}
            size = Decimal(magnitude).scaleb(1 - pattern.number_pattern.count("0"))
            units.append(CompactUnit(Decimal(magnitude), size, affixes))
    return sorted(units, key=lambda unit: unit.magnitude, reverse=True)


def read_affixes(pattern: NumberPattern) -> tuple[str, str]:
    """Return the text before and after the digits."""
    return pattern.prefix[0].replace("'", ""), pattern.suffix[0].replace("'", "")
