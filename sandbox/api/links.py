"""/link/token/create, /link/token/get, /item/public_token/exchange."""

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from sandbox.api import serializers
from sandbox.bank import items, links
from sandbox.bank.institutions import ALL, find
from sandbox.context import AppContext
from sandbox.errors import PlaidError

Body = dict[str, Any]

PRODUCT_LISTS = (
    "products",
    "required_if_supported_products",
    "optional_products",
    "additional_consented_products",
)
NOT_OFFERED = ("hosted_link", "enable_multi_item_link", "access_tokens", "user_token", "cra_enabled")
NEVER_INITIAL = frozenset({"balance", "recurring_transactions", "transactions_refresh", "investments_refresh"})


def create(context: AppContext, body: Body) -> Body:
    """Make a link token; with ``access_token`` one that repairs that Item."""
    item_id = None
    if body.get("access_token"):
        item_id = items.find_by_token(context, body["access_token"]).item_id
        _refuse_update_products(body)
    else:
        _check_products(body)
    _refuse_unoffered(body)
    check_webhook(body.get("webhook"))
    _check_redirect(body.get("redirect_uri"))
    if body.get("institution_id") and find(body["institution_id"]) is None:
        raise PlaidError("INVALID_INSTITUTION")
    request = {name: value for name, value in body.items() if name != "access_token"}
    made = links.create_token(context, request=request, item_id=item_id)
    return {"link_token": made.token, "expiration": made.expires_at}


def get(context: AppContext, body: Body) -> Body:
    """What a link token was made for, and what came of it."""
    known = links.find_token(context, body["link_token"])
    if known is None:
        raise PlaidError("INVALID_LINK_TOKEN")
    answer = {
        "link_token": known.token,
        "created_at": known.created_at,
        "expiration": known.expires_at,
        "metadata": serializers.link_token_facts(known),
    }
    ended = [walk for walk in links.sessions(context, known.token) if walk["finished_at"]]
    return {**answer, "link_sessions": [serializers.link_session(walk) for walk in ended]} if ended else answer


def exchange(context: AppContext, body: Body) -> Body:
    """Turn a public token into an access token."""
    access_token, item_id = links.exchange(context, public_token=body["public_token"])
    return {"access_token": access_token, "item_id": item_id}


def check_webhook(url: str | None) -> None:
    """Accept https addresses, and http on this machine. Raises PlaidError INVALID_FIELD for others."""
    if not url:
        return
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in ("http", "https"):
        raise PlaidError("INVALID_FIELD", "webhook must be a valid URL")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise PlaidError("INVALID_FIELD", "webhook must be https, except on this machine")


def _refuse_unoffered(body: Body) -> None:
    """Say plainly what this sandbox has not got."""
    for name in NOT_OFFERED:
        if name in body:
            raise PlaidError("INVALID_FIELD", f"{name} is not offered by this sandbox")


def _check_products(body: Body) -> None:
    """Refuse what Plaid refuses: nothing to do, a product twice, a product that can't be asked for here."""
    listed = [product for name in PRODUCT_LISTS for product in body.get(name) or []]
    if not body.get("products"):
        raise PlaidError("MISSING_FIELDS", "the following required fields are missing: products")
    if len(set(listed)) != len(listed):
        raise PlaidError("INVALID_FIELD", "a product may be in one of the product lists only")
    for product in listed:
        if product in NEVER_INITIAL:
            raise PlaidError("INVALID_PRODUCT", f"{product} cannot be requested when Link is initialized")
        if product not in ALL:
            raise PlaidError("INVALID_PRODUCT", f"client is not authorized to access the product {product}")


def _refuse_update_products(body: Body) -> None:
    if body.get("products"):
        raise PlaidError("INVALID_FIELD", "products must be empty when an access_token is given")
    if body.get("transactions"):
        raise PlaidError("INVALID_FIELD", "transactions cannot be configured in update mode")


def _check_redirect(uri: str | None) -> None:
    """A redirect address has neither query nor fragment and is https, or http on localhost."""
    if uri is None:
        return
    parts = urlsplit(uri)
    safe = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or ""))
    if not safe or not parts.hostname or parts.query or parts.fragment:
        raise PlaidError("INVALID_FIELD", "redirect_uri must be an https URL without query or fragment")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


ENDPOINTS = {
    "/link/token/create": create,
    "/link/token/get": get,
    "/item/public_token/exchange": exchange,
}
