"""Recording events in the audit trail: their content, their subject, and what survives a rollback."""

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
from compliance.audit.chain import Verification
from compliance.audit.middleware import RequestDetailsMiddleware
from compliance.audit.payload import DetailsNotSealed
from compliance.audit.request_details import client_ip, current_request_details
from compliance.isolation import SYSTEM, NoTenant, current_tenant, tenant
from compliance.models import AuditEvent
from compliance.tests.conftest import default_and_ops
from compliance.vault import SealError
from compliance.vault.data_keys import clear_cache, shred

pytestmark = default_and_ops


def list_trail(owner: Any) -> list[AuditEvent]:
    """Return an owner's events in the order of their chain, as the owner sees them."""
    with tenant(owner):
        return list(AuditEvent.objects.select_related("link").order_by("link__sequence"))


def test_it_stores_actor_subject_action_and_details(alice: Any, mallory: Any) -> None:
    record(Action.CONNECT, actor=alice, subject=alice.pk, resource="item", resource_id="i-1", bank="First", rows=3)
    record(Action.OPERATOR_VIEW, actor=mallory, subject=alice, outcome="refused")
    first, second = list_trail(alice.pk)
    assert first.public_fields() == (alice.pk, alice.pk, "connect", "item", "i-1", "ok")
    assert first.details() == {"bank": "First", "rows": 3}
    assert second.public_fields() == (alice.pk, mallory.pk, "operator_view", "", "", "refused")
    assert (first.link.sequence, second.link.sequence) == (1, 2)
    assert first.at.tzinfo is not None


def test_it_encrypts_the_details(alice: Any) -> None:
    record(Action.CONNECT, subject=alice, bank="First Platypus")
    (event,) = list_trail(alice.pk)
    assert b"Platypus" not in bytes(event.payload)


def test_it_stores_no_actor_for_an_anonymous_user(alice: Any) -> None:
    record(Action.LOGIN_FAILED, subject=alice, actor=AnonymousUser(), outcome="refused")
    assert list_trail(alice.pk)[0].actor is None


def test_it_stores_events_without_a_user_in_the_systems_trail() -> None:
    old_count = len(list_trail(SYSTEM))
    record(Action.LOGIN_FAILED, subject=None, outcome="refused")
    assert [event.action for event in list_trail(SYSTEM)][old_count:] == ["login_failed"]


def test_it_shows_each_user_only_their_own_trail(alice: Any, mallory: Any) -> None:
    record(Action.CONNECT, subject=alice)
    record(Action.SYNC, subject=mallory)
    assert [event.action for event in list_trail(mallory.pk)] == ["sync"]
    with pytest.raises(NoTenant):
        AuditEvent.objects.count()


def test_it_records_an_event_for_a_subject_other_than_the_tenant(alice: Any, mallory: Any) -> None:
    with tenant(mallory.pk):
        record(Action.OPERATOR_VIEW, actor=mallory, subject=alice)
        assert current_tenant() == mallory.pk
        assert AuditEvent.objects.count() == 0
    assert len(list_trail(alice.pk)) == 1


def test_it_is_rolled_back_with_its_transaction(alice: Any) -> None:
    with transaction.atomic():
        record(Action.CONNECT, subject=alice)
        transaction.set_rollback(True)
    assert list_trail(alice.pk) == []


def test_it_keeps_a_durable_event_after_a_rollback(alice: Any) -> None:
    with transaction.atomic():
        record(Action.CONNECT, subject=alice)
        record(Action.CONNECT, subject=alice, outcome="refused", durable=True)
        transaction.set_rollback(True)
    (event,) = list_trail(alice.pk)
    assert (event.outcome, event.link.sequence) == ("refused", 1)


def test_it_keeps_a_durable_event_of_a_failed_transaction(alice: Any) -> None:
    with transaction.atomic():
        with pytest.raises(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")
        record(Action.SECURITY_ALERT, subject=alice, outcome="failed", durable=True, why="broken")
        transaction.set_rollback(True)
    (event,) = list_trail(alice.pk)
    assert event.details() == {"why": "broken"}


def test_it_opens_no_second_connection_if_the_key_is_cached(alice: Any) -> None:
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
def test_it_rejects_details_that_are_named_like_secrets(alice: Any, details: dict[str, Any]) -> None:
    with pytest.raises(SensitiveFieldError) as error:
        record(Action.CONNECT, subject=alice, **details)
    assert "1234" not in str(error.value)
    assert list_trail(alice.pk) == []


@pytest.mark.parametrize("name", ["tokenizer", "spinner", "keyboard", "institution_id", "compass"])
def test_it_accepts_names_that_only_contain_such_a_word(alice: Any, name: str) -> None:
    record(Action.CONNECT, subject=alice, **{name: 1})
    assert list_trail(alice.pk)[0].details() == {name: 1}


def test_it_truncates_long_details_and_drops_too_large_ones(alice: Any) -> None:
    record(Action.SYNC, subject=alice, text="x" * 10_000)
    record(Action.SYNC, subject=alice, flood=["x" * 400] * 100)
    cut, flood = (event.details() for event in list_trail(alice.pk))
    assert len(cut["text"]) == 500
    assert cut["text"].endswith("x…")
    assert flood == {"too_large": ["flood"]}


def test_it_stores_amounts_and_any_text_unchanged(alice: Any) -> None:
    odd = "\0 \ud800 'quoted' 😀"
    record(Action.SYNC, subject=alice, amount=Decimal("0.10"), nobody=uuid4(), odd=odd)
    details = list_trail(alice.pk)[0].details()
    assert details["amount"] == "0.10"
    assert details["odd"] == odd


def test_it_rejects_a_secret_as_a_detail(alice: Any, make_box: Any) -> None:
    with pytest.raises(TypeError):
        record(Action.CONNECT, subject=alice, what=make_box(alice).token)


# --- Request details --------------------------------------------------------------------------------------


def make_request(remote: str, forwarded: str = "", agent: str = "Firefox") -> HttpRequest:
    headers = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    return RequestFactory().get("/", REMOTE_ADDR=remote, HTTP_USER_AGENT=agent, **headers)


@pytest.mark.parametrize(
    ("trusted", "remote", "forwarded", "expected"),
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
def test_it_trusts_only_our_own_proxies(
    settings: Any, trusted: int, remote: str, forwarded: str, expected: str
) -> None:
    settings.TRUSTED_PROXY_COUNT = trusted
    assert client_ip(make_request(remote, forwarded)) == expected


def test_it_stores_the_request_details_and_returns_the_request_id(alice: Any) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        record(Action.CONNECT, subject=alice, bank="First")
        return HttpResponse()

    response = RequestDetailsMiddleware(view)(make_request("192.0.2.1", agent="Firefox/" + "9" * 1000))
    details = list_trail(alice.pk)[0].details()
    assert details["ip"] == "192.0.2.1"
    assert details["user_agent"] == "Firefox/" + "9" * 292
    assert details["request_id"] == response.headers["X-Request-ID"]
    assert details["bank"] == "First"
    assert current_request_details().request_id == ""


def test_it_keeps_the_address_of_another_user_out_of_the_subjects_trail(alice: Any, mallory: Any) -> None:
    """As of an operator, whose views the subject reads and exports."""

    def view(request: HttpRequest) -> HttpResponse:
        record(Action.OPERATOR_VIEW, actor=mallory, subject=alice, what="accounts.user")
        return HttpResponse()

    request = RequestFactory().get("/", REMOTE_ADDR="203.0.113.9", headers={"user-agent": "Operator's browser"})
    RequestDetailsMiddleware(view)(request)
    assert list_trail(alice.pk)[-1].details().keys() == {"request_id", "what"}


# --- Details that cannot be sealed ------------------------------------------------------------------------


@pytest.mark.parametrize("durable", [False, True])
def test_it_writes_an_event_without_details_if_they_cannot_be_sealed(
    alice: Any, damage_keys: Any, caplog: pytest.LogCaptureFixture, durable: bool
) -> None:
    record(Action.CONNECT, subject=alice, bank="First")
    damage_keys(alice.pk)
    record(Action.DISCONNECT, subject=alice, durable=durable, bank="First")
    assert f"SEALED_VALUE_UNREADABLE compliance.auditevent.payload row new owner {alice.pk}" in caplog.text
    _, event = list_trail(alice.pk)
    assert (event.action, bytes(event.payload), event.link.sequence) == ("disconnect", b"", 2)
    caplog.clear()
    with pytest.raises(DetailsNotSealed):
        event.details()
    assert caplog.messages == []
    with tenant(alice.pk):
        assert list(Verification(using="default").find_problems()) == []


# --- Erasure ----------------------------------------------------------------------------------------------


def test_it_keeps_events_of_an_erased_user_without_details(alice: Any) -> None:
    record(Action.CONNECT, subject=alice, bank="First")
    shred(alice.pk)
    clear_cache()
    (event,) = list_trail(alice.pk)
    assert event.action == "connect"
    with pytest.raises(SealError):
        event.details()


def test_it_rejects_a_payload_that_was_moved_to_another_event(alice: Any) -> None:
    record(Action.CONNECT, subject=alice, bank="First")
    record(Action.DISCONNECT, subject=alice, bank="First")
    connect, disconnect = list_trail(alice.pk)
    disconnect.payload = connect.payload
    with pytest.raises(SealError):
        disconnect.details()
