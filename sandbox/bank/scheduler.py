"""The background thread: stages of history are announced, refreshes run, and personas make new transactions."""

import threading
from datetime import UTC, date, timedelta

from sandbox import personas
from sandbox.bank import accounts, items, liabilities, refreshes, transaction_log
from sandbox.bank.items import Item
from sandbox.bank.transaction_log import Changes
from sandbox.clock import parse_stamp
from sandbox.context import AppContext
from sandbox.webhooks import notifications

INTERVAL_SECONDS = 0.2


def start(context: AppContext) -> threading.Thread:
    """Start the thread, which runs until ``context.stopping`` is set."""
    thread = threading.Thread(target=_run, args=(context,), name="scheduler", daemon=True)
    thread.start()
    return thread


def run_due(context: AppContext) -> None:
    """Run everything that is due at the current virtual time."""
    for item in items.list_outdated(context, context.clock.today()):
        _simulate_days(context, item.item_id)
        _announce(context, item.item_id)
    for item in items.list_with_consent(context):
        _expire_consent(context, item)
    refreshes.run_due(context)


def _run(context: AppContext) -> None:
    while not context.stopping.wait(INTERVAL_SECONDS):
        run_due(context)


def _announce(context: AppContext, item_id: str) -> None:
    """Send the webhooks of a newly reached stage of the history, once."""
    item = items.get(context, item_id)
    if items.stage(context, item) == item.announced:
        return
    with context.store.transaction():
        item = items.get(context, item_id)
        stage = items.stage(context, item)
        if items.STAGES.index(stage) > items.STAGES.index(item.announced):
            items.update(context, item_id, announced=stage)
            notifications.stage_reached(context, item, stage)


def _expire_consent(context: AppContext, item: Item) -> None:
    """Announce that a consent ends, once, seven days before; when it has ended, require a login."""
    ends, now = str(item.consent_expires_at), context.clock.now()
    ends_at = parse_stamp(ends) if parse_stamp(ends).tzinfo else parse_stamp(ends).replace(tzinfo=UTC)
    if ends_at <= now:
        with context.store.transaction():
            # Another thread may have done it since the Items were listed.
            if not items.get(context, item.item_id).error:
                items.set_error(context, item.item_id, "ITEM_LOGIN_REQUIRED", "OAUTH_CONSENT_EXPIRED")
                notifications.login_required(context, item)
    elif ends_at <= now + notifications.NOTICE:
        with context.store.transaction():
            if items.take_consent_notice(context, item.item_id, ends):
                notifications.consent_expires(context, item)


def _simulate_days(context: AppContext, item_id: str) -> None:
    """Add the transactions of the days since the Item was last simulated."""
    today = context.clock.today()
    if items.get(context, item_id).lived_until >= today.isoformat():
        return
    with context.store.transaction():
        item = items.get(context, item_id)
        changes = [_simulate_day(context, item, day) for day in _days(item, today)]
        items.update(context, item_id, lived_until=today.isoformat())
        issued = liabilities.list_issued_between(context, item, date.fromisoformat(item.lived_until), today)
        notifications.liabilities_changed(context, item, issued)
        added, removed = sum(len(day.added) for day in changes), [gone for day in changes for gone in day.removed]
        if added:
            notifications.transactions_changed(context, item, added, removed)


def _days(item: Item, today: date) -> list[date]:
    first = date.fromisoformat(item.lived_until) + timedelta(days=1)
    return [first + timedelta(days=number) for number in range((today - first).days + 1)]


def _simulate_day(context: AppContext, item: Item, day: date) -> Changes:
    """Append the persona's transactions of one day to the transaction log."""
    ids = {account.key: account.id for account in accounts.of_item(context, item.item_id)}
    linked_on = parse_stamp(item.created_at).date()
    drafts = personas.next_day(item.persona, item.config, item.institution_id, linked_on=linked_on, day=day)
    rows = [transaction_log.row(ids[draft.account], draft) for draft in drafts if draft.account in ids]
    gone = [row["pending_transaction_id"] for row in rows if row["pending_transaction_id"]]
    known = [pending for pending in gone if transaction_log.find(context, item.item_id, pending)]
    changes = Changes(added=rows, removed=known)
    if changes:
        transaction_log.append(context, item.item_id, changes)
    return changes
