"""Amounts of money as text, to the smallest unit of their currency.

A dollar amount has the symbol that the locale gives it. Any other currency goes by its code behind the digits, because
a symbol such as ``¥`` or ``kr`` belongs to several. A currency that is no country's, such as BTC, keeps the digits that
its amount came with.
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
# Where CLDR files currencies that no territory uses, such as gold and codes for tests.
NO_TERRITORY: Final = "ZZ"
# Where CLDR has no digits, and ISO 4217 not its usual two. Source: https://www.iso.org/iso-4217-currency-codes.html
ISO_DIGITS: Final = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI"), 0),
    **dict.fromkeys(("VND", "VUV", "XAF", "XOF", "XPF"), 0),
    "IQD": 3,
}


class MoneyFormat(NamedTuple):
    """How a locale writes amounts in one currency. ``unit`` is ``None`` where nobody defines the smallest one."""

    number: NumberFormat
    unit: Decimal | None


@lru_cache(maxsize=512)
def money_format(currency: str, locale: str) -> MoneyFormat:
    """Read from CLDR how a locale writes amounts in a currency; any text may be the currency's code."""
    cldr = Locale.parse(locale)
    if currency == "USD":
        symbol = get_currency_symbol(currency, cldr)
        number = NumberFormat.read(cldr.currency_formats["standard"], cldr, symbol=symbol)
    else:
        number = NumberFormat.read(cldr.decimal_formats[None], cldr, code=currency)
    return MoneyFormat(number, smallest_unit(currency))


def smallest_unit(currency: str) -> Decimal | None:
    """Return a cent, a yen, or ``None`` for what is no country's currency."""
    return ONE.scaleb(-minor_unit_digits(currency)) if currency in current_currencies() else None


@cache
def current_currencies() -> frozenset[str]:
    """Return the codes that a territory uses today. A token may go by the code of a currency that is no more."""
    territories = get_global("territory_currencies").keys() - {NO_TERRITORY}
    return frozenset(
        currency for territory in territories for currency in get_territory_currencies(territory, non_tender=True)
    )


def minor_unit_digits(currency: str) -> int:
    """Return the digits of the minor unit as ISO 4217 defines it.

    CLDR says how prices are customarily written, which is without cents for pesos of Colombia or forints. A bank books
    them with cents all the same, and a booked amount is never rounded away.
    """
    return get_currency_precision(currency) or ISO_DIGITS.get(currency, 2)


def currency_decimals(currency: str) -> tuple[int, int]:
    """How many decimals an amount of this currency has at least and at most."""
    if smallest_unit(currency) is None:
        return 2, MOST_DIGITS
    return (minor_unit_digits(currency),) * 2


def money_templates(currency: str, *, locale: str | None = None) -> tuple[str, str]:
    """Return what a script writes around digits, whose place is ``#``, above and below zero: ``$#`` and ``−$#``."""
    number = money_format(currency, locale or active_locale()).number
    return f"{number.before}#{number.after}", f"{number.before_minus}#{number.after_minus}"


def money(amount: Decimal | None, currency: str = "USD", *, locale: str | None = None) -> str:
    """Format an amount: ``$1,234.56``, ``−$20.00``, ``1,234 JPY``, ``0.00314159 BTC``."""
    if amount is None:
        return not_available()
    number, unit = money_format(currency, locale or active_locale())
    return number.write(amount.quantize(unit, None, EXACT) if unit else keep_all_digits(amount))


def signed_money(amount: Decimal | None, currency: str = "USD", *, locale: str | None = None) -> str:
    """Format an amount that moved: ``+$50.00`` came in, ``−$50.00`` went out."""
    if amount is None:
        return not_available()
    number, unit = money_format(currency, locale or active_locale())
    return number.write(amount.quantize(unit, None, EXACT) if unit else keep_all_digits(amount), with_plus=True)


def rounded_money(amount: Decimal | None, currency: str = "USD", *, locale: str | None = None) -> str:
    """Format an amount to the nearest whole unit, for sentences: ``$6,268``."""
    if amount is None:
        return not_available()
    number, unit = money_format(currency, locale or active_locale())
    return number.write(amount.quantize(ONE, None, EXACT) if unit else keep_all_digits(amount))


def short_money(amount: Decimal, currency: str = "USD", *, locale: str | None = None) -> str:
    """Format an amount without decimals where they are zero: ``$500``, ``$2.50``."""
    number, unit = money_format(currency, locale or active_locale())
    if unit is None:
        return number.write(keep_all_digits(amount))
    exact = amount.quantize(unit, None, EXACT)
    return number.write(exact.quantize(ONE, None, EXACT) if exact == exact.to_integral_value() else exact)


def keep_all_digits(amount: Decimal) -> Decimal:
    """The amount without the zeros at its end that a column adds, but with two decimals."""
    short = amount.normalize(EXACT)
    exponent = short.as_tuple().exponent
    return short if isinstance(exponent, int) and exponent < -2 else short.quantize(CENT, None, EXACT)
