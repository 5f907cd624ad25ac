"""The Jinja2 environment of the macros that pages repeat many times (``ui/macros.py``). Pages are Django templates.

The filters are functions of the apps' tag libraries. An undefined name in a macro is an error instead of an empty
string. Sentences are translated by Django's gettext: ``_("...")``, ``ngettext(...)`` or a block
``{% trans %}...{% endtrans %}``, whose placeholders are escaped.
"""

from typing import Any

from django.utils.translation import gettext, ngettext, npgettext, pgettext
from jinja2 import Environment, StrictUndefined

from banking.templatetags import banking_tags
from credit.analysis import labels
from credit.templatetags import credit_tags
from formats.money import money, signed_money
from formats.numbers import exact_percent, percent
from insights.templatetags import chart_tags, insights_tags
from ui.templatetags import formatting

FILTERS = {
    "absolute_money": formatting.absolute_money,
    "exact_percent": exact_percent,
    "money": money,
    "percent": percent,
    "short_date": formatting.short_date,
    "signed_money": signed_money,
    "category_icon": banking_tags.category_icon,
    "category_name": banking_tags.category_name,
    "category_tone": banking_tags.category_tone,
    "transfer_page": banking_tags.transfer_page,
    "transaction_page": banking_tags.transaction_page,
    "account_type": banking_tags.account_type,
    "account_page": insights_tags.account_page,
    "card_note": insights_tags.card_note,
    "meter_percent": chart_tags.meter_percent,
    "account_note": credit_tags.account_note,
    "account_status": credit_tags.account_status,
    "account_url": credit_tags.account_url,
    "creditor_name": credit_tags.creditor_name,
    "dollars": labels.format_dollars,
    "payment_mark": credit_tags.payment_mark,
    "payment_meaning": credit_tags.payment_meaning,
    "payment_tone": credit_tags.payment_tone,
    "reported": labels.format_date,
}
GLOBALS = {"current_year": formatting.current_year}


def environment(**options: Any) -> Environment:
    """Create the environment for Django's Jinja2 backend, which turns on autoescaping."""
    env = Environment(**options | {"undefined": StrictUndefined})  # noqa: S701 Django's backend passes autoescape=True
    env.add_extension("jinja2.ext.i18n")
    env.policies["ext.i18n.trimmed"] = True
    env.install_gettext_callables(  # type: ignore[attr-defined]  # a method that the extension adds
        gettext, ngettext, newstyle=True, pgettext=pgettext, npgettext=npgettext
    )
    env.filters.update(FILTERS)
    env.globals.update(GLOBALS)
    return env
