"""How pages say what insights work out: spending by category, how long money lasts, scores."""

from decimal import Decimal

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from markupsafe import Markup

from formats.numbers import EXACT, ONE, not_available
from insights.overview import Spending
from ui.macros import load_macro

register = template.Library()


@register.filter
def category_rows(spending: Spending) -> Markup:
    """Draw what went to each category: its icon, its name that leads to the transactions, its amount and its bar."""
    return load_macro("insights/spending.html", "category_rows")(spending)


@register.filter
def runway(months: Decimal | None) -> str:
    """Format how long money lasts, as coarsely as the figure is known."""
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
    """Format a score, or the size of its change, which a chart keeps as a number without a unit."""
    return f"{value:f}"
