"""Where a request came from: kept beside every event that it causes."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest

LONGEST_AGENT: Final = 300


@dataclass(frozen=True)
class RequestFacts:
    """The address and program that asked, and the id that the answer and the log carry too."""

    ip: str = ""
    user_agent: str = ""
    request_id: str = ""


NO_REQUEST: Final = RequestFacts()

_current: ContextVar[RequestFacts] = ContextVar("request_facts", default=NO_REQUEST)


def current_facts() -> RequestFacts:
    """Facts of the request that is being answered; all empty outside of one."""
    return _current.get()


@contextmanager
def facts_of(request: HttpRequest) -> Iterator[RequestFacts]:
    """Keep a request's facts at hand while it is being answered."""
    facts = RequestFacts(
        ip=client_ip(request),
        user_agent=request.headers.get("User-Agent", "")[:LONGEST_AGENT],
        request_id=uuid4().hex,
    )
    token = _current.set(facts)
    try:
        yield facts
    finally:
        _current.reset(token)


def client_ip(request: HttpRequest) -> str:
    """The address of the client, as seen by the outermost proxy of ours (``TRUSTED_PROXY_COUNT``).

    Each proxy appends the address it was called from to X-Forwarded-For, so only that many entries, counted
    from the right, are true; whatever stands further left the client wrote itself. Empty when unknown.
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
