"""Score history: gaps stay gaps, another model starts a new line, and a single report is a point."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from uuid import UUID

import pytest

from credit.diffing import Change, ChangeType, Severity
from credit.report import ReportStatus
from credit.stored.reports import ReportSummary, StoredChange
from insights.credit.score_history import score_history

pytestmark = pytest.mark.dates

MODELS = {"V4": "vantagescore_4", "F9": "fico_9"}


def build_summary(number, day, value=700, indicator="V4"):
    at = datetime.combine(day or date(2026, 1, number), time(12), UTC)
    model = MODELS.get(indicator, "")
    report_id = UUID(int=number)
    return ReportSummary(report_id, "experian", day, at, ReportStatus.READY, False, model, indicator, value, "", None)


def build_change(number, severity, change_type=ChangeType.LIMIT_CHANGED):
    change = Change(change_type, "e", severity, "BEACON CARD", 1, 2, "", "")
    return StoredChange(UUID(int=number), None, change)


def build_monthly_reports(*values):
    """Build reports on the tenth of every month from January on; ``None`` skips a month."""
    days = [date(2026, month, 10) for month in range(1, len(values) + 1)]
    summaries = [
        build_summary(day.month, day, value) for day, value in zip(days, values, strict=True) if value is not None
    ]
    return summaries[::-1]


def test_it_draws_a_point_for_a_first_report():
    history = score_history(build_monthly_reports(702), [])
    assert (history.chart.path, history.chart.dots.count("M")) == ("", 1)
    assert [reading.value for reading in history.readings] == [702]
    assert history.models == ("VantageScore 4.0",)


def test_it_draws_one_line_through_consecutive_months():
    history = score_history(build_monthly_reports(702, 688, 684), [])
    assert history.chart.path.count("M") == 1
    assert history.chart.dots.count("M") == 3
    assert [reading.value for reading in history.readings] == [684, 688, 702]
    assert [reading.breaks for reading in history.readings] == ["", "", ""]


def test_it_leaves_a_gap_for_a_missing_month():
    history = score_history(build_monthly_reports(702, 688, None, 690, 691), [])
    assert history.chart.path.count("M") == 2
    assert [reading.breaks for reading in history.readings] == [
        "",
        "More than 45 days after the previous report.",
        "",
        "",
    ]


@pytest.mark.parametrize(("day", "broken"), [(date(2026, 2, 24), False), (date(2026, 2, 25), True)])
def test_it_breaks_the_line_after_more_than_45_days(day, broken):
    history = score_history([build_summary(2, day), build_summary(1, date(2026, 1, 10))], [])
    assert bool(history.readings[0].breaks) is broken


def test_it_breaks_the_line_when_the_model_changes():
    first, second, third, fourth = build_monthly_reports(702, 688, 690, 691)
    history = score_history(
        [
            replace(first, indicator="F9", model="fico_9"),
            replace(second, indicator="F9", model="fico_9"),
            third,
            fourth,
        ],
        [],
    )
    assert history.chart.path.count("M") == 2
    assert history.models == ("VantageScore 4.0", "FICO Score 9")
    assert [reading.breaks.partition(".")[0] for reading in history.readings] == ["", "Different model", "", ""]


def test_it_breaks_the_line_at_a_report_of_another_credit_file():
    newest, middle, oldest = build_monthly_reports(702, 688, 690)
    history = score_history([newest, replace(middle, comparable=False), oldest], [])
    assert [reading.breaks for reading in history.readings] == [
        "",
        "This report is from a different credit file than your last one.",
        "",
    ]
    assert history.chart.path.count("M") == 1


def test_it_breaks_the_line_at_a_report_without_a_score_and_keeps_its_row():
    newest, middle, oldest = build_monthly_reports(702, 688, 690)
    history = score_history([newest, replace(middle, value=None), oldest], [])
    assert history.chart.path == ""
    assert history.chart.dots.count("M") == 2
    assert history.readings[1].value is None


def test_it_draws_nothing_if_no_report_has_a_score():
    history = score_history([replace(report, value=None) for report in build_monthly_reports(702, 688)], [])
    assert (history.chart, history.marks, history.models) == (None, "", ())
    assert len(history.readings) == 2


def test_it_accepts_reports_of_one_day_and_without_a_day():
    day = date(2026, 1, 10)
    history = score_history([build_summary(3, None), build_summary(2, day, 690), build_summary(1, day, 700)], [])
    assert [(reading.day, reading.value) for reading in history.readings] == [
        (day, 690),
        (day, 700),
        (date(2026, 1, 3), 700),
    ]
    assert score_history([], []).readings == ()


def test_it_lists_changes_per_report_and_marks_severe_ones():
    stored = [
        *[build_change(2, Severity.NOTICE)] * 3,
        build_change(2, Severity.HIGH, ChangeType.FLAG_ADDED),
        build_change(1, Severity.INFO),
        build_change(3, Severity.NOTICE),
    ]
    history = score_history(build_monthly_reports(702, 688, 684), stored)
    newest, middle, oldest = history.readings
    assert [event.title for event in middle.events] == [
        "A mark was added to your credit file",
        *["BEACON CARD: credit limit changed"] * 2,
    ]
    assert (middle.more, middle.is_severe) == (1, True)
    assert (len(newest.events), newest.is_severe, oldest.events) == (1, False, ())
    assert history.marks == "M525.4 0V300"


def test_it_keeps_every_dot_inside_the_box():
    history = score_history(build_monthly_reports(300, 850, 300, 850, 301), [])
    points = history.chart.dots.replace("h0", "").split("M")[1:]
    assert len(points) == 5
    for point in points:
        x, y = (float(coordinate) for coordinate in point.split(","))
        assert 0 <= x <= 1000
        assert 0 <= y <= 300
