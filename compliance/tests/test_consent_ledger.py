"""The consent ledger cannot be changed, and remains without name and address when its user is erased."""

import os
from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import IntegrityError, ProgrammingError, connection, connections
from django.test import RequestFactory

from compliance.audit.request_details import request_details
from compliance.consent import ConsentEvent, list_consent_events
from compliance.isolation import NoTenant, tenant
from compliance.tests.conftest import default_and_ops
from compliance.tests.consents import FINGERPRINT, TEXT, grant_consent, withdraw_consent
from compliance.vault import SealError, rotation
from compliance.vault.data_keys import clear_cache, shred

pytestmark = [default_and_ops, pytest.mark.dates]


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
