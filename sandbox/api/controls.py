"""/sandbox/*: Plaid's endpoints for tests."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sandbox import personas
from sandbox.api.links import check_webhook
from sandbox.bank import accounts, institutions, items, outages, public_tokens, refreshes, transaction_log
from sandbox.bank.items import Item
from sandbox.context import AppContext
from sandbox.errors import PlaidError
from sandbox.identifiers import new_id
from sandbox.personas import categories
from sandbox.personas.drafts import TransactionDraft
from sandbox.webhooks import notifications

Body = dict[str, Any]
OLDEST = timedelta(days=14)
DYNAMIC = "user_transactions_dynamic"


def create_public_token(context: AppContext, body: Body) -> Body:
    """Link a persona without a browser, with all its accounts."""
    options = body.get("options") or {}
    bank = institutions.find(body["institution_id"])
    if bank is None:
        raise PlaidError("INVALID_INSTITUTION")
    if bank.trouble:
        raise PlaidError(bank.trouble)
    outages.check(context, bank.id)
    check_webhook(options.get("webhook"))
    username = options.get("override_username") or "user_good"
    signed_in = personas.sign_in(username, options.get("override_password") or "pass_good")
    item_id = new_id()
    items.create(
        context,
        item_id=item_id,
        institution_id=bank.id,
        persona=signed_in.persona,
        config=signed_in.config,
        products=body["initial_products"],
        consented=[],
        webhook=options.get("webhook") or "",
        days_requested=_days(context, options.get("transactions") or {}),
    )
    return {"public_token": public_tokens.issue_public_token(context, item_id)}


def reset_login(context: AppContext, body: Body) -> Body:
    """Put an Item into ITEM_LOGIN_REQUIRED and send the webhook."""
    item = items.find_by_token(context, body["access_token"])
    items.set_error(context, item.item_id, "ITEM_LOGIN_REQUIRED")
    notifications.login_required(context, item)
    return {"reset_login": True}


def fire_webhook(context: AppContext, body: Body) -> Body:
    """Send one webhook without changing data."""
    item = items.find_by_token(context, body["access_token"])
    code = body["webhook_code"]
    notifications.fire(context, item, body.get("webhook_type") or _usual_type(code), code)
    return {"webhook_fired": True}


def set_verification_status(context: AppContext, body: Body) -> Body:
    """Mark an account as verified or expired."""
    item = items.find_without_error(context, body["access_token"])
    accounts.set_verification_status(context, item.item_id, body["account_id"], body["verification_status"])
    return {}


def create_transactions(context: AppContext, body: Body) -> Body:
    """Add custom transactions and refresh. Only for the dynamic persona, as at Plaid."""
    item = items.find_without_error(context, body["access_token"])
    if item.persona != DYNAMIC:
        raise PlaidError("SANDBOX_TRANSACTIONS_CREATE_INVALID", f"only items of {DYNAMIC} accept custom transactions")
    rows = [_row(context, item, fields) for fields in body["transactions"]]
    with context.store.transaction():
        transaction_log.append(context, item.item_id, transaction_log.Changes(added=rows))
        refreshes.request_refresh(context, item)
    return {}


def _days(context: AppContext, fields: Body) -> int:
    """Return the requested days of history, given as a number or as the first day."""
    if "start_date" in fields:
        return (context.clock.today() - date.fromisoformat(fields["start_date"])).days
    return int(fields.get("days_requested", items.DEFAULT_DAYS))


def _usual_type(code: str) -> str:
    """Return the default webhook type of a code."""
    return next((kind for kind, codes in notifications.FIREABLE.items() if code in codes), "TRANSACTIONS")


def _row(context: AppContext, item: Item, fields: Body) -> transaction_log.Row:
    today = context.clock.today()
    transacted, posted = date.fromisoformat(fields["date_transacted"]), date.fromisoformat(fields["date_posted"])
    if not today - OLDEST <= transacted <= posted <= today:
        raise PlaidError("INVALID_FIELD", "both dates must be within the last 14 days, transacted before posted")
    amount = Decimal(fields["amount"])
    category, confidence = categories.derive(fields["description"], amount)
    draft = TransactionDraft(
        key=new_id(),
        account="",
        day=posted,
        amount=amount,
        name=fields["description"],
        category=category,
        confidence=confidence,
        authorized=transacted,
        channel="other",
        currency=fields.get("iso_currency_code", "USD"),
    )
    return transaction_log.row(_account_id(context, item, fields.get("account_id")), draft)


def _account_id(context: AppContext, item: Item, account_id: str | None) -> str:
    """Return the given account's id, or the first depository account's. Raises PlaidError INVALID_ACCOUNT_ID."""
    open_accounts = accounts.pick(context, item.item_id, [account_id] if account_id else None)
    deposits = [account.id for account in open_accounts if account.draft.type == "depository"]
    if not deposits:
        raise PlaidError("INVALID_ACCOUNT_ID", "custom transactions need a depository account")
    return deposits[0]


ENDPOINTS = {
    "/sandbox/public_token/create": create_public_token,
    "/sandbox/item/reset_login": reset_login,
    "/sandbox/item/fire_webhook": fire_webhook,
    "/sandbox/item/set_verification_status": set_verification_status,
    "/sandbox/transactions/create": create_transactions,
}
