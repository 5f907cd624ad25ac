"""Items of slow banks move to their own queue, so that other Items do not wait for them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from accounts.models import User
from banking import tasks
from banking.linking.disconnecting import disconnect_bank
from banking.models import Item, SyncRun
from banking.plaid.client import PlaidClient
from banking.plaid.settings import PlaidSettings
from banking.provider import InstitutionDown, LoginRequired, ProviderError, Readiness, TimedOut
from banking.sync import sync_item, sync_queue
from banking.sync.timeouts import LONG_TIMEOUTS, QUICK_TIMEOUTS
from banking.tests.factories import update_item
from banking.tests.job_queue import queued_jobs
from banking.tests.scripted_provider import ScriptedProvider, transactions_page
from compliance.isolation import tenant
from compliance.queues import Lane

pytestmark = pytest.mark.django_db(transaction=True)


def sync(item: Item, *, patient: bool = False) -> Item:
    tasks.sync_item(str(item.owner_id), str(item.pk), "test", patient=patient)
    return update_item(item)


def list_lanes(item: Item) -> list[tuple[Lane, bool]]:
    return [(job.lane, job.patient) for job in queued_jobs(item.pk)]


# --- Syncs ------------------------------------------------------------------------------------------------


def test_it_moves_an_item_to_the_slow_queue_after_a_timeout(item: Item, provider: ScriptedProvider) -> None:
    provider.pages = [TimedOut("TIMEOUT")]
    sync(item)
    assert (item.failures, item.is_slow, item.is_syncing) == (0, True, False)
    assert item.next_sync_at <= timezone.now()
    assert list_lanes(item) == [(Lane.SLOW, True)]
    with tenant(item.owner_id):
        assert SyncRun.objects.get().error_code == "HANDED_OVER"


def test_it_counts_a_timeout_in_the_slow_queue_as_a_failure(item: Item, provider: ScriptedProvider) -> None:
    update_item(item, is_slow=True)
    provider.pages = [TimedOut("TIMEOUT")]
    sync(item, patient=True)
    assert (item.failures, item.is_slow, item.error_code) == (1, True, "TIMEOUT")
    assert list_lanes(item) == []


def test_it_moves_an_item_back_when_its_bank_is_fast_again(item: Item, provider: ScriptedProvider) -> None:
    update_item(item, is_slow=True)
    assert not sync(item, patient=True).is_slow


def test_it_keeps_an_item_of_a_slow_bank_in_the_slow_queue(item: Item, provider: ScriptedProvider) -> None:
    def respond() -> object:
        clock.shift(timedelta(seconds=9))
        return transactions_page()

    provider.pages = [respond]
    with time_machine.travel(timezone.now(), tick=False) as clock:
        sync(item, patient=True)
    assert item.is_slow


@pytest.mark.parametrize(
    ("error", "slow"), [(InstitutionDown("INSTITUTION_DOWN"), True), (LoginRequired("ITEM_LOGIN_REQUIRED"), False)]
)
def test_it_moves_an_item_to_the_slow_queue_if_its_bank_is_down(
    item: Item, provider: ScriptedProvider, error: ProviderError, slow: bool
) -> None:
    provider.pages = [error]
    assert sync(item).is_slow is slow


def test_it_counts_a_timeout_of_a_direct_call_as_a_failure(item: Item, provider: ScriptedProvider) -> None:
    provider.pages = [TimedOut("TIMEOUT")]
    sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="test")
    assert update_item(item).failures == 1


# --- Lanes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("slow", "lane"), [(False, Lane.SHARED), (True, Lane.SLOW)])
def test_it_queues_a_users_request_by_the_speed_of_the_bank(item: Item, slow: bool, lane: Lane) -> None:
    tasks.enqueue_sync(update_item(item, is_slow=slow), trigger="person")
    assert list_lanes(item) == [(lane, slow)]


@pytest.mark.parametrize(
    ("requests", "lane"), [(["webhook"], Lane.WEBHOOKS), (["user", "webhook"], Lane.SHARED), (["user"], Lane.SHARED)]
)
def test_it_queues_the_next_sync_by_who_requested_it_meanwhile(
    alice: User, item: Item, provider: ScriptedProvider, requests: list[str], lane: Lane
) -> None:
    def request() -> object:
        for requester in requests:
            if requester == "user":
                assert sync_queue.refresh(user=alice, item_id=item.pk, cooldown=timedelta()) is not None
            else:
                assert sync_queue.request_sync(owner_id=alice.pk, item_id=item.pk) is not None
        return transactions_page()

    # The run that follows was requested by the user as well.
    assert sync_queue.refresh(user=alice, item_id=item.pk, cooldown=timedelta()) is not None
    provider.pages = [request]
    sync(item)
    assert list_lanes(item) == [(lane, False)]


def test_it_queues_requested_and_first_syncs_before_regular_ones(alice: User, make_item: Callable[..., Item]) -> None:
    now, complete = timezone.now(), {"readiness": Readiness.HISTORICAL}
    before = now - timedelta(hours=1)
    lanes_by_item = {
        make_item(alice, provider_item_id="import").pk: Lane.SHARED,
        make_item(alice, provider_item_id="regular", checked_at=now, **complete).pk: Lane.ROUTINE,
        make_item(
            alice, provider_item_id="wanted", checked_at=before, sync_requested_at=now, refreshed_at=now, **complete
        ).pk: Lane.SHARED,
        make_item(
            alice, provider_item_id="changed", checked_at=before, sync_requested_at=now, refreshed_at=before, **complete
        ).pk: Lane.WEBHOOKS,
        make_item(alice, provider_item_id="slow", is_slow=True).pk: Lane.SLOW,
    }
    tasks.dispatch_due_syncs()
    assert {pk: [job.lane for job in queued_jobs(pk)] for pk in lanes_by_item} == {
        pk: [lane] for pk, lane in lanes_by_item.items()
    }


def test_it_queues_removals_in_the_slow_queue(alice: User, item: Item, provider: ScriptedProvider) -> None:
    removal = disconnect_bank(user=alice, item_id=item.pk, keep_history=True)
    assert removal is not None
    tasks.enqueue_removal(removal)
    tasks.retry_removals()
    assert [job.lane for job in queued_jobs(removal.pk)] == [Lane.SLOW] * 2


# --- The provider -----------------------------------------------------------------------------------------


class SlowTransport:
    """Replaces the transport: records the timeout of each call, and moves the clock by the call's duration."""

    def __init__(self, *durations: float, clock: Any) -> None:
        self.durations, self.clock, self.timeouts = list(durations), clock, []

    def post(self, endpoint: str, fields: dict[str, Any], *, seconds: float) -> bytes:
        self.timeouts.append(round(seconds, 3))
        self.clock.now += min(self.durations.pop(0), seconds)
        return b'{"item": {"item_id": "i", "error": null}, "status": null, "request_id": "r"}'


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


def test_it_limits_the_wait_per_response_and_in_total(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("banking.plaid.deadline.time", clock)
    transport = SlowTransport(1, 4, 4, clock=clock)
    client = PlaidClient(PlaidSettings.from_settings(), transport).with_timeouts(response=4, total=7)
    for _ in range(3):
        client.get_item("access-sandbox-secret")
    assert transport.timeouts == [4, 4, 2]
    with pytest.raises(TimedOut):
        client.get_item("access-sandbox-secret")
    assert QUICK_TIMEOUTS.response < QUICK_TIMEOUTS.total < LONG_TIMEOUTS.total
