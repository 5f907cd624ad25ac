"""What browsers report of pages that broke the content security policy: read, stripped, counted.

Anybody may send anything here, so only what fits a list of ours is kept. Addresses name people and carry keys: of
our own pages the route is kept, of other places the host, of nothing the query.
Source: https://w3c.github.io/webappsec-csp/#reporting and https://w3c.github.io/reporting/
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, astuple, dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from csp.utils import DEFAULT_DIRECTIVES
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.urls import Resolver404, resolve

from config.csp.models import PolicyViolation

CONTENT_TYPES: Final = ("application/csp-report", "application/reports+json")
MAX_BYTES: Final = 16_384
MAX_REPORTS: Final = 20
MAX_ROWS_A_DAY: Final = 200
MAX_ROWS: Final = 2_000

KEYWORDS: Final = frozenset({"inline", "eval", "wasm-eval", "self", "trusted-types-policy", "trusted-types-sink"})
WEB: Final = frozenset({"http", "https", "ws", "wss"})
SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]{0,30}")
HOST: Final = re.compile(r"[a-z0-9.:\[\]-]{1,100}")
PATH: Final = re.compile(r"/[A-Za-z0-9/._-]{1,199}")
UNKNOWN: Final = "?"


class InvalidReport(ValueError):
    """The body is not what browsers send."""


@dataclass(frozen=True)
class Violation:
    """What was broken, on which route, by something from where; equal ones are one row a day."""

    directive: str
    page: str
    blocked: str
    source: str


def parse_reports(body: bytes, *, host: str) -> list[Violation]:
    """The violations of this site's pages in a report of either format. Raises ``Unreadable``."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidReport("The body is no JSON.") from None
    entries = document if isinstance(document, list) else [document]
    if not all(isinstance(entry, dict) for entry in entries):
        raise InvalidReport("A report is an object, or a list of them.")
    reports = normalize_entries(entries[:MAX_REPORTS])
    return [violation for report in reports if (violation := parse_violation(report, host))]


def normalize_entries(entries: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    """Yield what each entry says, under the names of the newer format."""
    for entry in entries:
        if entry.get("type") == "csp-violation":
            report, names = entry.get("body"), ("documentURL", "effectiveDirective", "blockedURL", "sourceFile")
        else:
            report, names = (
                entry.get("csp-report"),
                ("document-uri", "effective-directive", "blocked-uri", "source-file"),
            )
        if isinstance(report, dict):
            values = [report.get(name) for name in names]
            yield {
                name: value if isinstance(value, str) else ""
                for name, value in zip(("document", "directive", "blocked", "source"), values, strict=True)
            }


def parse_violation(report: Mapping[str, str], host: str) -> Violation | None:
    """What is worth keeping of one report; None when it speaks of no directive, or of another site's page."""
    if report["directive"] not in DEFAULT_DIRECTIVES or describe_origin(report["document"], host) != "self":
        return None
    return Violation(
        directive=report["directive"],
        page=route_pattern(report["document"]),
        blocked=describe_origin(report["blocked"], host),
        source=describe_source(report["source"], host),
    )


def route_pattern(address: str) -> str:
    """The pattern that one of our addresses follows, without the ids and keys in it."""
    try:
        return f"/{resolve(urlsplit(address).path).route}"[:200]
    except Resolver404:
        return UNKNOWN


def describe_source(address: str, host: str) -> str:
    """Which of our scripts or styles did it, or else where it came from."""
    place = describe_origin(address, host)
    path = urlsplit(address).path if place == "self" else ""
    return path if path.startswith(settings.STATIC_URL) and PATH.fullmatch(path) else place


def describe_origin(address: str, host: str) -> str:
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


def record_violations(violations: Iterable[Violation], *, at: datetime) -> None:
    """Count each violation in its row of the day; a new row is made while the day and the table have room.

    Reports that come at the same moment are all counted. They may each take the last place, so that a few rows more
    are made than there is room for.
    """
    today = PolicyViolation.objects.filter(day=at.date())
    with transaction.atomic():
        room = min(MAX_ROWS_A_DAY - today.count(), MAX_ROWS - PolicyViolation.objects.count())
        # In one order for everybody, so that no two reports wait for each other's rows.
        for violation in sorted(violations, key=astuple):
            row = today.filter(**asdict(violation))
            if row.update(count=F("count") + 1, last_at=at) or room <= 0:
                continue
            new = PolicyViolation(day=at.date(), first_at=at, last_at=at, count=0, **asdict(violation))
            PolicyViolation.objects.bulk_create([new], ignore_conflicts=True)
            row.update(count=F("count") + 1)
            room -= 1


def delete_old_violations(*, before: datetime) -> None:
    """Delete what was last seen before a time, so that the table has room for what happens now."""
    PolicyViolation.objects.filter(last_at__lt=before).delete()
