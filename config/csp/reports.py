"""What browsers report of pages that broke the content security policy: read, stripped, counted.

Anybody may send anything here, so only what fits a list of ours is kept. Addresses name people and carry keys: of
our own pages the route is kept, of other places the host, of nothing the query.
Source: https://w3c.github.io/webappsec-csp/#reporting and https://w3c.github.io/reporting/
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from csp.utils import DEFAULT_DIRECTIVES
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.urls import Resolver404, resolve

from config.csp.models import PolicyViolation

CONTENT_TYPES: Final = ("application/csp-report", "application/reports+json")
MOST_BYTES: Final = 16_384
MOST_AT_ONCE: Final = 20
MOST_A_DAY: Final = 200
MOST: Final = 2_000

KEYWORDS: Final = frozenset({"inline", "eval", "wasm-eval", "self", "trusted-types-policy", "trusted-types-sink"})
WEB: Final = frozenset({"http", "https", "ws", "wss"})
SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]{0,30}")
HOST: Final = re.compile(r"[a-z0-9.:\[\]-]{1,100}")
PATH: Final = re.compile(r"/[A-Za-z0-9/._-]{1,199}")
UNKNOWN: Final = "?"
# Any number will do, as long as nothing else locks it.
COUNTING: Final = 4_190_001


class Unreadable(ValueError):
    """The body is not what browsers send."""


@dataclass(frozen=True)
class Violation:
    """What was broken, on which route, by something from where; equal ones are one row a day."""

    directive: str
    page: str
    blocked: str
    source: str


def read(body: bytes, *, host: str) -> list[Violation]:
    """The violations of this site's pages in a report of either format. Raises ``Unreadable``."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise Unreadable("The body is no JSON.") from None
    entries = told if isinstance(told, list) else [told]
    if not all(isinstance(entry, dict) for entry in entries):
        raise Unreadable("A report is an object, or a list of them.")
    return [found for each in described(entries[:MOST_AT_ONCE]) if (found := violation(each, host))]


def described(entries: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    """Yield what each entry says, under the names of the newer format."""
    for entry in entries:
        if entry.get("type") == "csp-violation":
            said, names = entry.get("body"), ("documentURL", "effectiveDirective", "blockedURL", "sourceFile")
        else:
            said, names = entry.get("csp-report"), ("document-uri", "effective-directive", "blocked-uri", "source-file")
        if isinstance(said, dict):
            values = [said.get(name) for name in names]
            yield {
                name: value if isinstance(value, str) else ""
                for name, value in zip(("document", "directive", "blocked", "source"), values, strict=True)
            }


def violation(said: Mapping[str, str], host: str) -> Violation | None:
    """What is worth keeping of one report; None when it speaks of no directive, or of another site's page."""
    if said["directive"] not in DEFAULT_DIRECTIVES or origin(said["document"], host) != "self":
        return None
    return Violation(
        directive=said["directive"],
        page=route(said["document"]),
        blocked=origin(said["blocked"], host),
        source=source(said["source"], host),
    )


def route(address: str) -> str:
    """The pattern that one of our addresses follows, without the ids and keys in it."""
    try:
        return f"/{resolve(urlsplit(address).path).route}"[:200]
    except Resolver404:
        return UNKNOWN


def source(address: str, host: str) -> str:
    """Which of our scripts or styles did it, or else where it came from."""
    place = origin(address, host)
    path = urlsplit(address).path if place == "self" else ""
    return path if path.startswith(settings.STATIC_URL) and PATH.fullmatch(path) else place


def origin(address: str, host: str) -> str:
    """Where something comes from: a keyword, ``self``, a host with its scheme, or a scheme alone."""
    if address in KEYWORDS or not address:
        return address
    try:
        parts = urlsplit(address.lower())
    except ValueError:
        return UNKNOWN
    if not SCHEME.fullmatch(parts.scheme):
        # Chromium names a scheme without its colon.
        return address.lower() if SCHEME.fullmatch(address.lower()) else UNKNOWN
    if parts.scheme not in WEB:
        return parts.scheme
    if parts.netloc == host.lower():
        return "self"
    return f"{parts.scheme}://{parts.netloc}" if HOST.fullmatch(parts.netloc) else UNKNOWN


def keep(violations: Iterable[Violation], *, at: datetime) -> None:
    """Count each violation in its row of the day; a new row is made while the day and the table have room."""
    with transaction.atomic(), connection.cursor() as cursor:
        # One report at a time, so that no two of them fill the same last place.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [COUNTING])
        today = PolicyViolation.objects.filter(day=at.date())
        room = min(MOST_A_DAY - today.count(), MOST - PolicyViolation.objects.count())
        for each in violations:
            if today.filter(**asdict(each)).update(count=F("count") + 1, last_at=at) or room <= 0:
                continue
            PolicyViolation.objects.create(day=at.date(), first_at=at, last_at=at, **asdict(each))
            room -= 1


def forget_old(*, before: datetime) -> None:
    """Delete what was last seen before a time, so that the table has room for what happens now."""
    PolicyViolation.objects.filter(last_at__lt=before).delete()
