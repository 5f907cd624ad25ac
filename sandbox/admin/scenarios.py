"""The scenarios that can happen to an Item: each is one call, here for the console's buttons and for tests.

A scenario uses what the other admin endpoints use: mutations, states, faults and webhooks.
"""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from sandbox import faults
from sandbox.api import serializers
from sandbox.bank import accounts, mutations, outages, transaction_log
from sandbox.bank.items import Item
from sandbox.clock import stamp
from sandbox.context import AppContext
from sandbox.errors import PlaidError
from sandbox.identifiers import new_id
from sandbox.personas.drafts import TransactionDraft
from sandbox.webhooks import notifications, outbox
from sandbox.webhooks.signing import TAMPERINGS

SYNC, ACCOUNTS_GET = "/transactions/sync", "/accounts/get"
ODD_AMOUNT = Decimal("4.56")
CONNECTION, TRANSACTIONS, ROWS, ACCOUNTS, WEBHOOKS = "Connection", "Transactions", "Odd rows", "Accounts", "Webhooks"
SAVINGS = {"name": "Holiday Fund", "type": "depository", "subtype": "savings", "current": "125.50", "mask": "2750"}

JsonObject = dict[str, Any]
Run = Callable[[AppContext, Item], object]


class Scenario(NamedTuple):
    """One scenario: the group and title of its button, and what it does."""

    group: str
    title: str
    run: Run


def run_scenario(context: AppContext, item: Item, name: str, code: str = "") -> str:
    """Run a scenario and return its title. ``next_call`` and ``state`` need an error code.

    Raises PlaidError INVALID_FIELD for an unknown scenario or a missing code.
    """
    if name in WITH_CODE:
        if not code:
            raise PlaidError("INVALID_FIELD", f"the scenario {name} needs the code of an error")
        WITH_CODE[name](context, item, code)
        return f"{name}: {code}"
    if name not in SCENARIOS:
        raise PlaidError("INVALID_FIELD", f"scenario must be one of {', '.join((*WITH_CODE, *SCENARIOS))}")
    SCENARIOS[name].run(context, item)
    return SCENARIOS[name].title


def _fail_next_call(context: AppContext, item: Item, code: str) -> None:
    faults.add(context, {"match": {"item_id": item.item_id}, "action": {"kind": "error", "code": code}})


def _set_state(context: AppContext, item: Item, code: str) -> None:
    mutations.set_state(context, item, {"error": code})


WITH_CODE: dict[str, Callable[[AppContext, Item, str], None]] = {"next_call": _fail_next_call, "state": _set_state}


def _state(**change: Any) -> Run:
    return lambda context, item: mutations.set_state(context, item, change)


def _mutation(**mutation: Any) -> Run:
    return lambda context, item: mutations.mutate(context, item, mutation)


def _consent_ends(days: int) -> Run:
    def change(context: AppContext, item: Item) -> None:
        ends = stamp(context.clock.now() + timedelta(days=days))
        mutations.set_state(context, item, {"consent_expires_at": ends})

    return change


def _outage(code: str, health: str) -> Run:
    return lambda context, item: outages.declare(context, item.institution_id, code, health)


def _webhook(webhook_type: str, code: str, **contents: Any) -> Run:
    return lambda context, item: notifications.send_requested(context, item, webhook_type, code, contents=contents)


def _replay(**options: Any) -> Run:
    """Send the last webhook of the Item again."""

    def change(context: AppContext, item: Item) -> None:
        numbers = [message["id"] for message in outbox.messages(context) if message["item_id"] == item.item_id]
        if not numbers:
            raise PlaidError("SANDBOX_WEBHOOK_INVALID", "no webhook of this item has been sent")
        for _ in range(options.get("times", 1)):
            outbox.replay(context, numbers[-1], tamper=options.get("tamper", ""), delay=options.get("delay", 0))

    return change


def _send_in_reverse(context: AppContext, item: Item) -> None:
    """Send a repair and then the older error."""
    outbox.hold(context)
    try:
        notifications.send_requested(context, item, "ITEM", "ERROR", contents={})
        notifications.send_requested(context, item, "ITEM", "LOGIN_REPAIRED", contents={})
    finally:
        outbox.release(context, newest_first=True)


def _remove_replaced_pendings(context: AppContext, item: Item) -> None:
    """Remove the pending rows whose posted rows exist."""
    rows = transaction_log.current(context, item.item_id)
    replaced = {row["pending_transaction_id"] for row in rows} & {row["transaction_id"] for row in rows}
    mutations.mutate(context, item, {"remove": sorted(replaced)})


def _newest(context: AppContext, item: Item) -> JsonObject:
    rows = [row for row in transaction_log.current(context, item.item_id) if not row["pending"]]
    if not rows:
        raise PlaidError("INVALID_FIELD", "this item has no posted transactions")
    return rows[-1]


def _remove_newest(context: AppContext, item: Item) -> None:
    mutations.mutate(context, item, {"remove": [_newest(context, item)["transaction_id"]]})


def _modify_newest(context: AppContext, item: Item) -> None:
    row = _newest(context, item)
    change = {"transaction_id": row["transaction_id"], "name": "Renamed by the bank", "category": "OTHER_OTHER"}
    mutations.mutate(context, item, {"modify": [change]})


def _close(part: str) -> Run:
    """Close the first account, by the bank or by the user."""

    def change(context: AppContext, item: Item) -> None:
        opened = accounts.of_item(context, item.item_id)
        if not opened:
            raise PlaidError("NO_ACCOUNTS")
        mutations.mutate(context, item, {part: opened[0].id})

    return change


def _odd_row(*missing: str, **values: Any) -> Run:
    """Put one row with unusual values into the Item's next two calls: a site may request what it cannot read again."""

    def change(context: AppContext, item: Item) -> None:
        row = {**_purchase(context, item), **values}
        kept = {name: value for name, value in row.items() if name not in missing}
        _replace(context, item, {"added.-": kept})

    return change


def _odd_page(path: str = SYNC, **values: Any) -> Run:
    return lambda context, item: _replace(context, item, values, path=path)


def _replace(context: AppContext, item: Item, values: JsonObject, *, path: str = SYNC) -> None:
    match = {"path": path, "item_id": item.item_id}
    faults.add(context, {"match": match, "action": {"kind": "replace", "set": values}, "times": 2})
    notifications.transactions_changed(context, item, 1, [])


def _purchase(context: AppContext, item: Item) -> JsonObject:
    """Build a Transaction object of a purchase that the bank does not know."""
    account = accounts.pick(context, item.item_id, None)[0]
    today = context.clock.today()
    draft = TransactionDraft(new_id(), account.key, today, amount=ODD_AMOUNT, name="ODD ROW", channel="other")
    return serializers.transaction(transaction_log.row(account.id, draft))


SCENARIOS: dict[str, Scenario] = {
    "login_required": Scenario(CONNECTION, "The bank wants a new login", _state(error="ITEM_LOGIN_REQUIRED")),
    "consent_revoked": Scenario(
        CONNECTION,
        "The user revoked access at the bank (a login is required)",
        _state(error="ITEM_LOGIN_REQUIRED", error_code_reason="OAUTH_USER_REVOKED"),
    ),
    "permission_revoked": Scenario(CONNECTION, "The user revoked all access", _state(error="USER_PERMISSION_REVOKED")),
    "locked": Scenario(CONNECTION, "The account at the bank is locked", _state(error="ITEM_LOCKED")),
    "repaired": Scenario(CONNECTION, "The login works again", _state(error="")),
    "consent_ends_soon": Scenario(CONNECTION, "The consent ends in three days", _consent_ends(3)),
    "consent_ends_now": Scenario(CONNECTION, "The consent ends now", _consent_ends(0)),
    "bank_down": Scenario(CONNECTION, "The bank is down (all its Items)", _outage("INSTITUTION_DOWN", "DOWN")),
    "bank_silent": Scenario(
        CONNECTION, "The bank does not respond (all its Items)", _outage("INSTITUTION_NOT_RESPONDING", "DEGRADED")
    ),
    "bank_up": Scenario(CONNECTION, "The bank is up again", _outage("", "HEALTHY")),
    "not_ready": Scenario(CONNECTION, "The history is not ready", _state(force_status="NOT_READY")),
    "ready": Scenario(CONNECTION, "The history arrives as usual", _state(force_status="")),
    "cursors_lost": Scenario(CONNECTION, "All cursors become invalid", _state(expire_cursors=True)),
    "purchase": Scenario(TRANSACTIONS, "A purchase", _mutation(add=[{"amount": "12.34", "name": "Lemonade Stand"}])),
    "unfetched": Scenario(
        TRANSACTIONS,
        "A purchase that only a refresh fetches",
        _mutation(add=[{"amount": "7.89", "name": "Corner Bakery"}], unfetched=True),
    ),
    "pending": Scenario(
        TRANSACTIONS,
        "A pending purchase",
        _mutation(add=[{"amount": "23.45", "name": "Pending Purchase", "pending": True}]),
    ),
    "refund": Scenario(TRANSACTIONS, "A refund", _mutation(add=[{"amount": "-12.34", "name": "Refund"}])),
    "post": Scenario(TRANSACTIONS, "Post all pending rows", _mutation(post_pending=True)),
    "post_late": Scenario(
        TRANSACTIONS, "Post all pending rows, but keep them", _mutation(post_pending=True, keep_pending=True)
    ),
    "remove_late": Scenario(TRANSACTIONS, "Remove the pending rows that were kept", _remove_replaced_pendings),
    "remove": Scenario(TRANSACTIONS, "The bank removes the last row", _remove_newest),
    "modify": Scenario(TRANSACTIONS, "The bank renames the last row", _modify_newest),
    "unknown_account": Scenario(ROWS, "A row of an account that no list has", _odd_row(account_id="account-of-nobody")),
    "no_currency": Scenario(
        ROWS, "A row without a currency", _odd_row(iso_currency_code=None, unofficial_currency_code=None)
    ),
    "unknown_enum": Scenario(ROWS, "A row with an unknown payment channel", _odd_row(payment_channel="carrier pigeon")),
    "no_pending": Scenario(ROWS, "A row without the key pending", _odd_row("pending")),
    "no_amount": Scenario(ROWS, "A row whose amount is null", _odd_row(amount=None)),
    "no_date": Scenario(ROWS, "A row whose date is null", _odd_row(date=None)),
    "no_id": Scenario(ROWS, "A row without an id", _odd_row(transaction_id=None)),
    "null_list": Scenario(ROWS, "A page whose list of modified rows is null", _odd_page(modified=None)),
    "null_added": Scenario(ROWS, "A page whose list of new rows is null", _odd_page(added=None)),
    "null_accounts": Scenario(ROWS, "A list of accounts that is null", _odd_page(ACCOUNTS_GET, accounts=None)),
    "unknown_status": Scenario(
        ROWS, "A page with an unknown status", _odd_page(transactions_update_status="ALMOST_COMPLETE")
    ),
    "new_account": Scenario(ACCOUNTS, "A new account, already shared", _mutation(new_account=SAVINGS)),
    "offer_account": Scenario(ACCOUNTS, "A new account that the user can share", _mutation(offer_account=SAVINGS)),
    "close_account": Scenario(ACCOUNTS, "The first account is closed", _close("close_account")),
    "revoke_account": Scenario(ACCOUNTS, "The user stops sharing the first account", _close("revoke_account")),
    "new_ids": Scenario(ACCOUNTS, "Every account and transaction gets a new id", _mutation(rotate_account_ids=True)),
    "repeat": Scenario(WEBHOOKS, "The last webhook arrives three more times", _replay(times=3)),
    "delay": Scenario(WEBHOOKS, "The last webhook arrives again in a minute", _replay(delay=60)),
    "reverse": Scenario(WEBHOOKS, "A repair arrives before the older error", _send_in_reverse),
    "unknown_webhook": Scenario(WEBHOOKS, "An unknown webhook", _webhook("NEWS", "SOMETHING_HAPPENED")),
    **{
        f"tamper_{how}": Scenario(WEBHOOKS, f"The last webhook again, tampered with: {how}", _replay(tamper=how))
        for how in TAMPERINGS
    },
    **{
        f"{kind}/{code}": Scenario(WEBHOOKS, f"{kind} {code}", _webhook(kind, code))
        for kind, codes in notifications.WEBHOOK_CODES.items()
        for code in codes
    },
}
