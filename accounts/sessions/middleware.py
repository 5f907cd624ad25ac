"""Ends sessions that have expired, and records when each was last used."""

from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from accounts.sessions import lifetime, session_messages
from accounts.users.requests import GetResponse

# What a browser clears at the end of a session: cached pages and data of scripts. Not cookies: the remaining ones are
# the theme and the markers of known devices, and other sites of this host would lose their cookies too.
CLEARED_SITE_DATA: Final = '"cache", "storage"'


class SessionLimitsMiddleware:
    """Ends sessions that are idle for too long or too old, and makes browsers clear the data that they stored.

    Has to come after AuthenticationMiddleware.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and (reason := lifetime.expiry_reason(request.session)):
            lifetime.expire_session(request, reason)
        response = self.get_response(request)
        # Signed out by this request, or earlier from another device: the browser still sent a session key.
        if request.COOKIES.get(settings.SESSION_COOKIE_NAME) and request.session.is_empty():
            response.headers["Clear-Site-Data"] = CLEARED_SITE_DATA
        return response


class LastSeenMiddleware:
    """Updates "last seen" and shows pending messages. Has to come after MessageMiddleware and AccountMiddleware."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> HttpResponse:
        if request.user.is_authenticated:
            for message in lifetime.update_last_seen(request):
                messages.warning(request, session_messages.describe_message(message))
        return self.get_response(request)
