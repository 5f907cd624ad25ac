"""Line charts on pages: a description, the drawing, and the values as a table.

The HTML is written in Python, because the most visited page has two charts: ``docs/decisions/0016-templates.md``. All
text from a bank or a user goes through ``escape`` here, because no template escapes it later.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from html import escape

from django import template
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from formats import dates
from formats.axis import axis_label
from formats.money import currency_decimals, money, money_templates, rounded_money
from formats.numbers import exact_percent
from insights.charts import LineChart, LineSummary, Point, percent_filled
from ui.templatetags.formatting import current_year, short_date

register = template.Library()


def join_html(parts: Iterable[str]) -> SafeString:
    """Join lines of HTML that are already escaped."""
    return mark_safe("\n".join(parts))  # noqa: S308  (the functions below escape all text of banks and users)


@register.simple_tag
def line_chart(
    chart: LineChart, currency: str, *, name: str, key: str, computed_until: date | None = None
) -> SafeString:
    """Draw a line over days.

    ``name`` is what the values are; ``key`` is unique on the page. Before ``computed_until``, they are computed.
    """
    caption_id, safe_name, year = f"{escape(key)}-caption", escape(name), current_year()
    caption = chart_caption(chart.facts, currency, name, year)
    if computed_until is not None:
        caption = join_html([caption, computed_note(computed_until, year)])
    table_name = _("%(name)s as a table") % {"name": safe_name}
    least, most = currency_decimals(currency)
    positive, negative = map(escape, money_templates(currency))
    return join_html([
        f'<figure class="chart" data-chart data-start="{chart.start}" data-span="{chart.span}"'
        f' data-points="{chart.readout}" data-positive="{positive}" data-negative="{negative}"'
        f' data-least="{least}" data-most="{most}" aria-labelledby="{caption_id}">',
        f'<figcaption id="{caption_id}" class="chart__caption">{caption}</figcaption>',
        f'<div class="chart__plot" data-plot data-label="{keyboard_label()}">'
        '<div class="chart__values" aria-hidden="true">',
        f'{value_labels(chart, currency)}</div>{plot(chart)}',
        f'<div class="chart__days" aria-hidden="true">{day_labels(chart)}</div></div>',
        '<p class="chart__read" data-read aria-live="polite"></p>',
        f'<details class="chart__table"><summary>{table_name}</summary>',
        f'<div class="scroll" tabindex="0" role="region" aria-label="{table_name}"><table>',
        f'<caption>{rows_caption(chart)}</caption><thead><tr><th scope="col">{_("Date")}</th>',
        f'<th scope="col" class="num">{safe_name}</th></tr></thead>',
        f'<tbody>{value_rows(chart.rows, currency, year)}</tbody></table></div></details></figure>',
    ])  # fmt: skip


def keyboard_label() -> str:
    """Return the label that explains the keyboard control; the script uses it."""
    return escape(_("Values day by day. Use the arrow keys to read them."))


def computed_note(computed_until: date, year: int) -> str:
    """Return the sentence that says which part of a line no bank has reported."""
    return _("Before %(day)s, we worked it out from your transactions.") % {"day": short_date(computed_until, year)}


def plot(chart: LineChart) -> str:
    """Draw the line itself; it contains only our own text."""
    computed = (
        f'<path class="plot__line plot__line--computed" d="{chart.computed_path}" />' if chart.computed_path else ""
    )
    zero = f'<path class="plot__zero" d="M0 {chart.zero}H1000" />' if chart.zero else ""
    return (
        '<svg class="plot" viewBox="0 0 1000 300" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        f'<path class="plot__grid" d="{chart.grid}" />{zero}<path class="plot__area" d="{chart.area}" />'
        f'{computed}<path class="plot__line" d="{chart.path}" /><path class="plot__dots" d="{chart.dots}" /></svg>'
    )


def value_rows(points: Sequence[Point], currency: str, year: int) -> SafeString:
    """Draw the rows of a chart's table."""
    safe_currency = escape(currency)
    return join_html(
        f'<tr><th scope="row">{short_date(day, year)}</th><td class="num">{money(value, safe_currency)}</td></tr>'
        for day, value in points
    )


def rows_caption(chart: LineChart) -> str:
    if chart.row_step == 1:
        return _("Every day")
    return _("Every %(count)s days, counted back from the last day") % {"count": chart.row_step}


def chart_caption(facts: LineSummary, currency: str, name: str, year: int) -> SafeString:
    """Describe a chart in words: the change with its first and last value, and the lowest and highest value.

    Days of ``year`` are written without it.
    """
    first, last = facts.first, facts.last
    if first.day == last.day:
        amount = escape(money(last.value, currency))
        values = {"name": escape(name), "amount": amount, "day": short_date(last.day, year)}
        return join_html([_("%(name)s was %(amount)s on %(day)s.") % values])
    values = {
        "name": escape(name),
        "change": change_text(facts, currency),
        "begin": escape(rounded_money(first.value, currency)),
        "end": escape(rounded_money(last.value, currency)),
        "first_day": short_date(first.day, year),
        "last_day": short_date(last.day, year),
    }
    if facts.direction == "level":
        change = _("%(name)s started and ended at %(end)s, %(first_day)s to %(last_day)s.") % values
    else:
        change = _("%(change)s from %(begin)s to %(end)s, %(first_day)s to %(last_day)s.") % values
    return join_html([change, extremes_text(facts, currency, year)])


def extremes_text(facts: LineSummary, currency: str, year: int) -> str:
    """Return a sentence with the lowest and the highest value and their days."""
    lowest, highest = facts.lowest, facts.highest
    return _("Lowest %(lowest)s on %(lowest_day)s, highest %(highest)s on %(highest_day)s.") % {
        "lowest": escape(rounded_money(lowest.value, currency)),
        "lowest_day": short_date(lowest.day, year),
        "highest": escape(rounded_money(highest.value, currency)),
        "highest_day": short_date(highest.day, year),
    }


def change_text(facts: LineSummary, currency: str) -> str:
    """Return ``▲ Up $120 (4%)`` in its color. The arrow is hidden from screen readers."""
    amount, is_up = {"amount": escape(rounded_money(facts.distance, currency))}, facts.direction == "up"
    tone, arrow = ("pos", "▲") if is_up else ("neg", "▼")
    text = _("Up %(amount)s") % amount if is_up else _("Down %(amount)s") % amount
    share = "" if facts.percent is None else f" ({exact_percent(facts.percent)})"
    return f'<span class="{tone}"><span aria-hidden="true">{arrow}</span> {text}</span>{share}'


def value_labels(chart: LineChart, currency: str) -> SafeString:
    """Draw the labels of a chart's vertical axis."""
    return join_html(f"<span>{escape(axis_label(value, currency))}</span>" for value in chart.value_marks)


@register.filter
def score_labels(chart: LineChart) -> SafeString:
    """Draw the labels of the vertical axis of scores."""
    return join_html(f"<span>{value.normalize():f}</span>" for value in chart.value_marks)


@register.filter
def day_labels(chart: LineChart) -> SafeString:
    """Draw the labels of a chart's horizontal axis: days, or months if the span is long."""
    return join_html(f"<span>{axis_date(day, chart.is_long)}</span>" for day in chart.day_marks)


def axis_date(value: date, is_long: bool) -> str:
    return dates.month(value) if is_long else dates.day_of_year(value)


@register.filter
def meter_percent(value: Decimal | None) -> str:
    """Return how much of a meter is filled, in percent, for an SVG attribute."""
    return percent_filled(value or Decimal(0))
