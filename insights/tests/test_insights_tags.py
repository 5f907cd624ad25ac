"""The template tags for charts and spending, and that they escape text of banks and users."""

from datetime import date
from decimal import Decimal

import pytest
import time_machine

from insights import charts
from insights.balances.data_age import Age
from insights.charts import Bar, Point
from insights.overview import CategorySpending, Spending
from insights.templatetags import chart_tags, insights_tags
from ui.tests.html_tags import ATTACK, Tags

pytestmark = pytest.mark.dates

DAY = date(2026, 11, 20)


def build_spending(**fields: object) -> Spending:
    defaults = {"category": "TRAVEL", "url": "/transactions/?category=TRAVEL&since=2026-11-01", "amount": Decimal(10)}
    category_spending = CategorySpending(
        bar=Bar("100.0", 100), **defaults | {k: v for k, v in fields.items() if k != "currency"}
    )
    return Spending(
        since=DAY,
        until=DAY,
        currency=fields.get("currency", "USD"),
        total=Decimal(10),
        categories=[category_spending],
        age=Age(None, []),
    )


@pytest.mark.parametrize("fields", [{"category": ATTACK}, {"currency": ATTACK}, {"url": f"/x?{ATTACK}"}])
def test_it_escapes_markup_in_a_category(fields):
    tags = Tags(insights_tags.category_rows(build_spending(**fields)))
    assert "img" not in [name for name, _ in tags.elements]
    assert not [attrs for _, attrs in tags.elements if "onerror" in attrs]


def test_it_links_a_category_to_its_transactions():
    assert 'href="/transactions/?category=TRAVEL&amp;since=2026-11-01"' in insights_tags.category_rows(build_spending())


def test_it_draws_a_charts_values_as_a_table():
    html = chart_tags.value_rows([Point(DAY, Decimal("1234.5")), Point(date(2026, 11, 21), None)], "<EUR>", 2026)
    assert "1,234.50 &lt;EUR&gt;" in html
    assert "Not available" in html
    assert html.count("<tr>") == 2


@pytest.mark.parametrize(
    ("span", "labels"),
    [(4, ["Nov 20", "Nov 21", "Nov 22", "Nov 23", "Nov 24"]), (400, ["Nov 2026", "Feb 2027", "Jun 2027"])],
)
def test_it_labels_days_or_months(span, labels):
    last = date.fromordinal(DAY.toordinal() + span)
    html = chart_tags.day_labels(charts.draw_line([Point(DAY, Decimal(1)), Point(last, Decimal(2))]))
    assert Tags(html).words[::2][: len(labels)] == labels


def test_it_labels_values():
    chart = charts.draw_line([Point(DAY, Decimal(0)), Point(date(2026, 11, 21), Decimal(20_000))])
    assert chart_tags.value_labels(chart, "USD") == "\n".join(
        f"<span>{label}</span>" for label in ("$20K", "$15K", "$10K", "$5K", "$0")
    )


def draw_caption(points: list[tuple[int, str]], currency: str = "USD", name: str = "Bank balance") -> str:
    """Return the caption of a line through (day of November, value)."""
    chart = charts.draw_line([Point(date(2026, 11, day), Decimal(value)) for day, value in points])
    return chart_tags.chart_caption(chart.facts, currency, name, 2026)


@pytest.mark.parametrize(
    ("points", "text"),
    [
        ([(20, "5.25")], "Bank balance was $5.25 on Nov 20."),
        (
            [(18, "1000"), (19, "1500"), (20, "1250")],
            "▲ Up $250 (25.0%) from $1,000 to $1,250, Nov 18 to Nov 20."
            " Lowest $1,000 on Nov 18, highest $1,500 on Nov 19.",
        ),
        (
            [(18, "1000"), (20, "800")],
            "▼ Down $200 (20.0%) from $1,000 to $800, Nov 18 to Nov 20."
            " Lowest $800 on Nov 20, highest $1,000 on Nov 18.",
        ),
        (
            [(18, "-10"), (20, "20")],
            "▲ Up $30 from −$10 to $20, Nov 18 to Nov 20. Lowest −$10 on Nov 18, highest $20 on Nov 20.",
        ),
        (
            [(18, "7"), (19, "3"), (20, "7")],
            "Bank balance started and ended at $7, Nov 18 to Nov 20. Lowest $3 on Nov 19, highest $7 on Nov 18.",
        ),
    ],
)
def test_it_describes_a_chart(points, text):
    assert " ".join("".join(Tags(draw_caption(points)).words).split()) == text


def test_it_escapes_markup_in_a_caption():
    for points in ([(20, "1")], [(18, "1"), (20, "2")], [(18, "1"), (20, "1")]):
        elements = Tags(draw_caption(points, currency=ATTACK, name=ATTACK)).elements
        assert {name for name, _ in elements} <= {"span", "time"}


@time_machine.travel("2026-11-22T12:00:00Z", tick=False)
def test_it_draws_a_chart_with_caption_and_table():
    points = [Point(date(2026, 11, day), Decimal(value)) for day, value in ((18, -10), (19, 30), (20, 20))]
    html = chart_tags.line_chart(charts.draw_line(points), "USD", name="Net cash flow", key="flow")
    tags = Tags(html)
    assert [name for name, _ in tags.elements].count("path") == 5
    assert html.count("<tr>") == 1 + len(points)
    assert 'data-start="2026-11-18"' in html
    for text in ('aria-labelledby="flow-caption"', "Every day", "▲</span> Up $30", "−$10.00"):
        assert text in html


def test_it_escapes_markup_in_a_chart():
    chart = charts.draw_line([Point(DAY, Decimal(1)), Point(date(2026, 11, 21), Decimal(2))])
    html = chart_tags.line_chart(chart, ATTACK, name=ATTACK, key=ATTACK)
    assert "img" not in [name for name, _ in Tags(html).elements]
    assert not [attrs for _, attrs in Tags(html).elements if "onerror" in attrs]


def test_it_draws_no_rows_without_values():
    assert chart_tags.value_rows([], "USD", 2026) == ""


@pytest.mark.parametrize(
    ("count", "text"),
    [
        ("0", "Less than a month"),
        ("0.49", "Less than a month"),
        ("0.5", "About 1 month"),
        ("15.3", "About 15 months"),
        ("120.4", "About 120 months"),
        ("121", "More than 10 years"),
    ],
)
def test_it_rounds_the_runway(count, text):
    assert insights_tags.runway(Decimal(count)) == text


def test_it_shows_an_unknown_runway_as_not_available():
    assert insights_tags.runway(None) == "Not available"
