"""Changes of one Item's data and state by the operator.

The parts of a mutation, all optional and applied in this order:
    new_account         {"name", "type", "subtype", "current", "available", "limit", "mask", "currency"}
    offer_account       the same, but not shared with the Item; sends ITEM/NEW_ACCOUNTS_AVAILABLE
    close_account       an account id
    revoke_account      an account id that the user stops sharing at the bank; sends ITEM/USER_ACCOUNT_REVOKED
    rotate_account_ids  true: every account and transaction gets a new id
    balances            {account id: {"current", "available", "limit"}}, live; shown after the next refresh
    liabilities         {account id: values of its liability to replace, or {} to stop it}; sends the webhook
    remove              [transaction ids]
    modify              [{"transaction_id", and the columns of its row to change}]
    post_pending        true, or the [transaction ids] to post
    keep_pending        true: the pending rows stay when they are posted, until they are removed
    add                 [{"amount", "name", and any other column of a row}]; with a future date it is pending
    unfetched           true: the bank has what ``add`` lists, and the next refresh fetches it
    webhook             false: send no webhook
"""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from sandbox.admin import schemas
from sandbox.api.fields import accept
from sandbox.bank import accounts, items, liabilities, refreshes, transaction_log
from sandbox.bank.items import Item
from sandbox.bank.transaction_log import Changes, Row
from sandbox.context import AppContext
from sandbox.errors import PlaidError
from sandbox.identifiers import new_id
from sandbox.personas import categories
from sandbox.personas.drafts import AccountDraft, TransactionDraft
from sandbox.webhooks import notifications

JsonObject = dict[str, Any]


def mutate(context: AppContext, item: Item, mutation: JsonObject) -> JsonObject:
    """Apply a mutation; return ``{"added", "modified", "removed", "accounts"}`` as ids.

    Raises PlaidError for an invalid one, which changes nothing.
    """
    accept(schemas.MUTATION, mutation)
    with context.store.transaction():
        rotated = _change_accounts(context, item, mutation)
        changes = _changes(context, item, mutation)
        if mutation.get("unfetched"):
            refreshes.add_unfetched(context, item, changes.added)
            changes = replace(changes, added=[])
        if changes:
            transaction_log.append(context, item.item_id, changes)
        added, removed = rotated.added + changes.added, rotated.removed + changes.removed
        if (added or removed or changes.modified) and mutation.get("webhook", True):
            notifications.transactions_changed(context, item, len(added), removed)
        _set_balances(context, item, mutation.get("balances") or {})
        _override_liabilities(context, item, mutation)
        if mutation.get("webhook", True):
            _send_account_webhooks(context, item, mutation)
    return {
        "added": [row["transaction_id"] for row in added],
        "modified": [row["transaction_id"] for row in changes.modified],
        "removed": removed,
        "accounts": [account.id for account in accounts.of_item(context, item.item_id)],
    }


def _change_accounts(context: AppContext, item: Item, mutation: JsonObject) -> Changes:
    if new_account := mutation.get("new_account"):
        accounts.open_account(context, item.item_id, _account(new_account))
    if offered := mutation.get("offer_account"):
        accounts.offer(context, item.item_id, _account(offered))
    for closing in filter(None, (mutation.get("close_account"), mutation.get("revoke_account"))):
        accounts.pick(context, item.item_id, [closing])
        accounts.close_account(context, closing)
    return _rotate(context, item) if mutation.get("rotate_account_ids") else Changes()


def _rotate(context: AppContext, item: Item) -> Changes:
    """Close every account and open it again with a new id, and its transactions with new ids."""
    old = accounts.of_item(context, item.item_id, live=True)
    rows = transaction_log.current(context, item.item_id)
    transaction_log.append(context, item.item_id, Changes(removed=[row["transaction_id"] for row in rows]))
    renamed = {}
    for account in old:
        accounts.close_account(context, account.id)
        renamed[account.id] = accounts.open_account(context, item.item_id, account.draft)
    moved = [_with_new_ids(row, renamed[row["account_id"]]) for row in rows if row["account_id"] in renamed]
    transaction_log.write_history(context, item.item_id, moved)
    return Changes(added=moved, removed=[row["transaction_id"] for row in rows])


def _with_new_ids(row: Row, account_id: str) -> Row:
    pending = row["pending_transaction_id"]
    return {
        **row,
        "account_id": account_id,
        "transaction_id": transaction_log.transaction_id(account_id, row["transaction_id"]),
        "pending_transaction_id": transaction_log.transaction_id(account_id, pending) if pending else None,
    }


def _changes(context: AppContext, item: Item, mutation: JsonObject) -> Changes:
    rows = {row["transaction_id"]: row for row in transaction_log.current(context, item.item_id)}
    posting = mutation.get("post_pending") or []
    pending = [row for row in rows.values() if row["pending"] and (posting is True or row["transaction_id"] in posting)]
    settled = refreshes.post_pending_rows(context, pending)
    return Changes(
        added=settled.added + [_make_row(context, item, columns) for columns in mutation.get("add") or []],
        modified=[_modify_row(rows, columns) for columns in mutation.get("modify") or []],
        removed=[*([] if mutation.get("keep_pending") else settled.removed), *(mutation.get("remove") or [])],
    )


def _make_row(context: AppContext, item: Item, columns: JsonObject) -> Row:
    """Build a new row: a purchase of today, with the values of ``columns``."""
    account_ids = [columns["account_id"]] if "account_id" in columns else None
    account = accounts.pick(context, item.item_id, account_ids)[0]
    if "amount" not in columns or "name" not in columns:
        raise PlaidError("MISSING_FIELDS", "add needs amount and name")
    amount = _money(columns["amount"]) or Decimal(0)
    category, confidence = categories.derive(columns["name"], amount)
    draft = TransactionDraft(
        key=new_id(),
        account=account.key,
        day=context.clock.today(),
        amount=amount,
        name=columns["name"],
        category=category,
        confidence=confidence,
        channel="other",
        currency=account.draft.currency,
        unofficial=account.draft.unofficial,
    )
    is_future = str(columns.get("date", "")) > context.clock.today().isoformat()
    return _merge_row(transaction_log.row(account.id, draft), {"pending": is_future, **columns})


def _modify_row(rows: dict[str, Row], columns: JsonObject) -> Row:
    known = rows.get(columns.get("transaction_id", ""))
    if known is None:
        raise PlaidError("INVALID_FIELD", "modify needs the transaction_id of a transaction of this item")
    return _merge_row(known, columns)


def _merge_row(row: Row, columns: JsonObject) -> Row:
    changed = {**row, **columns}
    if changed["category"] and not categories.is_known(changed["category"]):
        raise PlaidError("INVALID_FIELD", f"{changed['category']} is in no primary category")
    return {**changed, "amount": str(_money(changed["amount"]))}


def _account(fields: JsonObject) -> AccountDraft:
    money = {name: _money(fields.get(name)) for name in accounts.SETTERS}
    return AccountDraft(**{"key": new_id(), **fields, **money})


def _set_balances(context: AppContext, item: Item, balances: JsonObject) -> None:
    for account_id, figures in balances.items():
        accounts.pick(context, item.item_id, [account_id])
        accounts.set_figures(context, account_id, {name: _money(value) for name, value in figures.items()})


def _send_account_webhooks(context: AppContext, item: Item, mutation: JsonObject) -> None:
    if "offer_account" in mutation:
        notifications.send(context, item, "ITEM", "NEW_ACCOUNTS_AVAILABLE")
    if "new_account" in mutation:
        opened = accounts.of_item(context, item.item_id)[-1]
        notifications.liabilities_changed(
            context, item, [opened.id] if liabilities.kind_of(opened) else [], is_new=True
        )
    if account_id := mutation.get("revoke_account"):
        notifications.send(context, item, "ITEM", "USER_ACCOUNT_REVOKED", account_id=account_id)


def _override_liabilities(context: AppContext, item: Item, mutation: JsonObject) -> None:
    for account_id, fields in (mutation.get("liabilities") or {}).items():
        accounts.pick(context, item.item_id, [account_id])
        liabilities.override(context, account_id, fields)
        if mutation.get("webhook", True):
            notifications.liabilities_changed(context, item, [account_id], fields)


def _money(value: Any) -> Decimal | None:
    return None if value is None else Decimal(value)


def set_state(context: AppContext, item: Item, change: JsonObject) -> None:
    """Change an Item's state, and send the webhooks that Plaid would send.

    ``error``: a code (sends ITEM/ERROR or ITEM/USER_PERMISSION_REVOKED) or "" (sends ITEM/LOGIN_REPAIRED), with an
    ``error_code_reason``; ``streams``: true lets stored accounts and transactions be read, while ``/item/get`` returns
    the error; ``consent_expires_at``: a time at which a login will be required (sends ITEM/PENDING_EXPIRATION), or
    null; ``force_status``: the stage of the history, "" for the one by time; ``expire_cursors``: true invalidates all
    cursors; ``webhook``: false sends no webhook.
    """
    accept(schemas.STATE, change)
    columns: JsonObject = {name: change[name] for name in ("consent_expires_at", "force_status") if name in change}
    if change.get("expire_cursors"):
        columns["epoch"] = item.epoch + 1
    with context.store.transaction():
        if columns:
            items.update(context, item.item_id, **columns)
        if "error" in change:
            items.set_error(context, item.item_id, change["error"], change.get("error_code_reason", ""))
        if "streams" in change:
            items.set_streaming(context, item.item_id, streams=change["streams"])
        if change.get("webhook", True):
            _send_state_webhooks(context, items.get(context, item.item_id), change)


def _send_state_webhooks(context: AppContext, item: Item, change: JsonObject) -> None:
    if change.get("error") == "USER_PERMISSION_REVOKED":
        notifications.send(
            context, item, "ITEM", "USER_PERMISSION_REVOKED", error=PlaidError("USER_PERMISSION_REVOKED").body()
        )
    elif change.get("error"):
        notifications.login_required(context, item, change["error"])
    elif "error" in change:
        notifications.send(context, item, "ITEM", "LOGIN_REPAIRED")
    if change.get("consent_expires_at"):
        expires = change["consent_expires_at"]
        items.take_consent_notice(context, item.item_id, expires)
        notifications.send(context, item, "ITEM", "PENDING_EXPIRATION", consent_expiration_time=expires)
