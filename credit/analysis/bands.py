"""Decides which band a score is in (``band_for_score``). Each model has its own bands; an unknown model has none.

Sources: FICO's published ranges; VantageScore's published ranges for models 3.0 and 4.0.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class Band(NamedTuple):
    """A range of scores, both ends included."""

    low: int
    high: int
    name: "StrOrPromise"


FICO = (
    Band(300, 579, _("Poor")),
    Band(580, 669, _("Fair")),
    Band(670, 739, _("Good")),
    Band(740, 799, _("Very good")),
    Band(800, 850, _("Exceptional")),
)
VANTAGE = (
    Band(300, 600, _("Subprime")),
    Band(601, 660, _("Near prime")),
    Band(661, 780, _("Prime")),
    Band(781, 850, _("Superprime")),
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
    if model in LABELS:
        return LABELS[model]
    bureau = PROVIDERS.get(provider, provider)
    if not indicator:
        return gettext("%(bureau)s score, unnamed model") % {"bureau": bureau}
    return gettext("%(bureau)s score, model %(code)s") % {"bureau": bureau, "code": indicator}
