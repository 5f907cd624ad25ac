"""Answers a request whose email could not be sent."""

import logging

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.emails.sending import EmailNotSent
from accounts.users.requests import GetResponse
from compliance.audit.request_details import current_request_details

logger = logging.getLogger(__name__)


class MailFailureMiddleware:
    """Answers for a mail server that is away: by now everything that the request did is undone."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Say 503, and to try again; the operator finds the request's id and the cause in the log."""
        if not isinstance(exception, EmailNotSent):
            return None
        request_id, cause = current_request_details().request_id, exception.__cause__
        # No more of the cause than its kind and number: servers repeat in their answers whom a mail was for.
        number = getattr(cause, "smtp_code", None) or getattr(cause, "errno", None) or ""
        logger.error("mail-not-sent, request %s: %s %s", request_id, type(cause).__name__, number)
        response = render(request, "accounts/mail_not_sent.html", {"request_id": request_id}, status=503)
        response.headers["Retry-After"] = "120"
        return response
