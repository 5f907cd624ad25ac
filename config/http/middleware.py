"""Middleware for response headers, the liveness probe, invalid requests and caching."""

from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import cached_property

from config import views

GetResponse = Callable[[HttpRequest], HttpResponse]

# The name that ``config.csp.policy`` uses in ``report-to``.
POLICY_ENDPOINT: Final = "policy"
UTF_8: Final = ("utf-8", "utf8")
OWN_FEATURES: Final = ("clipboard-write", "publickey-credentials-create", "publickey-credentials-get")
# Names that Chromium knows. It logs an error in the console for others.
UNUSED_FEATURES: Final = (
    "accelerometer", "autoplay", "browsing-topics", "camera", "clipboard-read", "compute-pressure",
    "cross-origin-isolated", "digital-credentials-get", "display-capture", "encrypted-media", "fullscreen", "gamepad",
    "geolocation", "gyroscope", "hid", "identity-credentials-get", "idle-detection", "interest-cohort",
    "keyboard-map", "local-fonts", "magnetometer", "microphone", "midi", "otp-credentials", "payment",
    "picture-in-picture", "private-state-token-issuance", "private-state-token-redemption", "screen-wake-lock",
    "serial", "speaker-selection", "storage-access", "sync-xhr", "usb", "window-management", "xr-spatial-tracking",
)  # fmt: skip
PERMISSIONS_POLICY: Final = ", ".join(
    [f"{feature}=(self)" for feature in OWN_FEATURES] + [f"{feature}=()" for feature in UNUSED_FEATURES]
)


class SecurityHeadersMiddleware:
    """Adds headers that Django and django-csp do not set, also to static files and errors. Must come before both."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Reporting-Endpoints", self.reporting_endpoints)
        return response

    @cached_property
    def reporting_endpoints(self) -> str:
        """The URL to which browsers report violations of the policy. It never changes, so it is looked up once."""
        return f'{POLICY_ENDPOINT}="{reverse("policy_reports")}"'


class LiveMiddleware:
    """Responds to the liveness probe for any host name, and without any other service.

    Must come before the middleware that requires TLS, a host or a session, which probes do not have.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info == self.live_path and request.method in {"GET", "HEAD"}:
            return views.live(request)
        return self.get_response(request)

    @cached_property
    def live_path(self) -> str:
        """The path of the probe, looked up once because every request is compared with it."""
        return reverse("live")


class RequestSanityMiddleware:
    """Refuses requests that no form of the site sends, before other middleware parses them.

    It refuses bodies larger than any form, because the site accepts no files, and bodies in other encodings than UTF-8,
    which browsers never send from UTF-8 pages. It drops cookies with a NUL, which a quoted cookie can carry past the
    web server and which PostgreSQL cannot store.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            # Django reads as many bytes as this header says, and none if it is missing.
            length = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError as error:
            return views.bad_request(request, error)
        if length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return views.too_large(request)
        if (request.content_params or {}).get("charset", "utf-8").lower() not in UTF_8:
            return views.bad_request(request, ValueError("The body is in another encoding than UTF-8."))
        request.COOKIES = {name: value for name, value in request.COOKIES.items() if "\0" not in value}
        return self.get_response(request)


class PrivatePagesMiddleware:
    """Keeps responses to requests with a session out of every cache. Must come after AuthenticationMiddleware.

    A session can begin before the user is signed in, at the first of two steps, and can end during a request.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        had_session = not request.session.is_empty()
        response = self.get_response(request)
        if had_session or not request.session.is_empty():
            response.headers.setdefault("Cache-Control", "no-store")
        return response
