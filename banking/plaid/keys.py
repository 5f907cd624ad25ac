"""Plaid's webhook keys, kept per process so that a webhook rarely costs a call to Plaid.

Anybody may post a made-up key id at us. Ids that Plaid does not know are remembered for a minute, and all
unknown ids together may cause only so many calls; keys that we hold go on working through such a flood.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt

from banking.plaid.errors import UnknownKey
from banking.provider import ProviderError

logger = logging.getLogger(__name__)

# Plaid retires a key by giving it an expiry, which only a new look shows.
REFRESH_SECONDS = 24 * 60 * 60
UNKNOWN_SECONDS = 60
NEW_IDS_PER_MINUTE = 30
WAIT_SECONDS = 5


class KeyUnavailable(Exception):
    """The key cannot be had now. The webhook may be genuine: answer 503, and Plaid sends it again."""


class KeyRefused(Exception):
    """There is no such key, or it has expired."""


@dataclass(frozen=True, slots=True)
class Key:
    """A public key and how long it counts, in seconds since 1970."""

    public: jwt.PyJWK
    expires_at: int | None
    fetched_at: float


class KeyRing:
    """Looks keys up by id. ``fetch`` asks Plaid and raises ``ProviderError``; threads may share a ring."""

    def __init__(self, fetch: Callable[[str], dict[str, Any]]) -> None:
        self._fetch = fetch
        self._keys: dict[str, Key] = {}
        self._unknown: dict[str, float] = {}
        self._new_ids: deque[float] = deque()
        self._fetching = threading.Lock()

    def find(self, key_id: str) -> jwt.PyJWK:
        """Return the public key of this id. Raises ``KeyRefused`` and ``KeyUnavailable``."""
        key = self._fresh(key_id) or self._fetch_once(key_id)
        if key.expires_at is not None and key.expires_at <= time.time():
            raise KeyRefused
        return key.public

    def _fresh(self, key_id: str) -> Key | None:
        now = time.time()
        if self._unknown.get(key_id, 0) > now:
            raise KeyRefused
        key = self._keys.get(key_id)
        return key if key and now - key.fetched_at < REFRESH_SECONDS else None

    def _fetch_once(self, key_id: str) -> Key:
        """One thread asks Plaid; the others wait for its answer, though not for long."""
        if not self._fetching.acquire(timeout=WAIT_SECONDS):
            raise KeyUnavailable
        try:
            return self._fresh(key_id) or self._ask(key_id)
        finally:
            self._fetching.release()

    def _ask(self, key_id: str) -> Key:
        now = time.time()
        if key_id not in self._keys:
            self._spend(now)
        try:
            answer = self._fetch(key_id)
        except UnknownKey:
            self._unknown = {k: until for k, until in self._unknown.items() if until > now}
            self._unknown[key_id] = now + UNKNOWN_SECONDS
            raise KeyRefused from None
        except ProviderError as error:
            logger.warning("A webhook key cannot be fetched: %s", error)
            raise KeyUnavailable from None
        self._keys[key_id] = _key(answer, key_id, now)
        return self._keys[key_id]

    def _spend(self, now: float) -> None:
        """Count a call for an id that we never held."""
        while self._new_ids and self._new_ids[0] <= now - 60:
            self._new_ids.popleft()
        if len(self._new_ids) >= NEW_IDS_PER_MINUTE:
            raise KeyUnavailable
        self._new_ids.append(now)


def _key(answer: dict[str, Any], key_id: str, now: float) -> Key:
    """Check that the answer is the key we asked for, of the one kind that Plaid signs with."""
    kind = {"kid": key_id, "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig"}
    expires_at = answer.get("expired_at")
    if not kind.items() <= answer.items() or not isinstance(expires_at, int | None):
        logger.error("Plaid sent a webhook key of another kind than ES256")
        raise KeyUnavailable
    try:
        public = jwt.PyJWK(answer, algorithm="ES256")
    except jwt.PyJWTError:
        raise KeyUnavailable from None
    return Key(public=public, expires_at=expires_at, fetched_at=now)
