"""/transactions/sync, /transactions/refresh."""

from typing import Any

from sandbox.api import serializers
from sandbox.bank import accounts, items, refreshes
from sandbox.bank.items import NOT_READY, Item
from sandbox.bank.sync import SyncPage, read_page
from sandbox.clock import stamp
from sandbox.context import AppContext
from sandbox.personas.drafts import DEBTS, TRANSACTING

Body = dict[str, Any]
PAGE_SIZE = 100


def sync(context: AppContext, body: Body) -> Body:
    """Return the next page of changes after the cursor; an empty page with the cursor "" before the first stage."""
    item = items.find_readable(context, body["access_token"])
    items.use_product(context, item, "transactions")
    if item.first_synced_at is None:
        items.update(context, item.item_id, first_synced_at=stamp(context.clock.now()))
    stage = items.stage(context, item)
    page = (
        _page(context, item, body)
        if stage != NOT_READY and _has_transaction_accounts(context, item)
        else SyncPage([], [], [], "", False)
    )
    return {"transactions_update_status": stage, **_answer(context, item, page, body.get("options") or {})}


def refresh(context: AppContext, body: Body) -> Body:
    """Request a refresh. New transactions are announced by webhook."""
    item = items.find_without_error(context, body["access_token"])
    items.use_product(context, item, "transactions")
    refreshes.request_refresh(context, item)
    return {}


def _page(context: AppContext, item: Item, body: Body) -> SyncPage:
    return read_page(
        context,
        item_id=item.item_id,
        epoch=item.epoch,
        released=items.last_visible_event(context, item),
        cursor=body.get("cursor", ""),
        count=body.get("count", PAGE_SIZE),
        account_id=(body.get("options") or {}).get("account_id", ""),
    )


def _answer(context: AppContext, item: Item, page: SyncPage, options: Body) -> Body:
    """Build the response for a page. ``accounts`` are only those with rows in it."""
    form = {
        "version": options.get("personal_finance_category_version", "v2"),
        "original": bool(options.get("include_original_description")),
    }
    touched = {row["account_id"] for row in page.added + page.modified} | {gone[1] for gone in page.removed}
    shown = [account for account in accounts.of_item(context, item.item_id) if account.id in touched]
    return {
        "accounts": [serializers.account(account) for account in shown],
        "added": [serializers.transaction(row, **form) for row in page.added],
        "modified": [serializers.transaction(row, **form) for row in page.modified],
        "removed": [{"transaction_id": gone, "account_id": account} for gone, account in page.removed],
        "next_cursor": page.next_cursor,
        "has_more": page.has_more,
    }


def _has_transaction_accounts(context: AppContext, item: Item) -> bool:
    """Whether any account can have transactions; an Item with only investments never gets a cursor."""
    kinds = {account.draft.type for account in accounts.of_item(context, item.item_id)}
    return bool(kinds & {*TRANSACTING, *DEBTS})


ENDPOINTS = {"/transactions/sync": sync, "/transactions/refresh": refresh}
