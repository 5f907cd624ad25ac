"""The consent ledger: what is stored with a consent, which consents are active, and which have ended."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connections, transaction
from django.test import RequestFactory

from compliance.audit import Action, record
from compliance.audit.request_details import request_details
from compliance.consent import ConsentText, Purpose, grant, list_active_consents, list_consent_events
from compliance.isolation import tenant
from compliance.models import AuditEvent
from compliance.tests.conftest import default_and_ops
from compliance.tests.consents import (
    FINGERPRINT,
    MARKETING,
    MOMENT,
    TEXT,
    YEAR,
    find_active,
    grant_consent,
    withdraw_consent,
)
from compliance.vault import SealError

pytestmark = [default_and_ops, pytest.mark.dates]


# --- Granting ---------------------------------------------------------------------------------------------


def test_it_stores_text_signature_scope_request_and_expiry(alice: Any) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", HTTP_USER_AGENT="Firefox")
    with time_machine.travel(MOMENT, tick=False), request_details(request):
        grant_consent(alice, scope={"provider": "experian", "every": "month"}, locale="es-us")
    (event,) = list_consent_events(user_id=alice.pk)
    assert (event.owner, event.kind, event.purpose, event.version) == (alice.pk, "granted", "credit_report", "2026-11")
    assert (event.text, event.sha256) == (TEXT, FINGERPRINT)
    assert (event.scope, event.locale, event.method) == ({"provider": "experian", "every": "month"}, "es-us", "web")
    assert (event.at, event.expires_at) == (MOMENT, datetime(2027, 11, 22, 9, 40, tzinfo=UTC))
    with tenant(alice.pk):
        assert event.signature.reveal() == "Alice A"
        assert event.request_details() == {"ip": "192.0.2.1", "user_agent": "Firefox"}


def test_it_seals_the_typed_name(alice: Any) -> None:
    event = grant_consent(alice, signature="Alice Canary")
    with connections["ops"].cursor() as cursor:
        cursor.execute("SELECT signature FROM compliance_consentevent WHERE id = %s", [event.pk])
        (stored,) = cursor.fetchone()
    assert b"Canary" not in bytes(stored)


def test_it_records_consents_without_the_request_if_that_cannot_be_sealed(
    alice: Any, damage_keys: Any, caplog: pytest.LogCaptureFixture
) -> None:
    grant(user=alice, consent_text=MARKETING)
    damage_keys(alice.pk)
    with request_details(RequestFactory().get("/", REMOTE_ADDR="192.0.2.1")):
        withdraw_consent(alice, Purpose.MARKETING)
        grant(user=alice, consent_text=MARKETING)
    last, withdrawal, _ = list_consent_events(user_id=alice.pk)
    assert (withdrawal.kind, withdrawal.request, last.kind, last.request) == ("withdrawn", None, "granted", None)
    assert last.text == MARKETING.text
    assert f"SEALED_VALUE_UNREADABLE compliance.consentevent.request row new owner {alice.pk}" in caplog.text


def test_it_records_no_signed_consent_if_the_signature_cannot_be_sealed(alice: Any, damage_keys: Any) -> None:
    grant(user=alice, consent_text=MARKETING)
    record(Action.SYNC, subject=alice)
    damage_keys(alice.pk)
    with pytest.raises(SealError):
        grant_consent(alice)
    assert find_active(alice) is None


def test_it_is_rolled_back_with_its_transaction(alice: Any) -> None:
    with transaction.atomic():
        grant_consent(alice)
        transaction.set_rollback(True)
    assert list_consent_events(user_id=alice.pk) == []


def test_it_records_consents_in_the_audit_trail(alice: Any) -> None:
    first = grant_consent(alice)
    last = withdraw_consent(alice)
    with tenant(alice.pk):
        events = list(AuditEvent.objects.filter(subject=alice.pk).order_by("id"))
    assert [(e.action, e.resource, e.resource_id, e.actor) for e in events] == [
        ("consent_granted", "credit_report", str(first.pk), alice.pk),
        ("consent_withdrawn", "credit_report", str(last.pk), alice.pk),
    ]
    assert events[0].details() == {"version": "2026-11", "sha256": FINGERPRINT}


@pytest.mark.parametrize("valid_for", [timedelta(0), timedelta(days=-1)])
def test_it_rejects_a_consent_that_is_never_active(alice: Any, valid_for: timedelta) -> None:
    with pytest.raises(IntegrityError, match="granted_or_withdrawn"):
        grant_consent(alice, valid_for=valid_for)


def test_it_stores_a_consent_without_signature_and_expiry(alice: Any) -> None:
    event = grant(user=alice, consent_text=MARKETING)
    assert (event.signature, event.request, event.expires_at, event.scope) == (None, None, None, {})
    assert event.request_details() == {}


def test_it_rejects_a_report_consent_that_never_expires(alice: Any) -> None:
    with pytest.raises(IntegrityError, match="credit_report_expires"):
        grant_consent(alice, valid_for=None)


# --- Active -----------------------------------------------------------------------------------------------


def test_it_is_active_until_it_expires(alice: Any) -> None:
    with time_machine.travel(MOMENT, tick=False) as clock:
        event = grant_consent(alice, valid_for=timedelta(days=1))
        assert find_active(alice) == event
        clock.shift(timedelta(hours=23, minutes=59, seconds=59))
        assert find_active(alice) == event
        clock.shift(timedelta(seconds=1))
        assert find_active(alice) is None
        assert find_active(alice, at=MOMENT) == event


def test_it_is_active_without_expiry_until_it_is_withdrawn(alice: Any) -> None:
    with time_machine.travel(MOMENT, tick=False) as clock:
        event = grant(user=alice, consent_text=MARKETING)
        clock.shift(100 * YEAR)
        assert find_active(alice, Purpose.MARKETING) == event
        withdraw_consent(alice, Purpose.MARKETING)
        assert find_active(alice, Purpose.MARKETING) is None
        assert find_active(alice, Purpose.MARKETING, at=MOMENT) == event


def test_it_lists_the_active_consents_of_some_purposes(alice: Any, django_assert_num_queries: Any) -> None:
    first, report = grant(user=alice, consent_text=MARKETING), grant_consent(alice)
    grant(user=alice, consent_text=ConsentText(Purpose.ANALYTICS, "1", "I agree."))
    withdraw_consent(alice, Purpose.ANALYTICS)
    with tenant(alice.pk), django_assert_num_queries(1):
        active = list_active_consents(user_id=alice.pk, purposes=Purpose)
    assert active == {Purpose.MARKETING: first, Purpose.CREDIT_REPORT: report}
    assert list_active_consents(user_id=alice.pk, purposes=[Purpose.ANALYTICS]) == {}


def test_it_is_active_only_for_its_own_purpose_version_and_user(alice: Any, mallory: Any) -> None:
    event = grant_consent(alice)
    assert find_active(alice, version="2026-11") == event
    assert find_active(alice, version="2026-12") is None
    assert find_active(alice, Purpose.MARKETING) is None
    assert find_active(mallory) is None


def test_it_replaces_an_older_consent(alice: Any) -> None:
    grant_consent(alice, valid_for=10 * YEAR)
    newer = grant_consent(alice, ConsentText(Purpose.CREDIT_REPORT, "2027-01", "Other words."))
    assert find_active(alice) == newer
    assert find_active(alice, version="2026-11") is None


def test_it_does_not_reactivate_an_older_consent_when_a_newer_one_ends(alice: Any) -> None:
    with time_machine.travel(MOMENT, tick=False) as clock:
        grant_consent(alice, valid_for=10 * YEAR)
        grant_consent(alice, valid_for=timedelta(days=1))
        clock.shift(timedelta(days=2))
        assert find_active(alice) is None
        grant_consent(alice)
        withdraw_consent(alice)
        assert find_active(alice) is None


def test_it_returns_the_consent_that_was_active_at_a_past_time(alice: Any) -> None:
    with time_machine.travel(MOMENT, tick=False) as clock:
        event = grant_consent(alice)
        clock.shift(timedelta(hours=2))
        withdraw_consent(alice)
    assert find_active(alice, at=MOMENT - timedelta(seconds=1)) is None
    assert find_active(alice, at=MOMENT + timedelta(hours=1)) == event
    assert find_active(alice, at=MOMENT + timedelta(hours=2)) is None


def test_it_needs_one_query(alice: Any, django_assert_num_queries: Any) -> None:
    grant_consent(alice)
    with tenant(alice.pk), django_assert_num_queries(1):
        find_active(alice)


# --- Withdrawing ------------------------------------------------------------------------------------------


def test_it_stores_a_withdrawal_with_the_consent_that_it_ends(alice: Any) -> None:
    first = grant_consent(alice)
    last = withdraw_consent(alice)
    assert find_active(alice) is None
    assert (last.kind, last.withdraws, last.sha256, last.text) == ("withdrawn", first.pk, FINGERPRINT, "")
    assert [event.pk for event in list_consent_events(user_id=alice.pk)] == [last.pk, first.pk]
    assert list_consent_events(user_id=alice.pk, purpose=Purpose.TERMS) == []


def test_it_withdraws_once(alice: Any) -> None:
    assert withdraw_consent(alice) is None
    grant_consent(alice)
    assert withdraw_consent(alice) is not None
    assert withdraw_consent(alice) is None
    assert len(list_consent_events(user_id=alice.pk)) == 2


def test_it_does_not_withdraw_an_expired_consent(alice: Any) -> None:
    with time_machine.travel(MOMENT, tick=False) as clock:
        grant_consent(alice, valid_for=timedelta(days=1))
        clock.shift(timedelta(days=1))
        assert withdraw_consent(alice) is None


def test_it_is_active_again_when_granted_again(alice: Any) -> None:
    grant_consent(alice)
    withdraw_consent(alice)
    second = grant_consent(alice)
    assert find_active(alice) == second


def test_it_does_not_withdraw_another_users_consent(alice: Any, mallory: Any) -> None:
    event = grant_consent(alice)
    assert withdraw_consent(mallory) is None
    assert find_active(alice) == event


def test_it_keeps_the_order_if_a_clock_is_behind(alice: Any) -> None:
    with time_machine.travel(MOMENT, tick=False) as clock:
        first = grant_consent(alice)
        clock.move_to(MOMENT - timedelta(minutes=5))
        last = withdraw_consent(alice)
        assert find_active(alice) is None
        second = grant_consent(alice)
        assert find_active(alice) == second
    assert [event.pk for event in list_consent_events(user_id=alice.pk)] == [second.pk, last.pk, first.pk]
