"""Experian's access token: shared by all processes, and renewed before it expires by one of them at a time.

The token is in the shared cache, encrypted with a key derived from our credentials. So a reader of the cache learns
nothing, and a token of earlier credentials cannot be decrypted.
"""

import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple
from urllib.parse import urlencode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.core.cache import cache
from django.views.decorators.debug import sensitive_variables

from compliance.outbound.errors import OutboundError, TlsError
from credit.experian.settings import ExperianSettings
from credit.experian.transport import ExperianTransport, Response
from credit.provider import BureauAuthError, BureauConfigError, BureauError, BureauUnavailable

logger = logging.getLogger(__name__)

TOKEN_SECONDS = 15
# Longer than any request, so that a claim expires only if its process died.
CLAIM_SECONDS = 22
# A token is renewed this long before it expires, or a tenth of its lifetime if that is less.
MARGIN_SECONDS = 60
# How long a caller waits for another thread or process that requests a token.
WAIT_SECONDS = 25
PAUSE_SECONDS = 0.05
MAX_TOKEN_LENGTH = 16 * 1024
MAX_LIFETIME = 24 * 60 * 60
NONCE_BYTES = 12


class Token(NamedTuple):
    """A token in this process's memory, and until when it may be used, by the monotonic clock."""

    value: str
    until: float

    def __repr__(self) -> str:
        return "<Token>"


class TokenCache:
    """Provides the access token, cached in memory and in the shared cache. Thread-safe."""

    def __init__(self, settings: ExperianSettings, transport: ExperianTransport) -> None:
        self._settings = settings
        self._transport = transport
        self._lock = threading.Lock()
        self._local: Token | None = None
        self._cipher = AESGCM(
            hashlib.sha256(_encode_parts(settings.client_secret, settings.username, settings.password)).digest()
        )
        key_hash = hashlib.sha256(_encode_parts(settings.host, settings.token_path, settings.client_id)).hexdigest()
        self._cache_key = f"credit:experian:token:{key_hash}"

    @sensitive_variables()
    def get(self) -> str:
        """Return a valid token, from a cache or a new one. Raises ``BureauError``."""
        return self._get_cached() or self._renew()

    @sensitive_variables()
    def invalidate(self, refused: str) -> None:
        """Remove a token that the bureau refused from the caches, unless it has been replaced since."""
        with self._lock:
            if self._local and self._local.value == refused:
                self._local = None
            if self._get_shared() == refused:
                cache.delete(self._cache_key)

    @sensitive_variables()
    def _get_cached(self) -> str:
        local = self._local
        return self._get_shared() or (local.value if local and time.monotonic() < local.until else "")

    @sensitive_variables()
    def _renew(self) -> str:
        """Request a token in one thread, while the others wait for it, at most ``WAIT_SECONDS``."""
        if not self._lock.acquire(timeout=WAIT_SECONDS):
            raise BureauUnavailable("TOKEN_BUSY")
        try:
            with self._single_flight():
                return self._get_cached() or self._request_token()
        finally:
            self._lock.release()

    @contextmanager
    def _single_flight(self) -> Iterator[None]:
        """Make other processes wait. Without the cache each requests its own token, which is harmless."""
        claim, deadline, absent = f"{self._cache_key}:claim", time.monotonic() + WAIT_SECONDS, 0
        while not (claimed := cache.add(claim, 1, timeout=CLAIM_SECONDS)):
            # A claim that cannot be made and is absent twice means that the cache is unavailable.
            absent = absent + 1 if cache.get(claim) is None else 0
            if absent > 1 or time.monotonic() > deadline:
                break
            time.sleep(PAUSE_SECONDS)
        try:
            yield
        finally:
            if claimed:
                cache.delete(claim)

    @sensitive_variables()
    def _request_token(self) -> str:
        headers, body = STYLES[self._settings.token_style](self._settings)
        failure: BureauError
        try:
            response = self._transport.post(self._settings.token_path, headers, body, seconds=TOKEN_SECONDS)
        except TlsError as error:
            failure = BureauConfigError(error.code)
        except OutboundError as error:
            failure = BureauUnavailable(f"TOKEN_{error.code}")
        else:
            return self._store(response)
        raise failure

    @sensitive_variables()
    def _store(self, response: Response) -> str:
        if response.status != 200:
            raise _error_for_status(response.status)
        fields = _fields(response.body)
        value, lifetime = _value(fields.get("access_token")), _lifetime(fields.get("expires_in"))
        if seconds := int(lifetime - min(MARGIN_SECONDS, lifetime / 10)):
            self._local = Token(value, time.monotonic() + seconds)
            nonce = os.urandom(NONCE_BYTES)
            sealed = nonce + self._cipher.encrypt(nonce, value.encode(), self._cache_key.encode())
            cache.set(self._cache_key, sealed, timeout=seconds)
        return value

    @sensitive_variables()
    def _get_shared(self) -> str:
        sealed = cache.get(self._cache_key)
        if not isinstance(sealed, bytes):
            return ""
        try:
            nonce, ciphertext = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
            return self._cipher.decrypt(nonce, ciphertext, self._cache_key.encode()).decode()
        except (InvalidTag, ValueError):
            return ""


def _encode_parts(*parts: str) -> bytes:
    return json.dumps(parts).encode()


@sensitive_variables()
def _by_headers(settings: ExperianSettings) -> tuple[dict[str, str], bytes]:
    headers = {"client_id": settings.client_id, "client_secret": settings.client_secret}
    return _JSON_HEADERS | headers, _json_body({"username": settings.username, "password": settings.password})


@sensitive_variables()
def _by_body(settings: ExperianSettings) -> tuple[dict[str, str], bytes]:
    return _JSON_HEADERS | {"Grant_type": "password"}, _json_body(_credentials(settings))


@sensitive_variables()
def _by_form(settings: ExperianSettings) -> tuple[dict[str, str], bytes]:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    return headers, urlencode({"grant_type": "password", **_credentials(settings)}).encode()


def _credentials(settings: ExperianSettings) -> dict[str, str]:
    return {
        "username": settings.username,
        "password": settings.password,
        "client_id": settings.client_id,
        "client_secret": settings.client_secret,
    }


def _json_body(fields: dict[str, str]) -> bytes:
    return json.dumps(fields).encode()


_JSON_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}
# https://developer.experian.com/tutorials/oauth-20-tutorial shows the first; the others are in use as well.
STYLES: dict[str, Callable[[ExperianSettings], tuple[dict[str, str], bytes]]] = {
    "headers": _by_headers,
    "body": _by_body,
    "form": _by_form,
}


def _error_for_status(status: int) -> BureauError:
    """Distinguish an outage of the bureau from invalid credentials, such as an expired password."""
    if status == 429 or status >= 500 or status == 408:
        return BureauUnavailable(f"TOKEN_HTTP_{status}")
    return BureauAuthError(f"TOKEN_HTTP_{status}")


@sensitive_variables()
def _fields(body: bytes) -> dict[str, Any]:
    fields = None
    # A failure is raised below instead: a decoding error would hold the response.
    with suppress(ValueError, RecursionError):
        fields = json.loads(body)
    if not isinstance(fields, dict):
        raise BureauUnavailable("TOKEN_NOT_JSON")
    return fields


@sensitive_variables()
def _value(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TOKEN_LENGTH or not value.isascii():
        raise BureauUnavailable("TOKEN_MALFORMED")
    if not value.isprintable() or " " in value:
        raise BureauUnavailable("TOKEN_MALFORMED")
    return value


def _lifetime(value: object) -> int:
    """Seconds, sent as text or as a number. A token with an unknown lifetime is used once and not cached."""
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()) or len(text) > 9:
        logger.warning("Experian's token has no valid lifetime")
        return 0
    return min(int(text), MAX_LIFETIME)
