"""Unwrapped data keys in memory: limited in number and in time, shared by all threads of a process."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CACHE_SECONDS: Final = 60
CACHE_SIZE: Final = 2048

CacheKey = TypeVar("CacheKey", bound=Hashable)
CacheValue = TypeVar("CacheValue")


@dataclass(frozen=True, repr=False)
class LoadedKey:
    """An unwrapped data key, ready for use."""

    id: int
    cipher: AESGCM


class KeyCache(Generic[CacheKey, CacheValue]):
    """Entries that expire. Caches of this class are the only place in which unwrapped keys stay in memory."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: OrderedDict[CacheKey, tuple[float, CacheValue]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: CacheKey) -> CacheValue | None:
        """Return what is cached under this name, or None when there is none or it has expired."""
        with self._lock:
            expires_at, value = self._entries.get(name, (0.0, None))
            return value if self._clock() < expires_at else None

    def put(self, name: CacheKey, value: CacheValue) -> None:
        """Cache a value for ``CACHE_SECONDS``, and drop the oldest one when there are more than ``CACHE_SIZE``."""
        with self._lock:
            self._entries[name] = (self._clock() + CACHE_SECONDS, value)
            self._entries.move_to_end(name)
            if len(self._entries) > CACHE_SIZE:
                self._entries.popitem(last=False)

    def clear(self) -> None:
        """Drop every entry."""
        with self._lock:
            self._entries.clear()
