"""Charts, compared as exact text; Hypothesis tests what must be true for every input."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insights.charts import (
    HEIGHT,
    MAX_POINTS,
    MAX_ROWS,
    WIDTH,
    LineChart,
    NothingToDraw,
    Point,
    day_marks,
    draw_bars,
    draw_line,
    percent_filled,
    value_marks,
)

FIRST = date(2026, 11, 1)
amounts = st.decimals(min_value=-(10**17), max_value=10**17, places=10, allow_nan=False)
series = st.lists(st.none() | amounts, min_size=1, max_size=60).filter(
    lambda values: any(v is not None for v in values)
)


def build_daily_points(*values: str | Decimal | None) -> list[Point]:
    """Build points on consecutive days from November 1, 2026."""
    return [
        Point(FIRST + timedelta(days=offset), None if value is None else Decimal(value))
        for offset, value in enumerate(values)
    ]


def read_path_points(chart: LineChart) -> list[tuple[Fraction, Fraction]]:
    """Return the coordinates on a chart's line and dots."""
    points = []
    for stroke in (chart.path + chart.dots.replace("h0", "")).split("M")[1:]:
        x = y = Fraction(0)
        for step in stroke.replace("l", " ").split():
            x, y = (now + Fraction(by) for now, by in zip((x, y), step.split(","), strict=True))
            points.append((x, y))
    return points


def decode_readout(chart: LineChart) -> list[tuple[int, Decimal]]:
    """Decode the days and values as static/js/charts.js does."""
    values, last_day = [], -1
    for text in chart.readout.split():
        value, _, day = text.partition(":")
        last_day = int(day) if day else last_day + 1
        values.append((last_day, Decimal(value)))
    return values


def test_it_draws_a_line_from_edge_to_edge():
    chart = draw_line(build_daily_points("100", "300", "200"))

    # Marks from 100 to 300 in steps of 50: 300 units of height for 200 dollars.
    assert chart.value_marks == (300, 250, 200, 150, 100)
    assert chart.grid == "M0 300.0H1000M0 225.0H1000M0 150.0H1000M0 75.0H1000M0 0.0H1000"
    assert chart.path == "M0.0,300.0l500.0,-300.0 500.0,150.0"
    assert chart.area == "M0.0,300.0l500.0,-300.0 500.0,150.0V300.0H0.0Z"
    assert chart.dots == chart.zero == ""


def test_it_breaks_the_line_at_an_unknown_value():
    chart = draw_line(build_daily_points("0", "10", None, "20", "40"))

    assert chart.path == "M0.0,300.0l250.0,-75.0M750.0,150.0l250.0,-150.0"
    assert chart.area == "M0.0,300.0l250.0,-75.0V300.0H0.0ZM750.0,150.0l250.0,-150.0V300.0H750.0Z"


def test_it_draws_a_known_day_between_unknown_ones_as_a_dot():
    chart = draw_line(build_daily_points("0", "0", None, "40", None))

    assert chart.path == "M0.0,300.0l250.0,0.0"
    assert chart.dots == "M750.0,0.0h0"


def test_it_fills_the_area_to_zero_from_both_sides():
    chart = draw_line(build_daily_points("-50", "50"))

    assert chart.value_marks == (50, 25, 0, -25, -50)
    assert chart.zero == "150.0"
    assert chart.area == "M0.0,300.0l1000.0,-300.0V150.0H0.0Z"


def test_it_fills_the_area_to_the_edge_if_all_values_are_negative():
    chart = draw_line(build_daily_points("-40", "-20"))

    assert chart.value_marks == (-20, -25, -30, -35, -40)
    assert chart.area == "M0.0,300.0l1000.0,-300.0V0.0H0.0Z"
    assert chart.zero == ""


def test_it_draws_a_single_day_in_the_middle():
    chart = draw_line(build_daily_points("1000"))

    # Marks around 900 and 1100, a tenth to either side.
    assert chart.value_marks == (1100, 1050, 1000, 950, 900)
    assert chart.dots == "M500.0,150.0h0"
    assert chart.path == chart.area == ""
    assert chart.day_marks == (FIRST,)


def test_it_draws_equal_values_as_a_level_line():
    assert draw_line(build_daily_points("0", "0", "0")).path == "M0.0,150.0l500.0,0.0 500.0,0.0"


def test_it_positions_days_by_the_calendar():
    points = [
        Point(date(2026, 11, 1), Decimal(0)),
        Point(date(2026, 11, 2), Decimal(0)),
        Point(date(2026, 11, 11), Decimal(4)),
    ]

    assert draw_line(points).path == "M0.0,300.0l100.0,0.0 900.0,-300.0"


def test_it_writes_exact_values_for_the_script():
    assert draw_line(build_daily_points("0.10", None, "-12345678901234567.89")).readout == "0.1 -12345678901234567.89:2"


@pytest.mark.parametrize("points", [[], build_daily_points(None), build_daily_points(None, None)])
def test_it_raises_without_values(points):
    with pytest.raises(NothingToDraw):
        draw_line(points)


@given(series)
def test_it_draws_within_the_box_from_left_to_right(values):
    chart = draw_line(build_daily_points(*values))

    points = read_path_points(chart)
    assert len(points) == sum(value is not None for value in values)
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)
    in_order = sorted(points)
    assert [x for x, _ in in_order] == sorted({x for x, _ in points})


@given(series)
def test_it_writes_every_known_day_for_the_script(values):
    known = [(day, value) for day, value in enumerate(values) if value is not None]

    assert decode_readout(draw_line(build_daily_points(*values))) == known


@given(series)
def test_it_draws_higher_values_higher(values):
    chart = draw_line(build_daily_points(*values))

    height = dict(read_path_points(chart))
    known = [
        (Fraction(value), x)
        for (x, _), value in zip(sorted(read_path_points(chart)), filter(lambda v: v is not None, values), strict=True)
    ]
    for (low, low_x), (high, high_x) in pairwise(sorted(known)):
        assert low == high or height[low_x] >= height[high_x]


@given(series)
def test_it_encloses_every_value_in_at_most_seven_evenly_spaced_marks(values):
    marks = draw_line(build_daily_points(*values)).value_marks

    known = [value for value in values if value is not None]
    assert marks[-1] <= min(known)
    assert max(known) <= marks[0]
    steps = {above - below for above, below in pairwise(marks)}
    assert len(steps) == 1
    assert 2 <= len(marks) <= 7


@pytest.mark.parametrize(
    ("low", "high", "marks"),
    [
        ("0", "1", ["0", "0.25", "0.50", "0.75", "1.00"]),
        ("17769", "33294", ["15000", "20000", "25000", "30000", "35000"]),
        ("-0.02", "0.01", ["-0.02", "-0.01", "0", "0.01"]),
        ("999.99", "1000.01", ["999.990", "999.995", "1000.000", "1000.005", "1000.010"]),
    ],
)
def test_it_marks_round_values(low, high, marks):
    assert value_marks(Decimal(low), Decimal(high)) == [Decimal(mark) for mark in marks]


@pytest.mark.parametrize(
    ("span", "offsets"),
    [(0, [0]), (1, [0, 1]), (2, [0, 1, 2]), (3, [0, 2, 3]), (4, [0, 1, 2, 3, 4]), (30, [0, 8, 15, 22, 30])],
)
def test_it_marks_at_most_five_days_including_first_and_last(span, offsets):
    assert [(day - FIRST).days for day in day_marks(FIRST, span)] == offsets


# --- Long histories ---------------------------------------------------------------------------------------


def test_it_draws_a_year_day_by_day():
    assert len(read_path_points(draw_line(build_daily_points(*map(str, range(365)))))) == 365


@settings(max_examples=25)
@given(st.integers(MAX_POINTS + 1, 3 * MAX_POINTS), st.integers(1, 2000))
def test_it_keeps_ends_and_extremes_of_a_long_history(days, stride):
    values = [day * stride % 2001 - 1000 for day in range(days)]
    chart = draw_line(build_daily_points(*map(str, values)))

    shown = decode_readout(chart)
    assert all(values[day] == value for day, value in shown)
    assert {min(values), max(values)} <= {value for _, value in shown}
    assert (shown[0][0], shown[-1][0]) == (0, days - 1)
    assert len(shown) <= MAX_POINTS + 2


def test_it_keeps_a_gap_in_a_long_history():
    values = ["1"] * 400 + [None] * 100 + ["2"] * 400

    assert draw_line(build_daily_points(*values)).path.count("M") == 2


@pytest.mark.parametrize(("days", "step"), [(1, 1), (31, 1), (32, 2), (62, 2), (63, 3), (730, 24)])
def test_it_limits_the_table_and_includes_the_last_day(days, step):
    chart = draw_line(build_daily_points(*map(str, range(days))))

    assert chart.row_step == step
    assert len(chart.rows) <= MAX_ROWS
    assert chart.rows[-1].value == days - 1
    assert all(later.value - earlier.value == step for earlier, later in pairwise(chart.rows))


def test_it_keeps_unknown_days_in_the_table():
    assert [row.value for row in draw_line(build_daily_points("5", None, "7")).rows] == [Decimal(5), None, Decimal(7)]


# --- Facts for the caption --------------------------------------------------------------------------------


def test_it_computes_a_decrease():
    facts = draw_line(build_daily_points("42082.20", "45000", "28870.01", "35814.20")).facts

    # 6,268.00 of 42,082.20 is 14.8946...%.
    assert (facts.direction, facts.distance, facts.percent) == ("down", Decimal("6268.00"), Decimal("14.9"))
    assert (facts.lowest.day, facts.highest.day) == (date(2026, 11, 3), date(2026, 11, 2))


def test_it_has_no_percentage_of_zero_or_negative_values():
    assert draw_line(build_daily_points("0", "10")).facts.percent is None
    assert draw_line(build_daily_points("-10", "10")).facts.percent is None
    assert draw_line(build_daily_points("10", "-10")).facts.percent is None


def test_it_has_no_percentage_above_1000():
    assert draw_line(build_daily_points("1", "11")).facts.percent == 1000
    assert draw_line(build_daily_points("1", "11.01")).facts.percent is None


def test_it_computes_a_change_of_zero():
    facts = draw_line(build_daily_points("7", "9", "7")).facts

    assert (facts.direction, facts.distance, facts.percent) == ("level", Decimal(0), Decimal(0))


def test_it_dates_equal_extremes_by_their_first_day():
    facts = draw_line(build_daily_points("1", "1")).facts

    assert facts.lowest.day == facts.highest.day == FIRST


def test_it_considers_only_known_days():
    facts = draw_line(build_daily_points(None, "3", "4", None)).facts

    assert (facts.first.day, facts.last.day) == (date(2026, 11, 2), date(2026, 11, 3))


# --- Bars and gauges --------------------------------------------------------------------------------------


def test_it_scales_bars_to_the_longest():
    assert draw_bars([Decimal(200), Decimal(50), Decimal(0)]) == (("100.0", 80), ("25.0", 20), ("0.0", 0))


def test_it_draws_no_bar_for_a_refunded_category():
    assert draw_bars([Decimal(90), Decimal(-10)]) == (("100.0", 100), ("0.0", 0))


@pytest.mark.parametrize("amounts", [[], [Decimal(0)], [Decimal(-1), Decimal(0)]])
def test_it_has_no_shares_without_spending(amounts):
    assert all(bar == ("0.0", 0) for bar in draw_bars(amounts))
    assert len(draw_bars(amounts)) == len(amounts)


def test_it_rounds_thirds_to_a_sum_of_100():
    assert [bar.share for bar in draw_bars([Decimal(1)] * 3)] == [34, 33, 33]


@given(st.lists(st.decimals(min_value="0.01", max_value=10**12, places=2), min_size=1, max_size=30))
def test_it_rounds_shares_to_a_sum_of_100_by_less_than_one_each(spent):
    shares = [bar.share for bar in draw_bars(spent)]

    assert sum(shares) == 100
    total = sum(map(Fraction, spent))
    assert all(abs(share - 100 * Fraction(amount) / total) < 1 for share, amount in zip(shares, spent, strict=True))


@pytest.mark.parametrize(
    ("value", "filled"), [("31", "31.0"), ("0", "0.0"), ("-5", "0.0"), ("117.5", "100.0"), ("14.84", "14.8")]
)
def test_it_fills_a_gauge_within_its_ends(value, filled):
    assert percent_filled(Decimal(value)) == filled


def test_it_fills_a_gauge_that_does_not_begin_at_zero():
    # 736 on a scale from 300 to 850 is 436 of 550 steps.
    assert percent_filled(Decimal(736), low=Decimal(300), high=Decimal(850)) == "79.3"
