"""Amounts and times in words, for the pages of every app.

Amounts are `Decimal` beside a currency code; a value that is not known is ``None`` and reads "Not available",
never zero. Times are aware and shown in the reader's zone.
"""

from collections.abc import Mapping
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from formats import money as formats
from formats.money import EXACT, MINUS, ONE, not_available

register = template.Library()

# --- Amounts ---------------------------------------------------------------------------------------------

money = register.filter(formats.money)


@register.filter
def signed_money(amount: Decimal | None, currency: str = "USD") -> str:
    """Format an amount that moved: ``+$50.00`` came in, ``−$50.00`` went out."""
    return formats.money(amount, currency, plus="+")


@register.filter
def absolute_money(amount: Decimal, currency: str = "USD") -> str:
    """Format an amount without its sign, where the words beside it say whose it is."""
    return formats.money(amount.copy_abs(), currency)


@register.filter
def percent(value: Decimal | None) -> str:
    """Format a share in whole percent; a trace reads "under 1%" because it is not nothing."""
    if value is None:
        return not_available()
    if 0 < value < ONE:
        return _("under 1%")
    return f"{value.quantize(ONE, context=EXACT):,}%".replace("-", MINUS)


@register.filter("grouped")
def group_thousands(count: int) -> str:
    """Format a count with its thousands grouped."""
    return f"{count:,}"


@register.filter
def get_item(counts: Mapping[int, int], key: int) -> int:
    """Look one of several counts up. Raises ``KeyError``."""
    return counts[key]


# --- Times -----------------------------------------------------------------------------------------------

MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAY, HOUR, MINUTE = 86_400, 3_600, 60
TIME = '<time datetime="{}">{}</time>'


def current_year() -> int:
    """Return the year of today in the reader's zone."""
    return timezone.localdate().year


@register.filter
def short_date(value: date, this_year: int | None = None) -> SafeString:
    """Format a calendar day: ``Nov 21``, with the year when it is not this one."""
    return date_in(value, this_year or current_year())


@lru_cache(maxsize=2048)
def date_in(value: date, this_year: int) -> SafeString:
    return format_html(TIME, value.isoformat(), date_text(value, this_year))


def date_text(value: date, this_year: int) -> str:
    year = "" if value.year == this_year else f", {value.year}"
    return f"{MONTHS[value.month]} {value.day}{year}"


@register.filter
def local_datetime(value: datetime) -> SafeString:
    """Format a time of day, with its day unless that is today: ``9:40 AM``, ``Nov 14, 9:40 AM``."""
    return datetime_in(timezone.localtime(value), timezone.localdate())


def datetime_in(local: datetime, today: date) -> SafeString:
    clock = f"{local.hour % 12 or 12}:{local.minute:02} {'AM' if local.hour < 12 else 'PM'}"
    text = clock if local.date() == today else f"{date_text(local.date(), today.year)}, {clock}"
    return format_html(TIME, local.isoformat(timespec="seconds"), text)


@register.filter
def as_of(value: datetime) -> SafeString:
    """Format how old a figure is: the time when it is of today, else only the day."""
    zone = timezone.get_current_timezone()
    return as_of_in(value, zone, datetime.now(zone).date())


@lru_cache(maxsize=512)
def as_of_in(value: datetime, zone: tzinfo, today: date) -> SafeString:
    local = value.astimezone(zone)
    return datetime_in(local, today) if local.date() == today else date_in(local.date(), today.year)


@register.filter
def ago(value: datetime | None) -> str | SafeString:
    """Format how long ago something happened: ``just now``, ``12 min ago``, ``7 days ago``, ``never``."""
    if value is None:
        return _("never")
    return format_html(TIME, value.isoformat(timespec="seconds"), format_ago(count_elapsed_seconds(value)))


def format_ago(seconds: int) -> str:
    """Count a time since in its largest whole unit; less than a minute is "just now"."""
    if days := seconds // DAY:
        return ngettext("%(count)s day ago", "%(count)s days ago", days) % {"count": days}
    if hours := seconds // HOUR:
        return ngettext("%(count)s hour ago", "%(count)s hours ago", hours) % {"count": hours}
    if minutes := seconds // MINUTE:
        return ngettext("%(count)s min ago", "%(count)s min ago", minutes) % {"count": minutes}
    return _("just now")


def count_elapsed_seconds(since: datetime) -> int:
    """Count the whole seconds since then; 0 for the future."""
    return max(int((timezone.now() - since).total_seconds()), 0)
