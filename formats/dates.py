"""Formats days, months and times of day as CLDR says for the locale.

A day is a calendar date; a time is aware and already in the time zone of the user. The texts are cached by day and by
minute, because Babel takes forty times as long as the cache.
"""

from datetime import date, datetime, time
from functools import lru_cache

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time, get_datetime_format, get_month_names

from formats.locales import active_locale

# CLDR has this space before AM and PM. Few fonts have it, and a search with an ordinary space would not find the time.
NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"


def day(value: date, *, locale: str | None = None) -> str:
    """Format a calendar day: ``Nov 21, 2026``."""
    return format_by_skeleton(value, "yMMMd", locale or active_locale())


def day_of_year(value: date, *, locale: str | None = None) -> str:
    """Format a calendar day without its year: ``Nov 21``."""
    return format_by_skeleton(value, "MMMd", locale or active_locale())


def long_day_of_year(value: date, *, locale: str | None = None) -> str:
    """Format a calendar day without its year: ``November 21``."""
    return format_by_skeleton(value, "MMMMd", locale or active_locale())


def weekday_and_day(value: date, *, locale: str | None = None) -> str:
    """Format a day with its weekday: ``Saturday, November 21, 2026``."""
    return format_date(value, "full", locale=locale or active_locale())


def month(value: date, *, locale: str | None = None) -> str:
    """Format a month: ``Nov 2026``."""
    return format_by_skeleton(value, "yMMM", locale or active_locale())


def long_month(value: date, *, locale: str | None = None) -> str:
    """Format a month: ``November 2026``."""
    return format_by_skeleton(value, "yMMMM", locale or active_locale())


def year(value: date, *, locale: str | None = None) -> str:
    """Format a year: ``2026``."""
    return format_by_skeleton(value, "y", locale or active_locale())


def months(*, locale: str | None = None) -> list[tuple[str, str]]:
    """Return the long and short names of the twelve months, in the form without a day: ``("January", "Jan")``."""
    cldr = Locale.parse(locale or active_locale())
    long_names, short_names = (get_month_names(width, "stand-alone", cldr) for width in ("wide", "abbreviated"))
    return [(long_names[number], short_names[number]) for number in range(1, 13)]


def time_of_day(value: datetime, *, locale: str | None = None) -> str:
    """Format a time without its day: ``9:40 AM``."""
    return format_minute(value.hour, value.minute, locale or active_locale())


def moment(value: datetime, *, today: date | None = None, locale: str | None = None) -> str:
    """Format a day and a time: ``Nov 14, 2026, 9:40 AM``; without the year or day if it is the same as ``today``'s."""
    locale = locale or active_locale()
    time_text = format_minute(value.hour, value.minute, locale)
    if value.date() == today:
        return time_text
    skeleton = "MMMd" if today and value.year == today.year else "yMMMd"
    return join_day_and_time(format_by_skeleton(value.date(), skeleton, locale), time_text, locale)


def zoned_moment(value: datetime, *, locale: str | None = None) -> str:
    """Format a day, a time and its time zone, for emails: ``Nov 14, 2026, 9:40 AM EST``."""
    return f"{moment(value, locale=locale)} {value.tzname()}"


def zoned_time(value: datetime, *, locale: str | None = None) -> str:
    """Format a time and its time zone: ``9:40 AM EST``."""
    return f"{time_of_day(value, locale=locale)} {value.tzname()}"


@lru_cache(maxsize=4096)
def format_by_skeleton(value: date, skeleton: str, locale: str) -> str:
    """Format a day with the parts of a CLDR skeleton, in the order of the locale."""
    return format_skeleton(skeleton, value, locale=locale)


@lru_cache(maxsize=1440)
def format_minute(hour: int, minute: int, locale: str) -> str:
    """Format a time of day to the minute."""
    return format_time(time(hour, minute), "short", locale=locale).replace(NARROW_SPACE, " ")


def join_day_and_time(day_text: str, time_text: str, locale: str) -> str:
    """Join a day and a time in the order and with the separator of the locale."""
    return str(get_datetime_format("medium", locale=locale)).replace("{1}", day_text).replace("{0}", time_text)
