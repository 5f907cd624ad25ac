"""The score in each report over time: a month without a report, or another model, interrupts the line."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby

from django.utils.translation import gettext as _

from credit.analysis.bands import band_for_score, model_name
from credit.changes.descriptions import ChangeDescription, describe_change
from credit.diffing import Change, Severity
from credit.stored.reports import ReportSummary, StoredChange
from insights import charts

# Reports are pulled about every 30 days. If two are further apart, a month is missing.
GAP = timedelta(days=45)
MAX_EVENTS = 3


@dataclass(frozen=True, slots=True)
class ScoreReading:
    """One report: its score, model, band, and important changes."""

    day: date
    value: int | None
    model: str
    band: str
    breaks: str
    events: tuple[ChangeDescription, ...]
    more: int
    is_severe: bool


@dataclass(frozen=True, slots=True)
class ScoreHistory:
    """All readings, newest first, and their chart; ``chart`` is ``None`` if no report has a score."""

    readings: tuple[ScoreReading, ...]
    chart: charts.LineChart | None
    marks: str
    models: tuple[str, ...]


def score_history(listed: Sequence[ReportSummary], changes: Iterable[StoredChange]) -> ScoreHistory:
    """Return the score history of a user's reports; ``listed`` come newest first."""
    in_order = list(listed[::-1])
    in_order.sort(key=lambda report: (_day(report), report.pulled_at))
    events = _events(changes)
    readings = tuple(_list_readings(in_order, events))
    points = list(_points(readings))
    chart = _line(points) if any(point.value is not None for point in points) else None
    return ScoreHistory(
        readings=readings[::-1],
        chart=chart,
        marks=_severe_marks(chart, [reading.day for reading in readings if reading.is_severe]) if chart else "",
        models=tuple(dict.fromkeys(reading.model for reading in readings if reading.value is not None)),
    )


def _events(changes: Iterable[StoredChange]) -> Mapping[object, list[Change]]:
    """The important changes of each report, by its id; other changes are only on the page of changes."""
    notable = [change for change in changes if change.change.severity is not Severity.INFO]
    return {
        key: sorted((stored.change for stored in own), key=lambda change: change.severity is not Severity.HIGH)
        for key, own in groupby(notable, key=lambda change: change.report_id)
    }


def _list_readings(in_order: Sequence[ReportSummary], events: Mapping[object, list[Change]]) -> Iterator[ScoreReading]:
    before: ScoreReading | None = None
    for report in in_order:
        notable, model = events.get(report.id, []), _model(report)
        score_band = band_for_score(report.model, report.value)
        before = ScoreReading(
            day=_day(report),
            value=report.value,
            model=model,
            band=str(score_band.name) if score_band else "",
            breaks=_break(before, report, model),
            events=tuple(describe_change(change) for change in notable[:MAX_EVENTS]),
            more=max(0, len(notable) - MAX_EVENTS),
            is_severe=any(change.severity is Severity.HIGH for change in notable),
        )
        yield before


def _day(listed: ReportSummary) -> date:
    """The date of a report; without one, the date on which it was pulled."""
    return listed.reported_on or listed.pulled_at.date()


def _model(listed: ReportSummary) -> str:
    return model_name(listed.model, listed.indicator, listed.provider) if listed.indicator or listed.model else ""


def _break(before: ScoreReading | None, listed: ReportSummary, model: str) -> str:
    """Why the line from the previous report to this one is interrupted; empty if it is not."""
    if before is None:
        return ""
    if not listed.comparable:
        return _("This report is from a different credit file than your last one.")
    if before.model and model and before.model != model:
        return _("Different model. These scores can't be compared.")
    if _day(listed) - before.day > GAP:
        return _("More than %(days)s days after the previous report.") % {"days": GAP.days}
    return ""


def _points(readings: Sequence[ScoreReading]) -> Iterator[charts.Point]:
    """A point for each report, and an unknown one wherever the line is interrupted."""
    for index, reading in enumerate(readings):
        if reading.breaks:
            yield charts.Point(_between(readings[index - 1].day, reading.day), None)
        yield charts.Point(reading.day, None if reading.value is None else Decimal(reading.value))


def _between(first: date, last: date) -> date:
    return first + (last - first) / 2


def _line(points: Sequence[charts.Point]) -> charts.LineChart:
    """Draw the line, and a dot for every report, because there are few."""
    chart = charts.draw_line(points)
    area = _plot_area(chart)
    dots = "".join(f"M{area.format_point(point)}h0" for point in charts.known_points(points))
    return replace(chart, dots=dots, area="")


def _plot_area(chart: charts.LineChart) -> charts.PlotArea:
    return charts.PlotArea(chart.start, chart.span, chart.value_marks[-1], chart.value_marks[0])


def _severe_marks(chart: charts.LineChart, days: Iterable[date]) -> str:
    """A vertical line on each day whose report has a severe change."""
    area = _plot_area(chart)
    return "".join(f"M{charts.format_tenths(area.x(day))} 0V{charts.HEIGHT}" for day in sorted(set(days)))
