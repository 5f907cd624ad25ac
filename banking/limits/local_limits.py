"""The limits of one process, while Redis is unavailable; the same computation as in ``call_limits.lua``."""

import threading
import time
from collections.abc import Sequence

from banking.limits.rates import TokenBucket, Turn

# Above it, buckets that are full again are dropped.
MAX_BUCKETS = 10_000


class LocalLimits:
    """Buckets in memory. Thread-safe. ``now`` is in microseconds and for tests, by default this machine's time."""

    def __init__(self) -> None:
        self._full_at: dict[str, int] = {}
        self._lock = threading.Lock()

    def take(self, buckets: Sequence[TokenBucket], *, now: int | None = None) -> Turn:
        """Take one token from each bucket or from none."""
        at = read_clock() if now is None else now
        with self._lock:
            turn = Turn(0)
            for bucket in buckets:
                wait = self._full_at.get(bucket.key, 0) - bucket.rate.tolerance + bucket.reserve - at
                if wait > turn.wait:
                    turn = Turn(wait, bucket.scope)
            if not turn.wait:
                self._spend(buckets, at)
            return turn

    def park(self, bucket: TokenBucket, microseconds: int, *, now: int | None = None) -> None:
        """Let nobody take from a bucket for some time; afterwards it has one token."""
        at = read_clock() if now is None else now
        with self._lock:
            self._full_at[bucket.key] = max(self._full_at.get(bucket.key, 0), at + microseconds + bucket.rate.tolerance)

    def _spend(self, buckets: Sequence[TokenBucket], now: int) -> None:
        if len(self._full_at) > MAX_BUCKETS:
            self._full_at = {key: full_at for key, full_at in self._full_at.items() if full_at > now}
        for bucket in buckets:
            if bucket.rate.interval:
                self._full_at[bucket.key] = max(now, self._full_at.get(bucket.key, 0)) + bucket.rate.interval


def read_clock() -> int:
    """Return the time of this machine in microseconds."""
    return time.time_ns() // 1000
