"""Template tags and filters for spending by category, balances, the runway and scores."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from markupsafe import Markup

from banking.models import Account
from formats.money import money
from formats.numbers import EXACT, ONE, not_available
from insights.balances.account_totals import Card
from insights.overview import Spending
from ui.links import page_url
from ui.macros import load_macro

register = template.Library()


@register.filter
def category_rows(spending: Spending) -> Markup:
    """Draw the spending of each category: icon, name with a link to the transactions, amount and bar."""
    return load_macro("insights/spending.html", "category_rows")(spending)


@register.filter
def account_rows(accounts: Sequence[Account]) -> Markup:
    """Draw the accounts of the bank balance, each with its own balance."""
    return load_macro("insights/meters.html", "account_rows")(accounts)


@register.filter
def card_rows(cards: Sequence[Card]) -> Markup:
    """Draw the credit cards, each with its utilization on a meter."""
    return load_macro("insights/meters.html", "card_rows")(cards)


@register.filter
def account_page(account_id: UUID) -> str:
    """Return the URL of an account's page."""
    return page_url("account", account_id)


@register.filter
def card_note(card: Card) -> str:
    """Return a card's balance, or credit balance, and its limit, as far as they are known."""
    if card.balance is None and card.limit is None:
        return _("Balance and credit limit not available")
    if card.balance is None:
        return _("Balance not available, credit limit %(limit)s") % {"limit": money(card.limit, card.currency)}
    values = {"balance": money(card.balance.copy_abs(), card.currency), "limit": money(card.limit, card.currency)}
    if card.balance < 0 and card.limit is None:
        return _("%(balance)s owed to you, credit limit not available") % values
    if card.balance < 0:
        return _("%(balance)s owed to you, credit limit %(limit)s") % values
    if card.limit is None:
        return _("%(balance)s, credit limit not available") % values
    return _("%(balance)s of %(limit)s") % values


@register.filter
def runway(months: Decimal | None) -> str:
    """Format a runway in whole months, but below one month and above ten years only as such."""
    if months is None:
        return not_available()
    rounded = int(months.quantize(ONE, context=EXACT))
    if rounded < 1:
        return _("Less than a month")
    if rounded > 120:
        return _("More than 10 years")
    return ngettext("About %(count)s month", "About %(count)s months", rounded) % {"count": rounded}


@register.filter
def score(value: Decimal) -> str:
    """Format a score or the size of its change, which charts have as a ``Decimal``."""
    return f"{value:f}"
