"""Steps of the person: words about payments, rules, transfers, and connections."""

from datetime import timedelta

from banking.categorization import bulk_edits, editing, rule_runs, rules
from banking.categorization.bulk_edits import BulkAction, BulkEdit
from banking.categorization.editing import TransactionEdit
from banking.categorization.rules import RuleValues
from banking.linking.disconnecting import disconnect_bank
from banking.linking.update_mode import finish_update_mode, open_update_mode
from banking.models import Connection
from banking.provider import ProviderError
from banking.sync import sync_queue
from banking.tasks import enqueue_sync
from banking.transactions.transaction_tags import get_tag_names
from banking.transactions.transfer_edits import NotATransfer, join_transactions, separate_transactions
from compliance.isolation import tenant
from compliance.isolation.tenant import without_tenant
from config.tests.schedules.local_bank import Login
from config.tests.schedules.machine import PAYEES, Rule, Schedule, step
from sandbox.bank import items

CATEGORIES = ("MEDICAL", "PERSONAL_CARE", "TRAVEL", "INCOME", "TRANSFER_OUT")
NAMES = ("Lunch", "Present", "Subscription")
TAGS = ("shared", "work")


@step(11)
@without_tenant()
def edit(schedule: Schedule) -> None:
    """Change one or two things on a payment's page; the others are sent as the page showed them."""
    rows = schedule.list_shown()
    if not rows:
        return
    random = schedule.random
    # What is pending is what a person looks at, and what changes next.
    pending = [row for row in rows if row.pending]
    row = random.choice(pending if pending and schedule.chance(0.5) else rows)
    said = schedule.about(row.name)
    with tenant(schedule.user.pk):
        tags = set(get_tag_names(owner_id=schedule.user.pk, row_ids=[row.pk]).get(row.pk, ()))
    values = {"category": row.user_category, "merchant": row.user_merchant, "note": row.note, "hidden": row.hidden}
    for subject in random.sample(("category", "merchant", "note", "hidden", "tags"), random.choice((1, 2))):
        if subject == "tags":
            changed = {random.choice(TAGS)}
            tags, said.tags = tags ^ changed, said.tags ^ changed
            continue
        options = {"category": ("", *CATEGORIES), "merchant": ("", *NAMES), "note": ("", "ours", "check this")}
        new = (
            not row.hidden
            if subject == "hidden"
            else random.choice([o for o in options[subject] if o != values[subject]])
        )
        values[subject] = new
        setattr(said, subject, new)
    change = TransactionEdit(**values, tags=tuple(sorted(tags)))
    editing.edit_transaction(user=schedule.user, transaction_id=row.pk, edit=change)


@step(3)
@without_tenant()
def edit_many(schedule: Schedule) -> None:
    rows = schedule.list_shown()
    chosen = schedule.random.sample(rows, min(len(rows), schedule.random.choice((1, 3))))
    action = schedule.random.choice(list(BulkAction))
    category, tag = schedule.random.choice(("", *CATEGORIES)), schedule.random.choice(TAGS)
    tags = (tag,) if action in (BulkAction.ADD_TAG, BulkAction.REMOVE_TAG) else ()
    change = BulkEdit(action=action, category=category if action is BulkAction.CATEGORY else "", tags=tags)
    bulk_edits.edit_transactions(user=schedule.user, row_ids=[row.pk for row in chosen], edit=change)
    for said in map(schedule.about, {row.name for row in chosen}):
        if action is BulkAction.CATEGORY:
            said.category = category
        elif action is BulkAction.ADD_TAG:
            said.tags.add(tag)
        elif action is BulkAction.REMOVE_TAG:
            said.tags.discard(tag)
        else:
            said.hidden = action is BulkAction.HIDE


@step(3)
@without_tenant()
def make_rule(schedule: Schedule) -> None:
    """A rule for a payee that has none, applied now or at the end."""
    random = schedule.random
    free = [payee for payee in PAYEES if payee not in schedule.rules]
    if not free:
        return
    payee = random.choice(free)
    category = random.choice(("", *CATEGORIES))
    rename, tag = random.choice(("", f"My {payee.lower()}")), random.choice(("", f"by rule {payee.lower()}"))
    hides = not (category or rename or tag) or schedule.chance(0.2)
    values = RuleValues(name_part=payee, category=category, rename=rename, hides=hides, tags=(tag,) if tag else ())
    rule = rules.create_rule(user=schedule.user, values=values)
    schedule.rules[payee] = Rule(rule.pk, category, rename, hides, tag)
    if schedule.chance(0.5):
        apply_rule(schedule, schedule.rules[payee])


def apply_rule(schedule: Schedule, rule: Rule) -> None:
    rule.run_id = rule_runs.apply_rule(user=schedule.user, rule_id=rule.rule_id).pk


@step(1)
@without_tenant()
def withdraw_rule(schedule: Schedule) -> None:
    """Undo what a rule has done, and delete it."""
    if not schedule.rules:
        return
    rule = schedule.rules.pop(schedule.random.choice(sorted(schedule.rules)))
    if rule.run_id is not None and schedule.chance(0.7):
        rule_runs.undo_run(user=schedule.user, run_id=rule.run_id)
    rules.delete_rule(user=schedule.user, rule_id=rule.rule_id, clears=True)


@step(3)
@without_tenant()
def decide_about_transfer(schedule: Schedule) -> None:
    """Separate a pair, or join it; the site refuses what cannot be a transfer."""
    if not schedule.pairs:
        return
    pair, is_joined = schedule.random.choice(schedule.pairs), schedule.chance(0.5)
    rows = {row.name: row for row in schedule.list_shown() if not row.hidden}
    if not {pair.money_out, pair.money_in} <= set(rows):
        return
    legs = {"transaction_id": rows[pair.money_out].pk, "other_id": rows[pair.money_in].pk}
    try:
        (join_transactions if is_joined else separate_transactions)(user=schedule.user, **legs)
    except NotATransfer:
        return
    pair.is_joined = is_joined


@step(3)
@without_tenant()
def sync_now(schedule: Schedule) -> None:
    login = schedule.choose_login()
    if login is None or schedule.get_item(login).connection != Connection.ACTIVE:
        return
    if item := sync_queue.refresh(user=schedule.user, item_id=login.item_id, cooldown=timedelta(0)):
        enqueue_sync(item, trigger="refresh")


@step(2)
@without_tenant()
def reconnect(schedule: Schedule) -> None:
    """Sign in again in update mode, for a login that requires it."""
    for login in schedule.bank.linked_logins:
        if schedule.bank.get_item(login).error:
            reconnect_login(schedule, login)


def reconnect_login(schedule: Schedule, login: Login) -> None:
    try:
        session_id = open_update_mode(user=schedule.user, item_id=login.item_id).session.pk
        items.repair(schedule.context, item_id=login.provider_item_id)
        item = finish_update_mode(user=schedule.user, session_id=session_id)
    except ProviderError:
        return
    if item is not None:
        enqueue_sync(item, trigger="reconnect")


def disconnect(schedule: Schedule, login: Login, *, keep_history: bool) -> None:
    """Disconnect a login whose rows the caller has set to those that the site has stored."""
    with without_tenant():
        disconnect_bank(user=schedule.user, item_id=login.item_id, keep_history=keep_history)
    login.is_linked = False
    if not keep_history:
        login.rows = []
