"""Experian's account types, mapped to ``AccountKind``. A type that is missing here adds a warning and counts as other.

The codes are those of Metro 2 and a few of Experian's own. ``docs/credit.md`` says how certain the table is.
"""

from collections.abc import Mapping
from typing import NamedTuple

from credit.report import AccountKind


class AccountType(NamedTuple):
    """What an account is for. ``product`` is more specific, where the kind is too general."""

    kind: AccountKind
    product: str = ""


TYPES: Mapping[str, AccountType] = {
    "00": AccountType(AccountKind.AUTO),
    "01": AccountType(AccountKind.PERSONAL, "unsecured_loan"),
    "02": AccountType(AccountKind.PERSONAL, "secured_loan"),
    "03": AccountType(AccountKind.PERSONAL, "partly_secured_loan"),
    "04": AccountType(AccountKind.PERSONAL, "home_improvement"),
    "05": AccountType(AccountKind.MORTGAGE, "home_improvement"),
    "06": AccountType(AccountKind.PERSONAL, "installment_sale"),
    "07": AccountType(AccountKind.RETAIL),
    "08": AccountType(AccountKind.MORTGAGE, "real_estate"),
    "09": AccountType(AccountKind.PERSONAL, "cosigned_loan"),
    "0A": AccountType(AccountKind.PERSONAL, "timeshare"),
    "0C": AccountType(AccountKind.COLLECTION, "bought_debt"),
    "0F": AccountType(AccountKind.MORTGAGE, "construction"),
    "0G": AccountType(AccountKind.CARD, "flexible_card"),
    "10": AccountType(AccountKind.BUSINESS),
    "11": AccountType(AccountKind.PERSONAL, "recreational"),
    "12": AccountType(AccountKind.STUDENT),
    "13": AccountType(AccountKind.LEASE),
    "14": AccountType(AccountKind.PERSONAL, "cosigned_loan"),
    "15": AccountType(AccountKind.LINE),
    "16": AccountType(AccountKind.MORTGAGE, "cosigned_loan"),
    "17": AccountType(AccountKind.MORTGAGE, "manufactured_home"),
    "18": AccountType(AccountKind.CARD),
    "19": AccountType(AccountKind.MORTGAGE, "fha_mortgage"),
    "1C": AccountType(AccountKind.PERSONAL, "household_goods"),
    "20": AccountType(AccountKind.PERSONAL, "note"),
    "21": AccountType(AccountKind.PERSONAL, "cosigned_loan"),
    "22": AccountType(AccountKind.PERSONAL, "household_goods"),
    "23": AccountType(AccountKind.PERSONAL, "household_goods"),
    "25": AccountType(AccountKind.MORTGAGE, "va_mortgage"),
    "26": AccountType(AccountKind.MORTGAGE),
    "27": AccountType(AccountKind.MORTGAGE, "real_estate"),
    "29": AccountType(AccountKind.UTILITY, "rent"),
    "2A": AccountType(AccountKind.CARD, "secured_card"),
    "2C": AccountType(AccountKind.MORTGAGE, "farm_mortgage"),
    "30": AccountType(AccountKind.OTHER, "summary"),
    "31": AccountType(AccountKind.OTHER),
    "33": AccountType(AccountKind.MORTGAGE),
    "34": AccountType(AccountKind.OTHER, "counseling"),
    "37": AccountType(AccountKind.CARD, "combined_plan"),
    "3A": AccountType(AccountKind.AUTO, "auto_lease"),
    "43": AccountType(AccountKind.OTHER, "debit_card"),
    "47": AccountType(AccountKind.LINE, "secured_line"),
    "48": AccountType(AccountKind.COLLECTION),
    "4D": AccountType(AccountKind.UTILITY, "telephone"),
    "4F": AccountType(AccountKind.OTHER, "tax"),
    "50": AccountType(AccountKind.SUPPORT, "family_support"),
    "5A": AccountType(AccountKind.MORTGAGE, "junior_lien"),
    "5B": AccountType(AccountKind.MORTGAGE, "second_mortgage"),
    "65": AccountType(AccountKind.OTHER, "government_loan"),
    "66": AccountType(AccountKind.OTHER, "government_loan"),
    "67": AccountType(AccountKind.OTHER, "government_loan"),
    "68": AccountType(AccountKind.OTHER, "government_loan"),
    "69": AccountType(AccountKind.OTHER, "government_debt"),
    "6A": AccountType(AccountKind.BUSINESS),
    "6B": AccountType(AccountKind.MORTGAGE, "business_mortgage"),
    "6D": AccountType(AccountKind.MORTGAGE, "home_equity_loan"),
    "70": AccountType(AccountKind.OTHER, "government_debt"),
    "71": AccountType(AccountKind.OTHER, "government_debt"),
    "72": AccountType(AccountKind.OTHER, "government_debt"),
    "73": AccountType(AccountKind.OTHER, "government_debt"),
    "74": AccountType(AccountKind.OTHER, "government_debt"),
    "75": AccountType(AccountKind.OTHER, "government_debt"),
    "77": AccountType(AccountKind.OTHER, "returned_check"),
    "78": AccountType(AccountKind.PERSONAL, "installment_loan"),
    "7A": AccountType(AccountKind.LINE, "business_line"),
    "7B": AccountType(AccountKind.BUSINESS, "farm_loan"),
    "85": AccountType(AccountKind.MORTGAGE),
    "87": AccountType(AccountKind.MORTGAGE),
    "89": AccountType(AccountKind.HOME_EQUITY),
    "8A": AccountType(AccountKind.CARD, "business_card"),
    "8B": AccountType(AccountKind.OTHER, "overdraft"),
    "90": AccountType(AccountKind.MEDICAL),
    "91": AccountType(AccountKind.PERSONAL, "debt_consolidation"),
    "92": AccountType(AccountKind.UTILITY),
    "93": AccountType(AccountKind.SUPPORT, "child_support"),
    "94": AccountType(AccountKind.SUPPORT, "spouse_support"),
    "95": AccountType(AccountKind.OTHER, "attorney_fees"),
    "96": AccountType(AccountKind.OTHER, "checking_account"),
    "98": AccountType(AccountKind.OTHER),
    "9A": AccountType(AccountKind.PERSONAL, "home_improvement"),
    "9B": AccountType(AccountKind.LINE, "business_line"),
}
UNKNOWN = AccountType(AccountKind.OTHER)

# The kind in an account's key; a missing one is "other". Keys are in URLs, in links to cards
# at banks and in stored changes. So this table must never change, even if ``TYPES`` does.
KINDS_IN_KEYS: Mapping[str, AccountKind] = {
    "00": AccountKind.AUTO,
    "01": AccountKind.PERSONAL,
    "02": AccountKind.PERSONAL,
    "03": AccountKind.PERSONAL,
    "04": AccountKind.PERSONAL,
    "05": AccountKind.MORTGAGE,
    "06": AccountKind.PERSONAL,
    "07": AccountKind.RETAIL,
    "08": AccountKind.MORTGAGE,
    "0C": AccountKind.COLLECTION,
    "0G": AccountKind.CARD,
    "12": AccountKind.STUDENT,
    "15": AccountKind.LINE,
    "18": AccountKind.CARD,
    "19": AccountKind.MORTGAGE,
    "25": AccountKind.MORTGAGE,
    "26": AccountKind.MORTGAGE,
    "47": AccountKind.LINE,
    "48": AccountKind.COLLECTION,
    "5A": AccountKind.MORTGAGE,
    "5B": AccountKind.MORTGAGE,
    "89": AccountKind.HOME_EQUITY,
}
