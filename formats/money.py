"""Amounts of money in words, to the smallest unit of their currency.

A currency whose smallest unit nobody defines, such as BTC, keeps the digits that it came with.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final

from django.utils.translation import gettext as _

MINUS: Final = "\N{MINUS SIGN}"
EXACT: Final = Context(prec=60, rounding=ROUND_HALF_UP)
ONE: Final = Decimal(1)
CENT: Final = Decimal("0.01")
MOST_DIGITS: Final = 10

# How many decimals each currency has. Source: ISO 4217, table A.1
CURRENCIES_BY_DECIMALS: Final[Mapping[int, str]] = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF "
        "CHE CHF CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ "
        "GYD HKD HNL HRK HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD "
        "MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD "
        "RUB SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH "
        "USD USN UYU UZS VED VES WST XCD YER ZAR ZMW ZWG ZWL"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
DECIMALS: Final[Mapping[str, int]] = {
    code: decimals for decimals, codes in CURRENCIES_BY_DECIMALS.items() for code in codes.split()
}
UNITS: Final[Mapping[str, Decimal]] = {code: ONE.scaleb(-decimals) for code, decimals in DECIMALS.items()}


def not_available() -> str:
    """Return what stands for a value that is not known."""
    return _("Not available")


def currency_decimals(currency: str) -> tuple[int, int]:
    """How many decimals an amount of this currency has at least and at most."""
    known = DECIMALS.get(currency)
    return (2, MOST_DIGITS) if known is None else (known, known)


def money(amount: Decimal | None, currency: str = "USD", *, plus: str = "") -> str:
    """Format an amount: ``$1,234.56``, ``−$20.00``, ``1,234 JPY``, ``0.00314159 BTC``; ``plus`` precedes a gain."""
    return format_amount(amount, currency, UNITS.get(currency), plus=plus)


def rounded_money(amount: Decimal | None, currency: str = "USD") -> str:
    """Format an amount to the nearest whole unit, for sentences: ``$6,268``."""
    return format_amount(amount, currency, ONE if currency in UNITS else None)


def axis_label(amount: Decimal, currency: str = "USD") -> str:
    """Format a round value beside an axis, short where that loses nothing: ``$12.5K``, ``$2.50``."""
    for size, letter in ((Decimal(1_000_000), "M"), (Decimal(1_000), "K")):
        short = amount / size
        if abs(short) >= ONE and short == short.quantize(Decimal("0.1"), context=EXACT):
            return add_currency(f"{abs(short).normalize():f}{letter}", currency, sign=MINUS if amount < 0 else "")
    return format_amount(amount, currency, ONE if amount == amount.to_integral_value() else UNITS.get(currency))


def format_amount(amount: Decimal | None, currency: str, unit: Decimal | None, *, plus: str = "") -> str:
    """Round half up to ``unit``, or to no unit, group the digits and put the sign first; a rounded zero has no sign."""
    if amount is None:
        return not_available()
    rounded = amount.quantize(unit, context=EXACT) if unit else keep_all_digits(amount)
    sign = MINUS if rounded < 0 else plus if rounded else ""
    return add_currency(f"{abs(rounded):,f}", currency, sign=sign)


def keep_all_digits(amount: Decimal) -> Decimal:
    """The amount without the zeros at its end that a column adds, but with two decimals."""
    short = amount.normalize(EXACT)
    exponent = short.as_tuple().exponent
    return short if isinstance(exponent, int) and exponent < -2 else short.quantize(CENT, context=EXACT)


def add_currency(digits: str, currency: str, *, sign: str) -> str:
    """Put the dollar sign before the digits, or any other currency's code behind them."""
    return f"{sign}${digits}" if currency == "USD" else f"{sign}{digits} {currency}".rstrip()
