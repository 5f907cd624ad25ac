"""Words for amounts, times, states and categories. The clock stands at 2:30 p.m. in New York, Nov 21, 2026."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.template import Context, Template
from django.utils import timezone as clock
from hypothesis import given
from hypothesis import strategies as st

from formats import money
from ui.templatetags import formatting

pytestmark = pytest.mark.dates

NOW = datetime(2026, 11, 21, 19, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _afternoon_in_new_york():
    with time_machine.travel(NOW, tick=False), clock.override(ZoneInfo("America/New_York")):
        yield


# --- Amounts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        ("1234.56", "USD", "$1,234.56"),
        ("-20", "USD", "−$20.00"),
        ("0", "USD", "$0.00"),
        ("0.005", "USD", "$0.01"),
        ("-0.004", "USD", "$0.00"),
        ("2.675", "USD", "$2.68"),
        ("1E+3", "USD", "$1,000.00"),
        ("123456789012345678.1234567890", "USD", "$123,456,789,012,345,678.12"),
        ("1234.5", "EUR", "1,234.50 EUR"),
        ("-1234.5", "JPY", "−1,235 JPY"),
        ("1.0005", "KWD", "1.001 KWD"),
        ("7", "", "7.00"),
    ],
)
def test_it_says_an_amount_to_the_smallest_unit_of_its_currency(amount, currency, words):
    assert formatting.money(Decimal(amount), currency) == words


@pytest.mark.parametrize("say", [formatting.money, formatting.signed_money, money.rounded_money, formatting.percent])
def test_it_never_says_zero_for_what_is_not_known(say):
    assert say(None) == "Not available"


@pytest.mark.parametrize(
    ("amount", "words"),
    [("50", "+$50.00"), ("-50", "−$50.00"), ("0", "$0.00"), ("0.001", "$0.00"), ("-0.001", "$0.00")],
)
def test_it_signs_what_came_in_and_what_went_out(amount, words):
    assert formatting.signed_money(Decimal(amount)) == words


@pytest.mark.parametrize(("amount", "words"), [("6268.50", "$6,269"), ("-6267.5", "−$6,268"), ("0.4", "$0")])
def test_it_rounds_half_away_from_zero_in_sentences(amount, words):
    assert money.rounded_money(Decimal(amount)) == words


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("0", "$0"),
        ("500", "$500"),
        ("2.5", "$2.50"),
        ("12500", "$12.5K"),
        ("40000", "$40K"),
        ("-5000", "−$5K"),
        ("12525", "$12,525"),
        ("2500000", "$2.5M"),
        ("1E+4", "$10K"),
    ],
)
def test_it_shortens_marks_of_an_axis_only_where_nothing_is_lost(amount, words):
    assert money.axis_label(Decimal(amount)) == words


@given(st.decimals(min_value=-(10**17), max_value=10**17, places=10))
def test_it_says_amounts_that_read_back_within_half_a_cent(amount):
    words = formatting.money(amount)

    value = Decimal(words.replace("$", "").replace(",", "").replace(formatting.MINUS, "-"))
    assert abs(value - amount) <= Decimal("0.005")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("31", "31%"),
        ("0", "0%"),
        ("0.4", "under 1%"),
        ("14.5", "15%"),
        ("117.5", "118%"),
        ("-3", "−3%"),
        ("1234", "1,234%"),
    ],
)
def test_it_says_a_share_in_whole_percent(value, words):
    assert formatting.percent(Decimal(value)) == words


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


def rendered(source: str, **context: object) -> str:
    return Template("{% load formatting %}" + source).render(Context(context))


def test_it_escapes_what_a_bank_calls_its_currency():
    assert rendered("{{ amount|money:currency }}", amount=Decimal(1), currency="<b>") == "1.00 &lt;b&gt;"
