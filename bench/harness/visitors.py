"""Sessions of users, made as the site makes them but without the time that a password hash takes."""

import random
from collections.abc import Iterable, Sequence
from importlib import import_module

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

from accounts.models import User
from accounts.sessions import lifetime
from bench.harness.load import build_get_request


def create_session(user: User, backend: str = "", engine: str = settings.SESSION_ENGINE) -> str:
    """Sign a user in and return the session's key.

    ``backend`` is the path of the authentication backend, by default the first of the settings. ``engine`` is the
    session engine of the site to visit.
    """
    store = import_module(engine).SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = backend or settings.AUTHENTICATION_BACKENDS[0]
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    lifetime.start_session(store)
    store.create()
    return str(store.session_key)


def create_cookies(users: Iterable[User]) -> list[str]:
    """Sign each user in and return their session cookies."""
    return [f"{settings.SESSION_COOKIE_NAME}={create_session(user)}" for user in users]


def build_random_requests(path: str, cookies: Sequence[str], count: int) -> list[bytes]:
    """Build ``count`` requests for a page, each with a randomly chosen cookie."""
    return [build_get_request(path, random.choice(cookies)) for _ in range(count)]
