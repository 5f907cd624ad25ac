"""Experian's tradelines as credit's accounts.

Half of a tradeline stands in its ``enhancedPaymentData``, whose figures are the better ones.
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
# Where nothing else says it.
OPEN_BY_CONDITION = {"open": True, "closed": False, "paid": False, "refinanced": False, "transferred": False}
REVOLVING_TERMS = frozenset({"REV", "LOC"})
REVOLVING: Mapping[str, bool | None] = {"R": True, "I": False}
PAYMENT_TYPES = {"S": "scheduled", "A": "actual", "E": "estimated"}
LIMIT, ORIGINAL, HIGH = "L", "O", "H"
QUALIFIERS = frozenset({"", LIMIT, ORIGINAL, HIGH, "C", "U"})

_NOT_IN_NAMES = re.compile(r"[^A-Z0-9]+")


def parse_tradelines(profile: Node, reported_on: date | None) -> tuple[Tradeline, ...]:
    """Read all accounts of a report of a day, each with a key that no other has."""
    return _told_apart([_tradeline(row, reported_on) for row in profile.nodes("tradeline")])


def normalize_creditor(name: str) -> str:
    """A creditor's name as it is compared: capitals and digits, nothing between them."""
    return _NOT_IN_NAMES.sub("", name.upper())


def _tradeline(row: Node, reported_on: date | None) -> Tradeline:
    more = row.node("enhancedPaymentData")
    amounts = _qualified(row)
    account_type = _type(row, more)
    enhanced_original = more.amount("originalLoanAmount")
    # Keys never change, so they go on being made of the original amount as it was read at first.
    original_in_key = amounts.get(ORIGINAL) if enhanced_original is None else enhanced_original
    account_condition_code, account_condition = _account_condition(row, more)
    payment_status_code, told = _payment_status(row, more, account_condition_code)
    payment_status = codes.PAID_AFTER.get(told, told) if account_condition == "paid" else told
    opened, balance_on, status_on = (row.day(name) for name in ("openDate", "balanceDate", "statusDate"))
    return Tradeline(
        key=_key(row, _kind_in_key(row, more), original_in_key, opened.first if opened else None),
        path=row.path,
        kind=account_type.kind,
        product=account_type.product,
        revolving=_revolving(row, more),
        is_open=row.word("openOrClosed", OPEN, OPEN_BY_CONDITION.get(account_condition)),
        opened=opened,
        balance_on=balance_on,
        status_on=status_on,
        limit=_first(more.amount("creditLimitAmount"), amounts.get(LIMIT)),
        high=_first(more.amount("highBalanceAmount"), amounts.get(HIGH)),
        original=_first(enhanced_original, amounts.get(ORIGINAL)),
        account_condition=account_condition,
        account_condition_code=account_condition_code,
        payment_status=payment_status,
        payment_status_code=payment_status_code,
        derogatory=account_type.kind is AccountKind.COLLECTION
        or not codes.DEROGATORY.isdisjoint((account_condition, payment_status)),
        history=parse_history(row, more, balance_on=balance_on, status_on=status_on, reported_on=reported_on),
        trend=tuple(_trend(each) for each in row.nodes("trendedTrades")),
        **_as_it_stands(row),
        **_in_detail(row, more),
    )


def _as_it_stands(row: Node) -> dict[str, Any]:
    """The fields of a tradeline that one field of Experian's says by itself."""
    return {
        "creditor": row.text("subscriberName"),
        "subscriber_code": row.text("subscriberCode", 20),
        "role": row.word("ecoa", codes.ROLES, Role.UNKNOWN),
        "balance": row.amount("balanceAmount", signed=True),
        "past_due": row.amount("amountPastDue"),
        "monthly_payment": row.amount("monthlyPaymentAmount"),
        "payment_type": row.word("monthlyPaymentType", PAYMENT_TYPES, ""),
        "last_payment": row.day("lastPaymentDate"),
        "remark_code": row.text("specialComment", 4),
        "comment": row.text("consumerComment"),
        "counters": _counters(row),
        "last_four": _last_four(row),
        "original_creditor": row.text("originalCreditorName"),
        "sold_to": row.text("soldToName"),
    }


def _in_detail(row: Node, more: Node) -> dict[str, Any]:
    """What the enhanced data add of lateness, disputes and bankruptcy."""
    compliance = more.word("complianceCondition", codes.COMPLIANCE, "")
    chapter, stage = _bankruptcy(row, more)
    return {
        "terms": _told_terms(row, more),
        # Named for the first delinquency, it holds the most recent one.
        "last_delinquency": more.day("firstDelinquencyDate"),
        "second_delinquency": more.day("secondDelinquencyDate"),
        "worst_delinquency": row.day("maxDelinquencyDate"),
        "worst": more.word("maxDelinquencyCode", codes.WORST_STATUSES, ""),
        "worst_code": more.text("maxDelinquencyCode", 4),
        "compliance": compliance,
        "compliance_code": more.text("complianceCondition", 4),
        "disputed": compliance in codes.DISPUTED or bool(row.text("consumerDisputeFlag").strip("N ")),
        "bankruptcy": chapter,
        "bankruptcy_stage": stage,
    }


def _told_terms(row: Node, more: Node) -> str:
    return _terms(more.text("enhancedTerms", 8)) or _terms(row.text("terms", 8))


def _terms(text: str) -> str:
    """How long or in what way an account is paid. That it is not known is usual, and no warning."""
    return "" if text.upper() in UNSTATED else text.strip("0") and text


def _bankruptcy(row: Node, more: Node) -> tuple[str, str]:
    """Chapter and stage. Real files mostly say both by a letter in the account's condition, and nowhere else."""
    consumer = more.text("ciiCode", 4)
    told = (consumer, more.text("enhancedAccountCondition", 4), row.text("status", 4))
    chapter, stage = next((codes.BANKRUPTCIES[code] for code in told if code in codes.BANKRUPTCIES), ("", ""))
    unread = "" if consumer in codes.BANKRUPTCIES or consumer in codes.NO_BANKRUPTCIES else consumer
    return row.text("bankruptcyChapterNumber") or chapter or unread, stage


def _qualified(row: Node) -> dict[str, int | None]:
    """The two amounts by what each one is: a limit, an original amount or a high balance."""
    found: dict[str, int | None] = {}
    for name in ("amount1", "amount2"):
        qualifier = row.text(f"{name}Qualifier").upper()
        if qualifier not in QUALIFIERS:
            row.note(f"{name}Qualifier", "unknown_code", qualifier)
        amount = row.amount(name)
        if amount is not None:
            found.setdefault(qualifier, amount)
    return found


def _first(better: int | None, other: int | None) -> int | None:
    """The amount of the better source. A zero there says nothing beside a real amount in the other."""
    return other if better is None or (better == 0 and other) else better


def _revolving(row: Node, more: Node) -> bool | None:
    """What the bureau says, or else what the terms do."""
    by_terms = True if _told_terms(row, more).upper() in REVOLVING_TERMS else None
    return row.word("revolvingOrInstallment", REVOLVING, by_terms)


def _type(row: Node, more: Node) -> AccountType:
    """The plain type, or the enhanced one where that alone tells a home equity line or what the account is."""
    code, enhanced = row.text("accountType"), TYPES.get(more.text("enhancedAccountType"), UNKNOWN)
    if not code:
        return more.word("enhancedAccountType", TYPES, UNKNOWN)
    plain = row.word("accountType", TYPES, UNKNOWN)
    says_more = enhanced is not UNKNOWN and plain.kind is AccountKind.OTHER
    return enhanced if says_more or enhanced.kind is AccountKind.HOME_EQUITY else plain


def _kind_in_key(row: Node, more: Node) -> AccountKind:
    """The kind by which the account was named first, however much is known of its type by now."""
    enhanced = KINDS_IN_KEYS.get(more.text("enhancedAccountType"), AccountKind.OTHER)
    if enhanced is AccountKind.HOME_EQUITY:
        return enhanced
    plain = row.text("accountType")
    return KINDS_IN_KEYS.get(plain, AccountKind.OTHER) if plain else enhanced


def _account_condition(row: Node, more: Node) -> tuple[str, str]:
    if not more.text("enhancedAccountCondition"):
        code = row.text("status", 4)
        word = "paid" if code in codes.PAID else codes.ACCOUNT_CONDITIONS.get(code, "")
        return (code, word) if word else ("", "")
    return more.text("enhancedAccountCondition", 4), more.word("enhancedAccountCondition", codes.ACCOUNT_CONDITIONS, "")


def _payment_status(row: Node, more: Node, account_condition_code: str) -> tuple[str, str]:
    """How payments went. The plain status may only repeat the condition, and then says nothing here."""
    if code := more.text("enhancedPaymentStatus", 4):
        return code, more.word("enhancedPaymentStatus", codes.PAYMENT_STATUSES, "")
    code = row.text("status", 4)
    if code == account_condition_code and code not in codes.PAID:
        return "", ""
    return code, row.word("status", codes.PAYMENT_STATUSES, "")


def _counters(row: Node) -> Counters:
    fields = ("delinquencies30Days", "delinquencies60Days", "delinquencies90to180Days", "derogCounter", "monthsHistory")
    return Counters(*(row.number(name) or 0 for name in fields))


def _last_four(row: Node) -> str:
    """The last four of the account number, unless it is masked or all zeros."""
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
    """A name for the account made of what does not change. Balance, limit and account number are no part of it.

    The number is all zeros often enough. The original amount tells loans of one lender and day apart.
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


def _told_apart(rows: list[Tradeline]) -> tuple[Tradeline, ...]:
    """Number the accounts whose keys collide, in the order of high balance, limit and place."""
    keys = number_duplicates([(row.key, (row.high or 0, row.limit or 0)) for row in rows])
    return tuple(row if row.key == key else replace(row, key=key) for row, key in zip(rows, keys, strict=True))
