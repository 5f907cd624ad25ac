"""/accounts/get (what was last fetched) and /accounts/balance/get (what the bank says now)."""

from typing import Any

from sandbox import accounts, answers, items
from sandbox.clock import moment
from sandbox.errors import PlaidError
from sandbox.items import Item
from sandbox.world import World

Body = dict[str, Any]
BALANCE_SECONDS = {"instant": 0.0, "fast": 0.0, "real": 2.5}


def get(world: World, body: Body) -> Body:
    """The accounts with the balances of the last refresh."""
    return _accounts(world, items.fetched(world, body["access_token"]), body)


def get_balances(world: World, body: Body) -> Body:
    """Ask the bank, which takes a while in the ``real`` profile, and show what it says."""
    item = items.readable(world, body["access_token"])
    wanted = (body.get("options") or {}).get("min_last_updated_datetime")
    if wanted and _aware(wanted) > world.clock.now():
        raise PlaidError("LAST_UPDATED_DATETIME_OUT_OF_RANGE")
    world.stopping.wait(BALANCE_SECONDS[world.profile])
    accounts.refresh(world, item.item_id)
    return _accounts(world, item, body)


def _accounts(world: World, item: Item, body: Body) -> Body:
    ids = (body.get("options") or {}).get("account_ids")
    picked = accounts.pick(world, item.item_id, ids)
    return {"accounts": [answers.account(account) for account in picked], "item": answers.item(world, item)}


def _aware(text: str) -> Any:
    parsed = moment(text)
    if parsed.tzinfo is None:
        raise PlaidError("INVALID_FIELD", "min_last_updated_datetime must have a time zone")
    return parsed


ENDPOINTS = {"/accounts/get": get, "/accounts/balance/get": get_balances}
