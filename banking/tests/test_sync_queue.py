from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from banking.models import Connection, Item
from banking.sync import sync_queue
from compliance.isolation import NoTenant, tenant
from conftest import connect_as_role

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dates]

MakeItem = Callable[..., Item]


def test_it_claims_each_due_item_once(alice: User, mallory: User, make_item: MakeItem) -> None:
    alices_item, mallorys_item = make_item(alice), make_item(mallory)
    make_item(alice, provider_item_id="later", next_sync_at=timezone.now() + timedelta(hours=1))
    make_item(alice, provider_item_id="broken", connection=Connection.LOGIN_REQUIRED)
    claimed_ids = [(claimed.owner_id, claimed.item_id) for claimed in sync_queue.claim_due_syncs(limit=10)]
    assert sorted(claimed_ids) == sorted([(alice.pk, alices_item.pk), (mallory.pk, mallorys_item.pk)])
    assert sync_queue.claim_due_syncs(limit=10) == []


def test_it_claims_an_item_again_if_its_job_was_lost(alice: User, item: Item) -> None:
    assert sync_queue.claim_due_syncs(limit=10) != []
    with tenant(alice.pk):
        item.refresh_from_db()
    assert item.next_sync_at < timezone.now()
    assert item.claimed_until - timezone.now() < timedelta(minutes=1)
    with tenant(alice.pk):
        Item.objects.update(claimed_until=timezone.now())
    assert sync_queue.claim_due_syncs(limit=10) != []


@pytest.mark.parametrize(("seconds_left", "count"), [(30, 0), (-1, 1)])
def test_it_claims_an_item_only_after_its_lease_has_expired(
    make_item: MakeItem, alice: User, seconds_left: int, count: int
) -> None:
    make_item(alice, lease_holder=uuid4(), leased_until=timezone.now() + timedelta(seconds=seconds_left))
    assert len(sync_queue.claim_due_syncs(limit=10)) == count


def test_it_claims_no_more_than_the_limit(alice: User, make_item: MakeItem) -> None:
    for number in range(3):
        make_item(alice, provider_item_id=f"item-{number}")
    assert len(sync_queue.claim_due_syncs(limit=2)) == 2
    assert len(sync_queue.claim_due_syncs(limit=2)) == 1


def test_it_claims_five_items_of_each_owner_before_more_of_anybody(
    alice: User, mallory: User, make_item: MakeItem
) -> None:
    long_ago = timezone.now() - timedelta(hours=1)
    items = {make_item(alice, provider_item_id=f"a{n}", next_sync_at=long_ago).pk: "a" for n in range(12)}
    items |= {make_item(mallory, provider_item_id=f"m{n}").pk: "m" for n in range(6)}
    order = ["".join(items[claimed.item_id] for claimed in sync_queue.claim_due_syncs(limit=9)) for _ in range(2)]
    # Within a turn the Item that has been due for longer comes first.
    assert order == ["aaaaammmm", "aaaaammaa"]
    assert sync_queue.claim_due_syncs(limit=9) == []


def test_it_claims_each_item_once_by_two_schedulers(alice: User, make_item: MakeItem) -> None:
    for number in range(6):
        make_item(alice, provider_item_id=f"item-{number}")
    with transaction.atomic():
        first = sync_queue.claim_due_syncs(limit=4)
        with connect_as_role("default") as other:
            claim = "SELECT item_id FROM banking_claim_due_syncs('plaid', 'embedded', 4)"
            # It does not wait for the first one, and passes over what that has locked.
            second = [item_id for (item_id,) in other.execute(claim)]
    assert len({claimed.item_id for claimed in first} | set(second)) == len(first) + len(second)


def test_it_finds_an_item_by_the_providers_id(alice: User, make_item: MakeItem) -> None:
    item = make_item(alice, provider_item_id="Abc")
    assert sync_queue.find_item(provider_key="plaid", environment="embedded", provider_item_id="Abc") == (
        alice.pk,
        item.pk,
    )
    assert sync_queue.find_item(provider_key="plaid", environment="embedded", provider_item_id="aBC") is None
    assert sync_queue.find_item(provider_key="plaid", environment="production", provider_item_id="Abc") is None


def test_it_does_not_query_items_without_a_tenant(alice: User, item: Item) -> None:
    with pytest.raises(NoTenant):
        Item.objects.count()


def test_it_lets_a_user_refresh_after_the_cooldown(alice: User, item: Item) -> None:
    wait = timedelta(minutes=5)
    assert sync_queue.refresh(user=alice, item_id=item.pk, cooldown=wait) is not None
    assert sync_queue.refresh(user=alice, item_id=item.pk, cooldown=wait) is None
    with tenant(alice.pk):
        Item.objects.filter(pk=item.pk).update(refreshed_at=timezone.now() - wait)
    assert sync_queue.refresh(user=alice, item_id=item.pk, cooldown=wait) is not None


@pytest.mark.parametrize(
    "request_sync",
    [
        lambda item: sync_queue.refresh(user=item.owner, item_id=item.pk, cooldown=timedelta(0)),
        lambda item: sync_queue.refresh_all(user=item.owner, cooldown=timedelta(0)),
        lambda item: sync_queue.request_sync(owner_id=item.owner_id, item_id=item.pk),
    ],
    ids=["one bank", "all banks", "news"],
)
def test_it_makes_a_requested_item_due_in_case_the_queue_loses_the_job(
    item: Item, request_sync: Callable[[Item], object]
) -> None:
    with tenant(item.owner_id):
        Item.objects.update(next_sync_at=timezone.now() + timedelta(hours=6))
    request_sync(item)
    with tenant(item.owner_id):
        item.refresh_from_db()
    assert item.next_sync_at <= timezone.now() + timedelta(seconds=sync_queue.WEBHOOK_DELAY_SECONDS)


def test_it_does_not_refresh_an_item_that_requires_a_sign_in(alice: User, item: Item) -> None:
    with tenant(alice.pk):
        Item.objects.filter(pk=item.pk).update(connection=Connection.LOGIN_REQUIRED)
    with pytest.raises(sync_queue.NotConnected):
        sync_queue.refresh(user=alice, item_id=item.pk, cooldown=timedelta(0))
    with tenant(alice.pk):
        assert Item.objects.get(pk=item.pk).refreshed_at is None


def test_it_does_not_refresh_another_users_item(alice: User, mallory: User, item: Item) -> None:
    with pytest.raises(Item.DoesNotExist):
        sync_queue.refresh(user=mallory, item_id=item.pk, cooldown=timedelta(0))
    assert sync_queue.refresh_all(user=mallory, cooldown=timedelta(0)) == []
