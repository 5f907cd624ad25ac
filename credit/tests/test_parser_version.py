"""The parser's version: any change of what the parser returns needs a new version."""

import hashlib
from collections.abc import Mapping

import msgspec

from credit.experian import account_types, codes
from credit.experian.normalize import PARSER_VERSION
from credit.tests.experian_samples import INQUIRY, RECORD, card, loan, parse_sample

# If the parser's output changes, add a line here with a new ``PARSER_VERSION``, by which ``credit_rebuild`` finds
# reports of older versions.
OUTPUT_HASHES = {4: "90f4c5d618702215dcf73bdf193031259f7d41395dc63c1d755f6b4f91734572"}


def stabilize(value: object) -> object:
    """Return a text or lists of texts that are the same in every process."""
    if isinstance(value, Mapping):
        return sorted((str(name), stabilize(item)) for name, item in value.items())
    if isinstance(value, frozenset):
        return sorted(map(str, value))
    return str(value)


def list_tables() -> list[object]:
    return [
        stabilize({name: table for name, table in vars(module).items() if name.isupper()})
        for module in (codes, account_types)
    ]


def parse_all_rules() -> list[object]:
    """Parse a file with all that has rules: every status, condition and role, limits, originals and histories."""
    accounts = [card(ecoa=code) for code in codes.ROLES]
    accounts += [card(enhanced={"enhancedAccountCondition": code}) for code in codes.ACCOUNT_CONDITIONS]
    accounts += [card(status=code, enhanced={"enhancedPaymentStatus": None}) for code in codes.PAYMENT_STATUSES]
    accounts += [card(enhanced={"creditLimitAmount": limit}) for limit in ("0000000000", "0000000500", None)]
    accounts += [
        card(paymentHistory=history, balanceDate=day) for history in ("B0C1-2L", " CC") for day in ("11092026", None)
    ]
    report = parse_sample(
        tradeline=[*accounts, loan(), loan(openOrClosed="C")], publicRecord=[RECORD], inquiry=[INQUIRY]
    )
    return [msgspec.json.encode(report)]


def test_it_changes_its_version_with_its_output() -> None:
    output_hash = hashlib.sha256(repr((list_tables(), parse_all_rules())).encode()).hexdigest()
    assert {PARSER_VERSION: output_hash} == OUTPUT_HASHES
