"""Where a request came from: stored with every event that it causes."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest

MAX_USER_AGENT_LENGTH: Final = 300


@dataclass(frozen=True)
class RequestDetails:
    """The client's address and user agent, and the id that is also in the response and the log."""

    ip: str = ""
    user_agent: str = ""
    request_id: str = ""


NO_REQUEST: Final = RequestDetails()

_current: ContextVar[RequestDetails] = ContextVar("request_details", default=NO_REQUEST)


def current_request_details() -> RequestDetails:
    """Return the details of the current request; all empty outside of one."""
    return _current.get()


@contextmanager
def request_details(request: HttpRequest) -> Iterator[RequestDetails]:
    """Make a request's details available while it is handled."""
    details = RequestDetails(
        ip=client_ip(request),
        user_agent=request.headers.get("User-Agent", "")[:MAX_USER_AGENT_LENGTH],
        request_id=uuid4().hex,
    )
    token = _current.set(details)
    try:
        yield details
    finally:
        _current.reset(token)


def client_ip(request: HttpRequest) -> str:
    """Return the client's address as seen by our outermost proxy (``TRUSTED_PROXY_COUNT``); empty when unknown.

    Each proxy appends the address that called it to X-Forwarded-For, so only that many entries, counted from the right,
    can be trusted; the client itself may have written the ones further left.
    """
    trusted = settings.TRUSTED_PROXY_COUNT
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
    seen = hops[-trusted] if 0 < trusted <= len(hops) else ""
    return _address(seen) or _address(request.META.get("REMOTE_ADDR", ""))


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        return ""
