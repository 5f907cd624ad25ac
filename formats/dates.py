"""Days, months and times of day as text, in the form that CLDR gives them for the locale.

A day is a calendar date; a time is aware and already in the zone that it is shown in. What Babel reads from CLDR is
remembered by day and by minute: it takes forty times as long as remembering.
"""

from datetime import date, datetime, time
from functools import lru_cache

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time, get_datetime_format, get_month_names

from formats.locales import active_locale

# CLDR writes this space before AM and PM. It is narrow in few fonts, and nobody finds a time that they type a space in.
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
    """Format today at the head of a page: ``Saturday, November 21, 2026``."""
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
    """Return the long and the short names of the twelve months, as they stand alone: ``("January", "Jan")``."""
    cldr = Locale.parse(locale or active_locale())
    long_names, short_names = (get_month_names(width, "stand-alone", cldr) for width in ("wide", "abbreviated"))
    return [(long_names[number], short_names[number]) for number in range(1, 13)]


def time_of_day(value: datetime, *, locale: str | None = None) -> str:
    """Format a time without its day: ``9:40 AM``."""
    return format_minute(value.hour, value.minute, locale or active_locale())


def moment(value: datetime, *, today: date | None = None, locale: str | None = None) -> str:
    """Format a day and a time: ``Nov 14, 2026, 9:40 AM``; without the year or the day that it shares with ``today``."""
    locale = locale or active_locale()
    clock = format_minute(value.hour, value.minute, locale)
    if value.date() == today:
        return clock
    skeleton = "MMMd" if today and value.year == today.year else "yMMMd"
    return join_day_and_time(format_by_skeleton(value.date(), skeleton, locale), clock, locale)


def zoned_moment(value: datetime, *, locale: str | None = None) -> str:
    """Format a day, a time and its zone, for mails: ``Nov 14, 2026, 9:40 AM EST``."""
    return f"{moment(value, locale=locale)} {value.tzname()}"


def zoned_time(value: datetime, *, locale: str | None = None) -> str:
    """Format a time and its zone: ``9:40 AM EST``."""
    return f"{time_of_day(value, locale=locale)} {value.tzname()}"


@lru_cache(maxsize=4096)
def format_by_skeleton(value: date, skeleton: str, locale: str) -> str:
    """Format a day with the parts that a skeleton of CLDR names, in the order of the locale."""
    return format_skeleton(skeleton, value, locale=locale)


@lru_cache(maxsize=1440)
def format_minute(hour: int, minute: int, locale: str) -> str:
    """Format a time of day to the minute."""
    return format_time(time(hour, minute), "short", locale=locale).replace(NARROW_SPACE, " ")


def join_day_and_time(day_text: str, time_text: str, locale: str) -> str:
    """Put a time beside its day as the locale has it."""
    return str(get_datetime_format("medium", locale=locale)).replace("{1}", day_text).replace("{0}", time_text)
