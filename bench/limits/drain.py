"""10,000 Items that are due at once, drained within Plaid's limits by many workers, while others are requested.

The clock is simulated: the script in Redis gets the time as an argument, so nothing sleeps. Workers, beat and the wait
of a call behave as those of the site; a call takes as long as Plaid's do.
"""

import heapq
import itertools
import random
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

from banking.limits.call_limits import SECOND, CallLimits
from banking.limits.rates import Caller
from banking.plaid.limits.limited_transport import FIRST_WAIT_SECONDS, MAX_WAIT_SECONDS, MIN_RETRY_SECONDS, vary
from banking.plaid.limits.published_limits import PRODUCTION, limits_of
from banking.provider import Priority
from bench.harness.rounds import goal_at_most, print_result

ITEMS, WORKERS, CALL_SECONDS, BEAT_SECONDS = 10_000, 80, 0.3, 15
CALLS = ("item_get", "transactions_sync", "accounts_get")
START = 1_795_000_000
# Requested by people, and by webhooks, while the due Items drain: one every so many seconds.
REQUESTS = {Priority.PERSON: 2.0, Priority.WEBHOOK: 0.5}


@dataclass(slots=True)
class Sync:
    """One Item to sync: who waits for it since when, how many calls are left, and how often it was put off."""

    caller: Caller
    due_at: float
    calls: int = 0
    retries: int = 0
    waited: float = 0.0
    waits: int = 0


class Simulation:
    """Workers that take jobs of people and webhooks in turns with those of beat, as a worker of the site does."""

    def __init__(self) -> None:
        self.limits, self.rates = CallLimits(f"bench-{uuid4()}"), limits_of("production")
        self.events: list[tuple[float, int, str, Sync | None]] = []
        self.order = itertools.count()
        self.prompt: deque[Sync] = deque()
        self.routine: deque[Sync] = deque()
        self.idle, self.attempts = WORKERS, 0
        self.calls: dict[str, list[float]] = {name: [] for name in CALLS}
        self.finished: list[tuple[Sync, float]] = []

    def run(self) -> None:
        for number in range(ITEMS):
            self.routine.append(Sync(Caller(f"item-{number}", "", Priority.ROUTINE), START))
        for priority, interval in REQUESTS.items():
            for number in range(int(240 / interval)):
                due_at = START + number * interval
                self.plan(due_at, "request", Sync(Caller(f"{priority}-{number}", "", priority), due_at))
        self.plan(START, "start", None)
        while self.events:
            now, _, kind, sync = heapq.heappop(self.events)
            if sync is not None:
                getattr(self, kind)(sync, now)
            for waiting in self.take_jobs():
                self.call(waiting, now)

    def plan(self, at: float, kind: str, sync: Sync | None) -> None:
        heapq.heappush(self.events, (at, next(self.order), kind, sync))

    def take_jobs(self) -> Iterator[Sync]:
        while self.idle and (self.prompt or self.routine):
            queues = [queue for queue in (self.prompt, self.routine) if queue]
            self.idle -= 1
            yield random.choice(queues).popleft()

    def request(self, sync: Sync, now: float) -> None:
        queue = self.routine if sync.caller.priority is Priority.ROUTINE else self.prompt
        queue.append(sync)

    def call(self, sync: Sync, now: float, waited: float = 0.0, waits: int = 0) -> None:
        endpoint = CALLS[sync.calls]
        self.attempts += 1
        turn = self.limits.take(endpoint, self.rates[endpoint], sync.caller, now=int(now * SECOND))
        wait = vary(max(turn.wait / SECOND, FIRST_WAIT_SECONDS * 2**waits))
        if not turn.wait:
            self.calls[endpoint].append(now)
            sync.calls += 1
            self.plan(now + CALL_SECONDS, "end_call", sync)
        elif waited + wait <= MAX_WAIT_SECONDS:
            sync.waited, sync.waits = waited + wait, waits + 1
            self.plan(now + wait, "call_again", sync)
        else:
            self.put_off(sync, now + max(turn.wait / SECOND, MIN_RETRY_SECONDS) * random.uniform(1, 1.5))

    def call_again(self, sync: Sync, now: float) -> None:
        self.call(sync, now, sync.waited, sync.waits)

    def end_call(self, sync: Sync, now: float) -> None:
        if sync.calls < len(CALLS):
            self.call(sync, now)
            return
        self.idle += 1
        self.finished.append((sync, now))

    def put_off(self, sync: Sync, until: float) -> None:
        """Sync it again from its first call, when beat looks for due Items after that time."""
        self.idle += 1
        sync.calls, sync.retries = 0, sync.retries + 1
        self.plan(START + -(-(until - START) // BEAT_SECONDS) * BEAT_SECONDS, "request", sync)

    def longest_wait(self, priority: Priority) -> float:
        return max(at - sync.due_at for sync, at in self.finished if sync.caller.priority is priority)


def count_busiest_minute(calls: list[float]) -> int:
    """Return the most calls in any 60 seconds."""
    first, busiest = 0, 0
    for number, at in enumerate(calls):
        while calls[first] <= at - 60:
            first += 1
        busiest = max(busiest, number - first + 1)
    return busiest


def main() -> None:
    random.seed(1)
    simulation = Simulation()
    simulation.run()
    limit = PRODUCTION["transactions_sync"].client or 0
    requested = sum(int(240 / interval) for interval in REQUESTS.values())
    ideal = (ITEMS + requested) / limit * 60
    minutes = {name: count_busiest_minute(calls) for name, calls in simulation.calls.items()}
    busiest = max(calls / (PRODUCTION[name].client or 1) for name, calls in minutes.items())
    took = simulation.longest_wait(Priority.ROUTINE)
    retries = Counter(sync.retries for sync, _ in simulation.finished)
    print_result(
        "limits.drain",
        {
            "items_never_synced": goal_at_most(0, [ITEMS + requested - len(simulation.finished)]),
            "busiest_minute_to_limit": goal_at_most(1, [busiest]),
            "last_item_to_full_use_of_the_limit": goal_at_most(1.25, [took / ideal]),
            "seconds_until_a_persons_sync_ended": goal_at_most(5, [simulation.longest_wait(Priority.PERSON)]),
        },
        seconds=round(took),
        calls=sum(len(calls) for calls in simulation.calls.values()),
        attempts_a_call=round(simulation.attempts / sum(len(calls) for calls in simulation.calls.values()), 1),
        webhook_seconds=round(simulation.longest_wait(Priority.WEBHOOK), 1),
        syncs_by_retries=dict(sorted(retries.items())),
    )


if __name__ == "__main__":
    main()
