"""Plaid's webhook verification keys, cached per process so that few webhooks cause a call to Plaid.

Any client can send an invented key id, so ids that are not cached are looked up at a limited rate: five a minute for
all processes together. No request waits for such a lookup, and ids that Plaid does not know are cached by all processes
for a minute. A webhook that names an Item of this site is exempt, because only Plaid and this site know Item ids: its
key is always looked up. So the first webhook after a start or a key rotation is accepted.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import jwt
from django.core.cache import cache

from banking.plaid.error_codes import UnknownKey
from banking.provider import ProviderError, WebhookNotVerifiable

logger = logging.getLogger(__name__)

# Plaid retires a key by setting its expiry, so cached keys are fetched again after this time.
REFRESH_SECONDS = 60 * 60
# How long a cached key is used while Plaid cannot be reached.
MAX_CACHE_SECONDS = 24 * 60 * 60
UNKNOWN_SECONDS = 60
UNEXPECTED_PER_MINUTE = 5
EXPECTED_PER_MINUTE = 30
WAIT_SECONDS = 5


class KeyUnavailable(WebhookNotVerifiable):
    """The key cannot be fetched now."""


class KeyRefused(Exception):
    """There is no such key, or it has expired."""


@dataclass(frozen=True, slots=True)
class WebhookKey:
    """A public key, with its expiry and fetch times in seconds since 1970."""

    public: jwt.PyJWK
    expires_at: int | None
    fetched_at: float
    needs_refresh: bool = False

    def is_fresh(self, now: float) -> bool:
        """Whether it does not have to be fetched again yet."""
        return not self.needs_refresh and now - self.fetched_at < REFRESH_SECONDS


class KeyLookupLimits(Protocol):
    """The state about uncached key ids that all processes share."""

    def is_unknown(self, key_id: str) -> bool:
        """Whether Plaid did not know this id within the last minute."""
        ...

    def note_unknown(self, key_id: str) -> None:
        """Store for a minute that Plaid does not know this id."""
        ...

    def count_lookup(self) -> int:
        """Count a lookup of an unexpected id, and return the count of this minute; 0 when the cache is down."""
        ...


class CachedKeyLookupLimits:
    """Implements ``KeyLookupLimits`` in Django's cache. While that is down, each process has only its own limits."""

    def __init__(self, environment: str) -> None:
        self._prefix = f"plaid-key:{environment}"

    def is_unknown(self, key_id: str) -> bool:
        until = cache.get(f"{self._prefix}:unknown:{key_id}")
        return isinstance(until, int | float) and until > time.time()

    def note_unknown(self, key_id: str) -> None:
        cache.set(f"{self._prefix}:unknown:{key_id}", time.time() + UNKNOWN_SECONDS, UNKNOWN_SECONDS)

    def count_lookup(self) -> int:
        name = f"{self._prefix}:lookups:{int(time.time()) // 60}"
        cache.add(name, 0, 2 * 60)
        try:
            return int(cache.incr(name) or 0)
        except ValueError:
            return 0


class CallBudget:
    """A limit of calls per minute for one process."""

    def __init__(self, calls: int) -> None:
        self._limit = calls
        self._calls: deque[float] = deque()

    def spend(self, now: float) -> None:
        """Count a call. Raises ``KeyUnavailable`` when the limit of the last 60 seconds is reached."""
        while self._calls and self._calls[0] <= now - 60:
            self._calls.popleft()
        if len(self._calls) >= self._limit:
            raise KeyUnavailable
        self._calls.append(now)


class WebhookKeys:
    """The cached keys by id. ``fetch`` calls Plaid and raises ``ProviderError``. Thread-safe."""

    def __init__(self, fetch: Callable[[str], dict[str, Any]], shared: KeyLookupLimits | None = None) -> None:
        self._fetch = fetch
        self._shared = shared
        self._keys: dict[str, WebhookKey] = {}
        self._unknown: dict[str, float] = {}
        self._unexpected, self._expected = CallBudget(UNEXPECTED_PER_MINUTE), CallBudget(EXPECTED_PER_MINUTE)
        self._fetching, self._refreshing, self._unexpected_lock = threading.Lock(), threading.Lock(), threading.Lock()

    def find(self, key_id: str, *, is_expected: Callable[[], bool] = lambda: True) -> jwt.PyJWK:
        """Return the public key of this id. Raises ``KeyRefused`` and ``KeyUnavailable``.

        ``is_expected`` tells whether the webhook contains something that only Plaid and this site know. It is called
        only for an id that is not cached.
        """
        key = self._keys.get(key_id)
        if key is None:
            key = self._lookup(key_id, is_expected)
        elif not key.is_fresh(time.time()):
            key = self._refresh(key_id, key)
        if key.expires_at is not None and key.expires_at <= time.time():
            raise KeyRefused
        return key.public

    # --- Cached keys --------------------------------------------------------------------------------------

    def _refresh(self, key_id: str, key: WebhookKey) -> WebhookKey:
        """Fetch a cached key again. One thread does; the others, and all while Plaid is down, use the cached key."""
        if self._refreshing.acquire(blocking=False):
            try:
                return self._fetch_key(key_id)
            except KeyUnavailable:
                logger.warning("A webhook key could not be refreshed; the cached one stays in use")
            finally:
                self._refreshing.release()
        if time.time() - key.fetched_at >= MAX_CACHE_SECONDS:
            raise KeyUnavailable
        return key

    # --- Keys that are not cached -------------------------------------------------------------------------

    def _lookup(self, key_id: str, is_expected: Callable[[], bool]) -> WebhookKey:
        now = time.time()
        if self._unknown.get(key_id, 0) > now or (self._shared is not None and self._shared.is_unknown(key_id)):
            raise KeyRefused
        return self._fetch_expected(key_id) if is_expected() else self._fetch_unexpected(key_id)

    def _fetch_expected(self, key_id: str) -> WebhookKey:
        """Fetch a key; other threads wait for the response, for ``WAIT_SECONDS`` at most."""
        if not self._fetching.acquire(timeout=WAIT_SECONDS):
            raise KeyUnavailable
        try:
            if key_id in self._keys:
                return self._keys[key_id]
            self._expected.spend(time.time())
            return self._fetch_new(key_id)
        finally:
            self._fetching.release()

    def _fetch_unexpected(self, key_id: str) -> WebhookKey:
        """Fetch a key within the minute's limit of calls; other threads do not wait for it."""
        if not self._unexpected_lock.acquire(blocking=False):
            raise KeyUnavailable
        try:
            self._unexpected.spend(time.time())
            if self._shared is not None and self._shared.count_lookup() > UNEXPECTED_PER_MINUTE:
                raise KeyUnavailable
            return self._fetch_new(key_id)
        finally:
            self._unexpected_lock.release()

    def _fetch_new(self, key_id: str) -> WebhookKey:
        """Fetch a key that is not cached. A new key means that Plaid may have retired the others."""
        key = self._fetch_key(key_id)
        for other_id, other in list(self._keys.items()):
            if other_id != key_id and other.expires_at is None:
                self._keys[other_id] = replace(other, needs_refresh=True)
        return key

    def _fetch_key(self, key_id: str) -> WebhookKey:
        now = time.time()
        try:
            response = self._fetch(key_id)
        except UnknownKey:
            self._keys.pop(key_id, None)
            self._unknown = {unknown: until for unknown, until in list(self._unknown.items()) if until > now}
            self._unknown[key_id] = now + UNKNOWN_SECONDS
            if self._shared is not None:
                self._shared.note_unknown(key_id)
            raise KeyRefused from None
        except ProviderError as error:
            logger.warning("A webhook key cannot be fetched: %s", error)
            raise KeyUnavailable from None
        self._keys[key_id] = _parse_key(response, key_id, now)
        return self._keys[key_id]


def _parse_key(response: dict[str, Any], key_id: str, now: float) -> WebhookKey:
    """Check that the response is the requested key, and an ES256 key, the only kind that Plaid signs with."""
    expected = {"kid": key_id, "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig"}
    expires_at = response.get("expired_at")
    if not expected.items() <= response.items() or not isinstance(expires_at, int | None):
        logger.error("Plaid sent a webhook key of another kind than ES256")
        raise KeyUnavailable
    try:
        public = jwt.PyJWK(response, algorithm="ES256")
    except jwt.PyJWTError:
        raise KeyUnavailable from None
    return WebhookKey(public=public, expires_at=expires_at, fetched_at=now)
