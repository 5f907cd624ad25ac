"""Parse browsers' reports of content security policy violations, remove private data, and count them.

Any client can send any report, so only known values are stored. URLs can identify users and contain keys: of our own
pages only the route is stored, of other URLs only the host, and never a query string.
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
    """The body is not a report as browsers send it."""


@dataclass(frozen=True)
class Violation:
    """The violated directive, the page's route, the blocked origin and its source. Equal ones share one row a day."""

    directive: str
    page: str
    blocked: str
    source: str


def parse_reports(body: bytes, *, host: str) -> list[Violation]:
    """Return the violations of this site's pages in a report of either format. Raises ``InvalidReport``."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidReport("The body is not JSON.") from None
    entries = document if isinstance(document, list) else [document]
    if not all(isinstance(entry, dict) for entry in entries):
        raise InvalidReport("A report is an object, or a list of them.")
    reports = normalize_entries(entries[:MAX_REPORTS])
    return [violation for report in reports if (violation := parse_violation(report, host))]


def normalize_entries(entries: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    """Yield each entry with the field names of ``parse_violation``, whichever format it has."""
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
    """Return a violation; ``None`` if the directive is unknown or the page is not ours."""
    if report["directive"] not in DEFAULT_DIRECTIVES or describe_origin(report["document"], host) != "self":
        return None
    return Violation(
        directive=report["directive"],
        page=route_pattern(report["document"]),
        blocked=describe_origin(report["blocked"], host),
        source=describe_source(report["source"], host),
    )


def route_pattern(address: str) -> str:
    """The URL pattern of one of our pages, without the ids and keys in its address."""
    try:
        return f"/{resolve(urlsplit(address).path).route}"[:200]
    except Resolver404:
        return UNKNOWN


def describe_source(address: str, host: str) -> str:
    """The path of our own script or style sheet, or the origin of any other source."""
    origin = describe_origin(address, host)
    path = urlsplit(address).path if origin == "self" else ""
    return path if path.startswith(settings.STATIC_URL) and PATH.fullmatch(path) else origin


def describe_origin(address: str, host: str) -> str:
    """The origin of a URL: a keyword, ``self``, a scheme with a host, or a scheme alone."""
    if address in KEYWORDS or not address:
        return address
    try:
        parts = urlsplit(address.lower())
    except ValueError:
        return UNKNOWN
    if not SCHEME.fullmatch(parts.scheme):
        # Chromium reports a scheme without its colon.
        return address.lower() if SCHEME.fullmatch(address.lower()) else UNKNOWN
    if parts.scheme not in WEB:
        return parts.scheme
    if parts.netloc == host.lower():
        return "self"
    return f"{parts.scheme}://{parts.netloc}" if HOST.fullmatch(parts.netloc) else UNKNOWN


def record_violations(violations: Iterable[Violation], *, at: datetime) -> None:
    """Count each violation in its row of the day. New rows are created up to the limits per day and in total.

    Concurrent reports are all counted, but may create a few more rows than the limits allow.
    """
    today = PolicyViolation.objects.filter(day=at.date())
    with transaction.atomic():
        room = min(MAX_ROWS_A_DAY - today.count(), MAX_ROWS - PolicyViolation.objects.count())
        # Always in the same order, so that concurrent reports cannot deadlock.
        for violation in sorted(violations, key=astuple):
            row = today.filter(**asdict(violation))
            if row.update(count=F("count") + 1, last_at=at) or room <= 0:
                continue
            new = PolicyViolation(day=at.date(), first_at=at, last_at=at, count=0, **asdict(violation))
            PolicyViolation.objects.bulk_create([new], ignore_conflicts=True)
            row.update(count=F("count") + 1)
            room -= 1


def delete_old_violations(*, before: datetime) -> None:
    """Delete violations that were last reported before a time."""
    PolicyViolation.objects.filter(last_at__lt=before).delete()
