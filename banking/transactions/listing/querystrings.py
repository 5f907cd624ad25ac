"""Query strings of the transaction list with one parameter changed: a filter, a page or a date range."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote_plus

from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from banking.transactions.categories import UNCATEGORIZED
from banking.transactions.listing.filters import TransactionFilter

PAGE_PARAMS = ("before", "after")
DATE_RANGES = ((_("30 days"), 30), (_("90 days"), 90), (_("1 year"), 365))


@dataclass(frozen=True, slots=True)
class ActiveFilter:
    """The label of an active filter, and the query string of the list without it."""

    label: str
    remove_url: str


@dataclass(frozen=True, slots=True)
class DateRangePreset:
    """A common date range, as a link."""

    label: str
    url: str
    current: bool


def with_params(query: QueryDict, **changes: str | None) -> str:
    """The query string with some parameters set, or removed where the value is ``None``; pagination starts over."""
    copy = query.copy()
    for name in (*PAGE_PARAMS, *changes):
        copy.pop(name, None)
    for name, value in changes.items():
        if value is not None:
            copy[name] = value
    return f"?{copy.urlencode()}"


def spending_filter(category: str, *, since: date, until: date) -> str:
    """The query string for spending on a category and its refunds; without a category, for money out alone.

    Like the figure that links there, it leaves out what does not count in cash flow.
    """
    category_query = f"category={quote_plus(category)}" if category else f"category={UNCATEGORIZED}&direction=out"
    return f"?{category_query}&counted=yes&since={since}&until={until}"


def active_filters(query: QueryDict, transaction_filter: TransactionFilter) -> list[ActiveFilter]:
    """The active filters, each by its field's label and the label of its value."""
    form = transaction_filter.form
    return [
        ActiveFilter(
            label=gettext("%(filter)s: %(value)s")
            % {"filter": transaction_filter.filters[name].label, "value": display_value(form.fields[name], value)},
            remove_url=with_params(query, **{name: None}),
        )
        for name, value in form.cleaned_data.items()
        if value not in (None, "")
    ]


def display_value(field: Any, value: object) -> str:
    """The label of a choice, or the value itself."""
    choices = dict(field.choices) if isinstance(value, str) and hasattr(field, "choices") else {}
    return str(choices.get(value, value))


def date_range_presets(query: QueryDict, today: date) -> list[DateRangePreset]:
    """The common date ranges up to today, and everything."""
    requested = (query.get("since", ""), query.get("until", ""))
    ranges = [(label, str(today - timedelta(days=days - 1))) for label, days in DATE_RANGES]
    return [
        DateRangePreset(
            label=str(label), url=with_params(query, since=since or None, until=None), current=requested == (since, "")
        )
        for label, since in [*ranges, (_("All dates"), "")]
    ]
