"""/item/get, /item/remove, /item/webhook/update, /item/access_token/invalidate."""

from typing import Any

from sandbox.api import serializers
from sandbox.api.links import check_webhook
from sandbox.bank import items
from sandbox.context import AppContext
from sandbox.webhooks import notifications

Body = dict[str, Any]


def get(context: AppContext, body: Body) -> Body:
    """Return an Item and its status, also when it has an error."""
    item = items.find_by_token(context, body["access_token"])
    return {"item": serializers.item(context, item), "status": serializers.item_status(context, item)}


def remove(context: AppContext, body: Body) -> Body:
    items.remove(context, items.find_by_token(context, body["access_token"]))
    return {}


def update_webhook(context: AppContext, body: Body) -> Body:
    """Change an Item's webhook URL, null for none, and send an acknowledgement to the new one."""
    url = body.get("webhook") or ""
    check_webhook(url)
    item_id = items.find_by_token(context, body["access_token"]).item_id
    with context.store.transaction():
        items.update(context, item_id, webhook=url)
        item = items.get(context, item_id)
        notifications.send(context, item, "ITEM", "WEBHOOK_UPDATE_ACKNOWLEDGED", new_webhook_url=url)
    return {"item": serializers.item(context, items.get(context, item_id))}


def invalidate(context: AppContext, body: Body) -> Body:
    """Issue a new access token; the old one is invalid at once."""
    item = items.find_by_token(context, body["access_token"])
    return {"new_access_token": items.grant(context, item_id=item.item_id)}


ENDPOINTS = {
    "/item/get": get,
    "/item/remove": remove,
    "/item/webhook/update": update_webhook,
    "/item/access_token/invalidate": invalidate,
}
