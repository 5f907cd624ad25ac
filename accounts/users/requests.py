from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django_htmx.middleware import HtmxDetails

from accounts.users.models import User


class AuthenticatedHttpRequest(HttpRequest):
    """A request of a signed-in user. Middleware redirects all others before these views."""

    user: User
    htmx: HtmxDetails


GetResponse = Callable[[HttpRequest], HttpResponse]
