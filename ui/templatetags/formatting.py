"""Template filters that format amounts and times, for the pages of every app.

Amounts are `Decimal` beside a currency code. An unknown value is ``None`` and shown as "Not available", never as zero.
Times are aware and shown in the user's time zone.
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

from formats import dates
from formats.locales import active_language, active_locale
from formats.money import money, short_money, signed_money
from formats.numbers import count, exact_percent, percent

register = template.Library()
register.simple_tag(active_language)

# --- Amounts ---------------------------------------------------------------------------------------------

register.filter("money", money)
register.filter("signed_money", signed_money)
register.filter("short_money", short_money)
register.filter("percent", percent)
register.filter("exact_percent", exact_percent)
register.filter("grouped", count)
register.filter("long_month", dates.long_month)


@register.filter
def absolute_money(amount: Decimal, currency: str = "USD") -> str:
    """Format an amount without its sign, for a text that already says whether it was paid or received."""
    return money(amount.copy_abs(), currency)


@register.filter
def sample_money(digits: str) -> str:
    """Format a made-up amount of a template: ``{{ "18402.11"|sample_money }}``."""
    return short_money(Decimal(digits))


@register.filter
def get_item(counts: Mapping[int, int], key: int) -> int:
    """Look up one of several counts. Raises ``KeyError``."""
    return counts[key]


# --- Times -----------------------------------------------------------------------------------------------

DAY, HOUR, MINUTE = 86_400, 3_600, 60
TIME = '<time datetime="{}">{}</time>'


def current_year() -> int:
    """Return today's year in the user's time zone."""
    return timezone.localdate().year


@register.filter
def short_date(value: date, this_year: int | None = None) -> SafeString:
    """Format a calendar day: ``Nov 21``, with the year when it is not this one."""
    return date_in(value, this_year or current_year(), active_locale())


@lru_cache(maxsize=2048)
def date_in(value: date, this_year: int, locale: str) -> SafeString:
    text = dates.day_of_year if value.year == this_year else dates.day
    return format_html(TIME, value.isoformat(), text(value, locale=locale))


@register.filter
def weekday_and_day(value: date) -> str:
    """Format a day with its weekday: ``Saturday, November 21, 2026``."""
    return dates.weekday_and_day(value)


@register.filter
def local_day(value: datetime) -> str:
    """Format the day of a time in the user's time zone, with its year: ``Nov 21, 2026``."""
    return dates.day(timezone.localtime(value).date())


@register.filter
def local_datetime(value: datetime) -> SafeString:
    """Format a time of day, with its day unless that is today: ``9:40 AM``, ``Nov 14, 9:40 AM``."""
    return datetime_in(timezone.localtime(value), timezone.localdate(), active_locale())


def datetime_in(local: datetime, today: date, locale: str) -> SafeString:
    text = dates.moment(local, today=today, locale=locale)
    return format_html(TIME, local.isoformat(timespec="seconds"), text)


@register.filter
def zoned_moment(value: datetime) -> str:
    """Format a time with its day and zone, for mails: ``Nov 14, 2026, 9:40 AM EST``."""
    return dates.zoned_moment(timezone.localtime(value))


@register.filter
def as_of(value: datetime) -> SafeString:
    """Format the time of a figure: the time of day if it is from today, else only the day."""
    zone = timezone.get_current_timezone()
    return as_of_in(value, zone, datetime.now(zone).date(), active_locale())


@lru_cache(maxsize=512)
def as_of_in(value: datetime, zone: tzinfo, today: date, locale: str) -> SafeString:
    local = value.astimezone(zone)
    is_today = local.date() == today
    return datetime_in(local, today, locale) if is_today else date_in(local.date(), today.year, locale)


@register.filter
def ago(value: datetime | None) -> str | SafeString:
    """Format how long ago something happened: ``just now``, ``12 min ago``, ``7 days ago``, ``never``."""
    if value is None:
        return _("never")
    return format_html(TIME, value.isoformat(timespec="seconds"), format_ago(count_elapsed_seconds(value)))


def format_ago(seconds: int) -> str:
    """Format an elapsed time in its largest whole unit. Less than a minute is "just now"."""
    if days := seconds // DAY:
        return ngettext("%(count)s day ago", "%(count)s days ago", days) % {"count": days}
    if hours := seconds // HOUR:
        return ngettext("%(count)s hour ago", "%(count)s hours ago", hours) % {"count": hours}
    if minutes := seconds // MINUTE:
        return ngettext("%(count)s min ago", "%(count)s min ago", minutes) % {"count": minutes}
    return _("just now")


def count_elapsed_seconds(since: datetime) -> int:
    """Return the whole seconds since a time; 0 for the future."""
    return max(int((timezone.now() - since).total_seconds()), 0)
