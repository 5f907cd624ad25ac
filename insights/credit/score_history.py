"""A score over time, report by report: a month without a report is a gap, another model breaks the line."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby

from credit.analysis.bands import band, label
from credit.changes.descriptions import Told, tell
from credit.diffing import Change, Severity
from credit.stored.reports import KeptChange, Listing
from insights import charts

# Reports come about every 30 days; whatever is further apart has a month missing between.
GAP = timedelta(days=45)
MOST_EVENTS = 3


@dataclass(frozen=True, slots=True)
class Reading:
    """One report: its score, its model, its band, and what it brought that was worth telling."""

    day: date
    value: int | None
    model: str
    band: str
    breaks: str
    events: tuple[Told, ...]
    more: int
    is_grave: bool


@dataclass(frozen=True, slots=True)
class History:
    """All readings, newest first, and their drawing; ``chart`` is ``None`` where no report has a score."""

    readings: tuple[Reading, ...]
    chart: charts.Line | None
    marks: str
    models: tuple[str, ...]


def history(listed: Sequence[Listing], changes: Iterable[KeptChange]) -> History:
    """Lay the reports of a person out in time; ``listed`` come newest first."""
    in_order = list(listed[::-1])
    in_order.sort(key=lambda each: (_day(each), each.pulled_at))
    events = _events(changes)
    readings = tuple(_readings(in_order, events))
    points = list(_points(readings))
    chart = _line(points) if any(point.value is not None for point in points) else None
    return History(
        readings=readings[::-1],
        chart=chart,
        marks=_marks(chart, [each.day for each in readings if each.is_grave]) if chart else "",
        models=tuple(dict.fromkeys(each.model for each in readings if each.value is not None)),
    )


def _events(changes: Iterable[KeptChange]) -> Mapping[object, list[Change]]:
    """What is worth telling of each report, by its id; figures that only moved stay on the page of changes."""
    told = [each for each in changes if each.change.severity is not Severity.INFO]
    return {
        key: sorted((each.change for each in own), key=lambda change: change.severity is not Severity.HIGH)
        for key, own in groupby(told, key=lambda each: each.report_id)
    }


def _readings(in_order: Sequence[Listing], events: Mapping[object, list[Change]]) -> Iterator[Reading]:
    before: Reading | None = None
    for each in in_order:
        told, model = events.get(each.id, []), _model(each)
        found = band(each.model, each.value)
        before = Reading(
            day=_day(each),
            value=each.value,
            model=model,
            band=found.name if found else "",
            breaks=_break(before, each, model),
            events=tuple(tell(change) for change in told[:MOST_EVENTS]),
            more=max(0, len(told) - MOST_EVENTS),
            is_grave=any(change.severity is Severity.HIGH for change in told),
        )
        yield before


def _day(listed: Listing) -> date:
    """The day of a report; one that does not say it counts as of the day on which it was obtained."""
    return listed.reported_on or listed.pulled_at.date()


def _model(listed: Listing) -> str:
    return label(listed.model, listed.indicator, listed.provider) if listed.indicator or listed.model else ""


def _break(before: Reading | None, listed: Listing, model: str) -> str:
    """Why the line cannot lead from the report before to this one; empty where it can."""
    if before is None:
        return ""
    if not listed.comparable:
        return "Another file: the bureau says that it is about somebody else than the report before"
    if before.model and model and before.model != model:
        return "Another model: the two scores cannot be compared"
    return "No report in between" if _day(listed) - before.day > GAP else ""


def _points(readings: Sequence[Reading]) -> Iterator[charts.Point]:
    """A point for each report, and an unknown one wherever the line has to break."""
    for place, each in enumerate(readings):
        if each.breaks:
            yield charts.Point(_between(readings[place - 1].day, each.day), None)
        yield charts.Point(each.day, None if each.value is None else Decimal(each.value))


def _between(one: date, other: date) -> date:
    return one + (other - one) / 2


def _line(points: Sequence[charts.Point]) -> charts.Line:
    """Draw the line, and a dot for every report: there are few, and each is a fact of its own."""
    drawn = charts.line(points)
    box = _box(drawn)
    dots = "".join(f"M{box.at(point)}h0" for point in charts.known_points(points))
    return replace(drawn, dots=dots, area="")


def _box(chart: charts.Line) -> charts.Box:
    return charts.Box(chart.start, chart.span, chart.value_marks[-1], chart.value_marks[0])


def _marks(chart: charts.Line, days: Iterable[date]) -> str:
    """An upright line on each day whose report brought something grave."""
    box = _box(chart)
    return "".join(f"M{charts.tenths(box.x(day))} 0V{charts.HEIGHT}" for day in sorted(set(days)))
