"""The frame around a part of a page, with the age of its figures: every page has several, so no template draws it."""

from collections.abc import Iterator
from datetime import date
from html import escape

from django import template
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from banking.models import Item
from config.templatetags.ui import as_of, day_in, icon
from insights.balances.data_age import Age

register = template.Library()


@register.simple_block_tag
def card(
    content: str,
    title: str,
    key: str,
    *,
    span: int = 12,
    url: str = "",
    action: str = "",
    age: Age | None = None,
    since: date | None = None,
    until: date | None = None,
) -> SafeString:
    """Frame a part of a page under its heading, ``span`` columns of 12 wide; ``key`` is unique on the page.

    ``url`` and ``action`` are the heading's link. ``age``, ``since`` and ``until`` say of when the figures are.
    """
    link = f'<a class="card__link" href="{escape(url)}">{escape(action)}</a>' if url else ""
    spans = "".join(age_spans(age or None, since or None, until or None))
    times = f'<p class="age">{spans}</p>' if age or since else ""
    return mark_safe(  # noqa: S308 what is not ours is escaped, and the content is a template's
        f'<section class="card w{span}" aria-labelledby="{key}-title">\n'
        f'<header class="card__head"><h2 id="{key}-title">{escape(title)}</h2>{link}{times}</header>\n'
        f"{content}</section>"
    )


@register.simple_tag
def stat(label: str, value: str, *, note: str = "", tone: str = "") -> SafeString:
    """Say one figure under its label, in the color of ``tone`` (``pos``, ``neg``), with a note below."""
    below = f'<dd class="stat__note">{escape(note)}</dd>' if note else ""
    color = f" {escape(tone)}" if tone else ""
    return mark_safe(  # noqa: S308 whatever is given is escaped
        f'<div class="stat"><dt>{escape(label)}</dt><dd class="stat__value{color}">{escape(value)}</dd>{below}</div>'
    )


def age_spans(age: Age | None, since: date | None, until: date | None) -> Iterator[str]:
    """Say which days the figures cover, how old they are, and which banks' are older."""
    if since and until:
        year = timezone.localdate().year
        yield f"<span>{day_in(since, year)} to {day_in(until, year)}</span>"
    if age and age.as_of:
        yield f"<span>As of {as_of(age.as_of)}</span>"
    for item in age.late if age else ():
        yield f'<span class="age__late">{icon("clock")}{escape(item.institution_name)} {last_read(item)}</span>'


def last_read(item: Item) -> str:
    return f"as of {as_of(item.data_as_of)}" if item.data_as_of else "not read yet"
