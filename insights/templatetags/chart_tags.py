"""How pages draw a line over days: what it says in words, the drawing, and its values as a table.

Written out in Python, because two charts stand on the page that is opened most: ``docs/decisions/0016-templates.md``.
Whatever a bank or a person wrote passes through ``escape`` here, since no template does it afterwards.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from html import escape

from django import template
from django.utils.safestring import SafeString, mark_safe

from formats.money import axis_label, currency_decimals, money, rounded_money
from insights.charts import KnownPoint, LineChart, LineSummary, Point, percent_filled
from ui.templatetags.formatting import MONTHS, current_year, short_date

register = template.Library()


def join_html(parts: Iterable[str]) -> SafeString:
    """Join lines of HTML whose makers have escaped what is not theirs."""
    return mark_safe("\n".join(parts))  # noqa: S308 each maker below escapes what a bank or a person wrote


@register.simple_tag
def line_chart(chart: LineChart, currency: str, *, name: str, key: str) -> SafeString:
    """Draw a line over days.

    ``name`` is what the values are; ``key`` is unique on the page.
    """
    caption, safe_name, safe_currency = f"{escape(key)}-caption", escape(name), escape(currency)
    least, most = currency_decimals(currency)
    return join_html([
        f'<figure class="chart" data-chart data-start="{chart.start}" data-span="{chart.span}"'
        f' data-points="{chart.readout}" data-currency="{safe_currency}"'
        f' data-least="{least}" data-most="{most}" aria-labelledby="{caption}">',
        f'<figcaption id="{caption}" class="chart__caption">{chart_caption(chart.facts, currency, name)}</figcaption>',
        '<div class="chart__plot" data-plot><div class="chart__values" aria-hidden="true">',
        f'{value_labels(chart, currency)}</div>{plot(chart)}',
        f'<div class="chart__days" aria-hidden="true">{day_labels(chart)}</div></div>',
        '<p class="chart__read" data-read aria-live="polite"></p>',
        f'<details class="chart__table"><summary>{safe_name} as a table</summary>',
        f'<div class="scroll" tabindex="0" role="region" aria-label="{safe_name} as a table"><table>',
        f'<caption>{rows_caption(chart)}</caption><thead><tr><th scope="col">Day</th>',
        f'<th scope="col" class="num">{safe_name}</th></tr></thead>',
        f'<tbody>{value_rows(chart.rows, currency)}</tbody></table></div></details></figure>',
    ])  # fmt: skip


def plot(chart: LineChart) -> str:
    """Draw the line itself; every figure in it is ours."""
    zero = f'<path class="plot__zero" d="M0 {chart.zero}H1000" />' if chart.zero else ""
    return (
        '<svg class="plot" viewBox="0 0 1000 300" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        f'<path class="plot__grid" d="{chart.grid}" />{zero}<path class="plot__area" d="{chart.area}" />'
        f'<path class="plot__line" d="{chart.path}" /><path class="plot__dots" d="{chart.dots}" /></svg>'
    )


def value_rows(points: Sequence[Point], currency: str) -> SafeString:
    """Draw the rows of a chart's table."""
    year, safe_currency = current_year(), escape(currency)
    return join_html(
        f'<tr><th scope="row">{short_date(day, year)}</th><td class="num">{money(value, safe_currency)}</td></tr>'
        for day, value in points
    )


def rows_caption(chart: LineChart) -> str:
    return "Every day" if chart.row_step == 1 else f"One day in {chart.row_step}, counted back from the last"


def chart_caption(facts: LineSummary, currency: str, name: str) -> SafeString:
    """Say in words what a chart shows: the change and from what to what, the lowest and the highest value."""
    first, last, safe_name, year = facts.first, facts.last, escape(name), current_year()

    def value_on_day(point: KnownPoint) -> str:
        return f"{escape(rounded_money(point.value, currency))} on {short_date(point.day, year)}"

    if first.day == last.day:
        exact = escape(money(last.value, currency))
        return join_html(
            [f"{safe_name} was {exact} on {short_date(last.day, year)}. The line grows by a point each day."]
        )
    begin, end = escape(rounded_money(first.value, currency)), escape(rounded_money(last.value, currency))
    if facts.direction == "level":
        change = f"{safe_name} ended where it began, at {end},"
    else:
        change = f"{change_text(facts, currency)} from {begin} to {end},"
    span = f"{short_date(first.day, year)} to {short_date(last.day, year)}."
    return join_html([change, span, f"Lowest {value_on_day(facts.lowest)}, highest {value_on_day(facts.highest)}."])


def change_text(facts: LineSummary, currency: str) -> str:
    """``▲ Up $120 (4%)``, in its color; the arrow is for eyes alone."""
    tone, arrow = ("pos", "▲") if facts.direction == "up" else ("neg", "▼")
    share = "" if facts.percent is None else f" ({facts.percent}%)"
    words = f"{facts.direction.capitalize()} {escape(rounded_money(facts.distance, currency))}"
    return f'<span class="{tone}"><span aria-hidden="true">{arrow}</span> {words}</span>{share}'


def value_labels(chart: LineChart, currency: str) -> SafeString:
    """Draw the words of a chart's upright axis."""
    return join_html(f"<span>{escape(axis_label(value, currency))}</span>" for value in chart.value_marks)


@register.filter
def score_labels(chart: LineChart) -> SafeString:
    """Draw the words of the upright axis of scores."""
    return join_html(f"<span>{value.normalize():f}</span>" for value in chart.value_marks)


@register.filter
def day_labels(chart: LineChart) -> SafeString:
    """Draw the words of a chart's level axis: days, or months where the span is long."""
    return join_html(f"<span>{axis_date(day, chart.is_long)}</span>" for day in chart.day_marks)


def axis_date(value: date, is_long: bool) -> str:
    return f"{MONTHS[value.month]} {value.year if is_long else value.day}"


@register.filter
def meter_percent(value: Decimal | None) -> str:
    """Return how much of a meter is filled, in percent, for an SVG attribute."""
    return percent_filled(value or Decimal(0))
