"""Changes of scores. A score is only compared with an earlier one of the same model."""

from collections.abc import Iterator

from credit.analysis.bands import band_for_score, model_name
from credit.diffing.change import Change, ChangeType, Severity, Thresholds
from credit.report import CreditReport, Score

BAND = "band"


def compare_scores(older: CreditReport, newer: CreditReport, thresholds: Thresholds) -> Iterator[Change]:
    """Compare each model that both reports have."""
    before, after = _by_model(older), _by_model(newer)
    for indicator in sorted(after.keys() & before.keys()):
        yield from _change(before[indicator], after[indicator], newer.provider, thresholds)


def _by_model(report: CreditReport) -> dict[str, Score]:
    """The scores by the bureau's indicator of their model; the first of each."""
    return {score.indicator: score for score in reversed(report.scores)}


def _change(old: Score, new: Score, provider: str, thresholds: Thresholds) -> Iterator[Change]:
    entity, name = f"score:{new.indicator}", model_name(new.model, new.indicator, provider)
    if old.value is not None and new.value is not None:
        distance = abs(new.value - old.value)
        other_band = band_for_score(old.model, old.value) != band_for_score(new.model, new.value)
        if distance >= thresholds.score or other_band:
            severity = Severity.NOTICE if distance >= thresholds.major_score or other_band else Severity.INFO
            detail = BAND if other_band else ""
            yield Change(ChangeType.SCORE_CHANGED, entity, severity, name, old.value, new.value, detail)
    elif new.value is not None:
        yield Change(ChangeType.SCORE_APPEARED, entity, Severity.NOTICE, name, old.exclusion_code, new.value)
    elif old.value is not None:
        yield Change(ChangeType.SCORE_VANISHED, entity, Severity.NOTICE, name, old.value, new.exclusion_code)
