"""How pages say amounts, times, states and categories: one place, so that every page says them alike.

Amounts are `Decimal` beside a currency code; a value that is not known is ``None`` and reads "Not available",
never zero. Times are aware and shown in the reader's zone. What a page repeats many times is drawn in ``rows``.
"""

from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache

from django import template
from django.template.context import Context as TemplateContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from heroicons.templatetags.heroicons import heroicon_mini

from banking.transactions import categories
from formats import money as formats
from formats.money import EXACT, MINUS, NOT_AVAILABLE, ONE
from insights.charts import percent_filled

register = template.Library()

# --- Amounts ---------------------------------------------------------------------------------------------

money = register.filter(formats.money)
whole = register.filter(formats.whole)
mark = register.filter(formats.mark)


@register.filter
def signed(amount: Decimal | None, currency: str = "USD") -> str:
    """Say an amount that moved: ``+$50.00`` came in, ``−$50.00`` went out."""
    return formats.money(amount, currency, plus="+")


@register.filter
def percent(value: Decimal | None) -> str:
    """Say a share in whole percent; a trace says "under 1%" because it is not nothing."""
    if value is None:
        return NOT_AVAILABLE
    if 0 < value < ONE:
        return "under 1%"
    return f"{value.quantize(ONE, context=EXACT):,}%".replace("-", MINUS)


@register.filter
def grouped(count: int) -> str:
    """Say a count with its thousands grouped."""
    return f"{count:,}"


@register.filter
def fill(value: Decimal | None) -> str:
    """Return how much of a meter is filled, in percent, for an SVG attribute."""
    return percent_filled(value or Decimal(0))


@register.filter
def months(count: Decimal | None) -> str:
    """Say how long money lasts, as coarsely as the figure is known."""
    if count is None:
        return NOT_AVAILABLE
    rounded = int(count.quantize(ONE, context=EXACT))
    if rounded < 1:
        return "Less than a month"
    if rounded > 120:
        return "More than 10 years"
    return f"About {rounded} month{'' if rounded == 1 else 's'}"


@register.filter
def size(amount: Decimal, currency: str = "USD") -> str:
    """Say an amount without its sign, where the words beside it say whose it is."""
    return formats.money(amount.copy_abs(), currency)


# --- Times -----------------------------------------------------------------------------------------------

MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SPANS = ((86_400, "day"), (3_600, "hour"), (60, "min"))


@register.filter
def day(value: date) -> SafeString:
    """Say a calendar day: ``Nov 21``, with the year when it is not this one."""
    return day_in(value, timezone.localdate().year)


@lru_cache(maxsize=2048)
def day_in(value: date, this_year: int) -> SafeString:
    return mark_safe(f'<time datetime="{value.isoformat()}">{day_words(value, this_year)}</time>')  # noqa: S308 only digits and month names


def day_words(value: date, this_year: int) -> str:
    year = "" if value.year == this_year else f", {value.year}"
    return f"{MONTHS[value.month]} {value.day}{year}"


@register.filter
def moment(value: datetime) -> SafeString:
    """Say a time of day, with its day unless that is today: ``9:40 a.m.``, ``Nov 14, 9:40 a.m.``."""
    return moment_in(timezone.localtime(value), timezone.localdate())


def moment_in(local: datetime, today: date) -> SafeString:
    clock = f"{local.hour % 12 or 12}:{local.minute:02} {'a.m.' if local.hour < 12 else 'p.m.'}"
    words = clock if local.date() == today else f"{day_words(local.date(), today.year)}, {clock}"
    return format_html('<time datetime="{}">{}</time>', local.isoformat(timespec="seconds"), words)


@register.filter
def as_of(value: datetime) -> SafeString:
    """Say how old a figure is: the time when it is of today, else only the day."""
    zone = timezone.get_current_timezone()
    return as_of_in(value, zone, datetime.now(zone).date())


@lru_cache(maxsize=512)
def as_of_in(value: datetime, zone: tzinfo, today: date) -> SafeString:
    local = value.astimezone(zone)
    return moment_in(local, today) if local.date() == today else day_in(local.date(), today.year)


@register.filter
def ago(value: datetime | None) -> str | SafeString:
    """Say how long ago something happened: ``just now``, ``12 min ago``, ``7 days ago``, ``never``."""
    if value is None:
        return "never"
    return format_html(
        '<time datetime="{}">{}</time>', value.isoformat(timespec="seconds"), elapsed(value, "ago", "just now")
    )


def elapsed(since: datetime, ending: str, none: str) -> str:
    """Count the time since a moment in its largest whole unit; less than a minute, or the future, is ``none``."""
    seconds = int((timezone.now() - since).total_seconds())
    for size, name in SPANS:
        if count := max(seconds, 0) // size:
            return f"{count} {name}{'' if count == 1 or name == 'min' else 's'} {ending}"
    return none


# --- States ----------------------------------------------------------------------------------------------

# The words and looks of a connection's state, the same on every page.
STATES = {
    "loading": ("info", "arrow-path", "Importing"),
    "syncing": ("info", "arrow-path", "Updating"),
    "fresh": ("ok", "check", "Up to date"),
    "stale": ("warn", "clock", "Out of date"),
    "error": ("error", "exclamation-triangle", "Sync failed"),
    "reauth": ("warn", "key", "Sign-in needed"),
    "repair": ("warn", "wrench-screwdriver", "Needs repair"),
    "disconnected": ("off", "link-slash", "Disconnected"),
    "elsewhere": ("off", "link-slash", "Other environment"),
}


@register.simple_tag
def pill(state: str, data_as_of: datetime | None = None) -> SafeString:
    """Name a state in a word with its mark; a stale one says its age: "7 days old"."""
    tone, picture, words = STATES[state]
    if state == "stale" and data_as_of:
        words = elapsed(data_as_of, "old", words)
    return format_html('<span class="pill pill--{}">{}{}</span>', tone, icon(picture), words)


@lru_cache(maxsize=128)
def heroicon(name: str, size: int) -> SafeString:
    """Draw a heroicon on one line; it never stands without a word, so assistive software skips it."""
    return mark_safe(" ".join(heroicon_mini(name, size=size).split()))  # noqa: S308 drawn by the package


@register.simple_tag
def icon(name: str, size: int = 16) -> SafeString:
    """Draw a small icon beside a word."""
    return heroicon(name, size)


@register.simple_tag(takes_context=True)
def nav_link(context: TemplateContext, name: str, words: str, picture: str, below: str = "") -> SafeString:
    """Link to a main page, marked as current there and, less strongly, on the pages whose names ``below`` lists."""
    return nav_item(name, aria_current(context, name, below), words, picture)


def aria_current(context: TemplateContext, name: str, below: str) -> str:
    """The value of ``aria-current`` for a link: ``page`` on the page itself, ``true`` on those below it."""
    match = context["request"].resolver_match
    here = match.url_name if match else ""
    return "page" if here == name else "true" if here in below.split() else "false"


@lru_cache(maxsize=64)
def nav_item(name: str, current: str, words: str, picture: str) -> SafeString:
    link = '<a href="{}" aria-current="{}">{}{}</a>'
    return format_html(link, reverse(name), current, icon(picture, 20), words)


# --- Categories and kinds --------------------------------------------------------------------------------

# The tone of each category, as a number of the palette; neighbors on a page should differ.
TONES = {
    "BANK_FEES": 6,
    "ENTERTAINMENT": 4,
    "FOOD_AND_DRINK": 3,
    "GENERAL_MERCHANDISE": 1,
    "GENERAL_SERVICES": 7,
    "GOVERNMENT_AND_NON_PROFIT": 7,
    "HOME_IMPROVEMENT": 8,
    "INCOME": 5,
    "LOAN_DISBURSEMENTS": 5,
    "LOAN_PAYMENTS": 6,
    "MEDICAL": 6,
    "PERSONAL_CARE": 4,
    "RENT_AND_UTILITIES": 8,
    "TRANSPORTATION": 2,
    "TRAVEL": 2,
}
PLAIN_TONE = 7


@register.filter
@lru_cache(maxsize=512)
def category_name(category: str) -> str:
    """Say a category in words."""
    return categories.get_category(category).label


@register.filter
@lru_cache(maxsize=512)
def category_tone(category: str) -> str:
    """Return the class that colors a category, the same on every page."""
    return f"c{TONES.get(category, PLAIN_TONE)}"


@register.filter
@lru_cache(maxsize=512)
def category_mark(category: str) -> SafeString:
    """Draw a category's icon on its tone. The category's name stands beside it in words."""
    picture = heroicon(categories.get_category(category).icon, 16)
    return format_html('<span class="mark {}">{}</span>', category_tone(category), picture)


@register.filter
def kind(name: str) -> str:
    """Say a kind of account: ``credit card`` is "Credit card", an abbreviation such as ``cd`` is "CD"."""
    return name.upper() if len(name) <= len("ira") else name[:1].upper() + name[1:]
