from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import User
from banking.models import Connection, Item
from banking.sync import sync_queue
from compliance.isolation import NoTenant, tenant

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dates]

MakeItem = Callable[..., Item]


def test_it_names_each_due_item_once(alice: User, mallory: User, make_item: MakeItem) -> None:
    mine, theirs = make_item(alice), make_item(mallory)
    make_item(alice, provider_item_id="later", next_sync_at=timezone.now() + timedelta(hours=1))
    make_item(alice, provider_item_id="broken", connection=Connection.LOGIN_REQUIRED)
    named = [(claimed.owner_id, claimed.item_id) for claimed in sync_queue.claim_due_syncs(limit=10)]
    assert sorted(named) == sorted([(alice.pk, mine.pk), (mallory.pk, theirs.pk)])
    assert sync_queue.claim_due_syncs(limit=10) == []


def test_it_names_an_item_again_whose_job_was_lost_with_the_queue(alice: User, item: Item) -> None:
    assert sync_queue.claim_due_syncs(limit=10) != []
    with tenant(alice.pk):
        item.refresh_from_db()
    assert item.next_sync_at < timezone.now()
    assert item.claimed_until - timezone.now() < timedelta(minutes=1)
    with tenant(alice.pk):
        Item.objects.update(claimed_until=timezone.now())
    assert sync_queue.claim_due_syncs(limit=10) != []


@pytest.mark.parametrize(("seconds_left", "named"), [(30, 0), (-1, 1)])
def test_it_names_an_item_whose_reader_died_and_none_that_is_being_read(
    make_item: MakeItem, alice: User, seconds_left: int, named: int
) -> None:
    make_item(alice, lease_holder=uuid4(), leased_until=timezone.now() + timedelta(seconds=seconds_left))
    assert len(sync_queue.claim_due_syncs(limit=10)) == named


def test_it_names_no_more_than_asked(alice: User, make_item: MakeItem) -> None:
    for number in range(3):
        make_item(alice, provider_item_id=f"item-{number}")
    assert len(sync_queue.claim_due_syncs(limit=2)) == 2
    assert len(sync_queue.claim_due_syncs(limit=2)) == 1


def test_it_finds_whose_item_the_provider_speaks_of(alice: User, make_item: MakeItem) -> None:
    item = make_item(alice, provider_item_id="Abc")
    assert sync_queue.find_item(provider_key="plaid", environment="embedded", provider_item_id="Abc") == (
        alice.pk,
        item.pk,
    )
    assert sync_queue.find_item(provider_key="plaid", environment="embedded", provider_item_id="aBC") is None
    assert sync_queue.find_item(provider_key="plaid", environment="production", provider_item_id="Abc") is None


def test_it_gives_nothing_but_ids_away(alice: User, item: Item) -> None:
    with pytest.raises(NoTenant):
        Item.objects.count()


def test_it_lets_a_person_ask_once_in_a_while(alice: User, item: Item) -> None:
    wait = timedelta(minutes=5)
    assert sync_queue.refresh(user=alice, item_id=item.pk, cooldown=wait) is not None
    assert sync_queue.refresh(user=alice, item_id=item.pk, cooldown=wait) is None
    with tenant(alice.pk):
        Item.objects.filter(pk=item.pk).update(refreshed_at=timezone.now() - wait)
    assert sync_queue.refresh(user=alice, item_id=item.pk, cooldown=wait) is not None


@pytest.mark.parametrize(
    "ask",
    [
        lambda item: sync_queue.refresh(user=item.owner, item_id=item.pk, cooldown=timedelta(0)),
        lambda item: sync_queue.refresh_all(user=item.owner, cooldown=timedelta(0)),
        lambda item: sync_queue.request_sync(owner_id=item.owner_id, item_id=item.pk),
    ],
    ids=["one bank", "all banks", "news"],
)
def test_it_is_due_for_whoever_asks_should_the_queue_lose_it(item: Item, ask: Callable[[Item], object]) -> None:
    with tenant(item.owner_id):
        Item.objects.update(next_sync_at=timezone.now() + timedelta(hours=6))
    ask(item)
    with tenant(item.owner_id):
        item.refresh_from_db()
    assert item.next_sync_at <= timezone.now() + timedelta(seconds=sync_queue.WEBHOOK_DELAY_SECONDS)


def test_it_asks_no_bank_that_lets_nobody_in(alice: User, item: Item) -> None:
    with tenant(alice.pk):
        Item.objects.filter(pk=item.pk).update(connection=Connection.LOGIN_REQUIRED)
    with pytest.raises(sync_queue.NotConnected):
        sync_queue.refresh(user=alice, item_id=item.pk, cooldown=timedelta(0))
    with tenant(alice.pk):
        assert Item.objects.get(pk=item.pk).refreshed_at is None


def test_it_lets_nobody_ask_for_another_person(alice: User, mallory: User, item: Item) -> None:
    with pytest.raises(Item.DoesNotExist):
        sync_queue.refresh(user=mallory, item_id=item.pk, cooldown=timedelta(0))
    assert sync_queue.refresh_all(user=mallory, cooldown=timedelta(0)) == []


def test_it_rings_once_for_each_copy_of_a_webhook() -> None:
    assert sync_queue.record_webhook("f" * 64) is True
    assert sync_queue.record_webhook("f" * 64) is False
