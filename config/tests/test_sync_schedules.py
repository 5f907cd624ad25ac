"""After any schedule of what can happen, the site shows what the bank has and what the person said, to the cent.

A schedule is a random sequence of steps: the bank changes its data, Plaid fails, workers are killed, webhooks get lost,
the person edits (``config/tests/schedules``). Each has a seed: ``--schedule-seed 17`` runs it alone. ``--schedules``
is how many there are, ``--first-schedule`` the first seed.
"""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from accounts.models import User
from config.tests.schedules.runner import Plan, Runner, make_plan
from config.tests.schedules.surroundings import open_surroundings

pytestmark = pytest.mark.django_db(transaction=True)

# So many share one sandbox and the tables of one test; test processes share the batches.
BATCH = 250
OPTIONS = ("schedule_seed", "schedules", "first_schedule")
# Of one batch. A fault of the site lets many fail.
MOST_REPORTED = 5


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each batch of seeds."""
    seed, count, first = (metafunc.config.getoption(f"{name}") for name in OPTIONS)
    seeds = range(first, first + count) if seed is None else range(seed, seed + 1)
    batches = [seeds[start : start + BATCH] for start in range(0, len(seeds), BATCH)]
    metafunc.parametrize("seeds", batches, ids=[f"{batch.start}-{batch.stop - 1}" for batch in batches])


@pytest.fixture
def runner(
    tmp_path: Path, settings, monkeypatch: pytest.MonkeyPatch, make_user: Callable[..., User]
) -> Iterator[Runner]:
    """Logs nothing: a batch would fill the memory with what failing syncs log."""
    logging.disable(logging.CRITICAL)
    with open_surroundings(tmp_path, settings, monkeypatch) as surroundings:
        yield Runner(surroundings, make_user)
    logging.disable(logging.NOTSET)


def test_it_shows_what_the_bank_has_and_the_person_said(
    seeds: range, runner: Runner, record_property: Callable[[str, object], None]
) -> None:
    plans = {seed: make_plan(seed) for seed in seeds}
    problems = {seed: runner.find_problems(plan, seed=seed) for seed, plan in plans.items()}
    failures = {seed: problem for seed, problem in problems.items() if problem}
    record_property("schedules", len(plans))
    record_property("steps", sum(map(len, plans.values())))
    record_property("failures", len(failures))
    if failures:
        pytest.fail(report(failures, plans, runner), pytrace=False)


def report(failures: dict[int, list[str]], plans: dict[int, Plan], runner: Runner) -> str:
    """What is wrong after the first failing schedules, and the shortest form of the first."""
    first = next(iter(failures))
    lines = [f"{len(failures)} of {len(plans)} schedules failed: {', '.join(map(str, failures))}"]
    for seed in list(failures)[:MOST_REPORTED]:
        lines += [f"seed {seed}: {', '.join(name for name, _ in plans[seed])}", *failures[seed][:MOST_REPORTED]]
    shortened = runner.shorten(plans[first], seed=first)
    lines += [f"Seed {first} shortened to {shortened}:", *runner.find_problems(shortened, seed=first)]
    return "\n".join([*lines, f"Run one again with --schedule-seed {first}"])
