"""The profile summary: totals over the sections of the report itself."""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from sandbox.bureau import accounts
from sandbox.bureau.encoding import UNKNOWN, amount, count
from sandbox.bureau.months import plus

REAL_ESTATE = ("08", "19", "25", "26")
LATE_AGAIN = {"72", "73", "74", "75", "76", "77", "79", "81"}
BAD = set(accounts.BAD.values()) | LATE_AGAIN
PAID = "A2"
DISPUTED = "XB"

Row = dict[str, Any]


def summary(rows: list[Row], inquiries: list[Row], records: list[Row], today: date) -> Row:
    """Build the section with its 24 attributes, in the bureau's order. Disputed accounts are excluded."""
    disputed = [row for row in rows if _wide(row).get("complianceCondition") == DISPUTED]
    rows = [row for row in rows if row not in disputed]
    values = {
        "disputedAccountsExcluded": count(len(disputed), 3),
        "publicRecordsCount": count(len(records), 3),
        **_debts(rows),
        "totalInquiries": count(len(inquiries), 3),
        "inquiriesDuringLast6Months": count(_recent(inquiries, today), 3),
        **_accounts(rows),
        "oldestTradeDate": min((row["openDate"] for row in rows), key=_in_order, default=""),
        "delinquencies30Days": count(_total(rows, "delinquencies30Days"), 3),
        "delinquencies60Days": count(_total(rows, "delinquencies60Days"), 3),
        "delinquencies90to180Days": count(_total(rows, "delinquencies90to180Days"), 3),
        "derogCounter": count(_total(rows, "derogCounter"), 3),
    }
    attributes = [{"id": name, "value": value} for name, value in values.items() if value]
    return {"summaryType": "Profile Summary", "attributes": attributes}


def _debts(rows: list[Row]) -> dict[str, str | None]:
    houses = [row for row in rows if row["accountType"] in REAL_ESTATE]
    others = [row for row in rows if row not in houses]
    loans = [row for row in others if row["revolvingOrInstallment"] == "I"]
    revolving = [row for row in others if row["revolvingOrInstallment"] == "R"]
    return {
        "installmentBalance": amount(_total(loans, "balanceAmount")),
        "realEstateBalance": amount(_total(houses, "balanceAmount")),
        "revolvingBalance": amount(_total(revolving, "balanceAmount")),
        "pastDueAmount": amount(_total(rows, "amountPastDue")),
        "monthlyPayment": amount(_total(others, "monthlyPaymentAmount")),
        "monthlyPaymentPartialFlag": _partial(others, lambda row: row.get("monthlyPaymentAmount")),
        "realEstatePayment": amount(_total(houses, "monthlyPaymentAmount")),
        "realEstatePaymentPartialFlag": _partial(houses, lambda row: row.get("monthlyPaymentAmount")),
        "revolvingAvailablePercent": _available(revolving),
        "revolvingAvailablePartialFlag": _partial(revolving, _limit),
    }


def _accounts(rows: list[Row]) -> dict[str, str]:
    """Count the accounts: satisfactory, now delinquent or derogatory, and formerly so."""
    bad = [row for row in rows if row["status"] in BAD and _wide(row).get("enhancedAccountCondition") != PAID]
    was = [row for row in rows if row not in bad and _ever_bad(row)]
    return {
        "totalTradeItems": count(len(rows), 3),
        "paidAccounts": count(sum(row["openOrClosed"] == "C" for row in rows), 3),
        "satisfactoryAccounts": count(len(rows) - len(bad) - len(was), 3),
        "nowDelinquentDerog": count(len(bad), 3),
        "wasDelinquentDerog": count(len(was), 3),
    }


def _total(rows: Iterable[Row], name: str) -> int:
    """Sum a field over the rows that report it; UNKNOWN is not added."""
    return sum(int(row[name]) for row in rows if row.get(name, UNKNOWN) != UNKNOWN)


def _partial(rows: Iterable[Row], known: Callable[[Row], Any]) -> str:
    """Return Y if an open account does not report the field, else N."""
    return "Y" if any(row["openOrClosed"] == "O" and known(row) in (None, UNKNOWN) for row in rows) else "N"


def _available(rows: list[Row]) -> str | None:
    """Return the unused share of all limits of open accounts in whole percent; None without a limit."""
    limited = [row for row in rows if row["openOrClosed"] == "O" and _limit(row)]
    limits = sum(int(_limit(row) or 0) for row in limited)
    if not limits:
        return None
    return count(max(0, 100 - _total(limited, "balanceAmount") * 100 // limits), 3)


def _limit(row: Row) -> str | None:
    wide: str | None = _wide(row).get("creditLimitAmount")
    return wide


def _wide(row: Row) -> Row:
    """Return an account's enhanced data, which some do not have."""
    wide: Row = row.get("enhancedPaymentData", {})
    return wide


def _ever_bad(row: Row) -> bool:
    return any(
        int(row[name])
        for name in ("delinquencies30Days", "delinquencies60Days", "delinquencies90to180Days", "derogCounter")
    )


def _recent(inquiries: list[Row], today: date) -> int:
    since = plus(today, -6)
    return sum(_in_order(inquiry["date"]) >= since.strftime("%Y%m%d") for inquiry in inquiries)


def _in_order(written: str) -> str:
    """Convert a date from MMDDCCYY to CCYYMMDD, which sorts."""
    return written[4:] + written[:4]
