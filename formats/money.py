"""Formats amounts of money, rounded to the minor unit of their currency.

US dollars have the symbol of the locale. Other currencies have their code after the digits, because several share a
symbol such as ``¥`` or ``kr``. An amount in a currency of no country, such as BTC, is not rounded.
"""

from decimal import Decimal
from functools import cache, lru_cache
from typing import Final, NamedTuple

from babel import Locale
from babel.core import get_global
from babel.numbers import get_currency_precision, get_currency_symbol, get_territory_currencies

from formats.locales import active_locale
from formats.numbers import EXACT, ONE, NumberFormat, not_available

CENT: Final = Decimal("0.01")
MOST_DIGITS: Final = 10
# CLDR's territory of currencies that no territory uses, such as gold and codes for tests.
NO_TERRITORY: Final = "ZZ"
# The decimals of currencies that have none in CLDR, and not the usual two in ISO 4217.
# Source: https://www.iso.org/iso-4217-currency-codes.html
ISO_DIGITS: Final = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI"), 0),
    **dict.fromkeys(("VND", "VUV", "XAF", "XOF", "XPF"), 0),
    "IQD": 3,
}


class MoneyFormat(NamedTuple):
    """The format of amounts in one currency. ``unit`` is the minor unit, ``None`` if the currency is of no country."""

    number: NumberFormat
    unit: Decimal | None


@lru_cache(maxsize=512)
def money_format(currency: str, locale: str) -> MoneyFormat:
    """Return the format of amounts in a currency. The code may be any text, because banks send codes of their own."""
    cldr = Locale.parse(locale)
    if currency == "USD":
        symbol = get_currency_symbol(currency, cldr)
        number = NumberFormat.from_pattern(cldr.currency_formats["standard"], cldr, symbol=symbol)
    else:
        number = NumberFormat.from_pattern(cldr.decimal_formats[None], cldr, code=currency)
    return MoneyFormat(number, minor_unit(currency))


def minor_unit(currency: str) -> Decimal | None:
    """Return the minor unit of a currency, such as 0.01, or ``None`` for a currency of no country."""
    return ONE.scaleb(-minor_unit_digits(currency)) if currency in current_currencies() else None


@cache
def current_currencies() -> frozenset[str]:
    """Return the codes of currencies in use. Former ones are excluded, because crypto tokens may have the same code."""
    territories = get_global("territory_currencies").keys() - {NO_TERRITORY}
    return frozenset(
        currency for territory in territories for currency in get_territory_currencies(territory, non_tender=True)
    )


def minor_unit_digits(currency: str) -> int:
    """Return the number of decimals of the minor unit as ISO 4217 defines it.

    CLDR's number is that of customary prices, which have no decimals in Colombian pesos or forints. Banks book such
    amounts with decimals, which must not be rounded away.
    """
    return get_currency_precision(currency) or ISO_DIGITS.get(currency, 2)


def currency_decimals(currency: str) -> tuple[int, int]:
    """Return the smallest and the largest number of decimals of an amount in this currency."""
    if minor_unit(currency) is None:
        return 2, MOST_DIGITS
    return (minor_unit_digits(currency),) * 2


def money_templates(currency: str, *, locale: str | None = None) -> tuple[str, str]:
    """Return templates for scripts, with ``#`` for the digits, of positive and negative amounts: ``$#`` and ``−$#``."""
    number = money_format(currency, locale or active_locale()).number
    return f"{number.before}#{number.after}", f"{number.before_minus}#{number.after_minus}"


def money(amount: Decimal | None, currency: str = "USD", *, locale: str | None = None) -> str:
    """Format an amount: ``$1,234.56``, ``−$20.00``, ``1,234 JPY``, ``0.00314159 BTC``."""
    if amount is None:
        return not_available()
    number, unit = money_format(currency, locale or active_locale())
    return number.write(amount.quantize(unit, None, EXACT) if unit else trim_zeros(amount))


def signed_money(amount: Decimal | None, currency: str = "USD", *, locale: str | None = None) -> str:
    """Format an amount with its sign: ``+$50.00`` for money in, ``−$50.00`` for money out."""
    if amount is None:
        return not_available()
    number, unit = money_format(currency, locale or active_locale())
    return number.write(amount.quantize(unit, None, EXACT) if unit else trim_zeros(amount), with_plus=True)


def rounded_money(amount: Decimal | None, currency: str = "USD", *, locale: str | None = None) -> str:
    """Format an amount to the nearest whole unit, for sentences: ``$6,268``."""
    if amount is None:
        return not_available()
    number, unit = money_format(currency, locale or active_locale())
    return number.write(amount.quantize(ONE, None, EXACT) if unit else trim_zeros(amount))


def short_money(amount: Decimal, currency: str = "USD", *, locale: str | None = None) -> str:
    """Format an amount, without decimals if they are zero: ``$500``, ``$2.50``."""
    number, unit = money_format(currency, locale or active_locale())
    if unit is None:
        return number.write(trim_zeros(amount))
    exact = amount.quantize(unit, None, EXACT)
    return number.write(exact.quantize(ONE, None, EXACT) if exact == exact.to_integral_value() else exact)


def trim_zeros(amount: Decimal) -> Decimal:
    """Return the amount without the trailing zeros of its database column, but with at least two decimals."""
    short = amount.normalize(EXACT)
    exponent = short.as_tuple().exponent
    return short if isinstance(exponent, int) and exponent < -2 else short.quantize(CENT, None, EXACT)
