"""Chart geometry: from exact numbers to text for SVG attributes. It has no HTML and no colors.

Coordinates are text with one decimal, so that tests can compare drawings as values. Amounts are always ``Decimal``.
The drawing area is `WIDTH` by `HEIGHT` units, and the page scales it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple, cast

WIDTH = 1000
HEIGHT = 300
MAX_POINTS = 366
MAX_ROWS = 31
LONG_SPAN = timedelta(days=180)
DAY_MARKS = (5, 3, 2, 1)
TENTH = Decimal("0.1")
MAX_CHANGE_FACTOR = 10


class NothingToDraw(ValueError):
    """A line chart needs at least one known value."""


class Point(NamedTuple):
    """A value on a day. ``None`` means unknown: the line has a gap there."""

    day: date
    value: Decimal | None


class KnownPoint(NamedTuple):
    """A point whose value is known."""

    day: date
    value: Decimal


@dataclass(frozen=True, slots=True)
class LineSummary:
    """Values for the description of a line. ``percent`` is ``None`` if it would be misleading."""

    first: KnownPoint
    last: KnownPoint
    lowest: KnownPoint
    highest: KnownPoint
    change: Decimal
    percent: Decimal | None

    @property
    def direction(self) -> str:
        """Return ``up``, ``down`` or ``level``."""
        return "up" if self.change > 0 else "down" if self.change < 0 else "level"

    @property
    def distance(self) -> Decimal:
        """Return the size of the change, without its sign."""
        return abs(self.change)


@dataclass(frozen=True, slots=True)
class LineChart:
    """A drawn line: SVG path data, the marks of both axes, and the values behind the drawing.

    ``readout`` lists each value for the script; one that does not follow the previous day is ``value:day``, with the
    day counted from ``start``. ``computed_path`` is the part of the line that is drawn differently.
    """

    path: str
    computed_path: str
    area: str
    dots: str
    grid: str
    zero: str
    value_marks: tuple[Decimal, ...]
    day_marks: tuple[date, ...]
    start: date
    span: int
    readout: str
    rows: tuple[Point, ...]
    row_step: int
    facts: LineSummary

    @property
    def is_long(self) -> bool:
        """Whether marks on the time axis should have the year instead of the day."""
        return timedelta(days=self.span) >= LONG_SPAN


class Bar(NamedTuple):
    """A bar's length relative to the longest one, and its share of the total, both in percent."""

    width: str
    share: int


def draw_line(points: Sequence[Point], *, computed_until: date | None = None) -> LineChart:
    """Draw one value over time; ``points`` are in the order of their days, those before ``computed_until`` computed.

    Raises `NothingToDraw` when no value is known.
    """
    known = known_points(points)
    marks = value_marks(min(point.value for point in known), max(point.value for point in known))
    area = PlotArea(points[0].day, (points[-1].day - points[0].day).days, marks[0], marks[-1])
    all_segments = [known] if len(known) == len(points) else split_at_gaps(points)
    segments = [thin_out(segment, len(points)) for segment in all_segments]
    runs = [segment for segment in segments if len(segment) > 1]
    segment_paths = [area.path_segment(run) for run in runs]
    step = -(-len(points) // MAX_ROWS)
    return LineChart(
        path="".join(segment_paths) if computed_until is None else area.path_between(runs, since=computed_until),
        computed_path="" if computed_until is None else area.path_between(runs, until=computed_until),
        area="".join(stroke + area.close_path(run) for stroke, run in zip(segment_paths, runs, strict=True)),
        dots="".join(f"M{area.format_point(segment[0])}h0" for segment in segments if len(segment) == 1),
        grid="".join(f"M0 {format_tenths(area.y(mark))}H{WIDTH}" for mark in marks),
        zero=format_tenths(area.y(Decimal(0))) if marks[0] < 0 < marks[-1] else "",
        value_marks=tuple(reversed(marks)),
        day_marks=day_marks(area.start, area.span),
        start=area.start,
        span=area.span,
        readout=area.encode_points([point for segment in segments for point in segment]),
        rows=tuple(reversed(points[::-1][::step])),
        row_step=step,
        facts=summarize(known),
    )


@dataclass(frozen=True, slots=True)
class PlotArea:
    """The drawing area of a line: days from left to right, values from ``low`` up to ``high``."""

    start: date
    span: int
    low: Decimal
    high: Decimal
    unit: Decimal = field(init=False)
    """The height of one unit of value in tenths, computed once instead of for each point."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "unit", HEIGHT * 10 / (self.high - self.low))

    def offset(self, day: date) -> int:
        return (day - self.start).days

    def x(self, day: date) -> int:
        """Return the day's position from the left, in tenths; a single day is in the middle."""
        return round(self.offset(day) * WIDTH * 10 / self.span) if self.span else WIDTH * 5

    def y(self, value: Decimal) -> int:
        """Return the value's position from the top, in tenths."""
        return round((self.high - value) * self.unit)

    def format_point(self, point: KnownPoint) -> str:
        return f"{format_tenths(self.x(point.day))},{format_tenths(self.y(point.value))}"

    def path_segment(self, segment: Sequence[KnownPoint]) -> str:
        """Return a path of relative steps, which compress to half the size of absolute coordinates.

        A step is the difference of two rounded positions, so that rounding errors do not add up.
        """
        positions = [(self.x(point.day), self.y(point.value)) for point in segment]
        steps = [
            f"{format_tenths(x - old_x)},{format_tenths(y - old_y)}" for (old_x, old_y), (x, y) in pairwise(positions)
        ]
        return f"M{self.format_point(segment[0])}l{' '.join(steps)}"

    def path_between(
        self, segments: Iterable[Sequence[KnownPoint]], *, since: date = date.min, until: date = date.max
    ) -> str:
        """Return the path of those points alone that are between two days, both included."""
        parts = ([point for point in segment if since <= point.day <= until] for segment in segments)
        return "".join(self.path_segment(part) for part in parts if len(part) > 1)

    def close_path(self, segment: Sequence[KnownPoint]) -> str:
        """Return the path commands that close a line to an area, at zero or at the edge nearest to zero."""
        base = self.y(min(max(Decimal(0), self.low), self.high))
        return f"V{format_tenths(base)}H{format_tenths(self.x(segment[0].day))}Z"

    def encode_points(self, points: Sequence[KnownPoint]) -> str:
        """Return the values, each with its day's number if it is not the next day."""
        days = [-1, *(self.offset(point.day) for point in points)]
        return " ".join(
            f"{point.value.normalize():f}" if day == before + 1 else f"{point.value.normalize():f}:{day}"
            for point, (before, day) in zip(points, pairwise(days), strict=True)
        )


@lru_cache(maxsize=8192)
def format_tenths(tenths: int) -> str:
    """Format a coordinate in tenths."""
    return f"{tenths / 10:.1f}"


def known_points(points: Sequence[Point]) -> list[KnownPoint]:
    """Return the points whose value is known, or raise `NothingToDraw`."""
    known = [cast(KnownPoint, point) for point in points if point.value is not None]
    if not known:
        raise NothingToDraw("no value is known")
    return known


def split_at_gaps(points: Sequence[Point]) -> Iterator[list[KnownPoint]]:
    """Split the points into runs of known values."""
    run: list[KnownPoint] = []
    for point in points:
        if point.value is not None:
            run.append(KnownPoint(point.day, point.value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def thin_out(segment: list[KnownPoint], total: int) -> list[KnownPoint]:
    """Keep the lowest and the highest point of each bucket if there are more points than can be seen.

    The first and the last point are kept too, so a long history keeps its peaks, troughs and ends.
    """
    if total <= MAX_POINTS:
        return segment
    size = -(-total * 2 // MAX_POINTS)
    kept = {segment[0], segment[-1]}
    for start in range(0, len(segment), size):
        bucket = segment[start : start + size]
        kept |= {min(bucket, key=lambda point: point.value), max(bucket, key=lambda point: point.value)}
    return sorted(kept)


def summarize(known: Sequence[KnownPoint]) -> LineSummary:
    """Return the ends, the extremes and the change. Of equal extremes, the first day counts."""
    first, last = known[0], known[-1]
    change = last.value - first.value
    return LineSummary(
        first=first,
        last=last,
        lowest=min(known, key=lambda point: point.value),
        highest=max(known, key=lambda point: point.value),
        change=change,
        percent=percent_of(change, first.value) if last.value >= 0 else None,
    )


def percent_of(change: Decimal, start: Decimal) -> Decimal | None:
    """Return a change in percent, or ``None`` if it cannot be measured from the start value."""
    if start <= 0 or abs(change) > start * MAX_CHANGE_FACTOR:
        return None
    return (abs(change) * 100 / start).quantize(TENTH, ROUND_HALF_UP)


def value_marks(low: Decimal, high: Decimal) -> list[Decimal]:
    """Return evenly spaced round values, rising, that enclose ``low`` and ``high``."""
    if low == high:
        margin = abs(low) / 10 or Decimal(1)
        low, high = low - margin, high + margin
    step = round_step((high - low) / 4)
    first = (low / step).to_integral_value(ROUND_FLOOR)
    last = (high / step).to_integral_value(ROUND_CEILING)
    return [step * (first + number) for number in range(int(last - first) + 1)]


def round_step(least: Decimal) -> Decimal:
    """Return the smallest of 1, 2, 2.5, 5 or 10 times a power of ten that is at least ``least``."""
    power = Decimal(1).scaleb(least.adjusted())
    return next(step for factor in ("1", "2", "2.5", "5", "10") if (step := Decimal(factor) * power) >= least)


def day_marks(start: date, span: int) -> tuple[date, ...]:
    """Return at most five evenly spaced days, the first and the last among them."""
    count = next(number for number in DAY_MARKS if number <= span + 1)
    if count == 1:
        return (start,)
    return tuple(start + timedelta(days=round(span * number / (count - 1))) for number in range(count))


def draw_bars(amounts: Sequence[Decimal]) -> tuple[Bar, ...]:
    """Return one bar for each amount; a negative amount has no length and no share.

    Shares are whole percents that add up to exactly 100 whenever any amount is above zero.
    """
    positive = [max(amount, Decimal(0)) for amount in amounts]
    longest = max(positive, default=Decimal(0))
    shares = whole_shares(positive)
    widths = (f"{amount * 100 / longest:.1f}" if longest else "0.0" for amount in positive)
    return tuple(Bar(width, share) for width, share in zip(widths, shares, strict=True))


def whole_shares(amounts: Sequence[Decimal]) -> list[int]:
    """Split 100 in proportion to the amounts. After rounding down, the rest goes to the largest remainders."""
    total = sum(amounts)
    if not total:
        return [0] * len(amounts)
    exact = [amount * 100 / total for amount in amounts]
    shares = [int(share) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda index: shares[index] - exact[index])
    for index in by_remainder[: 100 - sum(shares)]:
        shares[index] += 1
    return shares


def percent_filled(value: Decimal, *, low: Decimal = Decimal(0), high: Decimal = Decimal(100)) -> str:
    """Return how much of a meter or an arc is filled, in percent. A value out of range fills none or all of it."""
    clamped = min(max(value, low), high)
    return f"{(clamped - low) * 100 / (high - low):.1f}"
