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


@pytest.mark.parametrize("write", [formatting.money, formatting.signed_money, formatting.percent])
def test_it_never_says_zero_for_what_is_not_known(write):
    assert write(None) == "Not available"


@pytest.mark.parametrize(
    ("amount", "text"),
    [("50", "+$50.00"), ("-50", "−$50.00"), ("0", "$0.00"), ("0.001", "$0.00"), ("-0.001", "$0.00")],
)
def test_it_signs_what_came_in_and_what_went_out(amount, text):
    assert render_template("{{ amount|signed_money }}", amount=Decimal(amount)) == text


def test_it_formats_amounts_and_shares_in_templates():
    source = "{{ amount|money }} {{ amount|absolute_money:'EUR' }} {{ share|percent }} {{ share|exact_percent }}"
    assert (
        render_template(source, amount=Decimal("-1234.5"), share=Decimal("14.5")) == "−$1,234.50 1,234.50 EUR 15% 14.5%"
    )
    assert render_template("{{ count|grouped }} {{ '18402.11'|sample_money }}", count=12340) == "12,340 $18,402.11"


# --- Times ------------------------------------------------------------------------------------------------


def test_it_names_the_year_of_a_day_only_when_it_is_another():
    assert formatting.short_date(date(2026, 11, 21)) == '<time datetime="2026-11-21">Nov 21</time>'
    assert formatting.short_date(date(2025, 1, 2)) == '<time datetime="2025-01-02">Jan 2, 2025</time>'


def test_it_forgets_last_year_when_the_year_turns():
    assert "2026" not in formatting.short_date(date(2026, 12, 31)).split(">", 1)[1]

    with time_machine.travel(datetime(2027, 1, 1, 12, tzinfo=UTC)):
        assert ">Dec 31, 2026<" in formatting.short_date(date(2026, 12, 31))


@pytest.mark.parametrize(
    ("utc", "words"),
    [
        ((2026, 11, 21, 14, 40), "9:40 AM"),
        ((2026, 11, 21, 17, 5), "12:05 PM"),
        ((2026, 11, 21, 5, 0), "12:00 AM"),
        ((2026, 11, 21, 4, 59), "Nov 20, 11:59 PM"),
        ((2026, 11, 22, 8, 10), "Nov 22, 3:10 AM"),
        ((2025, 11, 21, 14, 40), "Nov 21, 2025, 9:40 AM"),
    ],
)
def test_it_says_a_moment_in_the_readers_zone(utc, words):
    assert f">{words}<" in formatting.local_datetime(datetime(*utc, tzinfo=UTC))


@time_machine.travel("2026-11-22T12:00:00Z", tick=False)
def test_it_says_one_moment_to_each_reader_in_their_own_zone():
    said = {}
    for zone in ("Europe/Berlin", "America/Denver"):
        with clock.override(zone):
            said[zone] = formatting.local_datetime(datetime(2026, 11, 22, 12, tzinfo=UTC))
    assert "1:00 PM" in said["Europe/Berlin"]
    assert "5:00 AM" in said["America/Denver"]


def test_it_says_the_age_of_a_figure_by_the_hour_today_and_by_the_day_before():
    assert ">9:40 AM<" in formatting.as_of(datetime(2026, 11, 21, 14, 40, tzinfo=UTC))
    # 11:59 PM on the 13th in New York is the 14th in UTC.
    assert ">Nov 13<" in formatting.as_of(datetime(2026, 11, 14, 4, 59, tzinfo=UTC))


@pytest.mark.parametrize(
    ("elapsed", "words"),
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
def test_it_says_how_long_ago_in_the_largest_whole_unit(elapsed, words):
    assert f">{words}<" in formatting.ago(NOW - elapsed)


def test_it_says_never_for_what_has_not_happened():
    assert formatting.ago(None) == "never"


def render_template(source: str, **context: object) -> str:
    return Template("{% load formatting %}" + source).render(Context(context))


def test_it_escapes_what_a_bank_calls_its_currency():
    assert render_template("{{ amount|money:currency }}", amount=Decimal(1), currency="<b>") == "1.00 &lt;b&gt;"
