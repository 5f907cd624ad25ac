"""/transactions/sync, /transactions/refresh."""

from typing import Any

from sandbox import accounts, answers, items, refreshing
from sandbox.clock import stamp
from sandbox.items import NOT_READY, Item
from sandbox.personas.drafts import DEBTS, TRANSACTING
from sandbox.sync import Page, read_page
from sandbox.world import World

Body = dict[str, Any]
PAGE_SIZE = 100


def sync(world: World, body: Body) -> Body:
    """The next page of changes since the cursor; an empty one with the cursor "" while nothing has arrived."""
    item = items.fetched(world, body["access_token"])
    items.use_product(world, item, "transactions")
    if item.first_synced_at is None:
        items.update(world, item.item_id, first_synced_at=stamp(world.clock.now()))
    stage = items.stage(world, item)
    page = _page(world, item, body) if stage != NOT_READY and _has_money(world, item) else Page([], [], [], "", False)
    return {"transactions_update_status": stage, **_answer(world, item, page, body.get("options") or {})}


def refresh(world: World, body: Body) -> Body:
    """Ask the bank for news. It answers later, by webhook."""
    item = items.readable(world, body["access_token"])
    items.use_product(world, item, "transactions")
    refreshing.ask(world, item)
    return {}


def _page(world: World, item: Item, body: Body) -> Page:
    return read_page(
        world,
        item_id=item.item_id,
        epoch=item.epoch,
        released=items.released(world, item),
        cursor=body.get("cursor", ""),
        count=body.get("count", PAGE_SIZE),
        account_id=(body.get("options") or {}).get("account_id", ""),
    )


def _answer(world: World, item: Item, page: Page, options: Body) -> Body:
    """A page in Plaid's words. ``accounts`` are those with rows in it, not all there are."""
    form = {
        "version": options.get("personal_finance_category_version", "v2"),
        "original": bool(options.get("include_original_description")),
    }
    touched = {row["account_id"] for row in page.added + page.modified} | {gone[1] for gone in page.removed}
    shown = [account for account in accounts.of_item(world, item.item_id) if account.id in touched]
    return {
        "accounts": [answers.account(account) for account in shown],
        "added": [answers.transaction(row, **form) for row in page.added],
        "modified": [answers.transaction(row, **form) for row in page.modified],
        "removed": [{"transaction_id": gone, "account_id": account} for gone, account in page.removed],
        "next_cursor": page.next_cursor,
        "has_more": page.has_more,
    }


def _has_money(world: World, item: Item) -> bool:
    """Whether any account can have transactions; an Item of investments only never gets a cursor."""
    kinds = {account.draft.type for account in accounts.of_item(world, item.item_id)}
    return bool(kinds & {*TRANSACTING, *DEBTS})


ENDPOINTS = {"/transactions/sync": sync, "/transactions/refresh": refresh}
