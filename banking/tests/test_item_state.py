"""The state and the next sync of an Item after a sync has ended."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Notification, User
from banking import tasks
from banking.connection_status import expiry
from banking.error_advice import UserAction
from banking.limits.institution_breaker import FAILED_ITEMS, InstitutionBreaker, InstitutionPaused
from banking.linking.disconnecting import disconnect_bank
from banking.linking.update_mode import open_update_mode
from banking.models import Connection, Health, Item, ItemProduct, PendingRemoval, SyncRun
from banking.provider import (
    InstitutionDown,
    ItemNotFound,
    LoginRequired,
    MalformedResponse,
    PermissionRevoked,
    Priority,
    ProviderConfigurationError,
    ProviderError,
    RateLimited,
    Readiness,
    TimedOut,
    Unavailable,
)
from banking.sync import sync_item, sync_queue
from banking.sync.timeouts import LONG_TIMEOUTS, QUICK_TIMEOUTS
from banking.tests.factories import update_item
from banking.tests.scripted_provider import ScriptedProvider, transaction_row, transactions_page
from banking.tests.sync_runs import StoredTransactions, run_sync
from compliance.audit.events import AuditEvent
from compliance.isolation import tenant
from ui.tests.page_text import page_text

pytestmark = pytest.mark.django_db(transaction=True)


def read_statuses(item: Item) -> dict[str, str]:
    with tenant(item.owner_id):
        return dict(ItemProduct.objects.values_list("product", "status"))


@pytest.mark.parametrize(
    ("error", "connection_after"),
    [
        (LoginRequired("ITEM_LOGIN_REQUIRED"), Connection.LOGIN_REQUIRED),
        (ItemNotFound("ITEM_NOT_FOUND"), Connection.REVOKED),
        (InstitutionDown("INSTITUTION_DOWN"), Connection.ACTIVE),
        (Unavailable("TIMEOUT"), Connection.ACTIVE),
        (MalformedResponse("NOT_JSON"), Connection.ACTIVE),
        (ProviderConfigurationError("INVALID_API_KEYS"), Connection.ACTIVE),
    ],
)
def test_it_requires_a_sign_in_only_for_errors_that_it_would_resolve(
    item: Item, provider: ScriptedProvider, error: Exception, connection_after: str
) -> None:
    provider.pages = [error]
    run_sync(item)
    assert item.connection == connection_after
    assert (item.failures, item.error_code, item.fault) == (1, error.code, error.fault)
    assert not item.is_syncing


@pytest.mark.parametrize(
    ("error", "connection_after"),
    [
        (LoginRequired("ITEM_LOGIN_REQUIRED"), Connection.LOGIN_REQUIRED),
        (ItemNotFound("USER_PERMISSION_REVOKED"), Connection.REVOKED),
        (InstitutionDown("INSTITUTION_DOWN"), Connection.ACTIVE),
    ],
)
def test_it_keeps_an_error_that_ends_the_connection_even_if_transactions_are_read(
    item: Item,
    provider: ScriptedProvider,
    stored_transactions: StoredTransactions,
    error: ProviderError,
    connection_after: str,
) -> None:
    provider.item_details = replace(provider.item_details, error_code=error.code, error=error)
    provider.pages = [transactions_page(added=[transaction_row("a")])]
    run_sync(item)
    assert set(stored_transactions()) == {"a"}
    is_lost = connection_after != Connection.ACTIVE
    assert (item.connection, item.error_code) == (connection_after, error.code if is_lost else "")
    assert (item.state == "fresh") is not is_lost
    with tenant(item.owner_id):
        assert Notification.objects.count() == is_lost


def test_it_clears_every_error_and_warning_after_a_successful_sync(item: Item, provider: ScriptedProvider) -> None:
    provider.pages = [Unavailable("TIMEOUT", reason="ANY")]
    provider.item_details = replace(provider.item_details, products=("transactions", "liabilities"))
    run_sync(item)
    assert (item.health, item.error_reason, item.user_action) == (Health.RETRYING, "ANY", UserAction.WAIT)
    assert read_statuses(item) == {"transactions": "error"}
    # The user was reminded of an end that the provider no longer reports.
    update_item(item, expires_at=timezone.now() + timedelta(days=2), expiry_reason="consent")
    expiry.send_reminder(owner_id=item.owner_id, item_id=item.pk)
    run_sync(item)
    assert (item.failures, item.error_code, item.error_reason, item.fault) == (0, "", "", "")
    assert (item.state, item.health, item.user_action) == ("fresh", Health.OK, UserAction.NONE)
    assert (item.expires_at, item.expiry_reason, item.expiry_reminder) == (None, "", None)
    assert read_statuses(item) == {"transactions": "ready", "liabilities": "ready", "recurring": "ready"}
    with tenant(item.owner_id):
        assert not Notification.objects.filter(in_app=True).exists()


def test_it_warns_of_the_end_that_the_provider_reports_until_an_error_of_the_provider(
    item: Item, provider: ScriptedProvider
) -> None:
    ends = timezone.now() + timedelta(days=3)
    provider.item_details = replace(provider.item_details, consent_expires_at=ends)
    run_sync(item)
    assert (item.expires_at, item.expiry_reason, item.connection) == (ends, "consent", Connection.ACTIVE)
    assert (item.state, item.user_action) == ("fresh", UserAction.RECONNECT)
    expired = LoginRequired("ITEM_LOGIN_REQUIRED", reason="OAUTH_CONSENT_EXPIRED")
    provider.item_details = replace(provider.item_details, error_code=expired.code, error=expired)
    run_sync(item)
    assert (item.expires_at, item.expiry_reason, item.connection) == (None, "", Connection.LOGIN_REQUIRED)
    assert item.access_message.startswith("Your permission to share data from First Platypus Bank expired.")


@pytest.mark.parametrize(
    ("error", "health"),
    [
        (InstitutionDown("INSTITUTION_DOWN"), Health.BANK_DOWN),
        (Unavailable("PLANNED_MAINTENANCE"), Health.RETRYING),
    ],
)
def test_it_offers_no_button_while_it_retries(item: Item, error: ProviderError, health: Health) -> None:
    item.failures, item.error_code, item.fault = 1, error.code, error.fault
    assert (item.health, item.user_action, item.state) == (health, UserAction.WAIT, "error")


# --- Access that the user withdrew elsewhere ---------------------------------------------------------------


@pytest.fixture
def revoked_item(item: Item, provider: ScriptedProvider) -> Item:
    """Alice's Item after a sync found that she withdrew the access at the bank."""
    run_sync(item)
    provider.pages = [PermissionRevoked("USER_PERMISSION_REVOKED")]
    run_sync(item)
    return item


def execute_removal(item: Item) -> None:
    [(owner_id, removal_id)] = sync_queue.due_removals(limit=10)
    assert owner_id == item.owner_id
    tasks.remove_at_provider(str(owner_id), str(removal_id))


def test_it_removes_a_revoked_item_at_the_provider_and_offers_to_connect_again(
    revoked_item: Item, provider: ScriptedProvider, as_alice: Client
) -> None:
    assert (revoked_item.connection, revoked_item.access_token) == (Connection.REVOKED, None)
    execute_removal(revoked_item)
    assert provider.removed_tokens == ["access-sandbox-secret"]
    update_item(revoked_item)
    assert (revoked_item.connection, revoked_item.user_action) == (Connection.REVOKED, UserAction.ADD_AGAIN)
    page = page_text(as_alice.get(reverse("item", args=[revoked_item.pk])))
    assert "Our access to First Platypus Bank was withdrawn at the bank or at Plaid." in page
    assert "To continue syncing, connect it again." in page
    reconnect = reverse("reconnect", args=[revoked_item.pk])
    assert f'href="{reconnect}"' in page
    opened = open_update_mode(user=revoked_item.owner, item_id=revoked_item.pk)
    assert (opened.session.replaces_id, opened.session.is_update_mode) == (revoked_item.pk, False)
    assert update_item(revoked_item).connection == Connection.REVOKED


@pytest.mark.parametrize("keep_history", [True, False])
@pytest.mark.parametrize("is_removed", [True, False])
def test_it_disconnects_a_revoked_item_and_never_forgets_its_removal(
    revoked_item: Item, provider: ScriptedProvider, is_removed: bool, keep_history: bool
) -> None:
    if is_removed:
        execute_removal(revoked_item)
    disconnect_bank(user=revoked_item.owner, item_id=revoked_item.pk, keep_history=keep_history)
    assert update_item(revoked_item).connection == (Connection.REMOVED if is_removed else Connection.REMOVING)
    if not is_removed:
        execute_removal(revoked_item)
    assert update_item(revoked_item).connection == Connection.REMOVED
    assert provider.removed_tokens == ["access-sandbox-secret"]
    with tenant(revoked_item.owner_id):
        assert not PendingRemoval.objects.exists()
        assert revoked_item.accounts.exists() is keep_history


def test_it_waits_longer_after_each_failure(item: Item, provider: ScriptedProvider) -> None:
    waits = []
    with tenant(item.owner_id):
        Item.objects.update(readiness=Readiness.HISTORICAL)
    for error in (Unavailable("TIMEOUT"), Unavailable("TIMEOUT")):
        provider.pages = [error]
        run_sync(item)
        waits.append((item.next_sync_at - timezone.now()).total_seconds())
    assert 90 < waits[0] < 150 < 190 < waits[1] < 300


def test_it_makes_no_call_about_a_bank_that_failed_for_others(item: Item, provider: ScriptedProvider) -> None:
    run_sync(item)
    breaker = InstitutionBreaker("plaid:embedded", "ins_1")
    for number in range(FAILED_ITEMS):
        breaker.record_failure(f"other-{number}")
    provider.cursors.clear()
    run_sync(item)
    assert (provider.cursors, item.failures, item.state) == ([], 0, "fresh")
    assert 200 < (item.next_sync_at - timezone.now()).total_seconds() <= 450
    breaker.record_success("other")
    run_sync(item)
    assert len(provider.cursors) == 1


def test_it_pauses_a_bank_that_is_down_but_not_a_slow_one(
    alice: User, make_item: Callable[..., Item], provider: ScriptedProvider
) -> None:
    items = [make_item(alice, provider_item_id=f"item-{n}") for n in range(FAILED_ITEMS)]
    for error, timeouts in ((TimedOut("TIMEOUT"), QUICK_TIMEOUTS), (InstitutionDown("DOWN"), LONG_TIMEOUTS)):
        InstitutionBreaker("plaid:embedded", "ins_1").enter("another")
        for item in items:
            provider.pages = [error]
            sync_item(owner_id=alice.pk, item_id=item.pk, trigger="beat", timeouts=timeouts)
    with pytest.raises(InstitutionPaused):
        InstitutionBreaker("plaid:embedded", "ins_1").enter("another")
    assert provider.callers[-1] == (str(items[-1].pk), "ins_1", Priority.ROUTINE)


@pytest.mark.parametrize("code", ["USER_PERMISSION_REVOKED", "ITEM_NOT_FOUND"])
def test_it_records_that_access_was_revoked(item: Item, provider: ScriptedProvider, code: str) -> None:
    kind = PermissionRevoked if code == "USER_PERMISSION_REVOKED" else ItemNotFound
    provider.pages = [kind(code)]
    run_sync(item)
    with tenant(item.owner_id):
        event = AuditEvent.objects.get(action="access_revoked")
    assert (event.resource_id, event.details()["code"]) == (str(item.pk), code)


def test_it_counts_syncs_that_a_rate_limit_put_off_and_stores_none_of_them(
    item: Item, provider: ScriptedProvider
) -> None:
    run_sync(item)
    provider.pages = [RateLimited("LIMIT", scope="item", retry_after=60) for _ in range(3)]
    for _ in range(3):
        run_sync(item)
    with tenant(item.owner_id):
        assert (SyncRun.objects.count(), AuditEvent.objects.filter(action="sync").count()) == (1, 1)
    assert read_statuses(item)["transactions"] == "ready"
    assert item.postponed_syncs == 3
    run_sync(item)
    run_sync(item)
    with tenant(item.owner_id):
        postponed = SyncRun.objects.order_by("started_at").values_list("postponed", flat=True)
        assert (list(postponed), item.postponed_syncs) == ([0, 3, 0], 0)


def test_it_waits_as_long_as_a_rate_limit_and_blames_nobody(item: Item, provider: ScriptedProvider) -> None:
    run_sync(item)
    provider.pages = [RateLimited("LIMIT", scope="item", retry_after=3600)]
    run_sync(item)
    assert 3600 <= (item.next_sync_at - timezone.now()).total_seconds() + 1 <= 5400
    assert (item.failures, item.error_code, item.fault, item.state, item.is_slow) == (0, "", "", "fresh", False)
    with tenant(item.owner_id):
        assert Item.objects.get().lease_holder is None


def test_it_retries_a_failed_import_within_a_minute(item: Item, provider: ScriptedProvider) -> None:
    provider.pages = [Unavailable("TIMEOUT")]
    run_sync(item)
    assert item.next_sync_at - timezone.now() < timedelta(minutes=1)
