"""Experian's types of accounts in credit's words. A type that is missing here is listed and counts as other.

The codes are Experian's table, which is that of Metro 2 with a few more. ``docs/credit.md`` says how sure it is.
"""

from collections.abc import Mapping
from typing import NamedTuple

from credit.report import Kind


class AccountType(NamedTuple):
    """What an account is for; ``product`` is a word more where the kind does not say all."""

    kind: Kind
    product: str = ""


TYPES: Mapping[str, AccountType] = {
    "00": AccountType(Kind.AUTO),
    "01": AccountType(Kind.PERSONAL, "unsecured_loan"),
    "02": AccountType(Kind.PERSONAL, "secured_loan"),
    "03": AccountType(Kind.PERSONAL, "partly_secured_loan"),
    "04": AccountType(Kind.PERSONAL, "home_improvement"),
    "05": AccountType(Kind.MORTGAGE, "home_improvement"),
    "06": AccountType(Kind.PERSONAL, "installment_sale"),
    "07": AccountType(Kind.RETAIL),
    "08": AccountType(Kind.MORTGAGE, "real_estate"),
    "09": AccountType(Kind.PERSONAL, "cosigned_loan"),
    "0A": AccountType(Kind.PERSONAL, "timeshare"),
    "0C": AccountType(Kind.COLLECTION, "bought_debt"),
    "0F": AccountType(Kind.MORTGAGE, "construction"),
    "0G": AccountType(Kind.CARD, "flexible_card"),
    "10": AccountType(Kind.BUSINESS),
    "11": AccountType(Kind.PERSONAL, "recreational"),
    "12": AccountType(Kind.STUDENT),
    "13": AccountType(Kind.LEASE),
    "14": AccountType(Kind.PERSONAL, "cosigned_loan"),
    "15": AccountType(Kind.LINE),
    "16": AccountType(Kind.MORTGAGE, "cosigned_loan"),
    "17": AccountType(Kind.MORTGAGE, "manufactured_home"),
    "18": AccountType(Kind.CARD),
    "19": AccountType(Kind.MORTGAGE, "fha_mortgage"),
    "1C": AccountType(Kind.PERSONAL, "household_goods"),
    "20": AccountType(Kind.PERSONAL, "note"),
    "21": AccountType(Kind.PERSONAL, "cosigned_loan"),
    "22": AccountType(Kind.PERSONAL, "household_goods"),
    "23": AccountType(Kind.PERSONAL, "household_goods"),
    "25": AccountType(Kind.MORTGAGE, "va_mortgage"),
    "26": AccountType(Kind.MORTGAGE),
    "27": AccountType(Kind.MORTGAGE, "real_estate"),
    "29": AccountType(Kind.UTILITY, "rent"),
    "2A": AccountType(Kind.CARD, "secured_card"),
    "2C": AccountType(Kind.MORTGAGE, "farm_mortgage"),
    "30": AccountType(Kind.OTHER, "summary"),
    "31": AccountType(Kind.OTHER),
    "33": AccountType(Kind.MORTGAGE),
    "34": AccountType(Kind.OTHER, "counseling"),
    "37": AccountType(Kind.CARD, "combined_plan"),
    "3A": AccountType(Kind.AUTO, "auto_lease"),
    "43": AccountType(Kind.OTHER, "debit_card"),
    "47": AccountType(Kind.LINE, "secured_line"),
    "48": AccountType(Kind.COLLECTION),
    "4D": AccountType(Kind.UTILITY, "telephone"),
    "4F": AccountType(Kind.OTHER, "tax"),
    "50": AccountType(Kind.SUPPORT, "family_support"),
    "5A": AccountType(Kind.MORTGAGE, "junior_lien"),
    "5B": AccountType(Kind.MORTGAGE, "second_mortgage"),
    "65": AccountType(Kind.OTHER, "government_loan"),
    "66": AccountType(Kind.OTHER, "government_loan"),
    "67": AccountType(Kind.OTHER, "government_loan"),
    "68": AccountType(Kind.OTHER, "government_loan"),
    "69": AccountType(Kind.OTHER, "government_debt"),
    "6A": AccountType(Kind.BUSINESS),
    "6B": AccountType(Kind.MORTGAGE, "business_mortgage"),
    "6D": AccountType(Kind.MORTGAGE, "home_equity_loan"),
    "70": AccountType(Kind.OTHER, "government_debt"),
    "71": AccountType(Kind.OTHER, "government_debt"),
    "72": AccountType(Kind.OTHER, "government_debt"),
    "73": AccountType(Kind.OTHER, "government_debt"),
    "74": AccountType(Kind.OTHER, "government_debt"),
    "75": AccountType(Kind.OTHER, "government_debt"),
    "77": AccountType(Kind.OTHER, "returned_check"),
    "78": AccountType(Kind.PERSONAL, "installment_loan"),
    "7A": AccountType(Kind.LINE, "business_line"),
    "7B": AccountType(Kind.BUSINESS, "farm_loan"),
    "85": AccountType(Kind.MORTGAGE),
    "87": AccountType(Kind.MORTGAGE),
    "89": AccountType(Kind.HOME_EQUITY),
    "8A": AccountType(Kind.CARD, "business_card"),
    "8B": AccountType(Kind.OTHER, "overdraft"),
    "90": AccountType(Kind.MEDICAL),
    "91": AccountType(Kind.PERSONAL, "debt_consolidation"),
    "92": AccountType(Kind.UTILITY),
    "93": AccountType(Kind.SUPPORT, "child_support"),
    "94": AccountType(Kind.SUPPORT, "spouse_support"),
    "95": AccountType(Kind.OTHER, "attorney_fees"),
    "96": AccountType(Kind.OTHER, "checking_account"),
    "98": AccountType(Kind.OTHER),
    "9A": AccountType(Kind.PERSONAL, "home_improvement"),
    "9B": AccountType(Kind.LINE, "business_line"),
}
UNKNOWN = AccountType(Kind.OTHER)

# The kind that stands in an account's key, where what is missing is "other". Keys are in addresses, in links to cards
# at banks and in stored changes. So this table never changes, whatever the one above learns.
KINDS_IN_KEYS: Mapping[str, Kind] = {
    "00": Kind.AUTO,
    "01": Kind.PERSONAL,
    "02": Kind.PERSONAL,
    "03": Kind.PERSONAL,
    "04": Kind.PERSONAL,
    "05": Kind.MORTGAGE,
    "06": Kind.PERSONAL,
    "07": Kind.RETAIL,
    "08": Kind.MORTGAGE,
    "0C": Kind.COLLECTION,
    "0G": Kind.CARD,
    "12": Kind.STUDENT,
    "15": Kind.LINE,
    "18": Kind.CARD,
    "19": Kind.MORTGAGE,
    "25": Kind.MORTGAGE,
    "26": Kind.MORTGAGE,
    "47": Kind.LINE,
    "48": Kind.COLLECTION,
    "5A": Kind.MORTGAGE,
    "5B": Kind.MORTGAGE,
    "89": Kind.HOME_EQUITY,
}
