"""What an operator makes a bank say about one Item.

Parts of a mutation, all optional and applied in this order:
    new_account         {"name", "type", "subtype", "current", "available", "limit", "mask", "currency"}
    close_account       an account id
    rotate_account_ids  true: every account and transaction gets a new id, as after a purge
    balances            {account id: {"current", "available", "limit"}}, live; shown after the next refresh
    remove              [transaction ids]
    modify              [{"transaction_id", and the columns of its plain row to change}]
    post_pending        true, or the [transaction ids] to post
    add                 [{"amount", "name", and any other column of a plain row}]; with a date to come it is pending
    webhook             false: say nothing to the site
"""

from decimal import Decimal
from typing import Any

from sandbox import accounts, items, ledger, orders, refreshing, webhooks
from sandbox.errors import PlaidError
from sandbox.identifiers import new_id
from sandbox.items import Item
from sandbox.ledger import Changes, Row
from sandbox.personas import categories
from sandbox.personas.drafts import AccountDraft, TransactionDraft
from sandbox.shapes import accept
from sandbox.world import World

Order = dict[str, Any]


def mutate(world: World, item: Item, order: Order) -> Order:
    """Carry out a mutation; gives ``{"added", "modified", "removed", "accounts"}`` as ids.

    Raises PlaidError for an order that makes no sense; then nothing has changed.
    """
    accept(orders.MUTATION, order)
    with world.store.transaction():
        rotated = _change_accounts(world, item, order)
        changes = _changes(world, item, order)
        ledger.append(world, item.item_id, changes)
        added, removed = rotated.added + changes.added, rotated.removed + changes.removed
        if (added or removed or changes.modified) and order.get("webhook", True):
            webhooks.transactions_changed(world, item, len(added), removed)
        _set_balances(world, item, order.get("balances") or {})
    return {
        "added": [row["transaction_id"] for row in added],
        "modified": [row["transaction_id"] for row in changes.modified],
        "removed": removed,
        "accounts": [account.id for account in accounts.of_item(world, item.item_id)],
    }


def _change_accounts(world: World, item: Item, order: Order) -> Changes:
    if wanted := order.get("new_account"):
        accounts.open_account(world, item.item_id, _account(wanted))
    if closing := order.get("close_account"):
        accounts.pick(world, item.item_id, [closing])
        accounts.close_account(world, closing)
    return _rotate(world, item) if order.get("rotate_account_ids") else Changes()


def _rotate(world: World, item: Item) -> Changes:
    """Close every account and open it again under a new id, with its transactions under new ids."""
    old = accounts.of_item(world, item.item_id, live=True)
    rows = ledger.current(world, item.item_id)
    ledger.append(world, item.item_id, Changes(removed=[row["transaction_id"] for row in rows]))
    renamed = {}
    for account in old:
        accounts.close_account(world, account.id)
        renamed[account.id] = accounts.open_account(world, item.item_id, account.draft)
    moved = [_moved(row, renamed[row["account_id"]]) for row in rows if row["account_id"] in renamed]
    ledger.open_ledger(world, item.item_id, moved)
    return Changes(added=moved, removed=[row["transaction_id"] for row in rows])


def _moved(row: Row, account_id: str) -> Row:
    pending = row["pending_transaction_id"]
    return {
        **row,
        "account_id": account_id,
        "transaction_id": ledger.transaction_id(account_id, row["transaction_id"]),
        "pending_transaction_id": ledger.transaction_id(account_id, pending) if pending else None,
    }


def _changes(world: World, item: Item, order: Order) -> Changes:
    rows = {row["transaction_id"]: row for row in ledger.current(world, item.item_id)}
    posting = order.get("post_pending") or []
    wanted = [row for row in rows.values() if row["pending"] and (posting is True or row["transaction_id"] in posting)]
    settled = refreshing.settled(world, wanted)
    return Changes(
        added=settled.added + [_added(world, item, facts) for facts in order.get("add") or []],
        modified=[_modified(rows, facts) for facts in order.get("modify") or []],
        removed=settled.removed + list(order.get("remove") or []),
    )


def _added(world: World, item: Item, facts: Order) -> Row:
    """A new plain row: an ordinary purchase of today, except for what is said about it."""
    account_ids = [facts["account_id"]] if "account_id" in facts else None
    account = accounts.pick(world, item.item_id, account_ids)[0]
    if "amount" not in facts or "name" not in facts:
        raise PlaidError("MISSING_FIELDS", "add needs amount and name")
    amount = _money(facts["amount"]) or Decimal(0)
    category, confidence = categories.derive(facts["name"], amount)
    draft = TransactionDraft(
        key=new_id(),
        account=account.key,
        day=world.clock.today(),
        amount=amount,
        name=facts["name"],
        category=category,
        confidence=confidence,
        channel="other",
        currency=account.draft.currency,
        unofficial=account.draft.unofficial,
    )
    is_to_come = str(facts.get("date", "")) > world.clock.today().isoformat()
    return _overlaid(ledger.row(account.id, draft), {"pending": is_to_come, **facts})


def _modified(rows: dict[str, Row], facts: Order) -> Row:
    known = rows.get(facts.get("transaction_id", ""))
    if known is None:
        raise PlaidError("INVALID_FIELD", "modify needs the transaction_id of a transaction of this item")
    return _overlaid(known, facts)


def _overlaid(row: Row, facts: Order) -> Row:
    changed = {**row, **facts}
    if changed["category"] and not categories.known(changed["category"]):
        raise PlaidError("INVALID_FIELD", f"{changed['category']} is in no primary category")
    return {**changed, "amount": str(_money(changed["amount"]))}


def _account(wanted: Order) -> AccountDraft:
    money = {name: _money(wanted.get(name)) for name in accounts.SETTERS}
    return AccountDraft(**{"key": new_id(), **wanted, **money})


def _set_balances(world: World, item: Item, balances: Order) -> None:
    for account_id, figures in balances.items():
        accounts.pick(world, item.item_id, [account_id])
        accounts.set_figures(world, account_id, {name: _money(value) for name, value in figures.items()})


def _money(value: Any) -> Decimal | None:
    return None if value is None else Decimal(value)


def set_state(world: World, item: Item, order: Order) -> None:
    """Change how an Item is, and tell the site as Plaid would.

    ``error``: a code (ITEM/ERROR or ITEM/USER_PERMISSION_REVOKED follows) or "" (ITEM/LOGIN_REPAIRED follows), and
    ``streams``: true to let accounts and transactions still be read as they were, while ``/item/get`` tells the error;
    ``consent_expires_at``: a moment (ITEM/PENDING_EXPIRATION); ``force_status``: the stage of history, "" for the
    clock's own; ``expire_cursors``: true makes every cursor given so far invalid; ``webhook``: false says nothing.
    """
    accept(orders.STATE, order)
    columns: Order = {name: order[name] for name in ("consent_expires_at", "force_status") if name in order}
    if order.get("expire_cursors"):
        columns["epoch"] = item.epoch + 1
    with world.store.transaction():
        if columns:
            items.update(world, item.item_id, **columns)
        if "error" in order:
            items.fall_ill(world, item.item_id, order["error"])
        if "streams" in order:
            items.let_stream(world, item.item_id, streams=order["streams"])
        if order.get("webhook", True):
            _tell(world, items.get(world, item.item_id), order)


def _tell(world: World, item: Item, order: Order) -> None:
    if order.get("error") == "USER_PERMISSION_REVOKED":
        webhooks.send(
            world, item, "ITEM", "USER_PERMISSION_REVOKED", error=PlaidError("USER_PERMISSION_REVOKED").body()
        )
    elif order.get("error"):
        webhooks.login_required(world, item, order["error"])
    elif "error" in order:
        webhooks.send(world, item, "ITEM", "LOGIN_REPAIRED")
    if order.get("consent_expires_at"):
        expires = order["consent_expires_at"]
        webhooks.send(world, item, "ITEM", "PENDING_EXPIRATION", consent_expiration_time=expires)
