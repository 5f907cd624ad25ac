"""Experian's tradelines as credit's accounts.

Half of a tradeline stands in its ``enhancedPaymentData``, whose figures are the better ones.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import lru_cache
from typing import Any

from credit.experian import codes
from credit.experian.keys import named, numbered
from credit.experian.node import Node
from credit.report import Bucket, Counters, Kind, PaymentHistory, Role, Tradeline, Trend

LONGEST_HISTORY = 84
INSTALLMENT = frozenset({Kind.AUTO, Kind.STUDENT, Kind.MORTGAGE, Kind.PERSONAL})
OPEN: Mapping[str, bool | None] = {"O": True, "C": False}
REVOLVING: Mapping[str, bool | None] = {"R": True, "I": False}
PAYMENT_TYPES = {"S": "scheduled", "A": "actual", "E": "estimated"}
LIMIT, ORIGINAL, HIGH = "L", "O", "H"
QUALIFIERS = frozenset({"", LIMIT, ORIGINAL, HIGH, "C", "U"})

_NOT_IN_NAMES = re.compile(r"[^A-Z0-9]+")


def tradelines(profile: Node) -> tuple[Tradeline, ...]:
    """Read all accounts of a report, each with a key that no other has."""
    return _told_apart([_tradeline(row) for row in profile.nodes("tradeline")])


def norm(name: str) -> str:
    """A creditor's name as it is compared: capitals and digits, nothing between them."""
    return _NOT_IN_NAMES.sub("", name.upper())


def _tradeline(row: Node) -> Tradeline:
    more = row.node("enhancedPaymentData")
    amounts = _qualified(row)
    kind = _kind(row, more)
    revolving = row.word("revolvingOrInstallment", REVOLVING, None)
    original = _first(more.amount("originalLoanAmount"), amounts.get(ORIGINAL))
    is_open = row.word("openOrClosed", OPEN, None)
    condition_code, condition = _condition(row, more)
    standing_code, standing = _standing(row, more)
    opened = row.day("openDate")
    balance_on = row.day("balanceDate")
    bankruptcy = row.text("bankruptcyChapterNumber") or more.text("ciiCode")
    return Tradeline(
        key=_key(row, kind, revolving, original, opened.first if opened else None),
        path=row.path,
        kind=kind,
        revolving=revolving,
        is_open=is_open,
        opened=opened,
        balance_on=balance_on,
        limit=_first(more.amount("creditLimitAmount"), amounts.get(LIMIT)),
        high=_first(more.amount("highBalanceAmount"), amounts.get(HIGH)),
        original=original,
        condition=condition,
        condition_code=condition_code,
        standing=standing,
        standing_code=standing_code,
        derogatory=condition in codes.DEROGATORY,
        bankruptcy=bankruptcy,
        # Named for the first delinquency, it holds the most recent one.
        last_delinquency=more.day("firstDelinquencyDate"),
        history=_history(row, more, balance_on.first if balance_on else None),
        trend=tuple(_trend(each) for each in row.nodes("trendedTrades")),
        **_as_it_stands(row),
    )


def _as_it_stands(row: Node) -> dict[str, Any]:
    """The fields of a tradeline that one field of Experian's says by itself."""
    return {
        "creditor": row.text("subscriberName"),
        "subscriber_code": row.text("subscriberCode", 20),
        "role": row.word("ecoa", codes.ROLES, Role.UNKNOWN),
        "status_on": row.day("statusDate"),
        "balance": row.amount("balanceAmount", signed=True),
        "past_due": row.amount("amountPastDue"),
        "monthly_payment": row.amount("monthlyPaymentAmount"),
        "payment_type": row.word("monthlyPaymentType", PAYMENT_TYPES, ""),
        "last_payment": row.day("lastPaymentDate"),
        "disputed": bool(row.text("consumerDisputeFlag").strip("N ")),
        "remark_code": row.text("specialComment", 4),
        "comment": row.text("consumerComment"),
        "counters": _counters(row),
        "last_four": _last_four(row),
        "original_creditor": row.text("originalCreditorName"),
        "sold_to": row.text("soldToName"),
    }


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
    return other if better is None else better


def _kind(row: Node, more: Node) -> Kind:
    enhanced = more.text("enhancedAccountType")
    if codes.KINDS.get(enhanced) is Kind.HOME_EQUITY:
        return Kind.HOME_EQUITY
    if not row.text("accountType") and enhanced:
        return more.word("enhancedAccountType", codes.KINDS, Kind.OTHER)
    return row.word("accountType", codes.KINDS, Kind.OTHER)


def _condition(row: Node, more: Node) -> tuple[str, str]:
    if not more.text("enhancedAccountCondition"):
        code = row.text("status", 4)
        return (code, codes.CONDITIONS[code]) if code in codes.CONDITIONS else ("", "")
    return more.text("enhancedAccountCondition", 4), more.word("enhancedAccountCondition", codes.CONDITIONS, "")


def _standing(row: Node, more: Node) -> tuple[str, str]:
    """How payments went. The plain status holds the condition where that weighs more, and then says nothing here."""
    if code := more.text("enhancedPaymentStatus", 4):
        return code, more.word("enhancedPaymentStatus", codes.STANDINGS, "")
    code = row.text("status", 4)
    if code in codes.CONDITIONS:
        return "", ""
    return code, row.word("status", codes.STANDINGS, "")


def _counters(row: Node) -> Counters:
    fields = ("delinquencies30Days", "delinquencies60Days", "delinquencies90to180Days", "derogCounter", "monthsHistory")
    return Counters(*(row.number(name) or 0 for name in fields))


def _last_four(row: Node) -> str:
    """The last four of the account number, unless it is masked or all zeros."""
    tail = row.text("accountNumber").replace("-", "").replace(" ", "")[-4:]
    return tail if re.fullmatch("[0-9]{4}", tail) and tail.strip("0") else ""


def _trend(row: Node) -> Trend:
    return Trend(
        months_ago=row.number("monthNumber") or 0,
        balance=row.amount("balanceAmount", signed=True),
        limit_or_original=row.amount("originalLoanAmountOrLimit", "originalLoamAmountOrLimit"),
        scheduled_payment=row.amount("scheduledPaymentAmount"),
        actual_payment=row.amount("actualPaymentAmount"),
        last_payment=row.day("lastPaymentDate"),
    )


def _history(row: Node, more: Node, latest: date | None) -> PaymentHistory | None:
    """The grid begins with the month of the balance date and goes back one month a mark."""
    long = more.text("enhancedPaymentHistory84", 2 * LONGEST_HISTORY)
    node, name, marks = (more, "enhancedPaymentHistory84", long) if long else (row, "paymentHistory", "")
    marks = marks or row.text("paymentHistory", 2 * LONGEST_HISTORY)
    if not marks:
        return None
    if latest is None:
        node.note(name, "history_without_date")
        return None
    if len(marks) > LONGEST_HISTORY:
        node.note(name, "history_too_long")
    marks = marks[:LONGEST_HISTORY]
    buckets, unknown = _buckets(marks)
    for mark in unknown:
        node.note(name, "unknown_code", mark)
    # A month before the year 1 has no date; no honest history reaches back so far.
    return PaymentHistory(latest.replace(day=1), marks, buckets)


@lru_cache(maxsize=1024)
def _buckets(marks: str) -> tuple[tuple[Bucket, ...], tuple[str, ...]]:
    known = codes.BUCKETS
    unknown = tuple(sorted({mark for mark in marks if mark not in known}))
    return tuple(known.get(mark, Bucket.NO_DATA) for mark in marks), unknown


def _key(row: Node, kind: Kind, revolving: bool | None, original: int | None, opened: date | None) -> str:
    """A name for the account made of what does not change. Balance, limit and account number are no part of it.

    The number is all zeros often enough. The original amount tells loans of one lender and day apart.
    """
    loan = original if revolving is False or kind in INSTALLMENT else None
    parts = [row.text("subscriberCode", 20), norm(row.text("subscriberName")), opened, kind, revolving, loan]
    return named(parts)


def _told_apart(rows: list[Tradeline]) -> tuple[Tradeline, ...]:
    """Number the accounts whose keys collide, in the order of high balance, limit and place."""
    keys = numbered([(row.key, (row.high or 0, row.limit or 0)) for row in rows])
    return tuple(row if row.key == key else replace(row, key=key) for row, key in zip(rows, keys, strict=True))
