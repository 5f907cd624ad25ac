"""The home page, the help page, the health checks, the theme switch and the error pages."""

import sys

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db import DatabaseError, OperationalError, connection, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from compliance.audit.request_details import current_request_details
from config.http.context import THEMES

YEAR = 365 * 24 * 3600
MINUTE = 60
HOUR = 60 * MINUTE
# allauth renders the 429 page without the time to wait. Its limits of these routes, which send emails, are per hour,
# and those of other routes per minute.
EMAIL_ROUTES = frozenset({"account_reset_password", "account_signup", "account_email"})


@login_not_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show the landing page, or redirect signed-in users to the overview."""
    if request.user.is_authenticated:
        return redirect("overview")
    return render(request, "home.html")


@login_not_required
@require_safe
@transaction.non_atomic_requests
def live(request: HttpRequest) -> HttpResponse:
    """Respond with 200 as long as the process runs, without any other service."""
    return JsonResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


@login_not_required
@require_safe
@transaction.non_atomic_requests
def ready(request: HttpRequest) -> HttpResponse:
    """Respond with 200 if the services that requests need are available, else with 503."""
    services = {"database": is_database_available(), "redis": is_redis_available()}
    is_ready = all(services.values())
    return JsonResponse({"status": "ok" if is_ready else "degraded", **services}, status=200 if is_ready else 503)


def is_database_available() -> bool:
    """Whether the database responds to a trivial query."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def is_redis_available() -> bool:
    """Whether Redis stores a value. The cache hides its failures, so the value is read back."""
    cache.set("ready", "1", timeout=5)
    return cache.get("ready") == "1"


@login_not_required
@require_POST
def appearance(request: HttpRequest) -> HttpResponse:
    """Store the light, dark or system theme in a cookie, and redirect back."""
    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        back = "/"
    # Not ``redirect``, which would look up a bare word as a view's name.
    response = HttpResponseRedirect(back)
    theme = request.POST.get("theme", "")
    if theme in THEMES:
        name, secure = settings.THEME_COOKIE_NAME, not settings.DEBUG
        response.set_cookie(name, theme, max_age=YEAR, samesite="Lax", secure=secure, httponly=True)
    return response


@login_not_required
@require_safe
def help_page(request: HttpRequest) -> HttpResponse:
    """Show how the site works and how to contact support."""
    return render(request, "help.html", {"support_email": settings.SUPPORT_EMAIL})


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem(request, 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem(request, 404)


def too_large(request: HttpRequest) -> HttpResponse:
    """Respond with 413 to a body that is larger than any form of the site."""
    return problem(request, 413)


def too_many_requests(request: HttpRequest, retry_after: int = 0) -> HttpResponse:
    """Respond with 429 and the seconds to wait, as a page or as JSON."""
    retry_after = retry_after or allauth_wait(request)
    sentence = describe_wait(retry_after)
    if prefers_json(request):
        response: HttpResponse = JsonResponse({"error": sentence, "retry_after": retry_after}, status=429)
    else:
        response = problem(request, 429, sentence=sentence)
    response.headers["Retry-After"] = str(retry_after)
    return response


def allauth_wait(request: HttpRequest) -> int:
    """Return the longest period of allauth's limits of a route. Without Redis nothing is counted: it is a minute."""
    match = request.resolver_match
    return HOUR if match and match.url_name in EMAIL_ROUTES and is_redis_available() else MINUTE


def describe_wait(seconds: int) -> str:
    """Return a sentence with the time to wait, in seconds or in minutes, rounded up."""
    if seconds < MINUTE:
        return ngettext(
            "Too many requests. Try again in %(count)s second.",
            "Too many requests. Try again in %(count)s seconds.",
            seconds,
        ) % {"count": seconds}
    minutes = -(-seconds // MINUTE)
    return ngettext(
        "Too many requests. Try again in %(count)s minute.",
        "Too many requests. Try again in %(count)s minutes.",
        minutes,
    ) % {"count": minutes}


def prefers_json(request: HttpRequest) -> bool:
    """Whether the client prefers JSON to a page."""
    if request.path_info.startswith("/api/"):
        return True
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def server_error(request: HttpRequest) -> HttpResponse:
    """Respond with 503 when the database is unavailable, which is temporary, and with 500 otherwise."""
    is_unavailable = isinstance(sys.exc_info()[1], OperationalError)
    return problem(request, 503 if is_unavailable else 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return problem(request, 403, template="403_csrf.html")


def problem(request: HttpRequest, status: int, template: str = "", **context: str) -> HttpResponse:
    """Render the page for an HTTP error, with the request's id for support to find in the logs."""
    context["request_id"] = current_request_details().request_id
    return render(request, template or f"{status}.html", context, status=status)
