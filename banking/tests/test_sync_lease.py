"""The lease on an Item: who reads slowly keeps it, and who stops loses it."""

from collections.abc import Callable
from datetime import timedelta

import time_machine
from django.utils import timezone

from banking.models import Item
from banking.sync import sync_item
from banking.tests.scripted import ScriptedProvider, page
from compliance.isolation import tenant

SLOWEST_ANSWER = 125


def seconds_left(item: Item) -> float:
    with tenant(item.owner_id):
        until = Item.objects.get(pk=item.pk).leased_until
    assert until is not None
    return (until - timezone.now()).total_seconds()


def test_it_awaits_no_page_on_a_lease_that_the_slowest_answer_outlasts(item: Item, provider: ScriptedProvider) -> None:
    waits = (1, 48, 2, 49, SLOWEST_ANSWER, 120, 10)
    left: list[float] = []

    def after(seconds: int, number: int) -> Callable[[], object]:
        def answer() -> object:
            left.append(seconds_left(item))
            clock.shift(timedelta(seconds=seconds))
            return page(cursor=f"p{number}", more=number < len(waits))

        return answer

    provider.pages = [after(wait, number) for number, wait in enumerate(waits, start=1)]
    with time_machine.travel(timezone.now(), tick=False) as clock:
        assert sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="test").ran
    assert len(left) == len(waits)
    assert min(left) > SLOWEST_ANSWER
