"""The template components that pages of every app share: icons, links of menus, cards and figures."""

from datetime import date, datetime
from functools import lru_cache
from typing import Any

from django import template
from django.http import HttpRequest
from django.template.context import Context
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from heroicons.templatetags.heroicons import heroicon_mini
from markupsafe import escape as escape_markup

from ui.links import page_url
from ui.templatetags.formatting import as_of, current_year, short_date

register = template.Library()
register.simple_tag(page_url)


@lru_cache(maxsize=128)
def heroicon(name: str, size: int) -> SafeString:
    """Draw a heroicon on one line. There is always a text beside it, so screen readers skip it."""
    parts = escape_markup(heroicon_mini(name, size=size)).split()
    return format_html_join(" ", "{}", ((part,) for part in parts))


@register.simple_tag
def icon(name: str, size: int = 16) -> SafeString:
    """Draw a small icon beside a text."""
    return heroicon(name, size)


@register.simple_tag(takes_context=True)
def nav_link(context: Context, name: str, label: str, picture: str, below: str = "") -> str:
    """Link to a main page, marked as current there and, less strongly, on the pages whose names ``below`` lists."""
    return nav_item(name, aria_current(context["request"], name, below), label, picture)


@lru_cache(maxsize=64)
def nav_item(name: str, current: str, label: str, picture: str) -> str:
    link = '<a href="{}" aria-current="{}">{}{}</a>'
    return format_html(link, page_url(name), current, icon(picture, 20), label)


@register.simple_tag(takes_context=True)
def tab(context: Context, name: str, label: str, below: str = "") -> str:
    """Link to one page of several, marked as current as in ``nav_link``."""
    current = aria_current(context["request"], name, below)
    return format_html('<li><a href="{}" aria-current="{}">{}</a></li>', page_url(name), current, label)


def aria_current(request: HttpRequest, name: str, below: str) -> str:
    """Return ``aria-current`` of a link: ``page`` on the page itself, ``true`` on those below it, else ``false``."""
    match = request.resolver_match
    here = match.url_name if match else ""
    return "page" if here == name else "true" if here in below.split() else "false"


@register.simple_block_tag
def card(
    content: str,
    title: str,
    key: str,
    *,
    span: int = 12,
    url: str = "",
    action: str = "",
    age: Any = None,
    since: date | None = None,
    until: date | None = None,
) -> SafeString:
    """Draw a card with a heading, ``span`` columns of 12 wide. ``key`` is unique on the page.

    ``url`` and ``action`` are the heading's link. ``age`` (`insights.balances.data_age.Age`), ``since`` and ``until``
    are the age and the period of the figures.
    """
    link = format_html('<a class="card__link" href="{}">{}</a>', url, escape(action)) if url else ""
    times = format_html('<p class="age">{}</p>', data_age(age or None, since, until)) if age or since else ""
    return format_html(CARD, span, key, key, escape(title), link, times, content)


CARD = """<section class="card w{}" aria-labelledby="{}-title">
<header class="card__head"><h2 id="{}-title">{}</h2>{}{}</header>
{}</section>"""


def data_age(age: Any, since: date | None, until: date | None) -> SafeString:
    """Draw the period of the figures, their age, and the banks whose data is out of date."""
    parts = []
    if since and until:
        year = current_year()
        days = {"since": short_date(since, year), "until": short_date(until, year)}
        parts.append(format_html(_("{since} to {until}"), **days))
    if age and age.as_of:
        parts.append(format_html(_("As of {time}"), time=as_of(age.as_of)))
    late = ((icon("clock"), late_bank(item.institution_name, item.data_as_of)) for item in (age.late if age else ()))
    return format_html(
        "{}{}",
        format_html_join("", "<span>{}</span>", ((part,) for part in parts)),
        format_html_join("", '<span class="age__late">{}{}</span>', late),
    )


def late_bank(name: str, data_as_of: datetime | None) -> SafeString:
    """Draw a bank whose data is out of date, and the date of that data."""
    if data_as_of is None:
        return format_html(_("{bank}: no data yet"), bank=name)
    return format_html(_("{bank}: data from {time}"), bank=name, time=as_of(data_as_of))


@register.simple_tag
def stat(label: str, value: str, *, note: str = "", tone: str = "") -> SafeString:
    """Draw one figure under its label, in the color of ``tone`` (``pos``, ``neg``), with a note below."""
    below = format_html('<dd class="stat__note">{}</dd>', escape(note)) if note else ""
    return format_html(STAT, escape(label), f" {tone}" if tone else "", escape(value), below)


STAT = '<div class="stat"><dt>{}</dt><dd class="stat__value{}">{}</dd>{}</div>'
