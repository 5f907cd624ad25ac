"""The calls of each endpoint and day: counted in Redis as they are made, and moved to the database by Celery beat.

To count a call costs no call of Redis of its own (``banking/limits/call_limits.lua``). What Redis loses is not counted.
If the process dies between the database and Redis, some calls of a minute are counted twice.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

from django.db import connection
from django_redis import get_redis_connection
from redis.exceptions import ResponseError

from banking.limits.call_limits import CallLimits
from banking.models import ProviderCallCount
from banking.provider import Provider
from banking.providers import all_providers

EPOCH: Final = date(1970, 1, 1)
ADD_CALLS: Final = """
    INSERT INTO banking_providercallcount AS counted (provider, environment, day, endpoint, calls)
    VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (provider, environment, day, endpoint) DO UPDATE SET calls = counted.calls + excluded.calls
"""


class CallCount(NamedTuple):
    """The calls of an endpoint on a day."""

    day: date
    endpoint: str
    calls: int


def call_limits_of(provider: Provider) -> CallLimits:
    """Return the limits that the clients of a provider share."""
    return CallLimits(f"{provider.key}:{provider.environment}")


def store_call_counts() -> None:
    """Move the counts of all providers from Redis to the database. Raises ``RedisError``."""
    for provider in all_providers():
        key = call_limits_of(provider).counts_key()
        redis, taken = get_redis_connection("default"), f"{key}:taken"
        if not redis.exists(taken):
            try:
                redis.rename(key, taken)
            except ResponseError:
                # Nothing was called.
                continue
        _add_calls(provider, _parse_counts(redis.hgetall(taken)))
        redis.delete(taken)


def count_calls_today(provider: Provider) -> dict[str, int]:
    """Return today's calls by endpoint, also those that are not in the database yet. Raises ``RedisError``."""
    today = datetime.now(UTC).date()
    counted = ProviderCallCount.objects.filter(provider=provider.key, environment=provider.environment, day=today)
    calls = dict(counted.values_list("endpoint", "calls"))
    for count in _parse_counts(get_redis_connection("default").hgetall(call_limits_of(provider).counts_key())):
        if count.day == today:
            calls[count.endpoint] = calls.get(count.endpoint, 0) + count.calls
    return calls


def _parse_counts(stored: dict[bytes, bytes]) -> list[CallCount]:
    counts = []
    for field, calls in stored.items():
        day, _, endpoint = field.decode().partition(":")
        counts.append(CallCount(EPOCH + timedelta(days=int(day)), endpoint, int(calls)))
    return counts


def _add_calls(provider: Provider, counts: Iterable[CallCount]) -> None:
    with connection.cursor() as cursor:
        # In one order, so that two processes cannot wait for each other.
        rows = [(provider.key, provider.environment, *count) for count in sorted(counts)]
        cursor.executemany(ADD_CALLS, rows)
