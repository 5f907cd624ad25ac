"""How much of a provider this site uses: the cap of Items, the counts of calls, the operators' page."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_redis import get_redis_connection

from accounts.models import User
from banking.limits.institution_breaker import InstitutionBreaker
from banking.limits.rates import Caller, Limits
from banking.linking import sessions
from banking.linking.exchange import create_item
from banking.linking.sessions import LinkMetadata
from banking.models import Connection, Item, LinkSession, ProviderCallCount
from banking.plaid.provider import PlaidProvider
from banking.provider import Credential, Provider
from banking.providers import provider_for
from banking.tests.factories import update_item
from banking.tests.link_dialog import AGREED
from banking.tests.scripted_provider import ScriptedProvider
from banking.usage import call_counts, item_cap, paid_calls
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "viewer"])


@pytest.fixture
def plaid(monkeypatch: pytest.MonkeyPatch) -> Provider:
    """Plaid, in an environment of this test: test processes share one Redis."""
    environment = f"t-{uuid4().hex[:12]}"
    monkeypatch.setattr(PlaidProvider, "environment", environment)
    return provider_for("plaid")


def link(user: User, plaid: Provider, number: int = 1) -> Item:
    with tenant(user.pk):
        credential = Credential(f"access-{number}", f"item-{number}", "req")
        metadata = LinkMetadata("", "Bank", frozenset())
        return create_item(user=user, provider=plaid, credential=credential, bank=None, metadata=metadata)


@pytest.mark.parametrize(("counts_removed", "is_refused"), [(True, True), (False, False)])
def test_it_counts_removed_banks_where_the_provider_does(
    alice: User, mallory: User, plaid: Provider, provider: ScriptedProvider, settings, counts_removed, is_refused
) -> None:
    settings.PLAID_ITEM_CAP, settings.PLAID_ITEM_CAP_COUNTS_REMOVED = 2, counts_removed
    link(alice, plaid, 1)
    sessions.open_link(user=mallory)
    second = link(mallory, plaid, 2)
    with pytest.raises(item_cap.ItemCapReached):
        sessions.open_link(user=mallory)
    with tenant(mallory.pk):
        LinkSession.objects.all().delete()
        second.delete()
    if is_refused:
        with pytest.raises(item_cap.ItemCapReached):
            sessions.open_link(user=mallory)
    else:
        sessions.open_link(user=mallory)


def test_it_says_politely_that_all_places_are_in_use(
    alice: User, as_alice: Client, plaid: Provider, provider: ScriptedProvider, settings
) -> None:
    settings.PLAID_ITEM_CAP = 1
    link(alice, plaid)
    page = as_alice.post(reverse("connect"), AGREED)
    assert page.status_code == 503
    assert "This site can connect 1 bank, and it is in use." in page.content.decode()
    assert provider.links == 0


def test_it_counts_the_calls_of_each_day_once(plaid: Provider) -> None:
    limits = call_counts.call_limits_of(plaid)
    for _ in range(3):
        limits.take("item_get", Limits(), Caller())
    yesterday = int((datetime.now(UTC) - timedelta(days=1)).timestamp() * 1_000_000)
    limits.take("item_get", Limits(), Caller(), now=yesterday)
    assert call_counts.count_calls_today(plaid) == {"item_get": 3}
    call_counts.store_call_counts()
    call_counts.store_call_counts()
    limits.take("item_get", Limits(), Caller())
    assert call_counts.count_calls_today(plaid) == {"item_get": 4}
    # A process that died after it had taken the counts.
    get_redis_connection("default").rename(limits.counts_key(), f"{limits.counts_key()}:taken")
    limits.take("accounts_get", Limits(), Caller())
    for _ in range(2):
        call_counts.store_call_counts()
    stored = ProviderCallCount.objects.filter(environment=plaid.environment).order_by("day", "endpoint")
    assert [(count.endpoint, count.calls) for count in stored] == [
        ("item_get", 1),
        ("accounts_get", 1),
        ("item_get", 4),
    ]


def test_it_reserves_no_more_paid_calls_than_allowed(plaid: Provider, settings) -> None:
    with pytest.raises(paid_calls.PaidCallsUsedUp):
        paid_calls.reserve_paid_call(provider=plaid, endpoint="transactions_refresh")
    with pytest.raises(paid_calls.NotPaidEndpoint):
        paid_calls.reserve_paid_call(provider=plaid, endpoint="item_get")
    settings.PLAID_PAID_CALLS_PER_DAY = 5

    def reserve(_: int) -> bool:
        try:
            return paid_calls.reserve_paid_call(provider=plaid, endpoint="transactions_refresh") > 0
        except paid_calls.PaidCallsUsedUp:
            return False
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(reserve, range(12))) == 5


def test_it_shows_operators_what_is_used_and_what_waits(
    as_root: Client, alice: User, plaid: Provider, make_item: Callable[..., Item], settings
) -> None:
    settings.PLAID_ITEM_CAP = 10
    long_ago = timezone.now() - timedelta(days=31)
    for number, fields in enumerate(
        [
            {"checked_at": timezone.now()},
            {"checked_at": long_ago, "connection": Connection.LOGIN_REQUIRED},
            {"checked_at": long_ago},
            {"checked_at": long_ago, "connection": Connection.REMOVED, "removed_at": long_ago},
        ]
    ):
        item = make_item(alice, **fields, provider_item_id=f"{number}")
        update_item(item, environment=plaid.environment)
    assert item_cap.count_items(plaid) == item_cap.ItemCounts(linked=3, removed=1, failing=1, stale=1, ever_linked=0)
    call_counts.call_limits_of(plaid).park("item_get", Limits(), Caller("item-1"), scope="item", seconds=60)
    for number in range(5):
        breaker = InstitutionBreaker(f"plaid:{plaid.environment}", "ins_9")
        breaker.record_failure(f"item-{number}")
    text = " ".join(as_root.get(reverse("admin:banking_providercallcount_changelist")).content.decode().split())
    for shown in ("In use: 4 of 10.", "item: item_get, item-1:", "ins_9:", "still billed: 1."):
        assert shown in text
