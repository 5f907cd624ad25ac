"""/link/token/create, /link/token/get, /item/public_token/exchange."""

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from sandbox.api import serializers
from sandbox.bank import items, links, public_tokens
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
UNSUPPORTED = ("enable_multi_item_link", "access_tokens", "user_token", "cra_enabled")
NEVER_INITIAL = frozenset({"balance", "recurring_transactions", "transactions_refresh", "investments_refresh"})


def create(context: AppContext, body: Body) -> Body:
    """Create a link token; with ``access_token`` for update mode."""
    item_id = None
    if body.get("access_token"):
        item_id = items.find_by_token(context, body["access_token"]).item_id
        _refuse_update_products(body)
    else:
        _check_products(body)
    _refuse_unsupported(body)
    check_webhook(body.get("webhook"))
    _check_redirect(body.get("redirect_uri"))
    _check_completion_uri((body.get("hosted_link") or {}).get("completion_redirect_uri"))
    if body.get("institution_id") and find(body["institution_id"]) is None:
        raise PlaidError("INVALID_INSTITUTION")
    request = {name: value for name, value in body.items() if name != "access_token"}
    made = links.create_token(context, request=request, item_id=item_id)
    fields = {"link_token": made.token, "expiration": made.expires_at}
    return {**fields, "hosted_link_url": f"/link/hosted/{made.token}/"} if made.is_hosted else fields


def get(context: AppContext, body: Body) -> Body:
    """Return a link token's request, and the sessions that have ended."""
    known = links.find_token(context, body["link_token"])
    if known is None:
        raise PlaidError("INVALID_LINK_TOKEN")
    fields = {
        "link_token": known.token,
        "created_at": known.created_at,
        "expiration": known.expires_at,
        "metadata": serializers.link_token_metadata(known),
    }
    ended = [session for session in links.list_sessions(context, known.token) if session["finished_at"]]
    return {**fields, "link_sessions": [serializers.link_session(session) for session in ended]} if ended else fields


def exchange(context: AppContext, body: Body) -> Body:
    access_token, item_id = public_tokens.exchange(context, public_token=body["public_token"])
    return {"access_token": access_token, "item_id": item_id}


def check_webhook(url: str | None) -> None:
    """Accept https URLs, and http on this machine. Raises PlaidError INVALID_FIELD for others."""
    if not url:
        return
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in ("http", "https"):
        raise PlaidError("INVALID_FIELD", "webhook must be a valid URL")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise PlaidError("INVALID_FIELD", "webhook must be https, except on this machine")


def _refuse_unsupported(body: Body) -> None:
    """Refuse the features that this sandbox does not have."""
    for name in UNSUPPORTED:
        if name in body:
            raise PlaidError("INVALID_FIELD", f"{name} is not offered by this sandbox")


def _check_products(body: Body) -> None:
    """Refuse what Plaid refuses: no products, a product twice, a product that cannot be requested here."""
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
    """Accept https URLs without query and fragment, and http on localhost."""
    if uri is None:
        return
    parts = urlsplit(uri)
    safe = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or ""))
    if not safe or not parts.hostname or parts.query or parts.fragment:
        raise PlaidError("INVALID_FIELD", "redirect_uri must be an https URL without query or fragment")


def _check_completion_uri(uri: str | None) -> None:
    """Accept the addresses to which Hosted Link may return: https, an app's own scheme, and http on this machine."""
    parts = urlsplit(uri or "")
    is_unsafe = parts.scheme in ("javascript", "data", "") or (
        parts.scheme == "http" and not _is_loopback(parts.hostname or "")
    )
    if uri and (is_unsafe or not parts.netloc):
        raise PlaidError("INVALID_FIELD", "hosted_link.completion_redirect_uri must be an https URL")


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
