"""The activity log: a person's own audit trail in words, its filters, its file, and whether it verifies."""

import ast
import csv
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.privacy.activity import csv_export, events, labels, trail_status
from compliance.audit import Action, record
from compliance.audit.daily_access import DataKind, record_data_access, record_days_of
from compliance.audit.events import AuditEvent, TrailVerification
from compliance.audit.faults import ChainFault
from compliance.audit.recording import Outcome
from compliance.consent import Purpose
from compliance.isolation import tenant
from compliance.tasks import verify_audit_trail
from compliance.vault.data_keys import clear_cache
from ui.tests.page_text import visible_text

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_cache")]

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; rv:130.0) Gecko/20100101 Firefox/130.0"
APPS = ("accounts", "banking", "compliance", "credit", "insights")


def read_page(client: Client, **query: str) -> str:
    response = client.get(reverse("activity"), query)
    assert response.status_code == 200
    return visible_text(response)


def list_actions(client: Client, **query: str) -> list[str]:
    """Return the codes of the events on the page, newest first."""
    response = client.get(reverse("activity"), query)
    assert response.status_code == 200
    return [event.code for event in response.context["events"]]


# --- Words ------------------------------------------------------------------------------------------------


def test_every_action_has_a_label_and_a_group() -> None:
    assert set(labels.ACTION_LABELS) == set(Action)
    grouped = [action for _label, actions in labels.GROUPS.values() for action in actions]
    assert sorted(grouped) == sorted(Action)


def test_every_kind_outcome_and_fault_has_words() -> None:
    assert set(labels.KIND_LABELS) == set(DataKind)
    assert set(labels.OUTCOME_LABELS) == set(get_args(Outcome))
    assert set(trail_status.FAULT_SENTENCES) == set(ChainFault)


def list_recorded_resources() -> set[str]:
    """Return every text that is passed as ``resource`` to ``record`` in the code of the apps."""
    paths = [path for app in APPS for path in (django_settings.BASE_DIR / app).rglob("*.py")]
    trees = [ast.parse(path.read_text()) for path in paths if "tests" not in Path(path).parts]
    return {
        keyword.value.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "resource" and isinstance(keyword.value, ast.Constant) and keyword.value.value
    }


def test_everything_that_events_are_about_has_words() -> None:
    resources = list_recorded_resources() | {str(purpose) for purpose in Purpose}
    assert {"item", "ssn"} <= resources
    # In the system's own trail, which nobody's page shows.
    assert resources - {"audit trail"} <= set(labels.RESOURCE_LABELS)


def test_it_shows_what_the_site_did_and_that_it_failed(as_alice: Client, alice: User) -> None:
    record(Action.CREDIT_PULL, subject=alice, resource="pull_attempt", resource_id=str(uuid4()), outcome="failed")
    (event,) = as_alice.get(reverse("activity"), {"group": "credit"}).context["events"]
    assert (event.action, event.subject_matter, event.by) == ("Credit report requested", "Credit report", "Plumbline")
    assert (event.device, event.ip, event.outcome, event.is_ok) == ("", "", "Failed", False)


def test_it_shows_where_a_request_came_from(as_alice: Client, alice: User) -> None:
    as_alice.post(reverse("verify_activity"), REMOTE_ADDR="192.0.2.7", headers={"user-agent": FIREFOX})
    as_alice.get(reverse("transactions-csv"), REMOTE_ADDR="192.0.2.7", headers={"user-agent": FIREFOX})
    assert "Transactions downloaded" in (text := read_page(as_alice))
    assert "You Firefox on Windows 192.0.2.7 Completed" in text


def test_it_says_who_did_it(as_alice: Client, alice: User, mallory: User) -> None:
    record(Action.OPERATOR_VIEW, actor=mallory, subject=alice, resource="user", what="accounts.user", role="Support")
    record(Action.LOGIN_FAILED, subject=alice, outcome="refused")
    text = read_page(as_alice)
    assert "Viewed by an administrator" in text
    assert "An administrator" in text
    assert "Someone who wasn't signed in" in text
    assert mallory.email not in text


def test_it_shows_no_address_and_browser_of_an_administrator(as_alice: Client, alice: User, mallory: User) -> None:
    """Neither of events that were written with them, as they once were."""
    client = {"ip": "203.0.113.9", "user_agent": FIREFOX}
    record(Action.OPERATOR_VIEW, actor=mallory, subject=alice, what="accounts.user", **client)
    record(Action.CONNECT, actor=alice, subject=alice, **client)
    connect, view = as_alice.get(reverse("activity")).context["events"][:2]
    assert (view.code, view.device, view.ip) == ("operator_view", "", "")
    assert (connect.code, connect.device, connect.ip) == ("connect", "Firefox on Windows", "203.0.113.9")


@pytest.mark.django_db(transaction=True, databases=["default", "ops"])
def test_it_shows_an_event_whose_details_are_unreadable(
    as_alice: Client, alice: User, damage_keys: Callable[..., None]
) -> None:
    record(Action.CONNECT, subject=alice, resource="item")
    damage_keys(alice.pk)
    record(Action.DISCONNECT, subject=alice, resource="item")
    clear_cache()
    text = read_page(as_alice)
    assert text.count("Details unreadable") >= 2
    assert "Bank connected" in text
    assert "Bank disconnected" in text


def test_it_shows_an_action_of_another_version_as_it_is_stored(alice: User) -> None:
    assert labels.describe_action("grown_in_v9") == "grown_in_v9"
    assert events.describe_kind("holdings") == "holdings"


# --- Whose, and which -------------------------------------------------------------------------------------


def test_it_shows_nobody_elses_events(as_mallory: Client, alice: User) -> None:
    record(Action.CONNECT, subject=alice, actor=alice)
    assert "connect" not in list_actions(as_mallory)


def test_it_filters_by_group_person_and_day(as_alice: Client, alice: User, mallory: User) -> None:
    record(Action.CONNECT, subject=alice, actor=alice)
    record(Action.SYNC, subject=alice)
    record(Action.OPERATOR_VIEW, subject=alice, actor=mallory, what="accounts.user")
    assert list_actions(as_alice, group="banks") == ["sync", "connect"]
    assert list_actions(as_alice, group="banks", by="you") == ["connect"]
    assert list_actions(as_alice, group="banks", by="site") == ["sync"]
    assert list_actions(as_alice, by="administrator") == ["operator_view"]
    today, day = timezone.localdate(), timedelta(days=1)
    assert len(list_actions(as_alice, since=str(today), until=str(today))) >= 3
    assert list_actions(as_alice, since=str(today + day)) == []
    assert list_actions(as_alice, until=str(today - day)) == []


@pytest.mark.parametrize("on", ["0001-01-01", "9999-12-31"])
def test_it_accepts_days_at_the_ends_of_the_calendar(as_alice: Client, on: str) -> None:
    assert as_alice.get(reverse("activity"), {"since": on}).status_code == 200
    assert as_alice.get(reverse("activity"), {"until": on}).status_code == 200


@pytest.mark.parametrize("query", [{"group": "x"}, {"since": "yesterday"}, {"by": "god"}, {"until": "2026-13-01"}])
def test_it_explains_an_invalid_filter(as_alice: Client, query: dict[str, str]) -> None:
    response = as_alice.get(reverse("activity"), query)
    assert response.status_code == 422
    assert "There's a problem" in visible_text(response)


def test_it_pages_through_all_events_once(as_alice: Client, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "PAGE_SIZE", 3)
    for number in range(7):
        record(Action.SYNC, subject=alice, number=number)
    found, query = [], "?group=banks"
    while query:
        response = as_alice.get(reverse("activity") + query)
        found += [event.id for event in response.context["events"]]
        query = response.context["older_url"]
    assert len(found) == 7
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize("before", ["x", "-1", "9" * 40, "1; DROP", ""])
def test_it_shows_the_first_page_for_an_invalid_position(as_alice: Client, alice: User, before: str) -> None:
    record(Action.SYNC, subject=alice)
    assert "sync" in list_actions(as_alice, before=before)


# --- Views of data ----------------------------------------------------------------------------------------


def test_it_shows_todays_views_and_then_their_events(as_alice: Client, alice: User) -> None:
    with tenant(alice.pk):
        record_data_access(alice.pk, DataKind.BALANCES)
    tomorrow = (timezone.now().astimezone(UTC) + timedelta(days=1)).date()
    assert "Viewed today Bank accounts and balances on" in read_page(as_alice)
    record_days_of(owner=alice.pk, today=tomorrow)
    text = read_page(as_alice)
    assert "Viewed today" not in text
    assert "Your data viewed Bank accounts and balances on" in text
    assert ", once" in text


# --- The file ---------------------------------------------------------------------------------------------


def download(client: Client, **query: str) -> list[list[str]]:
    response = client.get(reverse("activity_csv"), query)
    assert response.status_code == 200
    return list(csv.reader(b"".join(response.streaming_content).decode().splitlines()))


@pytest.fixture
def fresh(as_alice: Client, alice: User, with_second_factor: Callable[..., Client]) -> Client:
    """Alice, who has just entered a code."""
    return with_second_factor(as_alice, alice)


def test_its_file_needs_a_fresh_sign_in(as_alice: Client, fresh: Client, time_machine: Any) -> None:
    assert fresh.get(reverse("activity_csv")).status_code == 200
    time_machine.move_to(timezone.now() + timedelta(minutes=6))
    assert fresh.get(reverse("activity_csv")).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_its_file_has_every_filtered_event_and_its_place_in_the_chain(
    fresh: Client, alice: User, mallory: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_export, "CHUNK_SIZE", 2)
    for action in (Action.CONNECT, Action.SYNC, Action.SYNC, Action.DISCONNECT):
        record(action, subject=alice, actor=alice, resource="item")
    record(Action.CONNECT, subject=mallory)
    header, *rows = download(fresh, group="banks")
    assert tuple(header) == csv_export.COLUMNS
    column = header.index
    assert [row[column("Code")] for row in rows] == ["disconnect", "sync", "sync", "connect"]
    assert rows[-1][column("Other name of the code")] == "plaid_account_connected"
    entries = [int(row[column("Entry")]) for row in rows]
    assert entries == sorted(entries, reverse=True)
    assert all(len(row[column("Hash")]) == 64 for row in rows)
    assert datetime.fromisoformat(rows[0][0]).tzinfo is not None


def test_its_file_is_recorded(fresh: Client, alice: User) -> None:
    download(fresh)
    assert "data_export" in list_actions(fresh, group="views")


# --- Verification -----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True, databases=["default", "ops"])
def test_it_verifies_on_request_and_keeps_the_result(as_alice: Client, alice: User, mallory: User) -> None:
    TrailVerification.objects.using("ops").all().delete()
    assert "Not verified yet." in read_page(as_alice)
    for _ in range(3):
        record(Action.SYNC, subject=alice)
    response = as_alice.post(reverse("verify_activity"))
    assert response.headers["Location"] == reverse("activity")
    with tenant(alice.pk):
        verification = TrailVerification.objects.get()
        count = AuditEvent.objects.count()
    assert (verification.events, verification.fault) == (count, "")
    assert f"Verified: {count} entries, " in read_page(as_alice)
    with tenant(mallory.pk):
        assert not TrailVerification.objects.exists()


@pytest.mark.django_db(transaction=True, databases=["default", "ops"])
def test_the_nightly_job_verifies_everyones(as_alice: Client, alice: User) -> None:
    record(Action.SYNC, subject=alice)
    verify_audit_trail()
    assert "Verified: " in read_page(as_alice)


@pytest.mark.django_db(transaction=True, databases=["default", "ops"])
@pytest.mark.parametrize("fault", list(ChainFault))
def test_it_says_what_is_wrong_with_a_broken_chain(as_alice: Client, alice: User, fault: ChainFault) -> None:
    with tenant(alice.pk):
        TrailVerification.objects.create(owner=alice.pk, at=timezone.now(), events=5, fault=fault, sequence=3)
    text = read_page(as_alice)
    assert "Problem found at entry 3, " in text
    assert str(trail_status.FAULT_SENTENCES[fault]) in text
    assert "Verified:" not in text


def test_it_limits_how_often_it_verifies(as_alice: Client) -> None:
    statuses = [as_alice.post(reverse("verify_activity")).status_code for _ in range(8)]
    assert statuses[0] == 302
    assert statuses[-1] == 429
