from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from accounts.models import User


class PersonRequest(HttpRequest):
    """A request behind the sign-in: the middleware lets nobody else reach the view."""

    user: User
    htmx: HtmxDetails
