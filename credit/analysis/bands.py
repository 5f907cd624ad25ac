"""The band of a score. Every band belongs to a scoring model; an unknown model has no bands.

Sources: FICO's published ranges; VantageScore's published ranges for models 3.0 and 4.0.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Band(NamedTuple):
    """A range of scores, both ends included."""

    low: int
    high: int
    name: str


FICO = (
    Band(300, 579, "Poor"),
    Band(580, 669, "Fair"),
    Band(670, 739, "Good"),
    Band(740, 799, "Very good"),
    Band(800, 850, "Exceptional"),
)
VANTAGE = (
    Band(300, 600, "Subprime"),
    Band(601, 660, "Near prime"),
    Band(661, 780, "Prime"),
    Band(781, 850, "Superprime"),
)
BANDS: Mapping[str, tuple[Band, ...]] = {
    "fico_8": FICO,
    "fico_9": FICO,
    "vantagescore_3": VANTAGE,
    "vantagescore_4": VANTAGE,
}
LABELS: Mapping[str, str] = {
    "fico_8": "FICO Score 8",
    "fico_9": "FICO Score 9",
    "vantagescore_3": "VantageScore 3.0",
    "vantagescore_4": "VantageScore 4.0",
}
PROVIDERS: Mapping[str, str] = {"experian": "Experian"}


def band_for_score(model: str, value: int | None) -> Band | None:
    """Return the band of a score, or ``None`` for an unknown model or no score."""
    if value is None:
        return None
    return next((band for band in BANDS.get(model, ()) if band.low <= value <= band.high), None)


def model_name(model: str, indicator: str, provider: str) -> str:
    """Return a model's display name. An unknown model is shown by the bureau's short code and never guessed."""
    return LABELS.get(model) or f"{PROVIDERS.get(provider, provider)} score, model {indicator or 'unnamed'}"
