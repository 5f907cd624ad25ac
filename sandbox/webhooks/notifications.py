"""The contents of Plaid's webhooks. An Item without a webhook URL sends none.

Source: https://plaid.com/docs/api/webhooks/
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sandbox.bank import accounts, items, liabilities, recurring
from sandbox.bank.items import HISTORICAL, INITIAL, Item
from sandbox.clock import stamp
from sandbox.context import AppContext
from sandbox.errors import PlaidError
from sandbox.identifiers import new_id, token
from sandbox.webhooks import outbox

ENVIRONMENT = "sandbox"
NOTICE = timedelta(days=7)
DATA_UPDATES = ("DEFAULT_UPDATE", "HISTORICAL_UPDATE")
FIREABLE = {
    "TRANSACTIONS": ("DEFAULT_UPDATE", "SYNC_UPDATES_AVAILABLE", "RECURRING_TRANSACTIONS_UPDATE"),
    "HOLDINGS": ("DEFAULT_UPDATE",),
    "INVESTMENTS_TRANSACTIONS": ("DEFAULT_UPDATE",),
    "LIABILITIES": ("DEFAULT_UPDATE",),
    "AUTH": ("DEFAULT_UPDATE", "SMS_MICRODEPOSITS_VERIFICATION"),
    "IDENTITY": ("DEFAULT_UPDATE",),
    "ASSETS": ("PRODUCT_READY", "ERROR"),
    "ITEM": (
        "ERROR", "LOGIN_REPAIRED", "NEW_ACCOUNTS_AVAILABLE", "PENDING_DISCONNECT", "PENDING_EXPIRATION",
        "USER_PERMISSION_REVOKED", "USER_ACCOUNT_REVOKED", "AUTHORIZATION_GRANTED",
    ),
}  # fmt: skip
# What Plaid sends about the products of this sandbox's users.
WEBHOOK_CODES = {
    "TRANSACTIONS": (
        "SYNC_UPDATES_AVAILABLE", "INITIAL_UPDATE", "HISTORICAL_UPDATE", "DEFAULT_UPDATE", "TRANSACTIONS_REMOVED",
        "RECURRING_TRANSACTIONS_UPDATE",
    ),
    "ITEM": (
        "ERROR", "LOGIN_REPAIRED", "PENDING_DISCONNECT", "PENDING_EXPIRATION", "USER_PERMISSION_REVOKED",
        "USER_ACCOUNT_REVOKED", "NEW_ACCOUNTS_AVAILABLE", "WEBHOOK_UPDATE_ACKNOWLEDGED",
    ),
    "LIABILITIES": ("DEFAULT_UPDATE",),
    "HOLDINGS": ("DEFAULT_UPDATE",),
    "INVESTMENTS_TRANSACTIONS": ("HISTORICAL_UPDATE", "DEFAULT_UPDATE"),
    "LINK": ("SESSION_FINISHED", "ITEM_ADD_RESULT", "EVENTS"),
}  # fmt: skip


def send(context: AppContext, item: Item, webhook_type: str, code: str, **extra: Any) -> None:
    """Write one webhook of an Item into the outbox, with ``error`` even if null, and record it on the Item."""
    if item.webhook:
        _post(context, item, webhook_type, code, extra)


def send_requested(
    context: AppContext,
    item: Item,
    webhook_type: str,
    code: str,
    *,
    contents: dict[str, Any],
    times: int = 1,
    tamper: str = "",
    delay: float = 0,
) -> list[int]:
    """Send any webhook, also an unknown one, ``times`` times; return its numbers in the outbox.

    ``contents`` replace the plausible ones. Raises PlaidError SANDBOX_WEBHOOK_INVALID for an Item without a URL.
    """
    if not item.webhook:
        raise PlaidError("SANDBOX_WEBHOOK_INVALID")
    extra = {**_contents(context, item, webhook_type, code), **contents}
    return [_post(context, item, webhook_type, code, extra, tamper=tamper, delay=delay) for _ in range(times)]


def _post(
    context: AppContext,
    item: Item,
    webhook_type: str,
    code: str,
    extra: dict[str, Any],
    *,
    tamper: str = "",
    delay: float = 0,
) -> int:
    codes = {"webhook_type": webhook_type, "webhook_code": code}
    of_item = {} if webhook_type == "LINK" else {"item_id": item.item_id, "error": None}
    payload = {**codes, **of_item, **extra}
    items.update(context, item.item_id, webhook_sent_at=stamp(context.clock.now()), webhook_code=code)
    body = {**payload, "environment": ENVIRONMENT}
    return outbox.post(context, item.item_id, item.webhook, body, tamper=tamper, delay=delay)


def fire(context: AppContext, item: Item, webhook_type: str, code: str) -> None:
    """Send a requested webhook with plausible contents, without changing data.

    Raises PlaidError SANDBOX_WEBHOOK_INVALID for an Item without a webhook URL, INVALID_FIELD for an unknown pair.
    """
    if not item.webhook:
        raise PlaidError("SANDBOX_WEBHOOK_INVALID")
    if code not in FIREABLE.get(webhook_type, ()):
        raise PlaidError("INVALID_FIELD", f"webhook_code {code} cannot be fired for webhook_type {webhook_type}")
    send(context, item, webhook_type, code, **_contents(context, item, webhook_type, code))


def login_required(context: AppContext, item: Item, code: str = "ITEM_LOGIN_REQUIRED") -> None:
    """Send ITEM/ERROR with the Item's own error, if it has that code."""
    error = items.read_error(context, items.get(context, item.item_id))
    send(context, item, "ITEM", "ERROR", error=(error if error and error.code == code else PlaidError(code)).body())


def session_finished(
    context: AppContext, item_id: str, url: str, contents: dict[str, str], public_token: str | None
) -> None:
    """Send LINK/SESSION_FINISHED for a session of Hosted Link: with the public token, or EXITED without one."""
    tokens = [public_token] if public_token else []
    body = {
        "webhook_type": "LINK",
        "webhook_code": "SESSION_FINISHED",
        "status": "SUCCESS" if public_token else "EXITED",
        **contents,
        "public_tokens": tokens,
        **({"public_token": public_token} if public_token else {}),
        "environment": ENVIRONMENT,
    }
    outbox.post(context, item_id, url, body)


def consent_expires(context: AppContext, item: Item) -> None:
    """Send ITEM/PENDING_EXPIRATION in Europe, ITEM/PENDING_DISCONNECT elsewhere: the consent ends within seven days."""
    is_european = item.institution is not None and item.institution.country not in ("US", "CA")
    if is_european:
        send(context, item, "ITEM", "PENDING_EXPIRATION", consent_expiration_time=item.consent_expires_at)
    else:
        reason = {"reason": "INSTITUTION_TOKEN_EXPIRATION", "disconnect_time": item.consent_expires_at}
        send(context, item, "ITEM", "PENDING_DISCONNECT", **reason)


def stage_reached(context: AppContext, item: Item, stage: str) -> None:
    """Send the webhooks of a new stage of history. The sync webhook is sent only after the site's first sync."""
    if item.first_synced_at:
        sync_updates(context, item, stage)
    legacy = "HISTORICAL_UPDATE" if stage == HISTORICAL else "INITIAL_UPDATE"
    send(context, item, "TRANSACTIONS", legacy, new_transactions=items.last_visible_event(context, item))


def transactions_changed(context: AppContext, item: Item, new: int, removed: list[str]) -> None:
    """Send the webhooks for changed transactions: the sync webhook, and the legacy ones that Plaid sends as well."""
    stage = items.stage(context, item)
    if item.first_synced_at:
        sync_updates(context, item, stage)
    send(context, item, "TRANSACTIONS", "DEFAULT_UPDATE", new_transactions=new)
    if removed:
        send(context, item, "TRANSACTIONS", "TRANSACTIONS_REMOVED", removed_transactions=removed)
    if account_ids := recurring.take_changed_accounts(context, item):
        send(context, item, "TRANSACTIONS", "RECURRING_TRANSACTIONS_UPDATE", account_ids=account_ids)


def sync_updates(context: AppContext, item: Item, stage: str) -> None:
    """Send TRANSACTIONS/SYNC_UPDATES_AVAILABLE."""
    send(context, item, "TRANSACTIONS", "SYNC_UPDATES_AVAILABLE", **_progress(stage))


def liabilities_changed(
    context: AppContext, item: Item, account_ids: list[str], fields: Iterable[str] = (), *, is_new: bool = False
) -> None:
    """Send LIABILITIES/DEFAULT_UPDATE for these accounts, new or with changed fields, if the site uses the product."""
    if account_ids and liabilities.PRODUCT in item.products and is_new:
        contents = {"account_ids_with_new_liabilities": account_ids, "account_ids_with_updated_liabilities": {}}
        send(context, item, "LIABILITIES", "DEFAULT_UPDATE", **contents)
    elif account_ids and liabilities.PRODUCT in item.products:
        send(context, item, "LIABILITIES", "DEFAULT_UPDATE", **_updated_liabilities(account_ids, fields))


def _updated_liabilities(account_ids: list[str], fields: Iterable[str] = ()) -> dict[str, Any]:
    """Build the contents of LIABILITIES/DEFAULT_UPDATE; by default a new statement was issued."""
    changed = list(fields) or list(liabilities.UPDATED_FIELDS)
    return {
        "account_ids_with_new_liabilities": [],
        "account_ids_with_updated_liabilities": dict.fromkeys(account_ids, changed),
    }


def _contents(context: AppContext, item: Item, webhook_type: str, code: str) -> dict[str, Any]:
    """Return the additional fields of a webhook of this type and code."""
    in_a_week = stamp(context.clock.now() + NOTICE)
    by_code: dict[str, dict[str, Any]] = {
        "SYNC_UPDATES_AVAILABLE": _progress(items.stage(context, item)),
        "ERROR": {"error": PlaidError("ITEM_LOGIN_REQUIRED").body()},
        "INITIAL_UPDATE": {"new_transactions": items.last_visible_event(context, item)},
        "TRANSACTIONS_REMOVED": {"removed_transactions": []},
        "WEBHOOK_UPDATE_ACKNOWLEDGED": {"new_webhook_url": item.webhook},
        "USER_PERMISSION_REVOKED": {"error": PlaidError("USER_PERMISSION_REVOKED").body()},
        "USER_ACCOUNT_REVOKED": {"account_id": _first_account(context, item)},
        "PENDING_DISCONNECT": {"reason": "INSTITUTION_TOKEN_EXPIRATION", "disconnect_time": in_a_week},
        "PENDING_EXPIRATION": {"consent_expiration_time": item.consent_expires_at or in_a_week},
        "RECURRING_TRANSACTIONS_UPDATE": {"account_ids": _account_ids(context, item)},
    }
    by_type: dict[str, dict[str, Any]] = {
        "TRANSACTIONS": {"new_transactions": 0},
        "HOLDINGS": {"new_holdings": 0, "updated_holdings": 0},
        "INVESTMENTS_TRANSACTIONS": {"new_investments_transactions": 0, "cancelled_investments_transactions": 0},
        "LIABILITIES": _updated_liabilities([debt.id for debt in liabilities.list_accounts(context, item)]),
    }
    if webhook_type == "LINK":
        return _link_contents(context, code)
    return by_code.get(code) or (by_type.get(webhook_type, {}) if code in DATA_UPDATES else {})


def _link_contents(context: AppContext, code: str) -> dict[str, Any]:
    """Return the fields of a LINK webhook of a session that does not exist; its public token cannot be exchanged."""
    session = {"link_session_id": new_id(), "link_token": token("link")}
    public_token = token("public")
    event = {"event_id": new_id(), "timestamp": stamp(context.clock.now()), "event_name": "OPEN", "event_metadata": {}}
    contents: dict[str, dict[str, Any]] = {
        "SESSION_FINISHED": {"status": "SUCCESS", "public_tokens": [public_token], "public_token": public_token},
        "ITEM_ADD_RESULT": {"public_token": public_token},
        "EVENTS": {"events": [event]},
    }
    return {**session, **contents.get(code, {})}


def _progress(stage: str) -> dict[str, bool]:
    return {
        "initial_update_complete": stage in (INITIAL, HISTORICAL),
        "historical_update_complete": stage == HISTORICAL,
    }


def _account_ids(context: AppContext, item: Item) -> list[str]:
    return [account.id for account in accounts.of_item(context, item.item_id)]


def _first_account(context: AppContext, item: Item) -> str | None:
    ids = _account_ids(context, item)
    return ids[0] if ids else None
