"""/transactions/sync, /transactions/refresh, /transactions/recurring/get."""

from typing import Any

from sandbox.api import serializers
from sandbox.bank import accounts, items, recurring, refreshes
from sandbox.bank.items import HISTORICAL, NOT_READY, Item
from sandbox.bank.sync import SyncPage, read_page
from sandbox.clock import stamp
from sandbox.context import AppContext
from sandbox.errors import PlaidError
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


def get_recurring(context: AppContext, body: Body) -> Body:
    """Return the streams of recurring transactions. Raises PlaidError PRODUCT_NOT_READY before all history is there."""
    item = items.find_readable(context, body["access_token"])
    items.use_product(context, item, "transactions")
    picked = {account.id for account in accounts.pick(context, item.item_id, body.get("account_ids"))}
    if items.stage(context, item) != HISTORICAL:
        raise PlaidError("PRODUCT_NOT_READY")
    items.use_add_on(context, items.get(context, item.item_id), recurring.PRODUCT)
    streams = recurring.find_streams(context, item)
    recurring.remember(context, item, streams)
    version = (body.get("options") or {}).get("personal_finance_category_version", "v2")
    objects = [serializers.stream(stream, version=version) for stream in streams]
    shown = [stream for stream in objects if stream["account_id"] in picked]
    return {
        "inflow_streams": [stream for stream in shown if stream["last_amount"]["amount"] < 0],
        "outflow_streams": [stream for stream in shown if stream["last_amount"]["amount"] > 0],
        "updated_datetime": item.refreshed_at or item.granted_at,
        "personal_finance_category_version": version,
    }


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
    form: dict[str, Any] = {
        "version": options.get("personal_finance_category_version", "v2"),
        "original": bool(options.get("include_original_description")),
        "bank": item.institution,
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


ENDPOINTS = {
    "/transactions/sync": sync,
    "/transactions/refresh": refresh,
    "/transactions/recurring/get": get_recurring,
}
