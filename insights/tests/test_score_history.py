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
    made = Change(change_type, "e", severity, "BEACON CARD", 1, 2, "", "")
    return StoredChange(UUID(int=number), None, made)


def monthly_reports(*values):
    """Build reports on the tenth of every month from January on; ``None`` skips a month."""
    days = [date(2026, month, 10) for month in range(1, len(values) + 1)]
    found = [build_summary(day.month, day, value) for day, value in zip(days, values, strict=True) if value is not None]
    return found[::-1]


def test_it_draws_a_point_for_a_first_report():
    found = score_history(monthly_reports(702), [])
    assert (found.chart.path, found.chart.dots.count("M")) == ("", 1)
    assert [reading.value for reading in found.readings] == [702]
    assert found.models == ("VantageScore 4.0",)


def test_it_draws_one_line_through_months_that_follow_each_other():
    found = score_history(monthly_reports(702, 688, 684), [])
    assert found.chart.path.count("M") == 1
    assert found.chart.dots.count("M") == 3
    assert [reading.value for reading in found.readings] == [684, 688, 702]
    assert [each.breaks for each in found.readings] == ["", "", ""]


def test_it_leaves_a_gap_where_a_month_is_missing():
    found = score_history(monthly_reports(702, 688, None, 690, 691), [])
    assert found.chart.path.count("M") == 2
    assert [each.breaks for each in found.readings] == ["", "More than 45 days after the previous report.", "", ""]


@pytest.mark.parametrize(("day", "broken"), [(date(2026, 2, 24), False), (date(2026, 2, 25), True)])
def test_it_waits_45_days_before_it_misses_a_report(day, broken):
    found = score_history([build_summary(2, day), build_summary(1, date(2026, 1, 10))], [])
    assert bool(found.readings[0].breaks) is broken


def test_it_breaks_the_line_where_the_model_changes():
    first, second, third, fourth = monthly_reports(702, 688, 690, 691)
    found = score_history(
        [
            replace(first, indicator="F9", model="fico_9"),
            replace(second, indicator="F9", model="fico_9"),
            third,
            fourth,
        ],
        [],
    )
    assert found.chart.path.count("M") == 2
    assert found.models == ("VantageScore 4.0", "FICO Score 9")
    assert [each.breaks.partition(".")[0] for each in found.readings] == ["", "Different model", "", ""]


def test_it_breaks_the_line_at_a_report_about_another_file():
    newest, middle, oldest = monthly_reports(702, 688, 690)
    found = score_history([newest, replace(middle, comparable=False), oldest], [])
    assert [each.breaks for each in found.readings] == [
        "",
        "This report is from a different credit file than your last one.",
        "",
    ]
    assert found.chart.path.count("M") == 1


def test_it_breaks_the_line_at_a_report_without_a_score_and_keeps_its_row():
    newest, middle, oldest = monthly_reports(702, 688, 690)
    found = score_history([newest, replace(middle, value=None), oldest], [])
    assert found.chart.path == ""
    assert found.chart.dots.count("M") == 2
    assert found.readings[1].value is None


def test_it_draws_nothing_where_no_report_has_a_score():
    found = score_history([replace(each, value=None) for each in monthly_reports(702, 688)], [])
    assert (found.chart, found.marks, found.models) == (None, "", ())
    assert len(found.readings) == 2


def test_it_takes_reports_of_one_day_and_reports_without_a_day():
    day = date(2026, 1, 10)
    found = score_history([build_summary(3, None), build_summary(2, day, 690), build_summary(1, day, 700)], [])
    assert [(each.day, each.value) for each in found.readings] == [(day, 690), (day, 700), (date(2026, 1, 3), 700)]
    assert score_history([], []).readings == ()


def test_it_tells_what_a_report_brought_and_marks_what_is_grave():
    stored = [
        *[build_change(2, Severity.NOTICE)] * 3,
        build_change(2, Severity.HIGH, ChangeType.FLAG_ADDED),
        build_change(1, Severity.INFO),
        build_change(3, Severity.NOTICE),
    ]
    found = score_history(monthly_reports(702, 688, 684), stored)
    newest, middle, oldest = found.readings
    assert [event.title for event in middle.events] == [
        "A mark was added to your credit file",
        *["BEACON CARD: credit limit changed"] * 2,
    ]
    assert (middle.more, middle.is_severe) == (1, True)
    assert (len(newest.events), newest.is_severe, oldest.events) == (1, False, ())
    assert found.marks == "M525.4 0V300"


def test_it_keeps_every_dot_inside_the_box():
    found = score_history(monthly_reports(300, 850, 300, 850, 301), [])
    places = found.chart.dots.replace("h0", "").split("M")[1:]
    assert len(places) == 5
    for place in places:
        x, y = (float(part) for part in place.split(","))
        assert 0 <= x <= 1000
        assert 0 <= y <= 300
