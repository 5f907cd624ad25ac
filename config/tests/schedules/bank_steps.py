"""Steps at the bank and at Plaid: payments, postings, corrections, accounts, errors."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from config.tests.schedules.local_bank import Row
from config.tests.schedules.machine import SPENDING, Schedule, TransferPair, step
from sandbox import faults
from sandbox.bank import items
from sandbox.identifiers import new_id
from sandbox.personas.drafts import AccountDraft

PATHS = ("/transactions/sync", "/transactions/sync", "/item/get", "/accounts/get")
ACTIONS = (
    {"kind": "error", "code": "INTERNAL_SERVER_ERROR"},
    {"kind": "error", "code": "INSTITUTION_DOWN"},
    {"kind": "error", "code": "INSTITUTION_NOT_RESPONDING"},
    {"kind": "error", "code": "TRANSACTIONS_SYNC_LIMIT"},
    {"kind": "error", "code": "RATE_LIMIT"},
    {"kind": "error", "code": "PRODUCT_NOT_READY"},
    {"kind": "http", "status": 502},
    {"kind": "drop", "when": "before"},
    {"kind": "drop", "when": "after"},
    {"kind": "truncate"},
    {"kind": "malformed", "how": "html"},
)
SPARE_ACCOUNT = AccountDraft("spare", "Spare", "depository", "savings", Decimal("50"), Decimal("50"), mask="0004")


def choose_row(schedule: Schedule, *, pending: bool | None = None, legs: bool = True) -> Row | None:
    """One of the bank's rows; without ``legs``, none of a transfer between own accounts."""
    own = {name for pair in schedule.pairs for name in (pair.money_out, pair.money_in)}
    rows = [
        row
        for row in schedule.bank.list_open_rows()
        if pending in (None, row["pending"]) and (legs or row["name"] not in own)
    ]
    return schedule.random.choice(rows) if rows else None


@step(10)
def pay(schedule: Schedule) -> None:
    schedule.bank.add(*(schedule.new_payment() for _ in range(schedule.random.choice((1, 1, 2, 4)))))


@step(3)
def transfer(schedule: Schedule) -> None:
    """Money moves between own accounts: within days, as the matcher pairs it, or slower, so that it does not."""
    bank, random = schedule.bank, schedule.random
    amount = bank.next_amount() + 5000
    source, target = random.sample(sorted(bank.drafts), 2)
    is_named = schedule.chance(0.3)
    days = random.choice((0, 1, 4, 5, 8))
    start = bank.today - timedelta(days=days + random.choice((0, 3, 20)))
    pair = TransferPair(f"LEFT {int(amount)}", f"ARRIVED {int(amount)}")
    common = {"authorized_date": None, "merchant_name": None, "pending": False}
    out = common | {"category": "TRANSFER_OUT_ACCOUNT_TRANSFER" if is_named else ""}
    into = common | {"category": "TRANSFER_IN_ACCOUNT_TRANSFER" if is_named else ""}
    schedule.pairs.append(pair)
    bank.add(
        out | {"key": source, "name": pair.money_out, "amount": amount, "date": start.isoformat()},
        into
        | {"key": target, "name": pair.money_in, "amount": -amount, "date": (start + timedelta(days=days)).isoformat()},
    )


@step(9)
def post_pending(schedule: Schedule) -> None:
    """Pending payments are posted, with another amount for a tip; the pending rows may stay for now."""
    names = sorted({row["name"] for row in schedule.bank.list_open_rows() if row["pending"]})
    posting = schedule.random.sample(names, schedule.random.randint(0, len(names)))
    if not posting:
        return
    schedule.bank.post(posting, keep_pending=schedule.chance(0.5))
    if schedule.chance(0.3):
        schedule.bank.modify(posting[0], pending=False, amount=schedule.bank.next_amount())


@step(3)
def remove_late(schedule: Schedule) -> None:
    """The bank removes the pending rows of payments that were posted before."""
    rows = schedule.bank.list_open_rows()
    posted = {row["name"] for row in rows if not row["pending"]}
    for name in sorted({row["name"] for row in rows if row["pending"]} & posted):
        schedule.bank.remove(name, pending=True)


@step(4)
def modify(schedule: Schedule) -> None:
    row = choose_row(schedule, legs=False)
    if row is None:
        return
    changes = (
        {"amount": schedule.bank.next_amount()},
        {"category": schedule.random.choice(SPENDING)},
        {"date": (schedule.bank.today - timedelta(days=schedule.random.randint(0, 35))).isoformat()},
        {"key": schedule.random.choice(sorted(schedule.bank.drafts))},
    )
    schedule.bank.modify(row["name"], pending=row["pending"], **schedule.random.choice(changes))


@step(3)
def remove(schedule: Schedule) -> None:
    if row := choose_row(schedule):
        schedule.bank.remove(row["name"], pending=row["pending"])


@step(1)
def open_account(schedule: Schedule) -> None:
    """The bank opens one more account, at most one at a time."""
    bank = schedule.bank
    if bank.linked_logins and not any(key.startswith(SPARE_ACCOUNT.key) for key in bank.drafts):
        key = f"{SPARE_ACCOUNT.key} {next(bank.numbers)}"
        bank.open_account(replace(SPARE_ACCOUNT, key=key, persistent=new_id()))


@step(1)
def change_balance(schedule: Schedule) -> None:
    if login := schedule.choose_login():
        account = schedule.random.choice(schedule.bank.list_accounts(login))
        figure = schedule.bank.next_amount()
        schedule.bank.mutate(login, balances={account.id: {"current": figure, "available": figure}})
        schedule.bank.refresh(login)


@step(2)
def expire_cursors(schedule: Schedule) -> None:
    """Plaid accepts no older cursor of a login; perhaps it also prepares the stream again.

    What the bank removed just before is in no stream any more, not even as removed.
    """
    if login := schedule.choose_login():
        if schedule.chance(0.6):
            remove(schedule)
        status = {"force_status": "INITIAL_UPDATE_COMPLETE"} if schedule.chance(0.4) else {}
        schedule.bank.set_state(login, expire_cursors=True, webhook=False, **status)


@step(2)
def history_arrives(schedule: Schedule) -> None:
    for login in schedule.bank.linked_logins:
        schedule.bank.set_state(login, force_status="", webhook=False)


@step(3)
def require_login(schedule: Schedule) -> None:
    """The bank requires a new sign-in; Plaid may still return what it has stored."""
    if login := schedule.choose_login():
        schedule.bank.set_state(login, error="ITEM_LOGIN_REQUIRED", streams=schedule.chance(0.3))


@step(1)
def repair_elsewhere(schedule: Schedule) -> None:
    """The person signs in through another app."""
    if login := schedule.choose_login():
        items.repair(schedule.context, item_id=login.provider_item_id)
        schedule.bank.set_state(login, error="")


@step(5)
def fail_calls(schedule: Schedule) -> None:
    """Some of the next calls fail: an error, a limit, a broken response."""
    if login := schedule.choose_login():
        match = {"path": schedule.random.choice(PATHS), "item_id": login.provider_item_id}
        fault = {"match": match, "action": schedule.random.choice(ACTIONS), "nth": schedule.random.choice((1, 1, 2))}
        faults.add(schedule.context, fault)


@step(1)
def damage_rows(schedule: Schedule) -> None:
    """The rows of one page cannot be read. Twice in a row would lose them, which the person then sees on the page."""
    login = schedule.choose_login()
    if login is None or schedule.has_damaged_row:
        return
    schedule.has_damaged_row = True
    match = {"path": "/transactions/sync", "item_id": login.provider_item_id}
    faults.add(schedule.context, {"match": match, "action": {"kind": "replace", "set": {"added.*.date": "soon"}}})
