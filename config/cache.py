"""The cache's way to Redis."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import redis
from redis.exceptions import ConnectionError, InvalidResponse, TimeoutError

from compliance.timeouts.circuit_breaker import CircuitBreaker

# A limit asks twice before it gives Redis up, and refuses within two seconds all the same.
CACHE_OPTIONS: Final = {
    "IGNORE_EXCEPTIONS": True,
    "SOCKET_CONNECT_TIMEOUT": 0.5,
    "SOCKET_TIMEOUT": 0.5,
    "REDIS_CLIENT_CLASS": "config.cache.Redis",
}


# Of the one Redis that cache and queue share.
circuit_breaker: Final = CircuitBreaker(seconds=1)


@contextmanager
def asking() -> Iterator[None]:
    """Ask Redis something. Raises redis-py's ``ConnectionError`` at once while it is silent, else what was raised."""
    if circuit_breaker.is_open():
        raise ConnectionError("Redis did not answer a moment ago.")
    try:
        yield
    except TimeoutError:
        circuit_breaker.open()
        raise


class Redis(redis.Redis):
    """Takes a program that answers on Redis's port in another language for a Redis that is away.

    The cache passes over a Redis that is away, and the limits then refuse; what it does not know, it raises.
    """

    def execute_command(self, *arguments: Any, **options: Any) -> Any:
        """Raises redis-py's ``ConnectionError`` where it would raise ``InvalidResponse``, which stands beside it."""
        try:
            with asking():
                return super().execute_command(*arguments, **options)
        except InvalidResponse as error:
            raise ConnectionError("What answers on this port is not Redis.") from error
