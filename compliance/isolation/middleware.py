"""Makes the signed-in user the tenant of a request."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from compliance.isolation.tenant import tenant_context


class TenantMiddleware:
    """Sets the tenant to the signed-in user. Has to come after AuthenticationMiddleware.

    A request without a session costs no query here; one with a session costs the two that load its user.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        owner = request.user.pk if request.user.is_authenticated else None
        with tenant_context(owner):
            return self.get_response(request)
