"""What ``/transactions/refresh`` sets off: the bank is asked, and a little later there may be news."""

from datetime import timedelta
from decimal import Decimal

from sandbox import accounts, items, ledger, webhooks
from sandbox.clock import stamp
from sandbox.items import Item
from sandbox.ledger import Changes, Row
from sandbox.personas import dynamic
from sandbox.world import World

SCHEMA = "CREATE TABLE IF NOT EXISTS refreshes (id INTEGER PRIMARY KEY, item_id TEXT NOT NULL, due_at TEXT NOT NULL)"
DELAYS = {"instant": 0.0, "fast": 1.0, "real": 10.0}
DYNAMIC = "user_transactions_dynamic"


def ask(world: World, item: Item) -> None:
    """Ask the bank for news; ``run_due`` brings them after the profile's delay, at once without one."""
    delay = DELAYS[world.profile]
    if not delay:
        refresh(world, item)
        return
    due = stamp(world.clock.now() + timedelta(seconds=delay))
    world.store.execute("INSERT INTO refreshes (item_id, due_at) VALUES (?, ?)", item.item_id, due)


def run_due(world: World) -> None:
    """Refresh every Item whose bank has had time to answer."""
    for row in world.store.all("SELECT * FROM refreshes WHERE due_at <= ?", stamp(world.clock.now())):
        with world.store.transaction():
            world.store.execute("DELETE FROM refreshes WHERE id = ?", row["id"])
            if items.exists(world, row["item_id"]):
                refresh(world, items.get(world, row["item_id"]))


def refresh(world: World, item: Item) -> None:
    """Take over the bank's balances and news, and tell the site if there are any."""
    with world.store.transaction():
        news = _news(world, item)
        ledger.append(world, item.item_id, news)
        accounts.refresh(world, item.item_id)
        items.update(world, item.item_id, refreshed_at=stamp(world.clock.now()))
        if news:
            webhooks.transactions_changed(world, item, len(news.added), news.removed)


def settled(world: World, pending: list[Row]) -> Changes:
    """The changes by which these pending rows become posted ones today."""
    today = world.clock.today().isoformat()
    posted = [ledger.settle(row, day=today, key="posted") for row in pending]
    return Changes(added=posted, removed=[row["transaction_id"] for row in pending])


def _news(world: World, item: Item) -> Changes:
    """For the dynamic persona: pendings post, new ones appear, and one amount grows by 1.00. Else nothing."""
    if item.persona != DYNAMIC:
        return Changes()
    rows = ledger.current(world, item.item_id)
    posting = settled(world, [row for row in rows if row["pending"]])
    corrected = [_grown(row) for row in rows if not row["pending"] and row["payment_channel"] == "online"][:1]
    ids = {account.key: account.id for account in accounts.of_item(world, item.item_id)}
    drafts = dynamic.pendings(f"{item.item_id}/{ledger.head(world, item.item_id)}", world.clock.today())
    fresh = [ledger.row(ids[draft.account], draft) for draft in drafts if draft.account in ids]
    return Changes(added=posting.added + fresh, modified=corrected, removed=posting.removed)


def _grown(row: Row) -> Row:
    return {**row, "amount": str(Decimal(row["amount"]) + 1)}
