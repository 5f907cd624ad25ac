"""Turn Experian's tradelines into ``Tradeline`` structs.

Half of the fields are in the object ``enhancedPaymentData``. Where both have a value, the enhanced one is more precise.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from msgspec.structs import replace

from credit.experian import codes
from credit.experian.account_types import KINDS_IN_KEYS, TYPES, UNKNOWN, AccountType
from credit.experian.histories import parse_history
from credit.experian.node import UNSTATED, Node
from credit.experian.row_keys import hash_key, number_duplicates
from credit.report import AccountKind, Counters, Role, Tradeline, Trend

INSTALLMENT = frozenset({AccountKind.AUTO, AccountKind.STUDENT, AccountKind.MORTGAGE, AccountKind.PERSONAL})
OPEN: Mapping[str, bool | None] = {"O": True, "C": False}
# Used where ``openOrClosed`` is missing.
OPEN_BY_CONDITION = {"open": True, "closed": False, "paid": False, "refinanced": False, "transferred": False}
REVOLVING_TERMS = frozenset({"REV", "LOC"})
REVOLVING: Mapping[str, bool | None] = {"R": True, "I": False}
PAYMENT_TYPES = {"S": "scheduled", "A": "actual", "E": "estimated"}
LIMIT, ORIGINAL, HIGH = "L", "O", "H"
QUALIFIERS = frozenset({"", LIMIT, ORIGINAL, HIGH, "C", "U"})

_NOT_IN_NAMES = re.compile(r"[^A-Z0-9]+")


def parse_tradelines(profile: Node, reported_on: date | None) -> tuple[Tradeline, ...]:
    """Parse all accounts of a report, each with a unique key. ``reported_on`` is the day of the report."""
    return _make_keys_unique([_tradeline(row, reported_on) for row in profile.nodes("tradeline")])


def normalize_creditor(name: str) -> str:
    """A creditor's name for comparison: capital letters and digits only."""
    return _NOT_IN_NAMES.sub("", name.upper())


def _tradeline(row: Node, reported_on: date | None) -> Tradeline:
    enhanced = row.node("enhancedPaymentData")
    amounts = _amounts_by_qualifier(row)
    account_type = _type(row, enhanced)
    enhanced_original = enhanced.amount("originalLoanAmount")
    # Keys must never change, so they still use the original amount as the first parser version read it.
    original_in_key = amounts.get(ORIGINAL) if enhanced_original is None else enhanced_original
    account_condition_code, account_condition = _account_condition(row, enhanced)
    payment_status_code, reported_status = _payment_status(row, enhanced, account_condition_code)
    is_paid = account_condition == "paid"
    payment_status = codes.PAID_AFTER.get(reported_status, reported_status) if is_paid else reported_status
    opened, balance_on, status_on = (row.day(name) for name in ("openDate", "balanceDate", "statusDate"))
    return Tradeline(
        key=_key(row, _kind_in_key(row, enhanced), original_in_key, opened.first if opened else None),
        path=row.path,
        kind=account_type.kind,
        product=account_type.product,
        revolving=_revolving(row, enhanced),
        is_open=row.meaning("openOrClosed", OPEN, OPEN_BY_CONDITION.get(account_condition)),
        opened=opened,
        balance_on=balance_on,
        status_on=status_on,
        limit=_first(enhanced.amount("creditLimitAmount"), amounts.get(LIMIT)),
        high=_first(enhanced.amount("highBalanceAmount"), amounts.get(HIGH)),
        original=_first(enhanced_original, amounts.get(ORIGINAL)),
        account_condition=account_condition,
        account_condition_code=account_condition_code,
        payment_status=payment_status,
        payment_status_code=payment_status_code,
        derogatory=account_type.kind is AccountKind.COLLECTION
        or not codes.DEROGATORY.isdisjoint((account_condition, payment_status)),
        history=parse_history(row, enhanced, balance_on=balance_on, status_on=status_on, reported_on=reported_on),
        trend=tuple(_trend(month) for month in row.nodes("trendedTrades")),
        **_plain_fields(row),
        **_enhanced_fields(row, enhanced),
    )


def _plain_fields(row: Node) -> dict[str, Any]:
    """The fields that are each one field of Experian's."""
    return {
        "creditor": row.text("subscriberName"),
        "subscriber_code": row.text("subscriberCode", 20),
        "role": row.meaning("ecoa", codes.ROLES, Role.UNKNOWN),
        "balance": row.amount("balanceAmount", signed=True),
        "past_due": row.amount("amountPastDue"),
        "monthly_payment": row.amount("monthlyPaymentAmount"),
        "payment_type": row.meaning("monthlyPaymentType", PAYMENT_TYPES, ""),
        "last_payment": row.day("lastPaymentDate"),
        "remark_code": row.text("specialComment", 4),
        "comment": row.text("consumerComment"),
        "counters": _counters(row),
        "last_four": _last_four(row),
        "original_creditor": row.text("originalCreditorName"),
        "sold_to": row.text("soldToName"),
    }


def _enhanced_fields(row: Node, enhanced: Node) -> dict[str, Any]:
    """Delinquency, dispute and bankruptcy fields from the enhanced data."""
    compliance = enhanced.meaning("complianceCondition", codes.COMPLIANCE, "")
    chapter, stage = _bankruptcy(row, enhanced)
    return {
        "terms": _stated_terms(row, enhanced),
        # Experian's name says "first delinquency", but the field holds the most recent one.
        "last_delinquency": enhanced.day("firstDelinquencyDate"),
        "second_delinquency": enhanced.day("secondDelinquencyDate"),
        "worst_delinquency": row.day("maxDelinquencyDate"),
        "worst": enhanced.meaning("maxDelinquencyCode", codes.WORST_STATUSES, ""),
        "worst_code": enhanced.text("maxDelinquencyCode", 4),
        "compliance": compliance,
        "compliance_code": enhanced.text("complianceCondition", 4),
        "disputed": compliance in codes.DISPUTED or bool(row.text("consumerDisputeFlag").strip("N ")),
        "bankruptcy": chapter,
        "bankruptcy_stage": stage,
    }


def _stated_terms(row: Node, enhanced: Node) -> str:
    return _terms(enhanced.text("enhancedTerms", 8)) or _terms(row.text("terms", 8))


def _terms(text: str) -> str:
    """How long or in what way an account is paid. It is often unknown, so that adds no warning."""
    return "" if text.upper() in UNSTATED else text.strip("0") and text


def _bankruptcy(row: Node, enhanced: Node) -> tuple[str, str]:
    """Chapter and stage. Most real files state both only by a letter in the account condition."""
    consumer_indicator = enhanced.text("ciiCode", 4)
    stated_codes = (consumer_indicator, enhanced.text("enhancedAccountCondition", 4), row.text("status", 4))
    chapter, stage = next((codes.BANKRUPTCIES[code] for code in stated_codes if code in codes.BANKRUPTCIES), ("", ""))
    is_known = consumer_indicator in codes.BANKRUPTCIES or consumer_indicator in codes.NO_BANKRUPTCIES
    return row.text("bankruptcyChapterNumber") or chapter or ("" if is_known else consumer_indicator), stage


def _amounts_by_qualifier(row: Node) -> dict[str, int | None]:
    """The two amounts by their meaning: credit limit, original amount or high balance."""
    amounts: dict[str, int | None] = {}
    for name in ("amount1", "amount2"):
        qualifier = row.text(f"{name}Qualifier").upper()
        if qualifier not in QUALIFIERS:
            row.note(f"{name}Qualifier", "unknown_code", qualifier)
        amount = row.amount(name)
        if amount is not None:
            amounts.setdefault(qualifier, amount)
    return amounts


def _first(better: int | None, other: int | None) -> int | None:
    """The amount of the better source, unless it is zero and the other source has a real amount."""
    return other if better is None or (better == 0 and other) else better


def _revolving(row: Node, enhanced: Node) -> bool | None:
    """The bureau's own field, or else what the terms imply."""
    by_terms = True if _stated_terms(row, enhanced).upper() in REVOLVING_TERMS else None
    return row.meaning("revolvingOrInstallment", REVOLVING, by_terms)


def _type(row: Node, enhanced: Node) -> AccountType:
    """The plain type, or the enhanced one where only that says home equity or the plain one is too general."""
    code, enhanced_type = row.text("accountType"), TYPES.get(enhanced.text("enhancedAccountType"), UNKNOWN)
    if not code:
        return enhanced.meaning("enhancedAccountType", TYPES, UNKNOWN)
    plain_type = row.meaning("accountType", TYPES, UNKNOWN)
    is_more_specific = enhanced_type is not UNKNOWN and plain_type.kind is AccountKind.OTHER
    return enhanced_type if is_more_specific or enhanced_type.kind is AccountKind.HOME_EQUITY else plain_type


def _kind_in_key(row: Node, enhanced: Node) -> AccountKind:
    """The kind that the first parser version would read. Account types that were added later must not change keys."""
    enhanced_kind = KINDS_IN_KEYS.get(enhanced.text("enhancedAccountType"), AccountKind.OTHER)
    if enhanced_kind is AccountKind.HOME_EQUITY:
        return enhanced_kind
    plain_type = row.text("accountType")
    return KINDS_IN_KEYS.get(plain_type, AccountKind.OTHER) if plain_type else enhanced_kind


def _account_condition(row: Node, enhanced: Node) -> tuple[str, str]:
    if not enhanced.text("enhancedAccountCondition"):
        code = row.text("status", 4)
        condition = "paid" if code in codes.PAID else codes.ACCOUNT_CONDITIONS.get(code, "")
        return (code, condition) if condition else ("", "")
    condition = enhanced.meaning("enhancedAccountCondition", codes.ACCOUNT_CONDITIONS, "")
    return enhanced.text("enhancedAccountCondition", 4), condition


def _payment_status(row: Node, enhanced: Node, account_condition_code: str) -> tuple[str, str]:
    """Code and meaning of the payment status. A plain status that only repeats the condition is ignored."""
    if code := enhanced.text("enhancedPaymentStatus", 4):
        return code, enhanced.meaning("enhancedPaymentStatus", codes.PAYMENT_STATUSES, "")
    code = row.text("status", 4)
    if code == account_condition_code and code not in codes.PAID:
        return "", ""
    return code, row.meaning("status", codes.PAYMENT_STATUSES, "")


def _counters(row: Node) -> Counters:
    fields = ("delinquencies30Days", "delinquencies60Days", "delinquencies90to180Days", "derogCounter", "monthsHistory")
    return Counters(*(row.number(name) or 0 for name in fields))


def _last_four(row: Node) -> str:
    """The last four digits of the account number; empty if they are masked or all zeros."""
    tail = row.text("accountNumber").replace("-", "").replace(" ", "")[-4:]
    return tail if re.fullmatch("[0-9]{4}", tail) and tail.strip("0") else ""


def _trend(row: Node) -> Trend:
    return Trend(
        months_ago=row.number("monthNumber"),
        balance=row.amount("balanceAmount", signed=True),
        limit_or_original=row.amount("originalLoanAmountOrLimit", "originalLoamAmountOrLimit"),
        scheduled_payment=row.amount("scheduledPaymentAmount"),
        actual_payment=row.amount("actualPaymentAmount"),
        last_payment=row.day("lastPaymentDate"),
    )


def _key(row: Node, kind: AccountKind, original: int | None, opened: date | None) -> str:
    """A stable key from the fields that do not change, so without balance, limit and account number.

    The account number is often all zeros. The original amount distinguishes loans of one lender and day.
    """
    revolving = REVOLVING.get(row.text("revolvingOrInstallment"))
    loan = original if revolving is False or kind in INSTALLMENT else None
    parts = [
        row.text("subscriberCode", 20),
        normalize_creditor(row.text("subscriberName")),
        opened,
        kind,
        revolving,
        loan,
    ]
    return hash_key(parts)


def _make_keys_unique(rows: list[Tradeline]) -> tuple[Tradeline, ...]:
    """Number the accounts whose keys collide, in the order of high balance, limit and position."""
    keys = number_duplicates([(row.key, (row.high or 0, row.limit or 0)) for row in rows])
    return tuple(row if row.key == key else replace(row, key=key) for row, key in zip(rows, keys, strict=True))
