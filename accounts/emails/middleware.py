"""Responds to a request whose email could not be sent."""

import logging

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.emails.sending import EmailNotSent
from accounts.users.requests import GetResponse
from compliance.audit.request_details import current_request_details

logger = logging.getLogger(__name__)


class MailFailureMiddleware:
    """Responds with 503 when a request's email could not be sent. The request was rolled back by then."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Render the page that asks to try again; the log has the request's id and the cause."""
        if not isinstance(exception, EmailNotSent):
            return None
        request_id, cause = current_request_details().request_id, exception.__cause__
        # Only the class and code of the cause: servers repeat the recipient in their replies.
        number = getattr(cause, "smtp_code", None) or getattr(cause, "errno", None) or ""
        logger.error("mail-not-sent, request %s: %s %s", request_id, type(cause).__name__, number)
        response = render(request, "accounts/mail_not_sent.html", {"request_id": request_id}, status=503)
        response.headers["Retry-After"] = "120"
        return response
