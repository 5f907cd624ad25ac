"""What follows from a stored webhook, at the level of the queue: the jobs are called here, without a worker."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import Notification, User
from banking import tasks
from banking.connection_status import expiry
from banking.linking.exchange import finish_link
from banking.linking.sessions import LinkMetadata, open_link
from banking.models import Connection, Item, WebhookEvent, WebhookOutcome
from banking.plaid.webhooks import KINDS
from banking.provider import ItemNotFound, LoginRequired, Unavailable, WebhookKind
from banking.sync import notifications, sync_queue, webhook_events
from banking.tests.factories import update_item
from banking.tests.job_queue import queued_jobs
from banking.tests.received_webhooks import list_events, make_events_older, receive, reload_event
from banking.tests.scripted_provider import ScriptedProvider
from banking.webhooks import inbox
from compliance.audit.events import AuditEvent
from compliance.isolation import SYSTEM, tenant
from compliance.queues import Lane

pytestmark = pytest.mark.django_db

# What follows from each webhook that Plaid documents, and from an unknown one: calls of /item/get, and syncs.
FOLLOWS = {
    ("TRANSACTIONS", "SYNC_UPDATES_AVAILABLE"): (0, 1),
    ("TRANSACTIONS", "INITIAL_UPDATE"): (0, 1),
    ("TRANSACTIONS", "HISTORICAL_UPDATE"): (0, 1),
    ("TRANSACTIONS", "DEFAULT_UPDATE"): (0, 1),
    ("TRANSACTIONS", "TRANSACTIONS_REMOVED"): (0, 1),
    ("ITEM", "ERROR"): (1, 0),
    ("ITEM", "LOGIN_REPAIRED"): (1, 1),
    ("ITEM", "PENDING_DISCONNECT"): (1, 0),
    ("ITEM", "PENDING_EXPIRATION"): (1, 0),
    ("ITEM", "USER_PERMISSION_REVOKED"): (1, 0),
    # A sync reads the list of accounts.
    ("ITEM", "USER_ACCOUNT_REVOKED"): (0, 1),
    ("ITEM", "NEW_ACCOUNTS_AVAILABLE"): (1, 0),
    ("ITEM", "WEBHOOK_UPDATE_ACKNOWLEDGED"): (1, 0),
    # A sync ends with the products that are due.
    ("TRANSACTIONS", "RECURRING_TRANSACTIONS_UPDATE"): (0, 1),
    ("LIABILITIES", "DEFAULT_UPDATE"): (0, 1),
    ("HOLDINGS", "DEFAULT_UPDATE"): None,
    ("INVESTMENTS_TRANSACTIONS", "HISTORICAL_UPDATE"): None,
    ("INVESTMENTS_TRANSACTIONS", "DEFAULT_UPDATE"): None,
    ("LINK", "SESSION_FINISHED"): None,
    ("LINK", "ITEM_ADD_RESULT"): None,
    ("LINK", "EVENTS"): None,
    ("AUTH", "DEFAULT_UPDATE"): None,
    ("NEW_PRODUCT", "NEWER_CODE"): None,
}


def process(event_id: object) -> WebhookEvent:
    tasks.process_webhook(str(event_id))
    return reload_event(event_id)


# --- Each type and code -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("type_", "code"), FOLLOWS)
def test_it_does_what_follows_from_each_code(item: Item, provider: ScriptedProvider, type_: str, code: str) -> None:
    event = process(receive(item, type_, code))
    calls, syncs = FOLLOWS[type_, code] or (0, 0)
    assert (provider.item_calls, len(queued_jobs(item.pk))) == (calls, syncs)
    assert event.outcome == (WebhookOutcome.PROCESSED if FOLLOWS[type_, code] else WebhookOutcome.IGNORED)
    assert (event.next_attempt_at, event.attempts, event.processed_at is None) == (None, 1, False)


def test_every_kind_and_every_documented_code_has_its_line() -> None:
    assert set(KINDS) == set(FOLLOWS) - {("AUTH", "DEFAULT_UPDATE"), ("NEW_PRODUCT", "NEWER_CODE")}
    assert set(webhook_events.HANDLERS) == set(WebhookKind)


def test_it_ignores_a_webhook_without_an_item(item: Item, provider: ScriptedProvider) -> None:
    assert process(receive("")).outcome == WebhookOutcome.IGNORED


# --- The state of the connection --------------------------------------------------------------------------


def test_it_ends_a_required_sign_in_that_was_done_elsewhere(item: Item, provider: ScriptedProvider) -> None:
    update_item(item, connection=Connection.LOGIN_REQUIRED, error_code="ITEM_LOGIN_REQUIRED", fault="ours", failures=2)
    with tenant(item.owner_id):
        notifications.notify_connection_lost(item=item)
    process(receive(item, "ITEM", "LOGIN_REPAIRED"))
    update_item(item)
    assert (item.connection, item.error_code, item.fault, item.failures) == (Connection.ACTIVE, "", "", 0)
    with tenant(item.owner_id):
        assert not Notification.objects.filter(in_app=True).exists()
    assert (item.lease_holder, item.leased_until) == (None, None)
    assert [job.arguments[-1] for job in queued_jobs(item.pk)] == ["webhook"]


@pytest.mark.parametrize(("reason", "is_cleared"), [("migration", True), ("bank_access", True), ("consent", False)])
def test_a_repair_clears_the_end_that_was_announced(
    item: Item, provider: ScriptedProvider, reason: str, is_cleared: bool
) -> None:
    ends = timezone.now() + timedelta(days=5)
    update_item(item, expires_at=ends, expiry_reason=reason)
    expiry.send_reminder(owner_id=item.owner_id, item_id=item.pk)
    process(receive(item, "ITEM", "LOGIN_REPAIRED"))
    update_item(item)
    assert (item.expires_at, item.is_expiring) == ((None, False) if is_cleared else (ends, True))
    with tenant(item.owner_id):
        assert Notification.objects.filter(in_app=True, read_at=None).exists() is not is_cleared


@pytest.mark.parametrize("code", ["LOGIN_REPAIRED", "ERROR"])
def test_it_believes_the_provider_and_not_the_webhook(item: Item, provider: ScriptedProvider, code: str) -> None:
    """A repair that arrives before the error, or an error that arrives after the repair."""
    error = LoginRequired("ITEM_LOGIN_REQUIRED")
    provider.item_details = replace(provider.item_details, error=error, error_code=error.code)
    for _ in range(2):
        process(receive(item, "ITEM", code))
    assert update_item(item).connection == Connection.LOGIN_REQUIRED
    with tenant(item.owner_id):
        assert Notification.objects.count() == 1
    provider.item_details = replace(provider.item_details, error=None, error_code="")
    process(receive(item, "ITEM", code))
    assert update_item(item).connection == Connection.ACTIVE


@pytest.mark.parametrize(
    ("connection", "is_read"),
    [
        (Connection.NEEDS_CONSENT, True),
        (Connection.NEEDS_REPAIR, False),
        (Connection.UNSUPPORTED, False),
        (Connection.REVOKED, False),
        (Connection.REMOVING, False),
        (Connection.REMOVED, False),
    ],
)
def test_it_revives_no_other_connection(item: Item, provider: ScriptedProvider, connection: str, is_read: bool) -> None:
    update_item(item, connection=connection)
    assert process(receive(item, "ITEM", "LOGIN_REPAIRED")).outcome == WebhookOutcome.PROCESSED
    assert update_item(item).connection == connection
    assert (bool(provider.item_calls), queued_jobs(item.pk)) == (is_read, [])


def test_it_stores_that_access_was_revoked(item: Item, provider: ScriptedProvider) -> None:
    provider.item_outcome = ItemNotFound("USER_PERMISSION_REVOKED")
    process(receive(item, "ITEM", "USER_PERMISSION_REVOKED"))
    update_item(item)
    assert (item.connection, item.error_code, item.lease_holder) == (
        Connection.REVOKED,
        "USER_PERMISSION_REVOKED",
        None,
    )
    with tenant(item.owner_id):
        event = AuditEvent.objects.get(action="access_revoked")
    assert (event.resource, event.resource_id) == ("item", str(item.pk))


def test_it_stores_the_confirmed_url(item: Item, provider: ScriptedProvider) -> None:
    provider.item_details = replace(provider.item_details, webhook="https://new.example/webhooks/plaid/")
    process(receive(item, "ITEM", "WEBHOOK_UPDATE_ACKNOWLEDGED"))
    assert update_item(item).webhook_url == "https://new.example/webhooks/plaid/"


def test_it_leaves_a_connection_alone_that_was_repaired_meanwhile(item: Item, provider: ScriptedProvider) -> None:
    """The user reconnects the bank here while the provider's older state is on its way."""
    update_item(item, connection=Connection.LOGIN_REQUIRED)
    error = LoginRequired("ITEM_LOGIN_REQUIRED")
    provider.item_details = replace(provider.item_details, error=error, error_code=error.code)
    provider.item_outcome = lambda: update_item(item, connection=Connection.ACTIVE)
    process(receive(item, "ITEM", "ERROR"))
    assert (update_item(item).connection, item.lease_holder) == (Connection.ACTIVE, None)


def test_it_stores_nothing_for_a_bank_that_was_disconnected_meanwhile(item: Item, provider: ScriptedProvider) -> None:
    provider.item_outcome = lambda: update_item(item, connection=Connection.REMOVED, lease_holder=None)
    provider.item_details = replace(provider.item_details, webhook="https://late.example/")
    process(receive(item, "ITEM", "ERROR"))
    assert (update_item(item).connection, item.webhook_url) == (Connection.REMOVED, None)


# --- The daily check --------------------------------------------------------------------------------------


def test_it_checks_a_required_sign_in_daily_in_case_the_webhook_was_lost(
    item: Item, provider: ScriptedProvider
) -> None:
    update_item(item, connection=Connection.LOGIN_REQUIRED, next_sync_at=timezone.now() - timedelta(hours=25))
    for _ in range(2):
        tasks.dispatch_due_checks()
    [job] = queued_jobs(item.pk)
    assert (job.task, job.lane) == ("check_connection", Lane.SLOW)
    tasks.check_connection(*job.arguments)
    assert update_item(item).connection == Connection.ACTIVE
    assert [job.task for job in queued_jobs(item.pk)] == ["sync_item", "check_connection"]


@pytest.mark.parametrize(
    "fields",
    [
        {"connection": Connection.ACTIVE},
        {"connection": Connection.REVOKED},
        {"environment": "production"},
        {"next_sync_at": timezone.now() - timedelta(hours=23)},
    ],
)
def test_it_checks_no_other_item(item: Item, fields: dict[str, object]) -> None:
    long_ago = timezone.now() - timedelta(days=9)
    update_item(item, **{"connection": Connection.LOGIN_REQUIRED, "next_sync_at": long_ago, **fields})
    assert sync_queue.claim_due_checks(limit=9) == []


def test_a_check_that_fails_changes_nothing(
    item: Item, provider: ScriptedProvider, caplog: pytest.LogCaptureFixture
) -> None:
    update_item(item, connection=Connection.LOGIN_REQUIRED)
    provider.item_outcome = Unavailable("TIMEOUT")
    tasks.check_connection(str(item.owner_id), str(item.pk))
    assert f"Item {item.pk} was not checked" in caplog.text
    assert (update_item(item).connection, item.lease_holder) == (Connection.LOGIN_REQUIRED, None)


# --- Beside a sync ----------------------------------------------------------------------------------------


def lease_to_sync(item: Item, **fields: object) -> Item:
    return update_item(item, lease_holder=uuid4(), leased_until=timezone.now() + timedelta(minutes=1), **fields)


def test_it_lets_a_running_sync_read_the_state_once_more(item: Item, provider: ScriptedProvider) -> None:
    holder = lease_to_sync(item).lease_holder
    assert process(receive(item, "ITEM", "ERROR")).outcome == WebhookOutcome.PROCESSED
    assert provider.item_calls == 0
    assert update_item(item).lease_holder == holder
    assert item.has_pending_sync_request


def test_it_waits_for_another_check_of_the_same_item(item: Item, provider: ScriptedProvider) -> None:
    lease_to_sync(item, connection=Connection.LOGIN_REQUIRED)
    event = process(receive(item, "ITEM", "LOGIN_REPAIRED"))
    assert (event.outcome, event.error_code) == (WebhookOutcome.FAILED, "ITEM_BUSY")
    update_item(item, lease_holder=None, leased_until=None)
    make_events_older(timedelta(minutes=2))
    tasks.retry_webhooks()
    assert [job.task for job in queued_jobs(event.pk)] == ["process_webhook"]
    assert process(event.pk).outcome == WebhookOutcome.PROCESSED
    assert update_item(item).connection == Connection.ACTIVE


# --- Many webhooks ----------------------------------------------------------------------------------------


def test_a_thousand_copies_of_a_webhook_lead_to_one_sync(item: Item, provider: ScriptedProvider) -> None:
    first = reload_event(receive(item))
    copies = [WebhookEvent(**{**vars_of(first), "fingerprint": str(number)}) for number in range(1, 1000)]
    with tenant(SYSTEM):
        WebhookEvent.objects.bulk_create(copies)
    for event in [first, *copies[:20]]:
        tasks.process_webhook(str(event.pk))
    assert len(queued_jobs(item.pk)) == 1
    assert [event.outcome for event in list_events()] == [WebhookOutcome.PROCESSED] * 1000


def vars_of(event: WebhookEvent) -> dict[str, object]:
    return {field.attname: getattr(event, field.attname) for field in event._meta.concrete_fields if field.name != "id"}


def test_it_reads_the_item_once_for_many_codes(item: Item, provider: ScriptedProvider) -> None:
    codes = ("ERROR", "PENDING_DISCONNECT", "NEW_ACCOUNTS_AVAILABLE")
    events = [receive(item, "ITEM", code) for code in codes]
    assert process(events[0]).outcome == WebhookOutcome.PROCESSED
    assert provider.item_calls == 1
    assert {reload_event(event).outcome for event in events} == {WebhookOutcome.PROCESSED}


def test_it_leaves_the_webhooks_of_others_alone(
    item: Item, mallory: User, make_item: Callable[..., Item], provider: ScriptedProvider
) -> None:
    other = receive(make_item(mallory))
    process(receive(item))
    assert reload_event(other).outcome == WebhookOutcome.NEW


# --- Orphans ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("item_id", ["unknown", "' OR true --"])
def test_it_keeps_a_webhook_of_an_unknown_item(
    item: Item, item_id: str, provider: ScriptedProvider, caplog: pytest.LogCaptureFixture
) -> None:
    event = process(receive(item_id))
    assert event.outcome == WebhookOutcome.ORPHAN
    assert event.next_attempt_at > timezone.now()
    assert caplog.text.count(f"names Item {item_id}") == 1
    make_events_older(timedelta(minutes=2))
    assert process(event.pk).outcome == WebhookOutcome.ORPHAN
    assert caplog.text.count(f"names Item {item_id}") == 1


def test_it_processes_an_orphan_once_its_item_is_linked(alice: User, provider: ScriptedProvider) -> None:
    event, other = process(receive("item-1")), process(receive("item-2"))
    session = open_link(user=alice).session
    metadata = LinkMetadata("", "", frozenset())
    item = finish_link(user=alice, session_id=session.pk, public_token="public-sandbox-1", metadata=metadata)
    tasks.retry_webhooks()
    assert queued_jobs(other.pk) == []
    assert [job.task for job in queued_jobs(event.pk)] == ["process_webhook"]
    assert process(event.pk).outcome == WebhookOutcome.PROCESSED
    assert [job.arguments[-1] for job in queued_jobs(item.pk)] == ["webhook"]


def test_it_finds_the_item_of_an_orphan_that_was_not_released(
    alice: User, make_item: Callable[..., Item], provider: ScriptedProvider
) -> None:
    """The exchange was committed while the job looked for the Item."""
    event = process(receive("item-late"))
    make_item(alice, provider_item_id="item-late")
    make_events_older(timedelta(minutes=2))
    assert process(event.pk).outcome == WebhookOutcome.PROCESSED


def test_an_orphan_expires_after_a_day_and_names_no_item_then(provider: ScriptedProvider) -> None:
    event = process(receive("unknown"))
    make_events_older(timedelta(hours=24, minutes=1))
    event = process(event.pk)
    assert (event.outcome, event.provider_item_id, event.next_attempt_at) == (WebhookOutcome.EXPIRED, "", None)


def test_it_processes_no_webhook_of_another_environment(item: Item, provider: ScriptedProvider) -> None:
    event_id = receive(item)
    with tenant(SYSTEM):
        WebhookEvent.objects.update(environment="production")
    assert process(event_id).outcome == WebhookOutcome.NEW
    assert queued_jobs(item.pk) == []


# --- Failures ---------------------------------------------------------------------------------------------


def test_it_tries_again_after_a_failure_of_the_provider(item: Item, provider: ScriptedProvider) -> None:
    provider.item_outcome = Unavailable("TIMEOUT")
    event = process(receive(item, "ITEM", "ERROR"))
    assert (event.outcome, event.error_code) == (WebhookOutcome.FAILED, "TIMEOUT")
    assert (update_item(item).lease_holder, item.connection, item.failures) == (None, Connection.ACTIVE, 0)
    assert process(event.pk).attempts == 1  # not due yet
    provider.item_outcome = None
    make_events_older(timedelta(minutes=2))
    event = process(event.pk)
    assert (event.outcome, event.error_code, event.attempts) == (WebhookOutcome.PROCESSED, "", 2)


def test_it_gives_up_after_a_day(item: Item, provider: ScriptedProvider, caplog: pytest.LogCaptureFixture) -> None:
    provider.item_outcome = Unavailable("TIMEOUT")
    event_id = receive(item, "ITEM", "ERROR")
    make_events_older(timedelta(hours=24, minutes=1))
    event = process(event_id)
    assert (event.outcome, event.next_attempt_at) == (WebhookOutcome.FAILED, None)
    assert f"Webhook {event_id} was not processed within a day: TIMEOUT" in caplog.text
    assert process(event_id).attempts == 1


def test_it_records_an_unforeseen_exception(item: Item, provider: ScriptedProvider) -> None:
    provider.item_outcome = KeyError("bug")
    event_id = receive(item, "ITEM", "ERROR")
    with pytest.raises(KeyError):
        tasks.process_webhook(str(event_id))
    assert reload_event(event_id).error_code == "KeyError"
    assert reload_event(event_id).next_attempt_at is not None


def test_it_queues_a_stored_webhook_whose_job_was_lost(item: Item, provider: ScriptedProvider) -> None:
    event_id, other_id = receive(item), receive(item)
    tasks.retry_webhooks()
    assert queued_jobs(event_id) == queued_jobs(other_id) == []
    make_events_older(timedelta(minutes=1))
    tasks.retry_webhooks()
    assert len(queued_jobs(event_id) + queued_jobs(other_id)) == 1


def test_two_jobs_do_not_process_the_same_webhook(item: Item) -> None:
    event_id = receive(item)
    assert [event.pk for event in inbox.claim_events(event_id=event_id)] == [event_id]
    assert inbox.claim_events(event_id=event_id) == []


def test_it_deletes_webhooks_after_thirty_days(item: Item) -> None:
    receive(item)
    make_events_older(inbox.KEPT_FOR + timedelta(seconds=1))
    kept = receive(item)
    tasks.delete_old_webhooks()
    assert [event.pk for event in list_events()] == [kept]
