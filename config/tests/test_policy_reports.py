"""The reports of policy violations that browsers send: what is stored of them, and what is not."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from config.csp import reports
from config.csp.tasks import delete_old_policy_violations
from config.models import PolicyViolation

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_cache")]

OLD, NEW = reports.CONTENT_TYPES
PAGE = "http://testserver/help/"


@pytest.fixture
def anonymous() -> Client:
    return Client(enforce_csrf_checks=True)


def make_report(page: str = PAGE, directive: str = "script-src-elem", blocked: str = "inline", source: str = "") -> Any:
    """One report as browsers without the Reporting API send it."""
    body = {
        "document-uri": page,
        "referrer": "https://mail.example/inbox?q=alice",
        "effective-directive": directive,
        "violated-directive": directive,
        "original-policy": "default-src 'none'",
        "disposition": "enforce",
        "blocked-uri": blocked,
        "source-file": source,
        "script-sample": "alice@example.com",
        "line-number": 7,
        "status-code": 200,
    }
    return {"csp-report": body}


def make_entry(page: str = PAGE, directive: str = "script-src-elem", blocked: str = "inline", source: str = "") -> Any:
    """The same report as the Reporting API sends it."""
    body = {
        "documentURL": page,
        "effectiveDirective": directive,
        "blockedURL": blocked,
        "sourceFile": source,
        "sample": "alice@example.com",
        "disposition": "enforce",
    }
    return {"age": 3, "type": "csp-violation", "url": page, "user_agent": "Mozilla/5.0", "body": body}


def send(client: Client, document: Any, content_type: str = OLD, **headers: str) -> int:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return client.post("/policy-reports/", body, content_type, headers=headers).status_code


def list_violations() -> list[tuple[object, ...]]:
    return list(PolicyViolation.objects.order_by("pk").values_list("directive", "page", "blocked", "source", "count"))


# --- Stored violations ------------------------------------------------------------------------------------


def test_it_accepts_both_formats_and_counts_equal_violations(anonymous: Client) -> None:
    assert send(anonymous, make_report()) == 204
    assert send(anonymous, [make_entry(), make_entry()], NEW) == 204
    assert list_violations() == [("script-src-elem", "/help/", "inline", "", 3)]


def test_it_stores_a_new_row_each_day() -> None:
    violation = reports.Violation("img-src", "/help/", "https://evil.example", "")
    for hour in (1, 23, 25):
        reports.record_violations([violation], at=datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=hour))
    assert sorted(PolicyViolation.objects.values_list("day", "count")) == [
        (date(2026, 11, 1), 2),
        (date(2026, 11, 2), 1),
    ]


@pytest.mark.parametrize(
    ("page", "route"),
    [
        ("http://testserver/", "/"),
        ("http://testserver/overview/?range=90&q=alice#top", "/overview/"),
        ("http://testserver/accounts/unlock/SECRET:TOKEN/", "/accounts/unlock/<str:token>/"),
        (f"http://testserver/connections/{UUID(int=7)}/import/", "/connections/<uuid:item_id>/import/"),
        ("http://testserver/no/such/alice@example.com", "?"),
        ("http://testserver", "?"),
        ("http://testserver/\ud800/\x00", "?"),
    ],
)
def test_it_stores_the_route_of_a_page_and_not_its_url(anonymous: Client, page: str, route: str) -> None:
    assert send(anonymous, make_report(page)) == 204
    assert list_violations() == [("script-src-elem", route, "inline", "", 1)]


@pytest.mark.parametrize(
    ("blocked", "stored"),
    [
        ("inline", "inline"),
        ("eval", "eval"),
        ("trusted-types-sink", "trusted-types-sink"),
        ("data", "data"),
        ("data:text/html,alice@example.com", "data"),
        ("blob:http://testserver/1", "blob"),
        ("https://evil.example/steal?card=4111#x", "https://evil.example"),
        ("https://EVIL.example:8443/a", "https://evil.example:8443"),
        ("wss://evil.example/", "wss://evil.example"),
        ("https://alice:secret@evil.example/", "?"),
        ("https://[", "?"),
        ("https://\u00e9vil.example/", "?"),
        ("https://" + "a" * 5000, "?"),
        ("chrome-extension://abcdefgh/script.js", "chrome-extension"),
        ("http://testserver/accounts/unlock/SECRET/", "self"),
        ("not a place", "?"),
        ("\x00", "?"),
        ("\ud800", "?"),
        ("", ""),
    ],
)
def test_it_stores_only_the_host_of_a_blocked_url(anonymous: Client, blocked: str, stored: str) -> None:
    assert send(anonymous, make_report(blocked=blocked)) == 204
    assert list_violations() == [("script-src-elem", "/help/", stored, "", 1)]


@pytest.mark.parametrize(
    ("source", "stored"),
    [
        ("http://testserver/static/js/charts.0a1b2c.js?alice", "/static/js/charts.0a1b2c.js"),
        ("http://testserver/static/\u00e9.js", "self"),
        ("http://testserver/connect/?x=1", "self"),
        ("https://cdn.plaid.com/link/v2/stable/link-initialize.js", "https://cdn.plaid.com"),
        ("moz-extension://1-2-3/x.js", "moz-extension"),
    ],
)
def test_it_stores_the_path_of_our_own_script(anonymous: Client, source: str, stored: str) -> None:
    assert send(anonymous, make_report(source=source)) == 204
    assert list_violations() == [("script-src-elem", "/help/", "inline", stored, 1)]


# --- Ignored and refused reports --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [
        make_report(page="https://elsewhere.example/help/"),
        make_report(page="http://testserver.evil.example/help/"),
        make_report(page=""),
        make_report(directive="x' OR 1=1"),
        make_report(directive="script-src\x00"),
        make_report(directive=""),
        {"csp-report": {}},
        {"csp-report": "text"},
        {"csp-report": {"document-uri": 5, "effective-directive": ["script-src"], "blocked-uri": None}},
        {},
        [],
        [{"type": "deprecation", "body": {"documentURL": PAGE}}],
        [{"type": "csp-violation", "body": None}],
    ],
    ids=str,
)
def test_it_ignores_reports_that_no_page_of_ours_can_cause(anonymous: Client, document: object) -> None:
    assert send(anonymous, document) == 204
    assert list_violations() == []


@pytest.mark.parametrize(
    "body",
    [b"{", b"5", b"null", b'"x"', b"[1]", b"[" * 16_000, b'{"a":' * 3_000, b"\xff\xfe", b"9" * 5_000, b"NaN"],
    ids=range(10),
)
def test_it_refuses_a_malformed_report(anonymous: Client, body: bytes) -> None:
    assert send(anonymous, body) == 400
    assert list_violations() == []


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "multipart/form-data; boundary=x", ""])
def test_it_refuses_other_content_types(anonymous: Client, content_type: str) -> None:
    assert send(anonymous, make_report(), content_type) == 415


def test_it_refuses_a_body_that_is_too_large(anonymous: Client) -> None:
    padded = json.dumps(make_report()).encode()
    padded += b" " * (reports.MAX_BYTES - len(padded))
    assert send(anonymous, padded) == 204
    assert send(anonymous, padded + b" ") == 413
    assert send(anonymous, b" " * 5_000_000) == 413


def test_it_accepts_only_a_post_to_its_own_host(anonymous: Client) -> None:
    assert anonymous.get("/policy-reports/").status_code == 405
    assert send(anonymous, make_report(), Host="evil.example") == 400
    assert list_violations() == []


# --- Limits -----------------------------------------------------------------------------------------------


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(reports, "MAX_ROWS_A_DAY", 3)
    monkeypatch.setattr(reports, "MAX_ROWS", 5)


def make_entries(count: int) -> list[Any]:
    return [make_entry(blocked=f"https://evil{number}.example/") for number in range(count)]


def test_it_reads_only_the_first_reports_of_a_batch(anonymous: Client) -> None:
    assert send(anonymous, make_entries(30), NEW) == 204
    assert len(list_violations()) == reports.MAX_REPORTS


def test_it_stores_a_limited_number_of_rows_a_day_and_continues_to_count(anonymous: Client, small_limits: None) -> None:
    assert send(anonymous, make_entries(10), NEW) == 204
    assert send(anonymous, make_entries(10), NEW) == 204
    assert [row[-1] for row in list_violations()] == [2, 2, 2]


def test_it_stores_a_limited_number_of_rows_in_total(small_limits: None) -> None:
    at = datetime(2026, 11, 1, tzinfo=UTC)
    violations = reports.parse_reports(json.dumps(make_entries(10)).encode(), host="testserver")
    for days in range(4):
        reports.record_violations(violations, at=at + timedelta(days=days))
    assert PolicyViolation.objects.count() == 5
    reports.delete_old_violations(before=at + timedelta(days=1))
    reports.record_violations(violations, at=at + timedelta(days=5))
    assert PolicyViolation.objects.count() == 5


@pytest.mark.django_db(transaction=True)
def test_it_counts_every_one_of_simultaneous_reports() -> None:
    now, violations = timezone.now(), [reports.Violation("img-src", "/help/", f"https://{n}.example", "") for n in "ab"]

    def record(number: int) -> None:
        for _ in range(5):
            reports.record_violations(violations[:: -1 if number % 2 else 1], at=now)
        connection.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(record, range(4)))
    assert [row[-1] for row in list_violations()] == [20, 20]


def test_it_deletes_violations_after_a_month() -> None:
    now = timezone.now()
    for days in (0, 29, 31):
        violation = reports.Violation("img-src", "/help/", f"https://day{days}.example", "")
        reports.record_violations([violation], at=now - timedelta(days=days))
    delete_old_policy_violations()
    assert [row[2] for row in list_violations()] == ["https://day0.example", "https://day29.example"]
