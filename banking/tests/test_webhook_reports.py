"""What is taken from a webhook because no response of the provider says it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from banking import tasks
from banking.models import Account, Connection, Item, WebhookOutcome
from banking.plaid.webhooks import summarize
from banking.tests.factories import make_account, update_item
from banking.tests.received_webhooks import make_events_older, receive, reload_event
from banking.tests.scripted_provider import ScriptedProvider
from banking.tests.sync_runs import run_sync
from compliance.isolation import tenant
from conftest import connect_as_role

pytestmark = pytest.mark.django_db

IN_MAY = "2027-05-01T12:00:00+00:00"


@pytest.mark.parametrize(
    ("code", "fields", "expires_at", "reason"),
    [
        ("PENDING_EXPIRATION", {"consent_expiration_time": "2027-05-01T12:00:00Z"}, IN_MAY, "consent"),
        ("PENDING_EXPIRATION", {"consent_expiration_time": None}, None, "consent"),
        ("PENDING_DISCONNECT", {"reason": "INSTITUTION_MIGRATION", "disconnect_time": "2027-05-01T12:00:00"}, IN_MAY,
            "migration"),
        ("PENDING_DISCONNECT", {"reason": "INSTITUTION_TOKEN_EXPIRATION", "disconnect_time": "soon"}, None,
            "bank_access"),
        ("PENDING_DISCONNECT", {"reason": ["new"]}, None, "bank_access"),
    ],
)  # fmt: skip
def test_it_stores_when_the_access_ends(
    item: Item, provider: ScriptedProvider, code: str, fields: dict[str, object], expires_at: str | None, reason: str
) -> None:
    """Without a time, in a week."""
    with time_machine.travel(datetime(2026, 11, 22, 12, tzinfo=UTC), tick=False):
        summary = summarize({"webhook_type": "ITEM", "webhook_code": code, **fields})
        tasks.process_webhook(str(receive(item, "ITEM", code, summary=summary)))
    update_item(item)
    assert (item.expires_at.isoformat(), item.expiry_reason) == (expires_at or "2026-11-29T12:00:00+00:00", reason)
    assert item.connection == Connection.ACTIVE


def test_it_offers_new_accounts_and_closes_a_revoked_one(item: Item, provider: ScriptedProvider) -> None:
    account, other = make_account(item, provider_id="a"), make_account(item, provider_id="b", mask="1")
    tasks.process_webhook(str(receive(item, "ITEM", "NEW_ACCOUNTS_AVAILABLE")))
    assert update_item(item).new_accounts_at is not None
    message = {"webhook_type": "ITEM", "webhook_code": "USER_ACCOUNT_REVOKED", "account_id": account.provider_id}
    tasks.process_webhook(str(receive(item, "ITEM", "USER_ACCOUNT_REVOKED", summary=summarize(message))))
    with tenant(item.owner_id):
        assert list(Account.objects.filter(closed_at=None)) == [other]


@pytest.mark.django_db(transaction=True)
def test_a_late_report_of_a_revoked_account_does_not_close_one_that_is_shared_again(
    item: Item, provider: ScriptedProvider, settings: Any
) -> None:
    """The sync that it requests asks which accounts are shared, although the stream has no changes."""
    settings.PLAID_WEBHOOK_URL = "https://plumbline.example/webhooks/plaid/"
    run_sync(item)
    message = {"webhook_type": "ITEM", "webhook_code": "USER_ACCOUNT_REVOKED", "account_id": "acc-card"}
    tasks.process_webhook(str(receive(item, "ITEM", "USER_ACCOUNT_REVOKED", summary=summarize(message))))
    with tenant(item.owner_id):
        assert Account.objects.filter(closed_at=None).count() == 1
    with time_machine.travel(timezone.now() + timedelta(seconds=3)):
        tasks.sync_item(str(item.owner_id), str(item.pk), "webhook")
    with tenant(item.owner_id):
        assert Account.objects.filter(closed_at=None).count() == 2


def test_an_expired_orphan_names_no_account(provider: ScriptedProvider) -> None:
    message = {"webhook_type": "ITEM", "webhook_code": "USER_ACCOUNT_REVOKED", "account_id": "canary-account"}
    event_id = receive("unknown", "ITEM", "USER_ACCOUNT_REVOKED", summary=summarize(message))
    assert reload_event(event_id).summary == {"account_id": "canary-account"}
    make_events_older(timedelta(hours=24, minutes=1))
    tasks.process_webhook(str(event_id))
    event = reload_event(event_id)
    assert (event.outcome, event.summary) == (WebhookOutcome.EXPIRED, {})


@pytest.mark.django_db(transaction=True)
def test_it_shows_operators_no_account() -> None:
    message = {
        "webhook_type": "ITEM",
        "webhook_code": "USER_ACCOUNT_REVOKED",
        "account_id": "canary",
        "reason": "known",
    }
    receive("unknown", "ITEM", "USER_ACCOUNT_REVOKED", summary=summarize(message))
    with connect_as_role("viewer") as viewer:
        rows = viewer.execute("SELECT code, summary::text FROM banking_received_webhooks").fetchall()
    assert rows == [("USER_ACCOUNT_REVOKED", '{"reason": "known"}')]
