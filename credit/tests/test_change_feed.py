"""The list of changes on a page, and the form to choose two reports."""

from datetime import UTC, date, datetime
from uuid import UUID

from credit.diffing import Change, ChangeType, Severity
from credit.presentation import change_feed
from credit.presentation.comparison_form import UNKNOWN, ComparisonForm
from credit.report import ReportStatus
from credit.stored.reports import ReportSummary, StoredChange

NEWER, OLDER = UUID(int=2), UUID(int=1)


def make_stored_change(report_id, day, severity, key=""):
    change = Change(ChangeType.LIMIT_CHANGED, key or "e", severity, "BEACON CARD", 1, 2, "", key)
    return StoredChange(report_id, day, change)


def test_it_groups_by_report_with_the_newest_and_most_severe_first():
    stored = [
        make_stored_change(NEWER, date(2026, 11, 20), Severity.INFO, "here"),
        make_stored_change(NEWER, date(2026, 11, 20), Severity.HIGH, "gone"),
        make_stored_change(OLDER, date(2026, 10, 20), Severity.NOTICE),
    ]
    groups = change_feed.group_by_report(stored, accounts={"here"})
    assert [group.reported_on for group in groups] == [date(2026, 11, 20), date(2026, 10, 20)]
    assert [(entry.severity, entry.key) for entry in groups[0].entries] == [
        (Severity.HIGH, ""),
        (Severity.INFO, "here"),
    ]


def make_summary(report_id, day):
    at = datetime(2026, 11, 20, tzinfo=UTC)
    return ReportSummary(report_id, "experian", day, at, ReportStatus.READY, True, "", "", None, "", None)


REPORTS = [make_summary(NEWER, None), make_summary(OLDER, date(2026, 10, 20))]


def test_it_proposes_the_newest_two_reports():
    form = ComparisonForm(None, reports=REPORTS)
    assert (form["before"].value(), form["after"].value()) == (str(OLDER), str(NEWER))
    assert [label for _value, label in form.fields["after"].choices] == [
        "Nov 20, 2026, Experian",
        "Oct 20, 2026, Experian",
    ]


def test_it_accepts_two_reports_in_either_order():
    form = ComparisonForm({"before": str(NEWER), "after": str(OLDER)}, reports=REPORTS)
    assert form.is_valid()
    assert form.selected_reports() == (NEWER, OLDER)


def test_it_rejects_unknown_reports():
    form = ComparisonForm({"before": str(UUID(int=3)), "after": "junk\0"}, reports=REPORTS)
    assert form.errors["before"] == [UNKNOWN]
    assert form.errors["after"]
    assert ComparisonForm({"before": str(OLDER)}, reports=REPORTS).errors.keys() == {"after"}
