"""Rate limits per user or IP address for expensive requests, all listed in ``LIMITS``.

django-ratelimit counts in Redis, in windows of a fixed length. Sign-in has its own limits, by allauth;
``docs/headers-and-limits.md`` lists both. While Redis is unavailable nothing is counted, and a limit refuses all
requests except those with a method in its ``uncounted``.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from django.http import HttpRequest, HttpResponse
from django_ratelimit import ALL
from django_ratelimit.core import get_usage

from accounts.sign_in.adapter import UNKNOWN_IP
from banking.views.webhooks import UnverifiedWebhookResponse
from compliance.audit.request_details import client_ip
from config import views

# In seconds: the Retry-After of responses while Redis is unavailable.
UNCOUNTED_WAIT: Final = 60
SAFE_METHODS: Final = frozenset({"GET", "HEAD"})


@dataclass(frozen=True)
class Limit:
    """A rate such as ``20/m`` for some routes, or for all paths that start with ``below``."""

    name: str
    rate: str
    per: Literal["user", "ip", "user_or_ip"]
    routes: frozenset[str] = frozenset()
    below: str = ""
    uncounted: frozenset[str] = frozenset()
    # Only requests with one of these methods count; by default all do.
    methods: tuple[str | None, ...] = ALL
    # Only requests with a response of this class count, after the view; by default all do, before it.
    counted_response: type[HttpResponse] | None = None


LIMITS: Final = (
    # These call the provider, or read all transactions or events. Viewing the pages is possible without a count.
    Limit(
        "bank",
        "20/m",
        per="user",
        routes=frozenset({
            "connect", "reconnect", "choose_accounts", "oauth_return", "finish_link", "close_link", "hosted_link",
            "hosted_return", "refresh", "refresh_all", "disconnect", "remove_account", "add_account_again",
            "transactions-csv", "activity_csv",
        }),
        uncounted=SAFE_METHODS,
    ),
    # These may call the credit bureau, download its report, or decide whether it may be shown.
    Limit(
        "bureau",
        "20/m",
        per="user",
        routes=frozenset({"credit_details", "credit_pull", "credit_raw_download", "credit_identity_check"}),
        uncounted=SAFE_METHODS,
    ),
    # Recomputes every hash of the user's own audit trail.
    Limit("verify", "6/m", per="user", routes=frozenset({"verify_activity"}), uncounted=SAFE_METHODS),
    # Each change of a consent is kept for ever.
    Limit("consent", "30/h", per="user", routes=frozenset({"change_consent"})),
    # Each is recorded, and most send an email. The pages are public or informative, so that only sending their forms
    # counts; and whoever wants to withdraw, to opt out, to be deleted or to stay can do it without a count.
    Limit(
        "privacy",
        "30/h",
        per="user_or_ip",
        routes=frozenset({
            "withdraw_bank_data", "do_not_sell", "delete_account", "erase_account", "cancel_deletion",
            "cancel_deletion_by_link",
        }),
        uncounted=frozenset({"POST"}),
        methods=("POST",),
    ),
    # The preview reads all transactions, and each change is recorded and can send an email.
    Limit("retention", "60/h", per="user", routes=frozenset({"change_retention"}), uncounted=SAFE_METHODS),
    # These prepare or send everything about a user.
    Limit(
        "export",
        "30/h",
        per="user",
        routes=frozenset({"request_export", "download_export", "send_export", "delete_export"}),
        uncounted=SAFE_METHODS,
    ),
    # Sends the same file to everyone, so it goes on without a count.
    Limit("verifier", "30/h", per="user_or_ip", routes=frozenset({"download_verifier"}), uncounted=SAFE_METHODS),
    # Applies to all paths, also to those without a route, so that guesses of paths count too.
    Limit("api-auth", "10/m", per="ip", below="/api/auth/"),
    # Reserved for generated responses, which will be below this path and cost money.
    Limit("coach", "30/m", per="user_or_ip", below="/coach/"),
    # Plaid sends the webhooks of all Items from a few addresses, and hundreds a second in a burst. So only those count
    # that could not be verified, because to verify is what a flood of them would cost.
    Limit(
        "webhook",
        "120/m",
        per="ip",
        routes=frozenset({"webhook-plaid"}),
        uncounted=frozenset({"POST"}),
        counted_response=UnverifiedWebhookResponse,
    ),
    Limit("policy-reports", "30/m", per="ip", routes=frozenset({"policy_reports"})),
)  # fmt: skip


class LimitsMiddleware:
    """Responds with 429 before the view runs. Must come after the middleware that authenticates and authorizes."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        below = (limit for limit in LIMITS if limit.below and request.path_info.startswith(limit.below))
        return check_limits(request, below) or count_response(request, self.get_response(request))

    def process_view(self, request: Any, *_: object) -> HttpResponse | None:
        """Count the request against the limits of its route."""
        return check_limits(request, list_limits(request))


def list_limits(request: HttpRequest) -> list[Limit]:
    """Return the limits of the request's route; none if no route was found for it."""
    match = request.resolver_match
    return [limit for limit in LIMITS if match and match.view_name in limit.routes]


def count_response(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Count a request against the limits that depend on its response, and return the response."""
    for limit in list_limits(request):
        if limit.counted_response is not None and isinstance(response, limit.counted_response):
            read_usage(request, limit, increment=True)
    return response


def check_limits(request: HttpRequest, limits: Iterable[Limit]) -> HttpResponse | None:
    """Count a request against limits. Return a refusal if one of them is exceeded."""
    for limit in limits:
        if wait := seconds_to_wait(request, limit):
            return views.too_many_requests(request, wait)
    return None


def seconds_to_wait(request: HttpRequest, limit: Limit) -> int:
    """Count a request, unless its response decides that. Return the seconds to wait, or 0 if the request is allowed.

    A limit that counts responses allows no further request once so many have been counted.
    """
    usage = read_usage(request, limit, increment=limit.counted_response is None)
    if usage is None or not is_exceeded(usage, limit):
        return 0
    if usage["limit"] == 0:
        return 0 if request.method in limit.uncounted else UNCOUNTED_WAIT
    # The last second still belongs to the exhausted window.
    return int(usage["time_left"]) + 1


def read_usage(request: HttpRequest, limit: Limit, *, increment: bool) -> dict[str, Any] | None:
    """Return django-ratelimit's count of the current window; ``None`` if the limit does not apply to the request."""
    usage: dict[str, Any] | None = get_usage(
        request, group=limit.name, key=limit.per, rate=limit.rate, method=limit.methods, increment=increment
    )
    return usage


def is_exceeded(usage: dict[str, Any], limit: Limit) -> bool:
    """Whether a request has to be refused. django-ratelimit expects the count to include the request itself."""
    if limit.counted_response is None or usage["limit"] == 0:
        return bool(usage["should_limit"])
    return bool(usage["count"] >= usage["limit"])


def address(request: HttpRequest) -> str:
    """Return the client's IP address for ``RATELIMIT_IP_META_KEY``, as in the audit trail. IPv6 counts by network."""
    return client_ip(request) or UNKNOWN_IP
