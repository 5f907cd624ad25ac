"""What pages repeat many times, drawn at once: a template node for each cell would cost more than the queries.

Whatever a bank or a person wrote passes through ``escape`` here, since no template does it afterwards.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from html import escape

from django import template
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from banking.transactions.transaction_list import TransactionListRow
from config.templatetags.ui import (
    MONTHS,
    category_mark,
    category_name,
    category_tone,
    day_in,
    mark,
    money,
    signed,
    whole,
)
from formats.money import decimals_of
from insights.charts import KnownPoint, LineChart, LineSummary, Point
from insights.overview import CategorySpending, Spending

register = template.Library()

PENDING = ' <span class="pill">Pending</span>'


def drawn(rows: Iterable[str]) -> SafeString:
    """Join rows whose makers have escaped what is not theirs."""
    return mark_safe("\n".join(rows))  # noqa: S308 each maker below escapes what a bank or a person wrote


@register.filter
def transaction_rows(rows: Sequence[TransactionListRow]) -> SafeString:
    """Draw the body of a table of transactions."""
    year = timezone.localdate().year
    return drawn(transaction_row(row, year) for row in rows)


def transaction_row(row: TransactionListRow, this_year: int) -> str:
    return f"""<tr{' class="is-pending"' if row.pending else ""}>
<td class="tx__day">{day_in(row.day, this_year)}</td>
<td class="tx__label">{category_mark(row.category)}{escape(row.label)}{PENDING if row.pending else ""}</td>
<td class="tx__category">{escape(category_name(row.category))}</td>
<td class="tx__account">{escape(row.account)}</td>
<td class="num{" pos" if row.counts and row.amount > 0 else ""}">{escape(signed(row.amount, row.currency))}</td>
</tr>"""


@register.filter
def category_rows(spending: Spending) -> SafeString:
    """Draw what went to each category: its mark, its name that leads to the transactions, its amount and its bar."""
    return drawn(category_row(row, spending.currency) for row in spending.categories)


def category_row(row: CategorySpending, currency: str) -> str:
    head = f"""<li class="bars__row">{category_mark(row.category)}
<a href="{escape(row.url)}">{escape(category_name(row.category))}</a>
<span class="num">{escape(money(abs(row.amount), currency))}</span>"""
    if row.amount < 0:
        return f'{head}<span class="bars__share">back</span></li>'
    share = f"{row.bar.share}%" if row.bar.share else "&lt;1%"
    return f"""{head}<span class="bars__share">{share}</span>
<svg class="bar {category_tone(row.category)}" aria-hidden="true">
<rect class="bar__track" width="100%" height="100%" rx="3" />
<rect class="bar__fill" width="{row.bar.width}%" height="100%" rx="3" />
</svg></li>"""


def readings(points: Sequence[Point], currency: str) -> SafeString:
    """Draw the rows of a chart's table."""
    year, safe_currency = timezone.localdate().year, escape(currency)
    return drawn(
        f'<tr><th scope="row">{day_in(day, year)}</th><td class="num">{money(value, safe_currency)}</td></tr>'
        for day, value in points
    )


@register.simple_tag
def line_chart(chart: LineChart, currency: str, *, name: str, key: str) -> SafeString:
    """Draw a line over days: what it says in words, the drawing, and its values as a table.

    ``name`` is what the values are; ``key`` is unique on the page.
    """
    caption, safe_name, safe_currency = f"{escape(key)}-caption", escape(name), escape(currency)
    least, most = decimals_of(currency)
    return drawn([
        f'<figure class="chart" data-chart data-start="{chart.start}" data-span="{chart.span}"'
        f' data-points="{chart.readout}" data-currency="{safe_currency}"'
        f' data-least="{least}" data-most="{most}" aria-labelledby="{caption}">',
        f'<figcaption id="{caption}" class="chart__caption">{chart_words(chart.facts, currency, name)}</figcaption>',
        '<div class="chart__plot" data-plot><div class="chart__values" aria-hidden="true">',
        f'{value_marks(chart, currency)}</div>{plot(chart)}',
        f'<div class="chart__days" aria-hidden="true">{day_marks(chart)}</div></div>',
        '<p class="chart__read" data-read aria-live="polite"></p>',
        f'<details class="chart__table"><summary>{safe_name} as a table</summary>',
        f'<div class="scroll" tabindex="0" role="region" aria-label="{safe_name} as a table"><table>',
        f'<caption>{row_words(chart)}</caption><thead><tr><th scope="col">Day</th>',
        f'<th scope="col" class="num">{safe_name}</th></tr></thead>',
        f'<tbody>{readings(chart.rows, currency)}</tbody></table></div></details></figure>',
    ])  # fmt: skip


def plot(chart: LineChart) -> str:
    """The drawing itself; every figure in it is ours."""
    zero = f'<path class="plot__zero" d="M0 {chart.zero}H1000" />' if chart.zero else ""
    return (
        '<svg class="plot" viewBox="0 0 1000 300" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        f'<path class="plot__grid" d="{chart.grid}" />{zero}<path class="plot__area" d="{chart.area}" />'
        f'<path class="plot__line" d="{chart.path}" /><path class="plot__dots" d="{chart.dots}" /></svg>'
    )


def row_words(chart: LineChart) -> str:
    return "Every day" if chart.row_step == 1 else f"One day in {chart.row_step}, counted back from the last"


def chart_words(facts: LineSummary, currency: str, name: str) -> SafeString:
    """Say in words what a chart shows: the change and from what to what, the lowest and the highest value."""
    first, last, safe_name = facts.first, facts.last, escape(name)
    year = timezone.localdate().year

    def at(point: KnownPoint) -> str:
        return f"{escape(whole(point.value, currency))} on {day_in(point.day, year)}"

    if first.day == last.day:
        exact = escape(money(last.value, currency))
        return drawn([f"{safe_name} was {exact} on {day_in(last.day, year)}. The line grows by a point each day."])
    begin, end = escape(whole(first.value, currency)), escape(whole(last.value, currency))
    if facts.direction == "level":
        change = f"{safe_name} ended where it began, at {end},"
    else:
        change = f"{change_words(facts, currency)} from {begin} to {end},"
    span = f"{day_in(first.day, year)} to {day_in(last.day, year)}."
    return drawn([change, span, f"Lowest {at(facts.lowest)}, highest {at(facts.highest)}."])


def change_words(facts: LineSummary, currency: str) -> str:
    """``▲ Up $120 (4%)``, in its color; the mark is for eyes alone."""
    tone, arrow = ("pos", "▲") if facts.direction == "up" else ("neg", "▼")
    share = "" if facts.percent is None else f" ({facts.percent}%)"
    words = f"{facts.direction.capitalize()} {escape(whole(facts.distance, currency))}"
    return f'<span class="{tone}"><span aria-hidden="true">{arrow}</span> {words}</span>{share}'


def value_marks(chart: LineChart, currency: str) -> SafeString:
    """Draw the words of a chart's upright axis."""
    return drawn(f"<span>{escape(mark(value, currency))}</span>" for value in chart.value_marks)


@register.filter
def day_marks(chart: LineChart) -> SafeString:
    """Draw the words of a chart's level axis: days, or months where the span is long."""
    words = month_words if chart.is_long else day_words
    return drawn(f"<span>{words(day)}</span>" for day in chart.day_marks)


def day_words(day: date) -> str:
    return f"{MONTHS[day.month]} {day.day}"


def month_words(day: date) -> str:
    return f"{MONTHS[day.month]} {day.year}"
