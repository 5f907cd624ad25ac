"""/accounts/get (cached balances), /accounts/balance/get (live balances), /liabilities/get."""

import random
from typing import Any

from sandbox.api import serializers
from sandbox.bank import accounts, items, liabilities
from sandbox.bank.items import Item
from sandbox.clock import parse_stamp
from sandbox.context import AppContext
from sandbox.errors import PlaidError

Body = dict[str, Any]
BALANCE_SECONDS = {"instant": (0.0, 0.0), "fast": (0.0, 0.0), "real": (1.0, 4.0)}


def get(context: AppContext, body: Body) -> Body:
    """Return the accounts with the balances of the last refresh."""
    return _accounts(context, items.find_readable(context, body["access_token"]), body)


def get_balances(context: AppContext, body: Body) -> Body:
    """Refresh the balances, which takes 1 to 4 seconds in the ``real`` profile, and return the accounts."""
    item = items.find_without_error(context, body["access_token"])
    minimum = (body.get("options") or {}).get("min_last_updated_datetime")
    if minimum and _aware(minimum) > context.clock.now():
        raise PlaidError("LAST_UPDATED_DATETIME_OUT_OF_RANGE")
    context.stopping.wait(random.uniform(*BALANCE_SECONDS[context.profile]))  # noqa: S311 - no secret
    accounts.refresh(context, item.item_id)
    return _accounts(context, item, body)


def get_liabilities(context: AppContext, body: Body) -> Body:
    """Return the debts of an Item, and its accounts."""
    item = items.find_readable(context, body["access_token"])
    items.use_product(context, item, liabilities.PRODUCT)
    ids = (body.get("options") or {}).get("account_ids")
    debts = liabilities.describe(context, item, ids)
    return {**_accounts(context, items.get(context, item.item_id), body), "liabilities": debts}


def _accounts(context: AppContext, item: Item, body: Body) -> Body:
    ids = (body.get("options") or {}).get("account_ids")
    picked = accounts.pick(context, item.item_id, ids)
    return {"accounts": [serializers.account(account) for account in picked], "item": serializers.item(context, item)}


def _aware(text: str) -> Any:
    parsed = parse_stamp(text)
    if parsed.tzinfo is None:
        raise PlaidError("INVALID_FIELD", "min_last_updated_datetime must have a time zone")
    return parsed


ENDPOINTS = {
    "/accounts/get": get,
    "/accounts/balance/get": get_balances,
    "/liabilities/get": get_liabilities,
}
