"""The gauge of a score. Expected positions are computed by hand: 551 points from 300 to 850, both included."""

import pytest

from credit.analysis.bands import BANDS
from credit.presentation.gauge import gauge


def test_it_draws_the_bands_without_gaps():
    arcs = gauge("vantagescore_4", 640).arcs
    assert [(arc.band.name, arc.start, arc.length) for arc in arcs] == [
        ("Subprime", "-0.0", "53.6"),
        ("Near prime", "-54.6", "9.9"),
        ("Prime", "-65.5", "20.8"),
        ("Superprime", "-87.3", "12.7"),
    ]


@pytest.mark.parametrize("model", BANDS)
@pytest.mark.parametrize("value", [300, 579, 580, 600, 601, 660, 661, 739, 780, 781, 800, 850])
def test_it_marks_exactly_one_band(model, value):
    assert sum(arc.is_here for arc in gauge(model, value).arcs) == 1


@pytest.mark.parametrize(("value", "mark"), [(300, "0.6"), (850, "-99.4"), (575, "-49.4")])
def test_it_draws_the_mark_at_the_score(value, mark):
    assert gauge("vantagescore_4", value).mark == mark


def test_it_draws_no_bands_for_an_unknown_model():
    score_gauge = gauge("", 655)
    assert [(arc.band.name, arc.length, arc.is_here) for arc in score_gauge.arcs] == [("", "100.0", False)]


def test_it_marks_nothing_without_a_score():
    score_gauge = gauge("fico_9", None)
    assert (score_gauge.mark, any(arc.is_here for arc in score_gauge.arcs)) == ("", False)
