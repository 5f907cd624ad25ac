"""The front door, the doors for machines that watch the site, and the pages for when something is wrong."""

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
# allauth's limits ask for the 429 page without saying how long: over a minute, and over an hour where mails are sent.
MAILING = frozenset({"account_reset_password", "account_signup", "account_email"})


@login_not_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show the landing page to strangers and the overview to those who are signed in."""
    if request.user.is_authenticated:
        return redirect("overview")
    return render(request, "home.html")


@login_not_required
@require_safe
@transaction.non_atomic_requests
def live(request: HttpRequest) -> HttpResponse:
    """Answer as long as the process runs; asks nothing of any other part."""
    return JsonResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


@login_not_required
@require_safe
@transaction.non_atomic_requests
def ready(request: HttpRequest) -> HttpResponse:
    """Answer 200 when the parts that a request needs are there, 503 with the missing part's name when not."""
    parts = {"database": database_answers(), "redis": redis_answers()}
    whole = all(parts.values())
    return JsonResponse({"status": "ok" if whole else "degraded", **parts}, status=200 if whole else 503)


def database_answers() -> bool:
    """Tell whether the database answers a trivial question."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def redis_answers() -> bool:
    """Tell whether Redis keeps a value; the cache hides its own failures, so the value is read back."""
    cache.set("ready", "1", timeout=5)
    return cache.get("ready") == "1"


@login_not_required
@require_POST
def appearance(request: HttpRequest) -> HttpResponse:
    """Remember light, dark or the system's theme in a cookie and go back to where the person was."""
    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        back = "/"
    # Not ``redirect``, which would look a bare word up as a view's name.
    response = HttpResponseRedirect(back)
    theme = request.POST.get("theme", "")
    if theme in THEMES:
        name, secure = settings.THEME_COOKIE_NAME, not settings.DEBUG
        response.set_cookie(name, theme, max_age=YEAR, samesite="Lax", secure=secure, httponly=True)
    return response


@login_not_required
@require_safe
def help_page(request: HttpRequest) -> HttpResponse:
    """Say how the site works and whom to ask."""
    return render(request, "help.html", {"support_email": settings.SUPPORT_EMAIL})


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem(request, 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem(request, 404)


def too_large(request: HttpRequest) -> HttpResponse:
    """Answer 413 to a body that is larger than any form of the site's."""
    return problem(request, 413)


def too_many_requests(request: HttpRequest, retry_after: int = 0) -> HttpResponse:
    """Answer 429 with the seconds to wait, as a page for people and as JSON for programs."""
    retry_after = retry_after or allauths_wait(request)
    sentence = describe_wait(retry_after)
    if is_program(request):
        response: HttpResponse = JsonResponse({"error": sentence, "retry_after": retry_after}, status=429)
    else:
        response = problem(request, 429, sentence=sentence)
    response.headers["Retry-After"] = str(retry_after)
    return response


def allauths_wait(request: HttpRequest) -> int:
    """How long one of allauth's limits may last; while nobody counts, until somebody may count again."""
    match = request.resolver_match
    return HOUR if match and match.url_name in MAILING and redis_answers() else MINUTE


def describe_wait(seconds: int) -> str:
    """Return the sentence that says how long to wait: in seconds, or in minutes, rounded up."""
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


def is_program(request: HttpRequest) -> bool:
    """Whether the request would rather have JSON than a page."""
    if request.path_info.startswith("/api/"):
        return True
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 503 when the database is out of reach, which heals by itself, and 500 for what does not."""
    away = isinstance(sys.exc_info()[1], OperationalError)
    return problem(request, 503 if away else 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return problem(request, 403, template="403_csrf.html")


def problem(request: HttpRequest, status: int, template: str = "", **context: str) -> HttpResponse:
    """Render the page for an HTTP error with the request's id, which support can look up in the logs."""
    context["request_id"] = current_request_details().request_id
    return render(request, template or f"{status}.html", context, status=status)
