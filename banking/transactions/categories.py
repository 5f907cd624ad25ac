"""The eighteen primary categories of Plaid's personal finance categories (version 2), with label and icon.

A code that is not in this table is written in words.

Source: https://plaid.com/docs/transactions/pfc-migration/
"""

from typing import TYPE_CHECKING, NamedTuple

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class Category(NamedTuple):
    """A category's label and the icon beside it."""

    label: "StrOrPromise"
    icon: str


CATEGORIES = {
    "BANK_FEES": Category(_("Bank fees"), "receipt-percent"),
    "ENTERTAINMENT": Category(_("Entertainment"), "film"),
    "FOOD_AND_DRINK": Category(_("Food and drink"), "shopping-cart"),
    "GENERAL_MERCHANDISE": Category(_("Shopping"), "shopping-bag"),
    "GENERAL_SERVICES": Category(_("Services"), "wrench-screwdriver"),
    "GOVERNMENT_AND_NON_PROFIT": Category(_("Taxes and donations"), "building-library"),
    "HOME_IMPROVEMENT": Category(_("Home improvement"), "paint-brush"),
    "INCOME": Category(_("Income"), "banknotes"),
    "LOAN_DISBURSEMENTS": Category(_("Loans received"), "arrow-down-tray"),
    "LOAN_PAYMENTS": Category(_("Loan payments"), "credit-card"),
    "MEDICAL": Category(_("Health"), "heart"),
    "OTHER": Category(_("Other"), "ellipsis-horizontal-circle"),
    "PERSONAL_CARE": Category(_("Personal care"), "sparkles"),
    "RENT_AND_UTILITIES": Category(_("Rent and utilities"), "home"),
    "TRANSFER_IN": Category(_("Transfer in"), "arrow-down-left"),
    "TRANSFER_OUT": Category(_("Transfer out"), "arrow-up-right"),
    "TRANSPORTATION": Category(_("Transportation"), "truck"),
    "TRAVEL": Category(_("Travel"), "globe-alt"),
}

UNKNOWN = Category(_("Uncategorized"), "question-mark-circle")

# The value of the query string for transactions without a category.
UNCATEGORIZED = "UNCATEGORIZED"

CATEGORY_CHOICES = [
    *((code, category.label) for code, category in CATEGORIES.items()),
    (UNCATEGORIZED, UNKNOWN.label),
]

# Money that only moves between a user's own accounts, or pays a card whose purchases are counted already.
TRANSFERS = frozenset({"TRANSFER_IN", "TRANSFER_OUT"})
LOAN_PROCEEDS = frozenset({"LOAN_DISBURSEMENTS"})
INCOME = "INCOME"
CARD_PAYMENT = "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT"

# Categories that do not say what the money was for.
NO_CATEGORY = frozenset({"", "OTHER"})


def get_category(code: str) -> Category:
    """The label and icon of a category. The label of an unknown code is the code in words."""
    if not code:
        return UNKNOWN
    return CATEGORIES.get(code) or Category(code.replace("_", " ").capitalize(), UNKNOWN.icon)
