"""How often a person or an address may ask for what costs something. Every rate stands in ``LIMITS``.

django-ratelimit counts in Redis, in windows of a fixed length. Signing in has limits of its own, which allauth keeps;
``docs/headers-and-limits.md`` lists both. Redis may be away: then nobody counts, and a limit refuses all requests
but those by the methods in its ``uncounted``.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from django.http import HttpRequest, HttpResponse
from django_ratelimit.core import get_usage

from accounts.sign_in.adapter import UNKNOWN_IP
from compliance.audit.request_details import client_ip
from config import views

# Redis is back or it is not; asking sooner helps nobody.
UNCOUNTED_WAIT: Final = 60
TO_LOOK: Final = frozenset({"GET", "HEAD"})


@dataclass(frozen=True)
class Limit:
    """So many requests in a time, as in ``20/m``, to the named routes or to all paths that begin alike."""

    name: str
    rate: str
    per: Literal["user", "ip", "user_or_ip"]
    routes: frozenset[str] = frozenset()
    below: str = ""
    uncounted: frozenset[str] = frozenset()


LIMITS: Final = (
    # Each of these asks the bank, or reads everything that it ever said. Its pages can be looked at uncounted.
    Limit(
        "bank",
        "20/m",
        per="user",
        routes=frozenset({
            "connect", "reconnect", "oauth_return", "finish_link", "close_link", "refresh", "refresh_all",
            "disconnect", "transactions-csv",
        }),
        uncounted=TO_LOOK,
    ),
    # Each of these may ask the credit bureau, or hands out what it answered, or says whether that may be shown.
    Limit(
        "bureau",
        "20/m",
        per="user",
        routes=frozenset({"credit_details", "credit_pull", "credit_raw_download", "credit_identity_check"}),
        uncounted=TO_LOOK,
    ),
    # Stands before whatever is routed there, and before nothing at all: guessing at addresses counts too.
    Limit("api-auth", "10/m", per="ip", below="/api/auth/"),
    # Reserved for answers that are written at a cost; they will stand below this address.
    Limit("coach", "30/m", per="user_or_ip", below="/coach/"),
    # A few addresses of Plaid's speak for all Items. Its signature is what guards the door; this spares the processor.
    Limit("webhook", "1200/m", per="ip", routes=frozenset({"webhook-plaid"}), uncounted=frozenset({"POST"})),
    Limit("policy-reports", "30/m", per="ip", routes=frozenset({"policy_reports"})),
)  # fmt: skip


class LimitsMiddleware:
    """Refuses with 429 before a view is asked; stands after all that knows who is there and may be let in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        below = (limit for limit in LIMITS if limit.below and request.path_info.startswith(limit.below))
        return check_limits(request, below) or self.get_response(request)

    def process_view(self, request: Any, *_: object) -> HttpResponse | None:
        """Count the request against the limits of its route."""
        name = request.resolver_match.view_name
        return check_limits(request, (limit for limit in LIMITS if name in limit.routes))


def check_limits(request: HttpRequest, limits: Iterable[Limit]) -> HttpResponse | None:
    """Count a request against limits, and refuse it when one of them is used up."""
    for limit in limits:
        if wait := seconds_to_wait(request, limit):
            return views.too_many_requests(request, wait)
    return None


def seconds_to_wait(request: HttpRequest, limit: Limit) -> int:
    """Count a request, and tell how long until the next one like it may go on; 0 when this one may."""
    usage = get_usage(request, group=limit.name, key=limit.per, rate=limit.rate, increment=True)
    if usage is None or not usage["should_limit"]:
        return 0
    if usage["limit"] == 0:
        return 0 if request.method in limit.uncounted else UNCOUNTED_WAIT
    # The last second belongs to the window that is used up.
    return int(usage["time_left"]) + 1


def address(request: HttpRequest) -> str:
    """The client's address for ``RATELIMIT_IP_META_KEY``, as the audit trail has it; IPv6 counts by network."""
    return client_ip(request) or UNKNOWN_IP
