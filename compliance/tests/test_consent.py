"""The consent ledger: which consents are active, which have ended, and that it cannot be changed."""

import os
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import time_machine
from django.db import IntegrityError, ProgrammingError, connection, connections, transaction
from django.test import RequestFactory
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.audit import Action, record
from compliance.audit.request_details import request_details
from compliance.consent import (
    ConsentEvent,
    ConsentText,
    Purpose,
    count_consents_by_version,
    get_active_consent,
    grant,
    list_active_consents,
    list_consent_events,
    lock_active_consent,
    withdraw,
)
from compliance.consent.records import VersionCount
from compliance.isolation import NoTenant, tenant
from compliance.models import AuditEvent
from compliance.personal_data.erasure import erase_person
from compliance.tests.conftest import default_and_ops
from compliance.tests.threads import in_threads
from compliance.vault import SealError, rotation
from compliance.vault.data_keys import clear_cache, shred

pytestmark = [default_and_ops, pytest.mark.dates]

YEAR = timedelta(days=365)
MOMENT = datetime(2026, 11, 22, 9, 40, tzinfo=UTC)
TEXT = "I am giving written instructions to obtain my credit report. 😀"
# Computed with sha256sum over the UTF-8 bytes.
FINGERPRINT = "6ceb8fbfb19e53d87c4a58914d8e94597d09cc66ff4ac1accdaa83e4ba42ba80"
REPORT = ConsentText(Purpose.CREDIT_REPORT, "2026-11", TEXT)
MARKETING = ConsentText(Purpose.MARKETING, "2026-11", "I agree to emails.")


def grant_consent(user: Any, consent_text: ConsentText = REPORT, **options: Any) -> ConsentEvent:
    defaults = {"consent_text": consent_text, "signature": "Alice A", "scope": {}, "valid_for": YEAR}
    return grant(user=user, **(defaults | options))


def withdraw_consent(user: Any, purpose: Purpose = Purpose.CREDIT_REPORT) -> ConsentEvent | None:
    return withdraw(user=user, purpose=purpose)


def find_active(user: Any, purpose: Purpose = Purpose.CREDIT_REPORT, **options: Any) -> ConsentEvent | None:
    return get_active_consent(user_id=user.pk, purpose=purpose, **options)


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


# --- Any order of events ----------------------------------------------------------------------------------

ACTIONS = st.one_of(
    st.tuples(st.just("grant"), st.one_of(st.none(), st.integers(1, 5))),
    st.tuples(st.just("withdraw"), st.none()),
    st.tuples(st.just("wait"), st.integers(-3, 6)),
)


@settings(max_examples=30, deadline=None)
@given(actions=st.lists(ACTIONS, max_size=12))
def test_it_lets_the_last_event_decide_in_any_order(actions: list[tuple[str, int | None]]) -> None:
    """With clocks that run ahead or behind, consents that expire and consents that do not."""
    user, granted, granted_at, ends_at = SimpleNamespace(pk=uuid4()), None, MOMENT, None
    with time_machine.travel(MOMENT, tick=False) as clock:
        for action, days in actions:
            if action == "wait":
                clock.shift(timedelta(days=days))
            elif action == "grant":
                valid_for = None if days is None else timedelta(days=days)
                granted = grant(user=user, consent_text=MARKETING, valid_for=valid_for)
                granted_at, ends_at = granted.at, granted.expires_at
            elif withdraw(user=user, purpose=Purpose.MARKETING) is not None:
                granted = None
            now = datetime.now(UTC)
            is_active = granted is not None and (ends_at is None or ends_at > now)
            assert find_active(user, Purpose.MARKETING) == (granted if is_active else None)
    times = [event.at for event in list_consent_events(user_id=user.pk)]
    assert times == sorted(set(times), reverse=True)
    assert granted is None or granted_at == times[0]


def test_it_counts_users_by_their_last_event(alice: Any, mallory: Any) -> None:
    versions = [f"{uuid4()}"[:30] for _ in range(2)]
    texts = [ConsentText(Purpose.MARKETING, version, "I agree.") for version in versions]
    for user, text in ((alice, texts[0]), (alice, texts[1]), (mallory, texts[0])):
        grant(user=user, consent_text=text)
    withdraw_consent(mallory, Purpose.MARKETING)
    counts = {count.version: (count.active, count.ended) for count in count_consents_by_version()}
    assert (counts[versions[0]], counts[versions[1]]) == ((0, 1), (1, 0))


def test_it_counts_no_one_who_was_erased(alice: Any, mallory: Any) -> None:
    text = ConsentText(Purpose.MARKETING, f"{uuid4()}"[:30], "I agree.")
    for user in (alice, mallory):
        grant(user=user, consent_text=text)
    erase_person(owner=alice.pk, requested_at=datetime.now(UTC))
    counts = [count for count in count_consents_by_version() if count.version == text.version]
    assert counts == [VersionCount(Purpose.MARKETING, text.version, active=1, ended=0)]


# --- Concurrency ------------------------------------------------------------------------------------------


def test_it_stores_one_of_concurrent_withdrawals(alice: Any) -> None:
    first = grant_consent(alice)
    results = in_threads(6, lambda: withdraw_consent(alice))
    (withdrawal,) = [result for result in results if result is not None]
    assert withdrawal.withdraws == first.pk
    assert len(list_consent_events(user_id=alice.pk)) == 2


def test_it_orders_concurrent_consents_and_withdrawals(alice: Any) -> None:
    grant_consent(alice)
    actions = iter([grant_consent, withdraw_consent] * 4)
    results = in_threads(8, lambda: next(actions)(alice))
    assert not [result for result in results if isinstance(result, Exception)]
    events = list_consent_events(user_id=alice.pk)[::-1]
    assert len({event.at for event in events}) == len(events)
    assert [e.kind for e in events].count("granted") == 5
    previous = events[0]
    for event in events[1:]:
        # A withdrawal directly follows the consent that it withdraws, so the last event alone says what is active.
        assert event.kind == "granted" or event.withdraws == previous.pk
        previous = event
    assert find_active(alice) == (previous if previous.kind == "granted" else None)


def test_it_holds_an_active_consent_against_withdrawals(alice: Any) -> None:
    event = grant_consent(alice)
    with tenant(alice.pk):
        assert lock_active_consent(user_id=alice.pk, purpose=Purpose.CREDIT_REPORT) == event
        with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as other:
            key = f"consent {alice.pk} credit_report"
            (is_free,) = other.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [key]).fetchone()
        assert not is_free
    withdraw_consent(alice)
    with tenant(alice.pk):
        assert lock_active_consent(user_id=alice.pk, purpose=Purpose.CREDIT_REPORT) is None


# --- Protection from changes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE compliance_consentevent SET expires_at = now() + interval '9 years'",
        "UPDATE compliance_consentevent SET signature = NULL",
        "DELETE FROM compliance_consentevent",
        "TRUNCATE compliance_consentevent",
        "ALTER TABLE compliance_consentevent DISABLE TRIGGER reject_change",
        "DROP TABLE compliance_consentevent",
        "SELECT * FROM compliance_consentevent FOR UPDATE",
        "SET session_replication_role = replica",
        "SELECT consent_reject_change()",
    ],
)
def test_it_lets_the_site_only_add_events(alice: Any, statement: str) -> None:
    grant_consent(alice)
    with pytest.raises(ProgrammingError), tenant(alice.pk), connection.cursor() as cursor:
        cursor.execute(statement)


def test_it_refuses_changes_by_the_orm(alice: Any) -> None:
    event = grant_consent(alice)
    event.version = "2030-01"
    with pytest.raises(ProgrammingError, match="permission denied"), tenant(alice.pk):
        event.save()
    with pytest.raises(ProgrammingError, match="permission denied"), tenant(alice.pk):
        event.delete()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE compliance_consentevent SET text = 'Anything.'",
        "UPDATE compliance_consentevent SET signature = NULL",
        "UPDATE compliance_consentevent SET request = '\\x00'",
        "UPDATE compliance_consentevent SET signature = '\\x00', at = now()",
        "DELETE FROM compliance_consentevent",
        "TRUNCATE compliance_consentevent",
    ],
)
@pytest.mark.parametrize("mode", ["origin", "replica"])
def test_it_refuses_changes_by_a_superuser_while_triggers_are_enabled(alice: Any, statement: str, mode: str) -> None:
    grant_consent(alice)
    options = {"dbname": connection.settings_dict["NAME"]}
    with psycopg.connect(os.environ["DATABASE_ADMIN_URL"], autocommit=True, **options) as session:
        session.execute(f"SET session_replication_role = {mode}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute(statement)


def test_it_refuses_an_event_of_another_user(alice: Any, mallory: Any) -> None:
    event = grant_consent(alice)
    event.pk, event.owner, event.signature = uuid4(), mallory.pk, None
    event._state.adding = True
    with pytest.raises(ProgrammingError, match="row-level security"), tenant(alice.pk):
        event.save(force_insert=True)


def test_it_refuses_to_withdraw_another_users_consent_in_the_database(alice: Any, mallory: Any) -> None:
    mallorys = grant_consent(mallory)
    grant_consent(alice)
    last = withdraw_consent(alice)
    last.pk, last.withdraws = uuid4(), mallorys.pk
    with pytest.raises(IntegrityError, match="same_owner"), tenant(alice.pk):
        last.save(force_insert=True)


def test_it_refuses_the_fingerprint_of_another_text(alice: Any) -> None:
    event = grant_consent(alice)
    event.pk, event.text, event.signature = uuid4(), TEXT + ".", None
    with pytest.raises(IntegrityError, match="fingerprint_of_text"), tenant(alice.pk):
        event.save(force_insert=True)


def test_it_shows_each_user_only_their_own_ledger(alice: Any, mallory: Any) -> None:
    event = grant_consent(alice)
    with tenant(mallory.pk):
        assert not ConsentEvent.objects.filter(pk=event.pk).exists()
    with pytest.raises(NoTenant):
        ConsentEvent.objects.count()


# --- Key rotation and erasure -----------------------------------------------------------------------------


def test_it_reseals_signatures(alice: Any) -> None:
    grant_consent(alice, signature="Alice A")
    rotation.renew_data_keys(older_than=timedelta(0))
    columns = [(ConsentEvent, ConsentEvent._meta.get_field("signature"))]
    assert rotation.Resealing().run(columns).resealed >= 1
    with tenant(alice.pk):
        assert ConsentEvent.objects.get().signature.reveal() == "Alice A"


def test_it_remains_without_name_and_address_after_the_user_is_erased(alice: Any) -> None:
    with request_details(RequestFactory().get("/", REMOTE_ADDR="192.0.2.1")):
        grant_consent(alice)
    owner = alice.pk
    shred(owner)
    clear_cache()
    with tenant(owner):
        alice.delete()
    (event,) = list_consent_events(user_id=owner)
    assert (event.text, event.sha256) == (TEXT, FINGERPRINT)
    with tenant(owner), pytest.raises(SealError):
        event.signature.reveal()
    with tenant(owner), pytest.raises(SealError):
        event.request_details()
    with connections["ops"].cursor() as cursor:
        cursor.execute("SELECT to_jsonb(e)::text FROM compliance_consentevent e WHERE id = %s", [event.pk])
        assert "192.0.2.1" not in cursor.fetchone()[0]
