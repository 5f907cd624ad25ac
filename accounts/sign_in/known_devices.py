"""Which browsers a person has signed in with before, so that a sign-in with another one can be told to them.

The browser keeps the mark itself, signed: it lets nobody in and only spares its owner a mail.
"""

from datetime import timedelta
from typing import Final

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from accounts.users.models import User

SALT: Final = "accounts.sign_in.known_devices"
COOKIE_MAX_AGE: Final = timedelta(days=365)
MAX_USERS: Final = 8


def is_known_device(request: HttpRequest, user: User) -> bool:
    """Whether this browser carries the mark of an earlier sign-in as this person."""
    return _make_marker(user) in _read_markers(request)


def remember_device(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Give the browser the mark, beside those of others who share it; the oldest goes when there are too many."""
    marks = [mark for mark in _read_markers(request) if mark != _make_marker(user)]
    response.set_cookie(
        settings.KNOWN_BROWSER_COOKIE_NAME,
        signing.dumps([*marks, _make_marker(user)][-MAX_USERS:], salt=SALT),
        max_age=COOKIE_MAX_AGE,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _read_markers(request: HttpRequest) -> list[str]:
    try:
        marks: list[str] = signing.loads(
            request.COOKIES.get(settings.KNOWN_BROWSER_COOKIE_NAME, ""), salt=SALT, max_age=COOKIE_MAX_AGE
        )
    except signing.BadSignature:
        return []
    return marks


def _make_marker(user: User) -> str:
    return salted_hmac(SALT, str(user.pk), algorithm="sha256").hexdigest()
