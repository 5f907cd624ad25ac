"""Delays before retries: exponential back-off, and jitter."""

import random
from datetime import timedelta
from typing import Final

# Limits the power of two; a delay reaches its maximum long before that.
MAX_DOUBLINGS: Final = 20


def exponential_delay(first: timedelta, retries: int, *, maximum: timedelta) -> timedelta:
    """Return the delay before the next retry: ``first``, doubled for each earlier retry, up to ``maximum``."""
    factor: int = 2 ** min(retries, MAX_DOUBLINGS)
    return min(first * factor, maximum)


def add_jitter(delay: timedelta, *, earlier: float = 0.0, later: float = 0.2) -> timedelta:
    """Vary a delay at random, so that calls which failed together are not retried together.

    ``earlier`` and ``later`` are fractions of the delay.
    """
    return delay * random.uniform(1 - earlier, 1 + later)  # noqa: S311  (spreads load, hides nothing)
