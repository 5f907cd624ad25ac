"""Run schedules by their seeds, and find the shortest one that still fails."""

import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from accounts.models import User
from banking.models import Connection, Item, SyncRun
from banking.sync.outcome import SyncOutcome
from compliance.isolation import tenant
from config.tests.schedules import person_steps, site_steps
from config.tests.schedules.expected_figures import compute_figures
from config.tests.schedules.machine import STEPS, Schedule
from config.tests.schedules.shown_figures import read_figures, read_figures_from_pages
from config.tests.schedules.surroundings import Surroundings
from sandbox import faults

FEWEST_STEPS, MOST_STEPS = 3, 11
ROWS_PER_PAGE = (1, 2, 3, 500)
# Of how many schedules one is compared with whole pages, templates included.
PAGES_EVERY = 20
MOST_RUNS = 60
# Longer than the longest delay of a retry.
QUIET = timedelta(hours=8)
# After which a bank that is connected twice is synced through both connections; see ``site_steps.CHANGES``.
CHANGES = {change.__name__ for change in site_steps.CHANGES} | {"wait"}

# The names of steps, each with a seed of its own.
Plan = list[tuple[str, int]]


@dataclass
class Runner:
    """Runs schedules, each for a person of its own."""

    surroundings: Surroundings
    make_user: Callable[[str], User]
    count: int = 0

    def find_problems(self, plan: Plan, *, seed: int) -> list[str]:
        """Run a plan with the page size of its seed, and return what is wrong then, or the error that ended it."""
        self.count += 1
        self.surroundings.begin(rows_per_page=ROWS_PER_PAGE[seed % len(ROWS_PER_PAGE)])
        schedule = Schedule(self.surroundings, self.make_user(f"person{self.count}"), seed=seed)
        try:
            return run_plan(plan, schedule, reads_pages=seed % PAGES_EVERY == 0)
        except Exception:
            return [traceback.format_exc(limit=-4)]

    def shorten(self, plan: Plan, *, seed: int) -> Plan:
        """Leave out steps for as long as the plan still fails: halves, quarters, single ones."""
        size, runs = max(len(plan) // 2, 1), 0
        while plan and runs < MOST_RUNS:
            for start in range(0, len(plan), size):
                runs += 1
                shorter = plan[:start] + plan[start + size :]
                if self.find_problems(shorter, seed=seed):
                    plan = shorter
                    break
            else:
                if size == 1:
                    break
                size //= 2
        return plan


def make_plan(seed: int) -> Plan:
    source = Random(seed)  # noqa: S311  (chooses steps, hides nothing)
    weights = [weight for weight, _ in STEPS.values()]
    names = source.choices(list(STEPS), weights, k=source.randint(FEWEST_STEPS, MOST_STEPS))
    return [(name, source.randrange(2**32)) for name in names]


def run_plan(plan: Plan, schedule: Schedule, *, reads_pages: bool) -> list[str]:
    """Run the steps, let everything come to rest, and return what is wrong then."""
    schedule.link(days=60)
    schedule.bank.add(*make_history(schedule))
    if schedule.chance(0.5):
        site_steps.sync_if_due(schedule, schedule.bank.logins[0])
    for name, seed in plan:
        schedule.random = Random(seed)  # noqa: S311
        STEPS[name][1](schedule)
        if len(schedule.bank.linked_logins) > 1 and name in CHANGES:
            site_steps.sync_all_quietly(schedule)
    return come_to_rest(schedule) + list_unfinished_work(schedule) + compare(schedule, reads_pages=reads_pages)


def make_history(schedule: Schedule) -> Iterator[dict[str, Any]]:
    """Payments from before the first sync."""
    return (schedule.new_payment(pending=number < 2) for number in range(4))


def come_to_rest(schedule: Schedule) -> list[str]:
    """Repair what needs the person, let time pass, and sync what is due. Returns the Items that are not due."""
    faults.clear(schedule.context)
    schedule.advance(seconds=QUIET.total_seconds())
    for login in schedule.bank.linked_logins:
        schedule.bank.set_state(login, force_status="", webhook=False)
        if schedule.bank.get_item(login).error or schedule.get_item(login).connection != Connection.ACTIVE:
            person_steps.reconnect_login(schedule, login)
    stuck = []
    for login in schedule.bank.linked_logins:
        outcome = site_steps.sync_if_due(schedule, login)
        if not outcome.ran:
            stuck.append(f"not due, or held: {site_steps.describe(schedule.get_item(login))}")
        if needs_more(outcome, schedule.get_item(login)):
            site_steps.sync_quietly(schedule, login)
    for rule in schedule.rules.values():
        if rule.run_id is None:
            person_steps.apply_rule(schedule, rule)
    return stuck


def needs_more(outcome: SyncOutcome, item: Item) -> bool:
    return not outcome.ran or outcome.run_again_in is not None or not item.cursor or item.failures > 0


def list_unfinished_work(schedule: Schedule) -> list[str]:
    """Runs without an end, and leases that nobody gives back."""
    with tenant(schedule.user.pk):
        runs = SyncRun.objects.filter(owner=schedule.user.pk)
        open_runs = [run for run in runs if run.finished_at is None or run.result == SyncRun.Result.RUNNING]
        leased = Item.objects.filter(owner=schedule.user.pk).exclude(lease_holder=None, leased_until=None)
        problems = [f"a run by {run.trigger} has not ended: {run.result}" for run in open_runs]
        return problems + [f"a lease was not given back: {site_steps.describe(item)}" for item in leased]


def compare(schedule: Schedule, *, reads_pages: bool) -> list[str]:
    """Compare what the site shows with what it should, to the cent and the row."""
    expected = compute_figures(schedule)
    problems = expected.list_differences(read_figures(schedule.user))
    if reads_pages:
        problems += [f"on pages: {line}" for line in expected.list_differences(read_figures_from_pages(schedule.user))]
    return problems
