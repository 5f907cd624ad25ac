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


@dataclass(frozen=True, repr=False)
class LoadedKey:
    """An unwrapped data key, ready for use."""

    id: int
    cipher: AESGCM


class KeyCache(Generic[CacheKey]):
    """The only place where unwrapped keys stay."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: OrderedDict[CacheKey, tuple[float, LoadedKey]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: CacheKey) -> LoadedKey | None:
        """Return the key that is cached under this name, or None when there is none or it has expired."""
        with self._lock:
            expires_at, key = self._entries.get(name, (0.0, None))
            return key if self._clock() < expires_at else None

    def put(self, name: CacheKey, key: LoadedKey) -> None:
        """Cache a key for ``CACHE_SECONDS``, and drop the oldest one when there are more than ``CACHE_SIZE``."""
        with self._lock:
            self._entries[name] = (self._clock() + CACHE_SECONDS, key)
            self._entries.move_to_end(name)
            if len(self._entries) > CACHE_SIZE:
                self._entries.popitem(last=False)

    def clear(self) -> None:
        """Drop every key."""
        with self._lock:
            self._entries.clear()
