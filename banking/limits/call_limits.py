"""The rate limits of a provider's calls, in Redis: one script takes a token of the client, the Item and the bank.

Redis' own clock counts, so machines whose clocks differ share one limit. While Redis is unavailable each process keeps
to a small share of the client's limits by itself, and calls go on: a bank's data must not wait for a cache, a linked
Item's token must not be lost, and the queue, which needs Redis as well, starts no further jobs.
"""

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.conf import settings
from django_redis import get_redis_connection
from redis.commands.core import Script
from redis.exceptions import RedisError

from banking.limits.local_limits import LocalLimits
from banking.limits.rates import UNLIMITED, Caller, Limits, TokenBucket, Turn

logger = logging.getLogger(__name__)

SCRIPT: Final = (Path(__file__).parent / "call_limits.lua").read_bytes()
SCOPES: Final = ("client", "item", "institution")
SECOND: Final = 1_000_000
# While Redis is unavailable: how many processes may call at the same time without exceeding the client's limit.
LOCAL_SHARES: Final = 10


def get_key_prefix(environment: str) -> str:
    """Return what all keys of one environment of one provider begin with."""
    # The braces keep all keys of a script in one slot of a Redis cluster.
    return f"{{{settings.CACHES['default']['KEY_PREFIX']}:calls:{environment}}}"


class ParkedScope(NamedTuple):
    """A client, Item or institution that the provider has asked to wait, and until when."""

    name: str
    until: datetime


class CallLimits:
    """The limits of one environment of one provider. Thread-safe.

    ``now`` is the time in microseconds, for tests and simulations; by default Redis' clock counts.
    """

    def __init__(self, environment: str) -> None:
        self._environment = environment
        self._local = LocalLimits()
        # Each call brings its connection.
        self._script = Script(None, SCRIPT)  # type: ignore[arg-type]
        self._is_redis_down = False

    def take(self, endpoint: str, limits: Limits, caller: Caller, *, now: int | None = None) -> Turn:
        """Take a token for one call from every bucket, and count the call; or take none and say how long to wait."""
        client, item, institution = buckets = self.list_buckets(endpoint, limits, caller)
        keys = [*(bucket.key for bucket in buckets), self._key("counts")]
        values = [value for b in buckets for value in (b.rate.interval, b.rate.tolerance, b.reserve)]
        try:
            wait, scope = self._run(keys, ["take", _argument(now), endpoint, *values])
        except RedisError as error:
            self._note_unavailable(error)
            # An Item's limit is not divided, because one worker at a time holds an Item.
            return self._local.take([client.divide(LOCAL_SHARES), item, institution], now=now)
        self._is_redis_down = False
        return Turn(int(wait), SCOPES[int(scope) - 1] if wait else "")

    def park(
        self, endpoint: str, limits: Limits, caller: Caller, *, scope: str, seconds: float, now: int | None = None
    ) -> None:
        """Let nobody call in a scope for some seconds, because the provider has refused a call."""
        bucket = self.list_buckets(endpoint, limits, caller)[SCOPES.index(scope)]
        name = {"client": "every Item", "item": caller.item_key, "institution": caller.institution_id}[scope]
        if not name:
            return
        microseconds = int(seconds * SECOND)
        self._local.park(bucket, microseconds, now=now)
        label = name if scope == "institution" else f"{endpoint}, {name}"
        try:
            arguments: list[Any] = ["park", _argument(now), microseconds, bucket.rate.tolerance, f"{scope}: {label}"]
            self._run([bucket.key, self._key("parked")], arguments)
        except RedisError as error:
            self._note_unavailable(error)

    def list_parked(self) -> list[ParkedScope]:
        """Return what is parked now, and forget what no longer is. Raises ``RedisError``."""
        redis = get_redis_connection("default")
        seconds, microseconds = redis.time()
        now, parked = seconds * SECOND + microseconds, []
        for name, until in redis.hgetall(self._key("parked")).items():
            if int(until) > now:
                parked.append(ParkedScope(name.decode(), datetime.fromtimestamp(int(until) / SECOND, UTC)))
            else:
                redis.hdel(self._key("parked"), name)
        return sorted(parked)

    def counts_key(self) -> str:
        """Return the key of the hash in which calls are counted, by "day since 1970:endpoint"."""
        return self._key("counts")

    def _run(self, keys: list[str], arguments: list[Any]) -> Any:
        # The script is sent once to each Redis; afterwards only its hash is (EVALSHA).
        return self._script(keys=keys, args=arguments, client=get_redis_connection("default"))

    def list_buckets(self, endpoint: str, limits: Limits, caller: Caller) -> list[TokenBucket]:
        """Return the buckets in the order of ``SCOPES``. Without an Item, that of Items has no limit."""
        item_rate = limits.item if caller.item_key else UNLIMITED
        return [
            TokenBucket(self._key("client", endpoint), "client", limits.client, caller.priority),
            TokenBucket(self._key("item", caller.item_key, endpoint), "item", item_rate),
            TokenBucket(self._key("institution", caller.institution_id), "institution", UNLIMITED),
        ]

    def _key(self, *parts: str) -> str:
        return ":".join((get_key_prefix(self._environment), *parts))

    def _note_unavailable(self, error: RedisError) -> None:
        if not self._is_redis_down:
            logger.warning("Redis does not answer, each process limits its own calls: %s", type(error).__name__)
        self._is_redis_down = True


def _argument(now: int | None) -> int | str:
    return "" if now is None else now
