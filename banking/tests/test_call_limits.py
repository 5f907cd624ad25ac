"""The rate limits of calls in Redis. Times are in microseconds, counted from a moment of 2026."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django_redis import get_redis_connection
from redis.exceptions import ConnectionError

from banking.limits import call_limits as call_limits_module
from banking.limits.call_limits import SCOPES, SECOND, CallLimits
from banking.limits.local_limits import LocalLimits
from banking.limits.rates import UNLIMITED, Caller, Limits, Rate
from banking.plaid.limits.published_limits import PUBLISHED, limits_of
from banking.provider import Priority

START = 1_795_000_000 * SECOND
LIMITS = Limits(client=Rate.per_minute(100, burst=10), item=Rate.per_minute(5, burst=2))
ANYBODY = Caller()


@pytest.fixture
def limits() -> CallLimits:
    return CallLimits(f"test-{uuid4()}")


def take_all(limits: CallLimits, caller: Caller, *, now: int) -> int:
    """Take tokens until none is left, and return how many there were."""
    return next(n for n in range(10_000) if limits.take("sync", LIMITS, caller, now=now).wait)


def test_it_answers_as_the_model_in_python_does(limits: CallLimits) -> None:
    dice, model, now = random.Random(7), LocalLimits(), START  # noqa: S311
    items, banks = ["", "item-1", "item-2"], ["", "ins_1"]
    endpoints = {"sync": LIMITS, "remove": Limits(client=Rate.per_minute(1, burst=1)), "key": Limits()}
    waits = 0
    for _ in range(1500):
        now += dice.choice([0, 1, 1000, 30_000, SECOND, 40 * SECOND])
        endpoint = dice.choice(list(endpoints))
        caller = Caller(dice.choice(items), dice.choice(banks), dice.choice(list(Priority)))
        if dice.random() < 0.02:
            scope, ends_in = dice.choice(SCOPES), dice.choice([1, 60])
            limits.park(endpoint, endpoints[endpoint], caller, scope=scope, seconds=ends_in, now=now)
            bucket = limits.list_buckets(endpoint, endpoints[endpoint], caller)[SCOPES.index(scope)]
            if scope == "client" or (caller.item_key if scope == "item" else caller.institution_id):
                model.park(bucket, ends_in * SECOND, now=now)
            continue
        turn = limits.take(endpoint, endpoints[endpoint], caller, now=now)
        assert turn == model.take(limits.list_buckets(endpoint, endpoints[endpoint], caller), now=now)
        waits += turn.wait > 0
    assert 200 < waits < 1300


def test_it_never_allows_more_in_any_minute(limits: CallLimits) -> None:
    dice, now, calls = random.Random(3), START, []  # noqa: S311
    while now < START + 300 * SECOND:
        if not limits.take("sync", LIMITS, ANYBODY, now=now).wait:
            calls.append(now)
        now += dice.choice([0, 50_000, 500_000, 2 * SECOND])
    busiest = max(sum(start <= call < start + 60 * SECOND for call in calls) for start in calls)
    assert 60 < busiest <= 100


@pytest.mark.parametrize("environment", ["production", "sandbox"])
def test_it_uses_nine_tenths_of_what_plaid_publishes_and_never_more(environment: str) -> None:
    for endpoint, published in PUBLISHED[environment].items():
        for rate, calls in [
            (limits_of(environment)[endpoint].client, published.client),
            (limits_of(environment)[endpoint].item, published.item),
        ]:
            if calls is None:
                assert rate == UNLIMITED
                continue
            most = rate.burst - 1 + -(-60 * SECOND // rate.interval)
            assert most <= calls, endpoint
            if rate is limits_of(environment)[endpoint].client:
                assert 60 * SECOND / rate.interval > 0.87 * calls


def test_it_gives_parallel_takers_no_more_than_there_is(limits: CallLimits) -> None:
    start = threading.Barrier(8)

    def take_many(_: int) -> int:
        start.wait()
        return sum(limits.take("sync", LIMITS, ANYBODY, now=START).wait == 0 for _ in range(10))

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(take_many, range(8))) == LIMITS.client.burst


def test_it_takes_from_all_buckets_or_from_none(limits: CallLimits) -> None:
    item = Caller("item-1", "ins_1")
    assert take_all(limits, item, now=START) == LIMITS.item.burst
    # The refused call took nothing of the client's.
    assert take_all(limits, ANYBODY, now=START) == LIMITS.client.burst - LIMITS.item.burst


def test_it_leaves_a_reserve_to_those_for_whom_somebody_waits(limits: CallLimits) -> None:
    counts = [take_all(limits, Caller(priority=priority), now=START) for priority in reversed(Priority)]
    assert counts == [7, 2, 1]
    # A refill does not serve the lower ones before the reserve is full again.
    soon = START + 2 * LIMITS.client.interval
    assert limits.take("sync", LIMITS, Caller(priority=Priority.ROUTINE), now=soon).wait > 0
    assert limits.take("sync", LIMITS, Caller(priority=Priority.PERSON), now=soon).wait == 0


@pytest.mark.parametrize(
    ("scope", "others_wait"),
    [
        ("client", {"same Item": True, "other Item": True, "other bank": True, "other endpoint": False}),
        ("institution", {"same Item": True, "other Item": True, "other bank": False, "other endpoint": True}),
        ("item", {"same Item": True, "other Item": False, "other bank": False, "other endpoint": False}),
    ],
)
def test_it_parks_the_scope_that_the_provider_refused(
    limits: CallLimits, scope: str, others_wait: dict[str, bool]
) -> None:
    limits.park("sync", LIMITS, Caller("item-1", "ins_1"), scope=scope, seconds=60, now=START)
    callers = {
        "same Item": ("sync", Caller("item-1", "ins_1")),
        "other Item": ("sync", Caller("item-2", "ins_1")),
        "other bank": ("sync", Caller("item-3", "ins_2")),
        "other endpoint": ("accounts", Caller("item-1", "ins_1")),
    }
    for second, ended in ((59, False), (73, True)):
        turns = {
            name: limits.take(endpoint, LIMITS, caller, now=START + second * SECOND)
            for name, (endpoint, caller) in callers.items()
        }
        waits = {name: turn.wait > 0 and turn.scope == scope for name, turn in turns.items()}
        assert waits == (dict.fromkeys(callers, False) if ended else others_wait)


def test_it_serves_one_at_first_when_a_park_ends_and_a_shorter_one_changes_nothing(limits: CallLimits) -> None:
    limits.park("sync", LIMITS, ANYBODY, scope="client", seconds=60, now=START)
    ends_in = limits.take("sync", LIMITS, ANYBODY, now=START).wait
    limits.park("sync", LIMITS, ANYBODY, scope="client", seconds=5, now=START)
    assert limits.take("sync", LIMITS, ANYBODY, now=START).wait == ends_in
    assert take_all(limits, ANYBODY, now=START + ends_in) == 1


def test_it_lists_what_is_parked_by_the_clock_of_redis(limits: CallLimits) -> None:
    limits.park("sync", LIMITS, Caller("item-1"), scope="item", seconds=60)
    limits.park("sync", LIMITS, ANYBODY, scope="client", seconds=60, now=START - 10**15)
    limits.park("sync", LIMITS, ANYBODY, scope="institution", seconds=60)
    assert [scope.name for scope in limits.list_parked()] == ["item: sync, item-1"]
    assert get_redis_connection("default").hlen(limits._key("parked")) == 1


@pytest.fixture
def redis_down(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def fail(*args: object, **options: object) -> None:
        raise ConnectionError

    client = SimpleNamespace(evalsha=fail)
    return lambda: monkeypatch.setattr(call_limits_module, "get_redis_connection", lambda _: client)


def test_it_keeps_to_a_share_of_its_own_without_redis(
    limits: CallLimits, redis_down: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    limits.park("sync", LIMITS, Caller("item-2"), scope="item", seconds=60, now=START)
    redis_down()
    # It remembers what this process has parked.
    assert limits.take("sync", LIMITS, Caller("item-2"), now=START).wait > 0
    assert take_all(limits, Caller("item-1"), now=START) == 1
    later = START + 70 * SECOND
    assert sum(limits.take("sync", LIMITS, ANYBODY, now=later + s * SECOND).wait == 0 for s in range(60)) <= 10
    assert len(caplog.records) == 1
