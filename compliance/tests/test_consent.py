"""The consent ledger: which consents are active, which have ended, and that nobody can rewrite it."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import time_machine
from django.db import IntegrityError, ProgrammingError, connection, connections, transaction
from django.test import RequestFactory

from compliance.audit.request_details import request_details
from compliance.consent import (
    ConsentEvent,
    ConsentText,
    Purpose,
    get_active_consent,
    grant,
    list_consent_events,
    withdraw,
)
from compliance.isolation import NoTenant, tenant
from compliance.models import AuditEvent
from compliance.tests.conftest import everywhere
from compliance.tests.threads import in_threads
from compliance.vault import SealError, rotation
from compliance.vault.data_keys import clear_cache, shred

pytestmark = [everywhere, pytest.mark.dates]

YEAR = timedelta(days=365)
MOMENT = datetime(2026, 11, 22, 9, 40, tzinfo=UTC)
TEXT = "I am giving written instructions to obtain my credit report. 😀"
# Computed with sha256sum over the UTF-8 bytes.
FINGERPRINT = "6ceb8fbfb19e53d87c4a58914d8e94597d09cc66ff4ac1accdaa83e4ba42ba80"
REPORT = ConsentText(Purpose.CREDIT_REPORT, "2026-11", TEXT)


def grant_consent(person: Any, consent_text: ConsentText = REPORT, **options: Any) -> ConsentEvent:
    usual = {"consent_text": consent_text, "signature": "Alice A", "scope": {}, "valid_for": YEAR}
    return grant(user=person, **(usual | options))


def withdraw_consent(person: Any, purpose: Purpose = Purpose.CREDIT_REPORT) -> ConsentEvent | None:
    return withdraw(user=person, purpose=purpose)


def alive(person: Any, purpose: Purpose = Purpose.CREDIT_REPORT, **options: Any) -> ConsentEvent | None:
    return get_active_consent(user_id=person.pk, purpose=purpose, **options)


# --- Giving -----------------------------------------------------------------------------------------------


def test_it_keeps_what_was_agreed_to_by_whom_from_where_and_until_when(alice: Any) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", HTTP_USER_AGENT="Firefox")
    with time_machine.travel(MOMENT, tick=False), request_details(request):
        grant_consent(alice, scope={"provider": "experian", "every": "month"}, locale="es-us")
    (event,) = list_consent_events(user_id=alice.pk)
    assert (event.owner, event.kind, event.purpose, event.version) == (alice.pk, "granted", "credit_report", "2026-11")
    assert (event.text, event.sha256) == (TEXT, FINGERPRINT)
    assert (event.scope, event.locale, event.method) == ({"provider": "experian", "every": "month"}, "es-us", "web")
    assert (event.ip, event.user_agent) == ("192.0.2.1", "Firefox")
    assert (event.at, event.expires_at) == (MOMENT, datetime(2027, 11, 22, 9, 40, tzinfo=UTC))
    with tenant(alice.pk):
        assert event.signature.reveal() == "Alice A"


def test_it_seals_the_typed_name(alice: Any) -> None:
    event = grant_consent(alice, signature="Alice Canary")
    with connections["ops"].cursor() as cursor:
        cursor.execute("SELECT signature FROM compliance_consentevent WHERE id = %s", [event.pk])
        (stored,) = cursor.fetchone()
    assert b"Canary" not in bytes(stored)


def test_it_falls_with_the_transaction_of_its_deed(alice: Any) -> None:
    with transaction.atomic():
        grant_consent(alice)
        transaction.set_rollback(True)
    assert list_consent_events(user_id=alice.pk) == []


def test_it_stands_in_the_trail(alice: Any) -> None:
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
def test_it_refuses_a_consent_that_never_lives(alice: Any, valid_for: timedelta) -> None:
    with pytest.raises(IntegrityError, match="granted_or_withdrawn"):
        grant_consent(alice, valid_for=valid_for)


# --- Active -----------------------------------------------------------------------------------------------


def test_it_lives_until_it_expires(alice: Any) -> None:
    with time_machine.travel(MOMENT, tick=False) as clock:
        event = grant_consent(alice, valid_for=timedelta(days=1))
        assert alive(alice) == event
        clock.shift(timedelta(hours=23, minutes=59, seconds=59))
        assert alive(alice) == event
        clock.shift(timedelta(seconds=1))
        assert alive(alice) is None
        assert alive(alice, at=MOMENT) == event


def test_it_is_active_only_for_its_own_purpose_version_and_person(alice: Any, mallory: Any) -> None:
    event = grant_consent(alice)
    assert alive(alice, version="2026-11") == event
    assert alive(alice, version="2026-12") is None
    assert alive(alice, Purpose.MARKETING) is None
    assert alive(mallory) is None


def test_it_puts_a_newer_consent_in_the_place_of_an_older_one(alice: Any) -> None:
    grant_consent(alice, valid_for=10 * YEAR)
    newer = grant_consent(alice, ConsentText(Purpose.CREDIT_REPORT, "2027-01", "Other words."))
    assert alive(alice) == newer
    assert alive(alice, version="2026-11") is None


def test_it_brings_nothing_back_to_life_when_a_successor_ends(alice: Any) -> None:
    with time_machine.travel(MOMENT, tick=False) as clock:
        grant_consent(alice, valid_for=10 * YEAR)
        grant_consent(alice, valid_for=timedelta(days=1))
        clock.shift(timedelta(days=2))
        assert alive(alice) is None
        grant_consent(alice)
        withdraw_consent(alice)
        assert alive(alice) is None


def test_it_tells_what_lived_at_a_moment_of_the_past(alice: Any) -> None:
    with time_machine.travel(MOMENT, tick=False) as clock:
        event = grant_consent(alice)
        clock.shift(timedelta(hours=2))
        withdraw_consent(alice)
    assert alive(alice, at=MOMENT - timedelta(seconds=1)) is None
    assert alive(alice, at=MOMENT + timedelta(hours=1)) == event
    assert alive(alice, at=MOMENT + timedelta(hours=2)) is None


def test_it_asks_once(alice: Any, django_assert_num_queries: Any) -> None:
    grant_consent(alice)
    with tenant(alice.pk), django_assert_num_queries(1):
        alive(alice)


# --- Withdrawing ------------------------------------------------------------------------------------------


def test_it_writes_a_withdrawal_that_names_what_it_ends(alice: Any) -> None:
    first = grant_consent(alice)
    last = withdraw_consent(alice)
    assert alive(alice) is None
    assert (last.kind, last.withdraws, last.sha256, last.text) == ("withdrawn", first.pk, FINGERPRINT, "")
    assert [event.pk for event in list_consent_events(user_id=alice.pk)] == [last.pk, first.pk]
    assert list_consent_events(user_id=alice.pk, purpose=Purpose.TERMS) == []


def test_it_withdraws_once(alice: Any) -> None:
    assert withdraw_consent(alice) is None
    grant_consent(alice)
    assert withdraw_consent(alice) is not None
    assert withdraw_consent(alice) is None
    assert len(list_consent_events(user_id=alice.pk)) == 2


def test_it_has_nothing_to_withdraw_of_what_is_over(alice: Any) -> None:
    with time_machine.travel(MOMENT, tick=False) as clock:
        grant_consent(alice, valid_for=timedelta(days=1))
        clock.shift(timedelta(days=1))
        assert withdraw_consent(alice) is None


def test_it_lives_again_when_given_again(alice: Any) -> None:
    grant_consent(alice)
    withdraw_consent(alice)
    again = grant_consent(alice)
    assert alive(alice) == again


def test_it_withdraws_nothing_of_anybody_else(alice: Any, mallory: Any) -> None:
    event = grant_consent(alice)
    assert withdraw_consent(mallory) is None
    assert alive(alice) == event


def test_it_keeps_the_order_when_a_clock_is_behind(alice: Any) -> None:
    with time_machine.travel(MOMENT, tick=False) as clock:
        first = grant_consent(alice)
        clock.move_to(MOMENT - timedelta(minutes=5))
        last = withdraw_consent(alice)
        assert alive(alice) is None
        again = grant_consent(alice)
        assert alive(alice) == again
    assert [event.pk for event in list_consent_events(user_id=alice.pk)] == [again.pk, last.pk, first.pk]


# --- Several at once --------------------------------------------------------------------------------------


def test_it_takes_one_of_many_withdrawals(alice: Any) -> None:
    first = grant_consent(alice)
    results = in_threads(6, lambda: withdraw_consent(alice))
    (done,) = [result for result in results if result is not None]
    assert done.withdraws == first.pk
    assert len(list_consent_events(user_id=alice.pk)) == 2


def test_it_orders_giving_and_withdrawing_at_once(alice: Any) -> None:
    grant_consent(alice)
    turns = iter([grant_consent, withdraw_consent] * 4)
    results = in_threads(8, lambda: next(turns)(alice))
    assert not [result for result in results if isinstance(result, Exception)]
    events = list_consent_events(user_id=alice.pk)[::-1]
    assert len({event.at for event in events}) == len(events)
    assert [e.kind for e in events].count("granted") == 5
    before = events[0]
    for event in events[1:]:
        # A withdrawal directly follows the consent that it withdraws, so the last event alone says what is active.
        assert event.kind == "granted" or event.withdraws == before.pk
        before = event
    assert alive(alice) == (before if before.kind == "granted" else None)


# --- Nobody rewrites it -----------------------------------------------------------------------------------


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
def test_it_refuses_the_site_everything_but_adding_an_event(alice: Any, statement: str) -> None:
    grant_consent(alice)
    with pytest.raises(ProgrammingError), tenant(alice.pk), connection.cursor() as cursor:
        cursor.execute(statement)


def test_it_refuses_the_site_through_the_orm_too(alice: Any) -> None:
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
        "UPDATE compliance_consentevent SET signature = NULL, at = now()",
        "DELETE FROM compliance_consentevent",
        "TRUNCATE compliance_consentevent",
    ],
)
@pytest.mark.parametrize("mode", ["origin", "replica"])
def test_it_refuses_even_a_superuser_who_leaves_the_guards_on(alice: Any, statement: str, mode: str) -> None:
    grant_consent(alice)
    where = {"dbname": connection.settings_dict["NAME"]}
    with psycopg.connect(os.environ["DATABASE_ADMIN_URL"], autocommit=True, **where) as session:
        session.execute(f"SET session_replication_role = {mode}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute(statement)


def test_it_refuses_an_event_in_another_persons_name(alice: Any, mallory: Any) -> None:
    event = grant_consent(alice)
    event.pk, event.owner, event.signature = uuid4(), mallory.pk, None
    event._state.adding = True
    with pytest.raises(ProgrammingError, match="row-level security"), tenant(alice.pk):
        event.save(force_insert=True)


def test_it_refuses_to_end_another_persons_consent(alice: Any, mallory: Any) -> None:
    theirs = grant_consent(mallory)
    grant_consent(alice)
    last = withdraw_consent(alice)
    last.pk, last.withdraws = uuid4(), theirs.pk
    with pytest.raises(IntegrityError, match="same_owner"), tenant(alice.pk):
        last.save(force_insert=True)


def test_it_refuses_a_fingerprint_of_another_text(alice: Any) -> None:
    event = grant_consent(alice)
    event.pk, event.text, event.signature = uuid4(), TEXT + ".", None
    with pytest.raises(IntegrityError, match="fingerprint_of_text"), tenant(alice.pk):
        event.save(force_insert=True)


def test_it_shows_each_person_their_own_ledger_alone(alice: Any, mallory: Any) -> None:
    event = grant_consent(alice)
    with tenant(mallory.pk):
        assert not ConsentEvent.objects.filter(pk=event.pk).exists()
    with pytest.raises(NoTenant):
        ConsentEvent.objects.count()


# --- New keys, and forgetting -----------------------------------------------------------------------------


def test_it_lets_operators_seal_the_name_again(alice: Any) -> None:
    grant_consent(alice, signature="Alice A")
    rotation.renew_data_keys(older_than=timedelta(0))
    columns = [(ConsentEvent, ConsentEvent._meta.get_field("signature"))]
    assert rotation.Resealing().run(columns).resealed >= 1
    with tenant(alice.pk):
        assert ConsentEvent.objects.get().signature.reveal() == "Alice A"


def test_it_outlives_its_person_without_their_name(alice: Any) -> None:
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
