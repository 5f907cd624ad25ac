"""Store what a person says about one transaction."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from accounts.models import User
from banking.categorization import tags
from banking.models import Transaction
from banking.transactions.transfers import update_transfers
from compliance.audit import Action, record
from compliance.isolation import tenant

# The columns that have a source, and those of the source and its rule.
SOURCES: Final = {
    "user_category": ("category_source", "category_rule"),
    "user_merchant": ("merchant_source", "merchant_rule"),
    "hidden": ("hidden_source", "hidden_rule"),
}


@dataclass(frozen=True, kw_only=True)
class TransactionEdit:
    """All that a person says about a transaction. An empty category or merchant is the bank's."""

    category: str
    merchant: str
    note: str
    hidden: bool
    tags: tuple[str, ...]


def edit_transaction(*, user: User, transaction_id: UUID, edit: TransactionEdit) -> list[str]:
    """Store a person's words for a transaction; returns the names of what changed.

    What did not change keeps its source: a rule's value stays the rule's. Raises ``Transaction.DoesNotExist`` for
    another user's transaction, and for one that does not count any more.
    """
    with tenant(user.pk):
        rows = Transaction.objects.for_user(user).filter(removed_at=None)
        row = rows.select_for_update(of=["self"]).get(pk=transaction_id)
        changed = set_by_person(row, edit)
        if set_tags(row, edit.tags):
            changed.append("tags")
        if {"user_category", "hidden"} & set(changed):
            update_transfers(owner_id=user.pk)
        if changed:
            record_edit(user=user, transaction_id=row.pk, changed=changed)
        return changed


def set_by_person(row: Transaction, edit: TransactionEdit) -> list[str]:
    """Store the columns that differ, as the person's; returns their names."""
    values = {"user_category": edit.category, "user_merchant": edit.merchant, "hidden": edit.hidden, "note": edit.note}
    changed = [name for name, value in values.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, values[name])
        if name in SOURCES:
            source, rule = SOURCES[name]
            setattr(row, source, Transaction.Source.PERSON)
            setattr(row, rule, None)
    row.save(update_fields=[*changed, *(column for name in changed for column in SOURCES.get(name, ()))])
    return changed


def set_tags(row: Transaction, names: tuple[str, ...]) -> bool:
    """Let a transaction have exactly these tags; returns whether that changed anything."""
    chosen = tags.get_or_create_tags(owner_id=row.owner_id, names=names)
    on_row = tags.find_tags(owner_id=row.owner_id, row_ids=[row.pk])
    given = set(on_row.filter(is_removed=False).values_list("tag", flat=True))
    if given == {tag.pk for tag in chosen}:
        return False
    tags.remove_tags(on_row.exclude(tag__in=chosen))
    tags.tag_transactions(owner_id=row.owner_id, row_ids=[row.pk], tags=chosen)
    tags.delete_unused_tags(owner_id=row.owner_id)
    return True


def record_edit(
    *, user: User, transaction_id: UUID, changed: list[str], action: Action = Action.TRANSACTION_EDITED
) -> None:
    """Record which columns of a transaction a person changed, and none of their words."""
    record(
        action,
        actor=user,
        subject=user,
        resource="transaction",
        resource_id=str(transaction_id),
        changed=changed,
    )
