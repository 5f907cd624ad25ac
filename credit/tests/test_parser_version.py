"""Stored readings know by a number which parser they are of: what is read otherwise has another number."""

import hashlib
from collections.abc import Mapping

import msgspec

from credit.experian import account_types, codes
from credit.experian.normalize import PARSER_VERSION
from credit.tests.experian_samples import INQUIRY, RECORD, card, loan, parse_sample

# A change of what comes out is a new line here, under a new ``PARSER_VERSION``; a plain ``credit_rebuild`` then finds
# what was read before.
READ_AS = {4: "90f4c5d618702215dcf73bdf193031259f7d41395dc63c1d755f6b4f91734572"}


def stable(value: object) -> object:
    """The value without anything that is in another order in another process."""
    if isinstance(value, Mapping):
        return sorted((str(name), stable(each)) for name, each in value.items())
    if isinstance(value, frozenset):
        return sorted(map(str, value))
    return str(value)


def tables() -> list[object]:
    return [
        stable({name: each for name, each in vars(module).items() if name.isupper()})
        for module in (codes, account_types)
    ]


def readings() -> list[object]:
    """A file with what the rules are about: every status, condition and role, limits, originals and grids."""
    accounts = [card(ecoa=code) for code in codes.ROLES]
    accounts += [card(enhanced={"enhancedAccountCondition": code}) for code in codes.ACCOUNT_CONDITIONS]
    accounts += [card(status=code, enhanced={"enhancedPaymentStatus": None}) for code in codes.PAYMENT_STATUSES]
    accounts += [card(enhanced={"creditLimitAmount": limit}) for limit in ("0000000000", "0000000500", None)]
    accounts += [
        card(paymentHistory=grid, balanceDate=day) for grid in ("B0C1-2L", " CC") for day in ("11092026", None)
    ]
    report = parse_sample(
        tradeline=[*accounts, loan(), loan(openOrClosed="C")], publicRecord=[RECORD], inquiry=[INQUIRY]
    )
    return [msgspec.json.encode(report)]


def test_it_has_another_version_when_it_reads_otherwise() -> None:
    found = hashlib.sha256(repr((tables(), readings())).encode()).hexdigest()
    assert {PARSER_VERSION: found} == READ_AS
