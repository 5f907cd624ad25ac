"""Measuring side by side: every case once a round, in random order, and the median of the rounds' ratios.

Machines drift, and others use them too. A ratio of two cases of the same round cancels most of that; a figure
in seconds or rows a second does not, and stands in no goal.
"""

import json
import os
import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

ROUNDS = max(5, int(os.environ.get("BENCH_ROUNDS", "7")))

Case = Callable[[], float]
Round = dict[str, float]


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure beside its goal. ``low`` and ``high`` are the rounds' extremes."""

    value: float
    goal: float
    met: bool
    low: float
    high: float


def race(cases: Mapping[str, Case], *, rounds: int = ROUNDS) -> list[Round]:
    """Run the cases against each other; a case returns its own figure, so that it can prepare untimed.

    A first round, in which caches fill and templates compile, is thrown away.
    """
    return [one_round(cases) for _ in range(rounds + 1)][1:]


def one_round(cases: Mapping[str, Case]) -> Round:
    names = list(cases)
    random.shuffle(names)
    return {name: cases[name]() for name in names}


def seconds(work: Callable[[], object]) -> float:
    """How long ``work`` takes by the clock on the wall."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def ratios(rounds: list[Round], over: str, under: str) -> list[float]:
    """One case's figure divided by another's, round by round."""
    return [figures[over] / figures[under] for figures in rounds]


def median(rounds: list[Round], name: str) -> float:
    return round(statistics.median(figures[name] for figures in rounds), 2)


def at_least(goal: float, figures: list[float]) -> Goal:
    """Judge figures, one a round, that should not fall below the goal."""
    return make_goal(goal, figures, statistics.median(figures) >= goal)


def at_most(goal: float, figures: list[float]) -> Goal:
    """Judge figures, one a round, that should not rise above the goal."""
    return make_goal(goal, figures, statistics.median(figures) <= goal)


def make_goal(goal: float, figures: list[float], met: bool) -> Goal:
    value, low, high = (round(figure, 3) for figure in (statistics.median(figures), min(figures), max(figures)))
    return Goal(value=value, goal=goal, met=met, low=low, high=high)


def print_result(bench: str, goals: Mapping[str, Goal], **facts: object) -> None:
    """Print the bench's one line. ``facts`` help to read the goals and are none themselves."""
    line = {"bench": bench, "goals": {name: asdict(goal) for name, goal in goals.items()}, **facts}
    print(json.dumps(line))
