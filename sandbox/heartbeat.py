"""What happens without anyone asking: history arrives, refreshes answer, and living people spend money."""

import threading
from datetime import date, timedelta

from sandbox import accounts, items, ledger, personas, refreshing, webhooks
from sandbox.clock import moment
from sandbox.items import Item
from sandbox.ledger import Changes
from sandbox.world import World

BEAT_SECONDS = 0.2


def start(world: World) -> threading.Thread:
    """Beat until ``world.stopping`` is set."""
    thread = threading.Thread(target=_run, args=(world,), name="heartbeat", daemon=True)
    thread.start()
    return thread


def beat(world: World) -> None:
    """Bring everything up to the clock's present."""
    for item in items.behind(world, world.clock.today()):
        _live(world, item.item_id)
        _announce(world, item.item_id)
    refreshing.run_due(world)


def _run(world: World) -> None:
    while not world.stopping.wait(BEAT_SECONDS):
        beat(world)


def _announce(world: World, item_id: str) -> None:
    """Tell once that a further stage of the history is there."""
    item = items.get(world, item_id)
    if items.stage(world, item) == item.announced:
        return
    with world.store.transaction():
        item = items.get(world, item_id)
        stage = items.stage(world, item)
        if items.STAGES.index(stage) > items.STAGES.index(item.announced):
            items.update(world, item_id, announced=stage)
            webhooks.stage_reached(world, item, stage)


def _live(world: World, item_id: str) -> None:
    """Let the days pass that have gone by since the Item last looked."""
    today = world.clock.today()
    if items.get(world, item_id).lived_until >= today.isoformat():
        return
    with world.store.transaction():
        item = items.get(world, item_id)
        news = [_day(world, item, day) for day in _days(item, today)]
        items.update(world, item_id, lived_until=today.isoformat())
        added, removed = sum(len(day.added) for day in news), [gone for day in news for gone in day.removed]
        if added:
            webhooks.transactions_changed(world, item, added, removed)


def _days(item: Item, today: date) -> list[date]:
    first = date.fromisoformat(item.lived_until) + timedelta(days=1)
    return [first + timedelta(days=number) for number in range((today - first).days + 1)]


def _day(world: World, item: Item, day: date) -> Changes:
    """Write one day of a person's life into the ledger."""
    ids = {account.key: account.id for account in accounts.of_item(world, item.item_id)}
    linked_on = moment(item.created_at).date()
    drafts = personas.next_day(item.persona, item.config, item.institution_id, linked_on=linked_on, day=day)
    rows = [ledger.row(ids[draft.account], draft) for draft in drafts if draft.account in ids]
    gone = [row["pending_transaction_id"] for row in rows if row["pending_transaction_id"]]
    known = [pending for pending in gone if ledger.find(world, item.item_id, pending)]
    changes = Changes(added=rows, removed=known)
    if changes:
        ledger.append(world, item.item_id, changes)
    return changes
