"""Step-up authentication: a recent proof of identity before a view that exposes or destroys something.

``@require_fresh_sign_in`` requires a proof that is at most five minutes old: the second factor of users who have one,
otherwise the password. A sign-in counts, and so does a reauthentication, which also gives the session a new key.
``@require_fresh_sign_in_to_download`` is the same for a file, and returns to the page that links to it.
``@require_second_factor_to_link`` requires that the session was verified by a second factor, if the settings say so.
"""

import time
from collections.abc import Callable
from functools import wraps
from typing import Final, TypeVar

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from django_htmx.http import HttpResponseClientRedirect
from django_otp import DEVICE_ID_SESSION_KEY

from accounts.mfa.models import SecondFactor
from accounts.mfa.second_factors import has_second_factor
from accounts.users.requests import AuthenticatedHttpRequest

FRESH_SECONDS: Final = 300
VERIFIED_AT: Final = "otp_at"
DOWNLOAD_AGAIN: Final = _("Confirm it's you, then choose Download CSV again.")
SET_UP_FIRST: Final = _("Set up two-step verification first. Create a passkey or add an authenticator app.")

View = Callable[..., HttpResponse]
Response = TypeVar("Response", bound=HttpResponseBase)


def require_fresh_sign_in(view: Callable[..., Response]) -> Callable[..., Response | HttpResponse]:
    """Decorate a view: requests later than five minutes after a proof of identity are redirected to give a new one."""

    @wraps(view)
    def _view_wrapper(request: AuthenticatedHttpRequest, *args: object, **options: object) -> Response | HttpResponse:
        return view(request, *args, **options) if is_fresh(request) else redirect_to_reauthentication(request)

    return _view_wrapper


def require_fresh_sign_in_to_download(
    *, page: str
) -> Callable[[Callable[..., Response]], Callable[..., Response | HttpResponse]]:
    """Decorate the view of a CSV file, which ``page`` links to with the same query.

    A redirect straight to the file would start a download and leave the browser on the form that was just sent.
    """

    def _decorate(view: Callable[..., Response]) -> Callable[..., Response | HttpResponse]:
        @wraps(view)
        def _view_wrapper(request: AuthenticatedHttpRequest) -> Response | HttpResponse:
            if is_fresh(request):
                return view(request)
            messages.info(request, DOWNLOAD_AGAIN)
            return redirect_to_reauthentication(request, next_url=f"{reverse(page)}?{request.GET.urlencode()}")

        return _view_wrapper

    return _decorate


def require_second_factor_to_link(view: View, *, page: str = "") -> View:
    """Decorate a view: it requires a second factor while ``REQUIRE_SECOND_FACTOR_TO_LINK`` is set.

    A view that has no page of its own names the one to go to after the proof.
    """

    @wraps(view)
    def _view_wrapper(request: AuthenticatedHttpRequest, *args: object, **options: object) -> HttpResponse:
        if not settings.REQUIRE_SECOND_FACTOR_TO_LINK or request.user.is_verified():
            return view(request, *args, **options)
        if not has_second_factor(request.user):
            return redirect_to_mfa_setup(request)
        return redirect_to_reauthentication(request, next_url=reverse(page) if page else "")

    return _view_wrapper


def is_fresh(request: AuthenticatedHttpRequest) -> bool:
    """Return whether the user proved their identity within five minutes, by second factor if they have one."""
    if not request.user.is_authenticated:
        return False
    if has_second_factor(request.user):
        proved_at = request.session.get(VERIFIED_AT, 0) if request.user.is_verified() else 0
    else:
        records = get_authentication_records(request, request.user)
        proved_at = max((record["at"] for record in records if record["method"] == "password"), default=0)
    return time.time() - proved_at <= FRESH_SECONDS


def redirect_to_reauthentication(request: AuthenticatedHttpRequest, *, next_url: str = "") -> HttpResponse:
    """Redirect to the reauthentication page, and from there to ``next_url``, or back.

    Posted data is dropped, because it may contain a password.
    """
    methods = get_adapter().get_reauthentication_methods(request.user)
    if not methods:
        raise PermissionDenied("This user has neither a password nor a second factor to reauthenticate with.")
    destination = urlencode({REDIRECT_FIELD_NAME: next_url or request.get_full_path()})
    return redirect_whole_page(request, f"{methods[0]['url']}?{destination}")


def redirect_to_mfa_setup(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Redirect to the page where second factors are set up."""
    messages.warning(request, SET_UP_FIRST)
    return redirect_whole_page(request, reverse("security"))


def redirect_whole_page(request: AuthenticatedHttpRequest, url: str) -> HttpResponse:
    """Redirect the whole page, even if htmx requested only a part of it."""
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)


def mark_verified(request: HttpRequest, *, factor_id: int, at: float) -> None:
    """Store in a session which second factor verified it, and when, for ``user.is_verified()``."""
    request.session[DEVICE_ID_SESSION_KEY] = SecondFactor(pk=factor_id).persistent_id
    request.session[VERIFIED_AT] = at
