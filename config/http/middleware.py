"""What every answer's head says, and how large a request may be."""

from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import cached_property

from config import views

Answer = Callable[[HttpRequest], HttpResponse]

# Named where ``config.csp.policy`` says ``report-to``.
POLICY_ENDPOINT: Final = "policy"
UTF_8: Final = ("utf-8", "utf8")
OWN_FEATURES: Final = ("clipboard-write", "publickey-credentials-create", "publickey-credentials-get")
# Each is a name that Chromium knows; it complains in the console about others.
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
    """Adds what Django and django-csp do not, to static files and refusals as well; stands outside of both."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Reporting-Endpoints", self.reporting_endpoints)
        return response

    @cached_property
    def reporting_endpoints(self) -> str:
        """Where browsers report what the policy stopped; a fact of the URLconf, so looked up once."""
        return f'{POLICY_ENDPOINT}="{reverse("policy_reports")}"'


class LiveMiddleware:
    """Says that the process lives, whatever name it is asked by and whatever else is away.

    Stands before all that asks for TLS, a host or a session: a probe has none of them, or an old one.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info == self.live_path and request.method in {"GET", "HEAD"}:
            return views.live(request)
        return self.get_response(request)

    @cached_property
    def live_path(self) -> str:
        """Where probes ask; looked up once, for every request passes here."""
        return reverse("live")


class RequestSanityMiddleware:
    """Stops, before anything reads it, what no form and no cookie of ours holds.

    A body larger than any form's is refused, files included, for the site takes none, and so is one in another
    encoding than UTF-8, which no browser sends to a page that is in UTF-8. A cookie with a NUL in it, which quoting
    carries past the web server and the database would choke on, is dropped.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            # Django reads as far as this says, and nothing when it is missing.
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
    """Keeps what a session leads to out of every cache; stands after AuthenticationMiddleware.

    A session begins before somebody is signed in, with the first of two steps, and may end on the way.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began_with_one = not request.session.is_empty()
        response = self.get_response(request)
        if began_with_one or not request.session.is_empty():
            response.headers.setdefault("Cache-Control", "no-store")
        return response
