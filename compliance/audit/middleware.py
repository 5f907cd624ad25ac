"""Gives each request an id and makes its details available to the audit trail. Has to come first."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from compliance.audit.request_details import request_details


class RequestDetailsMiddleware:
    """Sends the request's id in a header, so that a user can quote it to support."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with request_details(request) as details:
            response = self.get_response(request)
            response.headers["X-Request-ID"] = details.request_id
            return response
