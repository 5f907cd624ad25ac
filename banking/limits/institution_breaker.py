"""Pauses the calls about a bank that does not respond, for all processes: each call would cost a worker its time.

After failures of several Items within minutes, the bank's Items are scheduled later without a call, and one Item at a
time probes the bank. The first success ends the pause. While Redis is unavailable nothing is paused.
"""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from django_redis import get_redis_connection
from redis.commands.core import Script
from redis.exceptions import RedisError

from banking.limits import call_limits
from banking.limits.call_limits import SECOND, ParkedScope
from banking.provider import ProviderError, RateLimited

logger = logging.getLogger(__name__)

SOURCE: Final = (Path(__file__).parent / "institution_breaker.lua").read_bytes()
# Each call brings its connection.
SCRIPT: Final = Script(None, SOURCE)  # type: ignore[arg-type]

FAILED_ITEMS: Final = 5
WINDOW: Final = 10 * 60 * SECOND
FIRST_PAUSE: Final = 5 * 60 * SECOND
LONGEST_PAUSE: Final = 60 * 60 * SECOND
# As long as a worker may take for a sync in the lane of slow banks (CELERY_TASK_TIME_LIMIT).
PROBE_TIME: Final = 15 * 60 * SECOND


class InstitutionPaused(RateLimited):
    """Other Items of this bank have failed just now, so no call was made."""

    def __init__(self, *, retry_after: int) -> None:
        super().__init__("INSTITUTION_PAUSED", scope="institution", retry_after=retry_after)


class InstitutionBreaker:
    """The pause of one bank. ``now`` is in microseconds and for tests; by default Redis' clock counts."""

    def __init__(self, environment: str, institution_id: str) -> None:
        self._environment = environment
        self._institution_id = institution_id

    @contextmanager
    def guard(self, item_key: str, *, is_failure: Callable[[ProviderError], bool]) -> Iterator[None]:
        """Run the block if the bank is not paused, and record how it ended.

        ``is_failure`` tells which errors are the bank's. Others end no pause either: they say nothing about the bank.
        Raises ``InstitutionPaused``, and what the block raises.
        """
        self.enter(item_key)
        try:
            yield
        except ProviderError as error:
            if is_failure(error):
                self.record_failure(item_key)
            raise
        self.record_success(item_key)

    def enter(self, item_key: str, *, now: int | None = None) -> None:
        """Raise ``InstitutionPaused`` unless this Item may call now."""
        wait = self._run("enter", item_key, now)
        if wait > 0:
            raise InstitutionPaused(retry_after=math.ceil(wait / SECOND))

    def record_failure(self, item_key: str, *, now: int | None = None) -> None:
        """Count an Item to which the bank did not respond."""
        self._run("fail", item_key, now)

    def record_success(self, item_key: str, *, now: int | None = None) -> None:
        """End the pause and forget the failures."""
        self._run("succeed", item_key, now)

    def _run(self, operation: str, item_key: str, now: int | None) -> int:
        if not self._institution_id:
            return 0
        prefix = call_limits.get_key_prefix(self._environment)
        keys = [f"{prefix}:{kind}:{self._institution_id}" for kind in ("failures", "breaker")]
        limits = [WINDOW, FAILED_ITEMS, FIRST_PAUSE, LONGEST_PAUSE, PROBE_TIME]
        arguments: list[Any] = [operation, "" if now is None else now, item_key, self._institution_id, *limits]
        try:
            return int(SCRIPT([*keys, f"{prefix}:paused"], arguments, client=get_redis_connection("default")))
        except RedisError as error:
            logger.warning("Redis does not answer, no bank is paused: %s", type(error).__name__)
            return 0


def list_paused_institutions(environment: str) -> list[ParkedScope]:
    """Return the banks that were paused and have not succeeded since, and until when. Raises ``RedisError``."""
    paused = get_redis_connection("default").hgetall(f"{call_limits.get_key_prefix(environment)}:paused")
    return sorted(
        ParkedScope(name.decode(), datetime.fromtimestamp(int(until) / SECOND, UTC)) for name, until in paused.items()
    )
