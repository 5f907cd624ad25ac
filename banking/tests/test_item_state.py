"""The state and the next sync of an Item after a sync has ended."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Notification
from banking.models import Connection, Item
from banking.provider import (
    InstitutionDown,
    ItemNotFound,
    LoginRequired,
    MalformedResponse,
    ProviderConfigurationError,
    ProviderError,
    RateLimited,
    Readiness,
    Unavailable,
)
from banking.tests.scripted_provider import ScriptedProvider, transaction_row, transactions_page
from banking.tests.sync_runs import StoredTransactions, run_sync
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db(transaction=True)


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


def test_it_resets_the_error_after_a_successful_sync(item: Item, provider: ScriptedProvider) -> None:
    provider.pages = [Unavailable("TIMEOUT")]
    run_sync(item)
    run_sync(item)
    assert (item.failures, item.error_code, item.fault, item.state) == (0, "", "", "fresh")


def test_it_waits_longer_after_each_failure_and_as_long_as_a_rate_limit(item: Item, provider: ScriptedProvider) -> None:
    waits = []
    with tenant(item.owner_id):
        Item.objects.update(readiness=Readiness.HISTORICAL)
    for error in (Unavailable("TIMEOUT"), Unavailable("TIMEOUT"), RateLimited("LIMIT", scope="item", retry_after=3600)):
        provider.pages = [error]
        run_sync(item)
        waits.append((item.next_sync_at - timezone.now()).total_seconds())
    assert 90 < waits[0] < 150 < 190 < waits[1] < 300
    assert waits[2] > 2800


def test_it_retries_a_failed_import_within_a_minute(item: Item, provider: ScriptedProvider) -> None:
    provider.pages = [Unavailable("TIMEOUT")]
    run_sync(item)
    assert item.next_sync_at - timezone.now() < timedelta(minutes=1)
