"""What every request passes: is the session still good, is it in use, may staff go on, could its mail be sent."""

import logging
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts import sessions, step_up
from accounts.factors import has_second_factor
from accounts.mails import MailNotSent
from compliance.audit.facts import current_facts

logger = logging.getLogger(__name__)

Answer = Callable[[HttpRequest], HttpResponse]

# Where staff without a second factor may go: to set one up, or away.
OPEN_TO_ALL_STAFF: Final = frozenset({
    "security", "account_logout", "account_reauthenticate", "account_email", "account_change_password",
    "account_email_verification_sent",
    "mfa_index", "mfa_activate_totp", "mfa_add_webauthn", "mfa_view_recovery_codes", "appearance", "help",
    "live", "ready", "sandbox",
})  # fmt: skip


# What a browser forgets with a session: stored pages and whatever scripts kept. Not cookies: those that are left are
# the theme and the marks by which a browser is known, and the host's neighbours would lose theirs too.
FORGOTTEN: Final = '"cache", "storage"'


class SessionLimitsMiddleware:
    """Ends sessions that nobody used for too long, or that are too old, and has browsers forget what has ended.

    Stands after AuthenticationMiddleware.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and (reason := sessions.outlived(request.session)):
            sessions.expire(request, reason)
        response = self.get_response(request)
        # Signed out by this request, or before it and from elsewhere: the browser still sent a key.
        if request.COOKIES.get(settings.SESSION_COOKIE_NAME) and request.session.is_empty():
            response.headers["Clear-Site-Data"] = FORGOTTEN
        return response


class PresenceMiddleware:
    """Keeps "last seen", and says what other sessions did; stands after MessageMiddleware and AccountMiddleware."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> HttpResponse:
        if request.user.is_authenticated:
            for sentence in sessions.touch(request):
                messages.warning(request, sentence)
        return self.get_response(request)


class StaffSecondFactorMiddleware:
    """Lets staff without a second factor do nothing but set one up."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: Any, *_: object) -> HttpResponse | None:
        """Lead such a person to their security page."""
        if not (request.user.is_authenticated and request.user.is_staff):
            return None
        if request.resolver_match.url_name in OPEN_TO_ALL_STAFF or has_second_factor(request.user):
            return None
        return step_up.enrol(request)


class MailMiddleware:
    """Answers for a mail server that is away: by now everything that the request did is undone."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Say 503, and to try again; the operator finds the request's id and the cause in the log."""
        if not isinstance(exception, MailNotSent):
            return None
        request_id, cause = current_facts().request_id, exception.__cause__
        # No more of the cause than its kind and number: servers repeat in their answers whom a mail was for.
        number = getattr(cause, "smtp_code", None) or getattr(cause, "errno", None) or ""
        logger.error("mail-not-sent, request %s: %s %s", request_id, type(cause).__name__, number)
        response = render(request, "accounts/mail_not_sent.html", {"request_id": request_id}, status=503)
        response.headers["Retry-After"] = "120"
        return response
