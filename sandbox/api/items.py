"""/item/get, /item/remove, /item/webhook/update, /item/access_token/invalidate."""

from typing import Any

from sandbox import answers, items, webhooks
from sandbox.api.links import check_webhook
from sandbox.world import World

Body = dict[str, Any]


def get(world: World, body: Body) -> Body:
    """An Item and how it is; works whatever error it is in."""
    item = items.opened_by(world, body["access_token"])
    return {"item": answers.item(world, item), "status": answers.item_status(world, item)}


def remove(world: World, body: Body) -> Body:
    """End an Item for good."""
    items.remove(world, items.opened_by(world, body["access_token"]))
    return {}


def update_webhook(world: World, body: Body) -> Body:
    """Send an Item's webhooks elsewhere, or nowhere for null, and tell the new address so."""
    url = body.get("webhook") or ""
    check_webhook(url)
    item_id = items.opened_by(world, body["access_token"]).item_id
    with world.store.transaction():
        items.update(world, item_id, webhook=url)
        item = items.get(world, item_id)
        webhooks.send(world, item, "ITEM", "WEBHOOK_UPDATE_ACKNOWLEDGED", new_webhook_url=url)
    return {"item": answers.item(world, items.get(world, item_id))}


def invalidate(world: World, body: Body) -> Body:
    """Give a new access token; the old one dies at once."""
    item = items.opened_by(world, body["access_token"])
    return {"new_access_token": items.grant(world, item_id=item.item_id)}


ENDPOINTS = {
    "/item/get": get,
    "/item/remove": remove,
    "/item/webhook/update": update_webhook,
    "/item/access_token/invalidate": invalidate,
}
