"""Formats of amounts and times. The time is 2:30 p.m. in New York on November 21, 2026."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.template import Context, Template
from django.utils import timezone as clock

from ui.templatetags import formatting

pytestmark = pytest.mark.dates

NOW = datetime(2026, 11, 21, 19, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _afternoon_in_new_york():
    with time_machine.travel(NOW, tick=False), clock.override(ZoneInfo("America/New_York")):
        yield


# --- Amounts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_value", [formatting.money, formatting.signed_money, formatting.percent])
def test_it_shows_unknown_values_as_not_available(format_value):
    assert format_value(None) == "Not available"


@pytest.mark.parametrize(
    ("amount", "text"),
    [("50", "+$50.00"), ("-50", "−$50.00"), ("0", "$0.00"), ("0.001", "$0.00"), ("-0.001", "$0.00")],
)
def test_it_formats_signed_amounts(amount, text):
    assert render_template("{{ amount|signed_money }}", amount=Decimal(amount)) == text


def test_it_formats_amounts_and_shares_in_templates():
    source = "{{ amount|money }} {{ amount|absolute_money:'EUR' }} {{ share|percent }} {{ share|exact_percent }}"
    assert (
        render_template(source, amount=Decimal("-1234.5"), share=Decimal("14.5")) == "−$1,234.50 1,234.50 EUR 15% 14.5%"
    )
    assert render_template("{{ count|grouped }} {{ '18402.11'|sample_money }}", count=12340) == "12,340 $18,402.11"


# --- Times ------------------------------------------------------------------------------------------------


def test_it_shows_the_year_only_of_other_years():
    assert formatting.short_date(date(2026, 11, 21)) == '<time datetime="2026-11-21">Nov 21</time>'
    assert formatting.short_date(date(2025, 1, 2)) == '<time datetime="2025-01-02">Jan 2, 2025</time>'


def test_it_shows_the_year_of_last_year_after_new_year():
    assert "2026" not in formatting.short_date(date(2026, 12, 31)).split(">", 1)[1]

    with time_machine.travel(datetime(2027, 1, 1, 12, tzinfo=UTC)):
        assert ">Dec 31, 2026<" in formatting.short_date(date(2026, 12, 31))


@pytest.mark.parametrize(
    ("utc", "text"),
    [
        ((2026, 11, 21, 14, 40), "9:40 AM"),
        ((2026, 11, 21, 17, 5), "12:05 PM"),
        ((2026, 11, 21, 5, 0), "12:00 AM"),
        ((2026, 11, 21, 4, 59), "Nov 20, 11:59 PM"),
        ((2026, 11, 22, 8, 10), "Nov 22, 3:10 AM"),
        ((2025, 11, 21, 14, 40), "Nov 21, 2025, 9:40 AM"),
    ],
)
def test_it_formats_a_time_in_the_users_zone(utc, text):
    assert f">{text}<" in formatting.local_datetime(datetime(*utc, tzinfo=UTC))


@time_machine.travel("2026-11-22T12:00:00Z", tick=False)
def test_it_formats_one_time_in_each_users_zone():
    texts = {}
    for zone in ("Europe/Berlin", "America/Denver"):
        with clock.override(zone):
            texts[zone] = formatting.local_datetime(datetime(2026, 11, 22, 12, tzinfo=UTC))
    assert "1:00 PM" in texts["Europe/Berlin"]
    assert "5:00 AM" in texts["America/Denver"]


def test_it_shows_the_time_of_today_and_the_day_otherwise():
    assert ">9:40 AM<" in formatting.as_of(datetime(2026, 11, 21, 14, 40, tzinfo=UTC))
    # 11:59 PM on the 13th in New York is the 14th in UTC.
    assert ">Nov 13<" in formatting.as_of(datetime(2026, 11, 14, 4, 59, tzinfo=UTC))


@pytest.mark.parametrize(
    ("elapsed", "text"),
    [
        (timedelta(0), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=60), "1 min ago"),
        (timedelta(minutes=12, seconds=59), "12 min ago"),
        (timedelta(minutes=60), "1 hour ago"),
        (timedelta(hours=23, minutes=59), "23 hours ago"),
        (timedelta(hours=24), "1 day ago"),
        (timedelta(days=7), "7 days ago"),
        (timedelta(seconds=-5), "just now"),
    ],
)
def test_it_formats_an_elapsed_time_in_its_largest_unit(elapsed, text):
    assert f">{text}<" in formatting.ago(NOW - elapsed)


def test_it_shows_never_without_a_time():
    assert formatting.ago(None) == "never"


def render_template(source: str, **context: object) -> str:
    return Template("{% load formatting %}" + source).render(Context(context))


def test_it_escapes_currency_codes():
    assert render_template("{{ amount|money:currency }}", amount=Decimal(1), currency="<b>") == "1.00 &lt;b&gt;"
