from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django_htmx.middleware import HtmxDetails

from accounts.users.models import User


class AuthenticatedHttpRequest(HttpRequest):
    """A request behind the sign-in: the middleware lets nobody else reach the view."""

    user: User
    htmx: HtmxDetails


GetResponse = Callable[[HttpRequest], HttpResponse]
