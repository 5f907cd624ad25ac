"""Template tags for connections, categories, accounts, their terms, and lists of transactions."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from uuid import UUID

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from markupsafe import Markup

from banking.transactions import categories
from banking.transactions.listing.transaction_list import TransactionListRow
from formats.numbers import exact_percent, not_available
from ui.links import page_url
from ui.macros import load_macro
from ui.templatetags.components import icon
from ui.templatetags.formatting import HOUR, count_elapsed_seconds, format_ago

register = template.Library()

# --- States ----------------------------------------------------------------------------------------------

# The tone, the icon and the label of a connection's state, the same on every page.
STATES = {
    "loading": ("info", "arrow-path", _("Importing")),
    "syncing": ("info", "arrow-path", _("Syncing")),
    "fresh": ("ok", "check", _("Up to date")),
    "stale": ("warn", "clock", _("Out of date")),
    "error": ("error", "exclamation-triangle", _("Sync failed")),
    "reauth": ("warn", "key", _("Sign-in required")),
    "repair": ("warn", "wrench-screwdriver", _("Reconnect required")),
    "disconnected": ("off", "link-slash", _("Access ended")),
    "elsewhere": ("off", "link-slash", _("Other environment")),
}


@register.simple_tag
def status_badge(state: str, data_as_of: datetime | None = None) -> SafeString:
    """Draw a state's label and icon; the label of a stale one has the age of its data. Raises ``KeyError``."""
    tone, picture, name = STATES[state]
    label = str(name)
    if state == "stale" and data_as_of and (seconds := count_elapsed_seconds(data_as_of)) >= HOUR:
        label = gettext("Data from %(ago)s") % {"ago": format_ago(seconds)}
    return format_html('<span class="pill pill--{}">{}{}</span>', tone, icon(picture), label)


# --- Categories and kinds --------------------------------------------------------------------------------

# What a company does in a transaction, by the provider's code.
COUNTERPARTY_TYPES = {
    "merchant": _("Merchant"),
    "financial_institution": _("Financial institution"),
    "payment_app": _("Payment app"),
    "marketplace": _("Marketplace"),
    "payment_terminal": _("Payment terminal"),
    "income_source": _("Income source"),
}


@register.filter
def counterparty_type(code: str) -> str:
    """The words for what a company does in a transaction; empty for a code that the provider has added since."""
    return str(COUNTERPARTY_TYPES.get(code, ""))


# The tone of each category, as a number of the palette; neighbors on a page should differ.
TONES = {
    "BANK_FEES": 6,
    "ENTERTAINMENT": 4,
    "FOOD_AND_DRINK": 3,
    "GENERAL_MERCHANDISE": 1,
    "GENERAL_SERVICES": 7,
    "GOVERNMENT_AND_NON_PROFIT": 7,
    "HOME_IMPROVEMENT": 8,
    "INCOME": 5,
    "LOAN_DISBURSEMENTS": 5,
    "LOAN_PAYMENTS": 6,
    "MEDICAL": 6,
    "PERSONAL_CARE": 4,
    "RENT_AND_UTILITIES": 8,
    "TRANSPORTATION": 2,
    "TRAVEL": 2,
}
PLAIN_TONE = 7


@register.filter
def category_name(category: str) -> str:
    return str(categories.get_category(category).label)


@register.filter
@lru_cache(maxsize=512)
def category_tone(category: str) -> str:
    """Return the class that colors a category, the same on every page."""
    return f"c{TONES.get(category, PLAIN_TONE)}"


@register.filter
@lru_cache(maxsize=512)
def category_icon(category: str) -> SafeString:
    """Draw a category's icon on its tone. The category's name is beside it as text."""
    picture = icon(categories.get_category(category).icon)
    return format_html('<span class="mark {}">{}</span>', category_tone(category), picture)


# The most common of Plaid's subtypes. Source: https://plaid.com/docs/api/accounts/#account-type-schema
ACCOUNT_TYPES = {
    "checking": _("Checking"),
    "savings": _("Savings"),
    "money market": _("Money market"),
    "credit card": _("Credit card"),
    "mortgage": _("Mortgage"),
    "student": _("Student loan"),
    "auto": _("Auto loan"),
    "loan": _("Loan"),
    "brokerage": _("Brokerage"),
}


@register.filter
def account_type(name: str) -> str:
    """Format a type of account: ``credit card`` is "Credit card", an abbreviation such as ``cd`` is "CD"."""
    if label := ACCOUNT_TYPES.get(name):
        return str(label)
    return name.upper() if len(name) <= len("ira") else name[:1].upper() + name[1:]


# --- Cards, loans and recurring payments -----------------------------------------------------------------

# Plaid's codes; a code that is not here is written in words.
# Source: https://plaid.com/docs/api/products/liabilities/#liabilitiesget
APR_TYPES = {
    "purchase_apr": _("Purchases"),
    "cash_apr": _("Cash advances"),
    "balance_transfer_apr": _("Balance transfers"),
    "special": _("Special offer"),
}
# Source: https://plaid.com/docs/api/products/transactions/#transactionsrecurringget
FREQUENCIES = {
    "WEEKLY": _("Every week"),
    "BIWEEKLY": _("Every 2 weeks"),
    "SEMI_MONTHLY": _("Twice a month"),
    "MONTHLY": _("Every month"),
    "ANNUALLY": _("Every year"),
}
INTEREST_RATE_TYPES = {"fixed": _("Fixed"), "variable": _("Variable")}


@register.filter
def apr_type(code: str) -> str:
    """Format what an interest rate of a card applies to."""
    return str(APR_TYPES.get(code) or code_in_words(code))


@register.filter
def frequency(code: str) -> str:
    """Format how often a payment recurs."""
    return str(FREQUENCIES.get(code) or gettext("Irregular"))


@register.filter
def rate_type(code: str) -> str:
    """Format whether an interest rate can change."""
    return str(INTEREST_RATE_TYPES.get(code) or code_in_words(code))


@register.filter
def code_in_words(code: str) -> str:
    """Write a provider's code as words: ``cosigned`` is "Cosigned"."""
    return code.replace("_", " ").strip().capitalize() or gettext("Not available")


@register.filter
def interest_rate(percentage: Decimal | None) -> str:
    """Format a rate with the decimals that it has: ``12.5%``."""
    if percentage is None:
        return not_available()
    digits = f"{percentage:f}"
    return exact_percent(Decimal(digits.rstrip("0").rstrip(".") if "." in digits else digits))


# --- Transactions ----------------------------------------------------------------------------------------


@register.filter
def transfer_page(transaction_id: UUID) -> str:
    """Return the URL of the page of a transaction's transfer."""
    return page_url("transfer", transaction_id)


@register.filter
def transaction_rows(rows: Sequence[TransactionListRow], form: str = "") -> Markup:
    """Draw the body of a table of transactions; with the id of a form, each row can be selected for it."""
    return load_macro("banking/transactions.html", "transaction_rows")(rows, form)


def transaction_page(transaction_id: UUID) -> str:
    """Return the URL of a transaction's page, which is below that of the list."""
    return f"{page_url('transactions')}{transaction_id}/"
