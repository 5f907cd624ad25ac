"""Writing the audit trail: what is kept, for whom, and what survives a rollback."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError, connection, connections, transaction
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from compliance.audit import Action, SensitiveFieldError, record
from compliance.audit.middleware import RequestDetailsMiddleware
from compliance.audit.request_details import client_ip, current_request_details
from compliance.isolation import SYSTEM, NoTenant, current_tenant, tenant
from compliance.models import AuditEvent
from compliance.tests.conftest import everywhere
from compliance.vault import SealError
from compliance.vault.data_keys import clear_cache, shred

pytestmark = everywhere


def trail(owner: Any) -> list[AuditEvent]:
    """An owner's events in the order of their chain, as the owner sees them."""
    with tenant(owner):
        return list(AuditEvent.objects.select_related("link").order_by("link__sequence"))


def test_it_keeps_who_did_what_to_whom(alice: Any, mallory: Any) -> None:
    record(Action.CONNECT, actor=alice, subject=alice.pk, resource="item", resource_id="i-1", bank="First", rows=3)
    record(Action.OPERATOR_VIEW, actor=mallory, subject=alice, outcome="refused")
    first, second = trail(alice.pk)
    assert first.public_fields() == (alice.pk, alice.pk, "connect", "item", "i-1", "ok")
    assert first.details() == {"bank": "First", "rows": 3}
    assert second.public_fields() == (alice.pk, mallory.pk, "operator_view", "", "", "refused")
    assert (first.link.sequence, second.link.sequence) == (1, 2)
    assert first.at.tzinfo is not None


def test_it_writes_no_fact_in_the_clear(alice: Any) -> None:
    record(Action.CONNECT, subject=alice, bank="First Platypus")
    (event,) = trail(alice.pk)
    assert b"Platypus" not in bytes(event.payload)


def test_it_takes_a_stranger_for_nobody(alice: Any) -> None:
    record(Action.LOGIN_FAILED, subject=alice, actor=AnonymousUser(), outcome="refused")
    assert trail(alice.pk)[0].actor is None


def test_it_keeps_events_without_a_person_in_the_systems_trail() -> None:
    before = len(trail(SYSTEM))
    record(Action.LOGIN_FAILED, subject=None, outcome="refused")
    assert [event.action for event in trail(SYSTEM)][before:] == ["login_failed"]


def test_it_shows_each_person_their_own_trail_alone(alice: Any, mallory: Any) -> None:
    record(Action.CONNECT, subject=alice)
    record(Action.SYNC, subject=mallory)
    assert [event.action for event in trail(mallory.pk)] == ["sync"]
    with pytest.raises(NoTenant):
        AuditEvent.objects.count()


def test_it_writes_for_a_subject_other_than_the_bound_tenant(alice: Any, mallory: Any) -> None:
    with tenant(mallory.pk):
        record(Action.OPERATOR_VIEW, actor=mallory, subject=alice)
        assert current_tenant() == mallory.pk
        assert AuditEvent.objects.count() == 0
    assert len(trail(alice.pk)) == 1


def test_it_falls_with_the_transaction_of_its_deed(alice: Any) -> None:
    with transaction.atomic():
        record(Action.CONNECT, subject=alice)
        transaction.set_rollback(True)
    assert trail(alice.pk) == []


def test_it_keeps_a_durable_event_past_a_rollback(alice: Any) -> None:
    with transaction.atomic():
        record(Action.CONNECT, subject=alice)
        record(Action.CONNECT, subject=alice, outcome="refused", durable=True)
        transaction.set_rollback(True)
    (event,) = trail(alice.pk)
    assert (event.outcome, event.link.sequence) == ("refused", 1)


def test_it_keeps_a_durable_event_from_inside_a_failed_transaction(alice: Any) -> None:
    with transaction.atomic():
        with pytest.raises(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")
        record(Action.SECURITY_ALERT, subject=alice, outcome="failed", durable=True, why="broken")
        transaction.set_rollback(True)
    (event,) = trail(alice.pk)
    assert event.details() == {"why": "broken"}


def test_it_opens_no_second_connection_when_the_key_is_there(alice: Any) -> None:
    record(Action.SYNC, subject=alice)
    with CaptureQueriesContext(connections["default"]) as queries, transaction.atomic():
        record(Action.SYNC, subject=alice)
    assert len([q for q in queries if "INSERT INTO audit_event" in q["sql"]]) == 1


# --- Details ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "details",
    [
        {"access_token": "x"},
        {"password": "x"},
        {"Authorization": "x"},
        {"api-key": "x"},
        {"body": {"secret": "x"}},
        {"rows": [{"deep": {"PIN": "1234"}}]},
        {"session": "x"},
    ],
)
def test_it_refuses_facts_that_are_named_like_secrets(alice: Any, details: dict[str, Any]) -> None:
    with pytest.raises(SensitiveFieldError) as caught:
        record(Action.CONNECT, subject=alice, **details)
    assert "1234" not in str(caught.value)
    assert trail(alice.pk) == []


@pytest.mark.parametrize("name", ["tokenizer", "spinner", "keyboard", "institution_id", "compass"])
def test_it_takes_names_that_only_contain_such_a_word(alice: Any, name: str) -> None:
    record(Action.CONNECT, subject=alice, **{name: 1})
    assert trail(alice.pk)[0].details() == {name: 1}


def test_it_cuts_long_facts_and_drops_a_flood_of_them(alice: Any) -> None:
    record(Action.SYNC, subject=alice, text="x" * 10_000)
    record(Action.SYNC, subject=alice, flood=["x" * 400] * 100)
    cut, flood = (event.details() for event in trail(alice.pk))
    assert len(cut["text"]) == 500
    assert cut["text"].endswith("x…")
    assert flood == {"too_large": ["flood"]}


def test_it_keeps_amounts_exactly_and_odd_text_whole(alice: Any) -> None:
    odd = "\0 \ud800 'quoted' 😀"
    record(Action.SYNC, subject=alice, amount=Decimal("0.10"), nobody=uuid4(), odd=odd)
    details = trail(alice.pk)[0].details()
    assert details["amount"] == "0.10"
    assert details["odd"] == odd


def test_it_refuses_a_secret_as_a_fact(alice: Any, make_box: Any) -> None:
    with pytest.raises(TypeError):
        record(Action.CONNECT, subject=alice, what=make_box(alice).token)


# --- Where a request came from ----------------------------------------------------------------------------


def request_from(remote: str, forwarded: str = "", agent: str = "Firefox") -> HttpRequest:
    headers = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    return RequestFactory().get("/", REMOTE_ADDR=remote, HTTP_USER_AGENT=agent, **headers)


@pytest.mark.parametrize(
    ("trusted", "remote", "forwarded", "seen"),
    [
        (0, "192.0.2.1", "", "192.0.2.1"),
        (0, "192.0.2.1", "203.0.113.9", "192.0.2.1"),
        (1, "10.0.0.1", "203.0.113.9", "203.0.113.9"),
        (1, "10.0.0.1", "198.51.100.66, 203.0.113.9", "203.0.113.9"),
        (2, "10.0.0.1", "198.51.100.66, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "10.0.0.1", "203.0.113.9", "10.0.0.1"),
        (1, "10.0.0.1", "", "10.0.0.1"),
        (1, "10.0.0.1", "<script>", "10.0.0.1"),
        (1, "10.0.0.1", "2001:db8::1", "2001:db8::1"),
        (0, "", "", ""),
    ],
)
def test_it_believes_only_our_own_proxies(settings: Any, trusted: int, remote: str, forwarded: str, seen: str) -> None:
    settings.TRUSTED_PROXY_COUNT = trusted
    assert client_ip(request_from(remote, forwarded)) == seen


def test_it_keeps_address_program_and_id_with_an_event_and_names_the_id_in_the_answer(alice: Any) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        record(Action.CONNECT, subject=alice, bank="First")
        return HttpResponse()

    response = RequestDetailsMiddleware(view)(request_from("192.0.2.1", agent="Firefox/" + "9" * 1000))
    details = trail(alice.pk)[0].details()
    assert details["ip"] == "192.0.2.1"
    assert details["user_agent"] == "Firefox/" + "9" * 292
    assert details["request_id"] == response.headers["X-Request-ID"]
    assert details["bank"] == "First"
    assert current_request_details().request_id == ""


# --- Forgetting -------------------------------------------------------------------------------------------


def test_it_keeps_the_skeleton_of_an_erased_persons_trail_and_nothing_else(alice: Any) -> None:
    record(Action.CONNECT, subject=alice, bank="First")
    shred(alice.pk)
    clear_cache()
    (event,) = trail(alice.pk)
    assert event.action == "connect"
    with pytest.raises(SealError):
        event.details()


def test_it_refuses_a_payload_that_was_moved_to_another_event(alice: Any) -> None:
    record(Action.CONNECT, subject=alice, bank="First")
    record(Action.DISCONNECT, subject=alice, bank="First")
    connect, disconnect = trail(alice.pk)
    disconnect.payload = connect.payload
    with pytest.raises(SealError):
        disconnect.details()
