"""Runs benchmark cases in rounds, each case once a round in random order, and compares the results with goals.

The speed of a machine changes over time, and other programs use it too. A ratio of two cases of the same round cancels
most of that; seconds and rows per second do not.
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
    """A measured median and its goal. ``low`` and ``high`` are the smallest and the largest result of a round."""

    value: float
    goal: float
    met: bool
    low: float
    high: float


def run_rounds(cases: Mapping[str, Case], *, rounds: int = ROUNDS) -> list[Round]:
    """Run all cases in each round. A case returns its own figure, so that its preparation is not measured.

    The first round is discarded, because caches fill and templates compile in it.
    """
    return [run_round(cases) for _ in range(rounds + 1)][1:]


def run_round(cases: Mapping[str, Case]) -> Round:
    names = list(cases)
    random.shuffle(names)
    return {name: cases[name]() for name in names}


def measure_seconds(work: Callable[[], object]) -> float:
    """Return the wall-clock seconds that ``work`` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def ratios(rounds: list[Round], over: str, under: str) -> list[float]:
    """Return the figure of case ``over`` divided by that of case ``under``, for each round."""
    return [figures[over] / figures[under] for figures in rounds]


def differences(rounds: list[Round], of: str, without: str) -> list[float]:
    """Return the figure of case ``of`` less that of case ``without``, for each round."""
    return [figures[of] - figures[without] for figures in rounds]


def median(rounds: list[Round], name: str) -> float:
    return round(statistics.median(figures[name] for figures in rounds), 2)


def goal_at_least(goal: float, figures: list[float]) -> Goal:
    """Return a goal that is met if the median of the figures, one per round, is not below ``goal``."""
    return make_goal(goal, figures, statistics.median(figures) >= goal)


def goal_at_most(goal: float, figures: list[float]) -> Goal:
    """Return a goal that is met if the median of the figures, one per round, is not above ``goal``."""
    return make_goal(goal, figures, statistics.median(figures) <= goal)


def make_goal(goal: float, figures: list[float], met: bool) -> Goal:
    value, low, high = (round(figure, 3) for figure in (statistics.median(figures), min(figures), max(figures)))
    return Goal(value=value, goal=goal, met=met, low=low, high=high)


def print_result(bench: str, goals: Mapping[str, Goal], **details: object) -> None:
    """Print the bench's line of JSON. ``details`` explain the goals but are not goals themselves."""
    line = {"bench": bench, "goals": {name: asdict(goal) for name, goal in goals.items()}, **details}
    print(json.dumps(line))
