"""Known devices: which browsers a user has signed in with before, so that a sign-in with a new one is reported.

The browser stores a signed marker in a cookie. The marker cannot be used to sign in; it only prevents an email.
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
    """Return whether this browser has the marker of an earlier sign-in of this user."""
    return _make_marker(user) in _read_markers(request)


def remember_device(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Add the user's marker to those of other users of this browser. Over the limit, the oldest is dropped."""
    markers = [marker for marker in _read_markers(request) if marker != _make_marker(user)]
    response.set_cookie(
        settings.KNOWN_BROWSER_COOKIE_NAME,
        signing.dumps([*markers, _make_marker(user)][-MAX_USERS:], salt=SALT),
        max_age=COOKIE_MAX_AGE,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _read_markers(request: HttpRequest) -> list[str]:
    try:
        markers: list[str] = signing.loads(
            request.COOKIES.get(settings.KNOWN_BROWSER_COOKIE_NAME, ""), salt=SALT, max_age=COOKIE_MAX_AGE
        )
    except signing.BadSignature:
        return []
    return markers


def _make_marker(user: User) -> str:
    return salted_hmac(SALT, str(user.pk), algorithm="sha256").hexdigest()
