"""Gives each request an id and keeps its facts for the audit trail; stands first."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from compliance.audit.facts import facts_of


class RequestFactsMiddleware:
    """Names the request in its answer, so that a person can quote to support what the log says."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with facts_of(request) as facts:
            response = self.get_response(request)
            response.headers["X-Request-ID"] = facts.request_id
            return response
