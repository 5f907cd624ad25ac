"""Addresses of the transaction list with one thing changed: a filter less, a page further, another span."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote_plus

from django.http import QueryDict

from banking.transactions.categories import UNCATEGORIZED
from banking.transactions.filters import TransactionFilter

PAGING = ("before", "after")
SPANS = (("30 days", 30), ("90 days", 90), ("1 year", 365))


@dataclass(frozen=True, slots=True)
class ActiveFilter:
    """A filter that is on, in words, and the address of the list without it."""

    label: str
    remove_url: str


@dataclass(frozen=True, slots=True)
class Preset:
    """A span of days that people ask for often."""

    label: str
    url: str
    current: bool


def changed(query: QueryDict, **changes: str | None) -> str:
    """The query string with some values set, or taken out where the value is ``None``; paging starts over."""
    copy = query.copy()
    for name in (*PAGING, *changes):
        copy.pop(name, None)
    for name, value in changes.items():
        if value is not None:
            copy[name] = value
    return f"?{copy.urlencode()}"


def spent_on(category: str, *, since: date, until: date) -> str:
    """The query for what was spent on a category and what came back; without a category, for what went out alone.

    It leaves out what does not count, as the figure does that leads there.
    """
    asked = f"category={quote_plus(category)}" if category else f"category={UNCATEGORIZED}&direction=out"
    return f"?{asked}&counted=yes&since={since}&until={until}"


def active_filters(query: QueryDict, found: TransactionFilter) -> list[ActiveFilter]:
    """Name every filter that is on, by its field's label and the words of the value."""
    values = found.form.cleaned_data
    return [
        ActiveFilter(
            label=f"{found.filters[name].label}: {words(found.form.fields[name], value)}",
            remove_url=changed(query, **{name: None}),
        )
        for name, value in values.items()
        if value not in (None, "")
    ]


def words(field: Any, value: object) -> str:
    """The words that a person chose a value by."""
    choices = dict(field.choices) if isinstance(value, str) and hasattr(field, "choices") else {}
    return str(choices.get(value, value))


def presets(query: QueryDict, today: date) -> list[Preset]:
    """The usual spans up to today, and everything."""
    asked = (query.get("since", ""), query.get("until", ""))
    spans = [(label, str(today - timedelta(days=days - 1))) for label, days in SPANS]
    usual = [
        Preset(label=label, url=changed(query, since=since, until=None), current=asked == (since, ""))
        for label, since in spans
    ]
    return [*usual, Preset(label="All", url=changed(query, since=None, until=None), current=asked == ("", ""))]
