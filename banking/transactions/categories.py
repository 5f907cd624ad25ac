"""The eighteen primary categories of Plaid's personal finance categories (version 2), with label and icon.

A code that is not in this table is shown in its own words. Source: https://plaid.com/docs/transactions/pfc-migration/
"""

from typing import NamedTuple


class Category(NamedTuple):
    """A category's label and the icon beside it."""

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

# The value of the query string for transactions without a category.
UNCATEGORIZED = "UNCATEGORIZED"

CATEGORY_CHOICES = [
    *((code, category.label) for code, category in CATEGORIES.items()),
    (UNCATEGORIZED, UNKNOWN.label),
]

# Money that only moves between a person's own accounts, or pays a card whose purchases are counted already.
TRANSFERS = frozenset({"TRANSFER_IN", "TRANSFER_OUT"})
LOAN_PROCEEDS = frozenset({"LOAN_DISBURSEMENTS"})
INCOME = "INCOME"
CARD_PAYMENT = "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT"

# Categories that do not say what the money was for: either leg of a transfer may have any of them.
UNSPECIFIC = TRANSFERS | {"", "OTHER"}


def get_category(code: str) -> Category:
    """The label and icon of a category; an unknown code is labeled with its own words."""
    if not code:
        return UNKNOWN
    return CATEGORIES.get(code) or Category(code.replace("_", " ").capitalize(), UNKNOWN.icon)
