"""The gauge of a score: an arc with the bands of its model, and a mark at the score.

Lengths are percent of the arc, as text for SVG attributes. A model without bands is one plain arc.
"""

from dataclasses import dataclass

from credit.analysis.bands import BANDS, Band

LOWEST, HIGHEST = 300, 850
GAP, MARK = 1.0, 1.2


@dataclass(frozen=True, slots=True)
class Arc:
    """One band: its start, its length, and whether the score is in it."""

    band: Band
    start: str
    length: str
    is_here: bool


@dataclass(frozen=True, slots=True)
class Gauge:
    """All arcs and the position of the mark. ``mark`` is empty if there is no score."""

    low: int
    high: int
    arcs: tuple[Arc, ...]
    mark: str


def gauge(model: str, value: int | None) -> Gauge:
    """Return the gauge of a score."""
    bands = BANDS.get(model) or (Band(LOWEST, HIGHEST, ""),)
    low, high = bands[0].low, bands[-1].high
    return Gauge(
        low=low,
        high=high,
        arcs=tuple(_arc(band, low, high, value) for band in bands),
        mark="" if value is None else f"{-(_share(value - low, high - low) - MARK / 2):.1f}",
    )


def _arc(band: Band, low: int, high: int, value: int | None) -> Arc:
    whole = high + 1 - low
    gap = 0.0 if band.high == high else GAP
    return Arc(
        band=band,
        start=f"{-_share(band.low - low, whole):.1f}",
        length=f"{_share(band.high + 1 - band.low, whole) - gap:.1f}",
        is_here=bool(band.name) and value is not None and band.low <= value <= band.high,
    )


def _share(part: int, whole: int) -> float:
    return 100 * part / whole
