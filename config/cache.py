"""The cache's way to Redis."""

from typing import Any

import redis
from redis.exceptions import ConnectionError, InvalidResponse


class Redis(redis.Redis):
    """Takes a program that answers on Redis's port in another language for a Redis that is away.

    The cache passes over a Redis that is away, and the limits then refuse; what it does not know, it raises.
    """

    def execute_command(self, *arguments: Any, **options: Any) -> Any:
        """Raises redis-py's ``ConnectionError`` where it would raise ``InvalidResponse``, which stands beside it."""
        try:
            return super().execute_command(*arguments, **options)
        except InvalidResponse as error:
            raise ConnectionError("What answers on this port is not Redis.") from error
