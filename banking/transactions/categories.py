"""The eighteen categories of spending and income, as Plaid's personal finance categories (version 2) cut them.

A category that is not in this table is shown by its own words. Source: https://plaid.com/docs/transactions/pfc-migration/
"""

from typing import NamedTuple


class Category(NamedTuple):
    """What a page calls a category and the icon beside it."""

    label: str
    icon: str


CATEGORIES = {
    "BANK_FEES": Category("Bank fees", "receipt-percent"),
    "ENTERTAINMENT": Category("Entertainment", "film"),
    "FOOD_AND_DRINK": Category("Food and drink", "shopping-cart"),
    "GENERAL_MERCHANDISE": Category("Shopping", "shopping-bag"),
    "GENERAL_SERVICES": Category("Services", "wrench-screwdriver"),
    "GOVERNMENT_AND_NON_PROFIT": Category("Taxes and donations", "building-library"),
    "HOME_IMPROVEMENT": Category("Home", "paint-brush"),
    "INCOME": Category("Income", "banknotes"),
    "LOAN_DISBURSEMENTS": Category("Loans received", "arrow-down-tray"),
    "LOAN_PAYMENTS": Category("Loan payments", "credit-card"),
    "MEDICAL": Category("Health", "heart"),
    "OTHER": Category("Other", "ellipsis-horizontal-circle"),
    "PERSONAL_CARE": Category("Personal care", "sparkles"),
    "RENT_AND_UTILITIES": Category("Rent and utilities", "home"),
    "TRANSFER_IN": Category("Transfer in", "arrow-down-left"),
    "TRANSFER_OUT": Category("Transfer out", "arrow-up-right"),
    "TRANSPORTATION": Category("Transport", "truck"),
    "TRAVEL": Category("Travel", "globe-alt"),
}

UNKNOWN = Category("Uncategorized", "question-mark-circle")

# What an address says for the transactions that have no category.
UNCATEGORIZED = "UNCATEGORIZED"

CHOICES = [*((code, category.label) for code, category in CATEGORIES.items()), (UNCATEGORIZED, UNKNOWN.label)]

# Money that only moves between a person's own accounts, or pays a card whose purchases were counted already.
TRANSFERS = frozenset({"TRANSFER_IN", "TRANSFER_OUT"})
BORROWED = frozenset({"LOAN_DISBURSEMENTS"})
INCOME = "INCOME"
CARD_PAYMENT = "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT"

# Categories that do not tell what money was for: half of a transfer may stand under any of them.
UNTOLD = TRANSFERS | {"", "OTHER"}


def category(code: str) -> Category:
    """Name a category; a code we do not know is named by its own words."""
    if not code:
        return UNKNOWN
    return CATEGORIES.get(code) or Category(code.replace("_", " ").capitalize(), UNKNOWN.icon)
