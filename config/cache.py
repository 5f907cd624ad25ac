"""The Redis client of the cache, with a circuit breaker that the job queue shares."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import redis
from django.utils.crypto import salted_hmac
from redis.exceptions import ConnectionError, InvalidResponse, TimeoutError

from compliance.timeouts.circuit_breaker import CircuitBreaker

# A rate limit calls Redis twice at most, so it responds within two seconds even if Redis does not.
CACHE_OPTIONS: Final = {
    "IGNORE_EXCEPTIONS": True,
    "SOCKET_CONNECT_TIMEOUT": 0.5,
    "SOCKET_TIMEOUT": 0.5,
    "REDIS_CLIENT_CLASS": "config.cache.Redis",
}


def hash_key(key: str, prefix: str, version: int) -> str:
    """Return the name under which Redis stores a cached value.

    Names of rate limits have IP and email addresses in them, and Redis shows its names to anyone who can list them.
    """
    return salted_hmac("config.cache", f"{prefix}:{version}:{key}", algorithm="sha256").hexdigest()


# The cache and the queue share one Redis.
circuit_breaker: Final = CircuitBreaker(seconds=1)


@contextmanager
def call_redis() -> Iterator[None]:
    """Wrap a call of Redis. Raises redis-py's ``ConnectionError`` at once while the circuit breaker is open."""
    if circuit_breaker.is_open():
        raise ConnectionError("Redis did not answer a moment ago.")
    try:
        yield
    except TimeoutError:
        circuit_breaker.open()
        raise


class Redis(redis.Redis):
    """Treats another program on Redis's port like an unavailable Redis.

    The cache ignores an unavailable Redis, and rate limits then refuse. It would raise other errors.
    """

    def execute_command(self, *arguments: Any, **options: Any) -> Any:
        """Raise redis-py's ``ConnectionError`` instead of its ``InvalidResponse``."""
        try:
            with call_redis():
                return super().execute_command(*arguments, **options)
        except InvalidResponse as error:
            raise ConnectionError("The program on this port is not Redis.") from error
