"""People who are signed in: sessions as the site makes them, without the seconds that a password takes."""

import random
from collections.abc import Iterable, Sequence
from importlib import import_module

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

from accounts.models import User
from accounts.sessions import lifetime
from bench.harness.load import get


def session(user: User, backend: str = "", engine: str = settings.SESSION_ENGINE) -> str:
    """Sign a person in and return the session's key. ``backend`` is who says that they are who they are.

    ``engine`` is what keeps sessions at the site that is visited.
    """
    store = import_module(engine).SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = backend or settings.AUTHENTICATION_BACKENDS[0]
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    lifetime.start_session(store)
    store.create()
    return str(store.session_key)


def cookies(users: Iterable[User]) -> list[str]:
    """A cookie of the site's for each person."""
    return [f"{settings.SESSION_COOKIE_NAME}={session(user)}" for user in users]


def draw_requests(path: str, cookies: Sequence[str], count: int) -> list[bytes]:
    """So many requests for a page, each by somebody drawn at random."""
    return [get(path, random.choice(cookies)) for _ in range(count)]
