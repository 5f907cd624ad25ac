"""Change many transactions at once, as a person chose in the list."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from accounts.models import User
from banking.account_matching.locks import lock_accounts
from banking.categorization import tags
from banking.models import Transaction
from banking.transactions.transfers import update_transfers
from compliance.audit import Action, record
from compliance.isolation import tenant

MAX_ROWS: Final = 500


class BulkAction(StrEnum):
    """What is done with all chosen transactions."""

    CATEGORY = "category"
    ADD_TAG = "add_tag"
    REMOVE_TAG = "remove_tag"
    HIDE = "hide"
    SHOW = "show"


@dataclass(frozen=True, kw_only=True)
class BulkEdit:
    """An action with its value. An empty category is the bank's."""

    action: BulkAction
    category: str = ""
    tags: tuple[str, ...] = ()


def edit_transactions(*, user: User, row_ids: Sequence[UUID], edit: BulkEdit) -> int:
    """Change all of these transactions or none; returns how many there are.

    Those that a sync replaced or removed meanwhile are left out. Raises ``Transaction.DoesNotExist`` if one of them is
    another user's.
    """
    with tenant(user.pk):
        # A sync writes rows in another order, so the two would wait for each other.
        lock_accounts(owner_id=user.pk)
        rows = Transaction.objects.for_user(user).filter(pk__in=row_ids)
        if rows.count() != len(set(row_ids)):
            raise Transaction.DoesNotExist
        current = rows.filter(removed_at=None)
        ids = list(current.values_list("pk", flat=True))
        if edit.action in (BulkAction.ADD_TAG, BulkAction.REMOVE_TAG):
            change_tags(owner_id=user.pk, row_ids=ids, edit=edit)
        else:
            current.update(**build_values(edit))
            update_transfers(owner_id=user.pk)
        record(Action.TRANSACTION_EDITED, actor=user, subject=user, changed=[edit.action.value], count=len(ids))
        return len(ids)


def build_values(edit: BulkEdit) -> dict[str, Any]:
    """The columns that an action sets, with their source."""
    if edit.action is BulkAction.CATEGORY:
        return {
            "user_category": edit.category,
            "category_source": Transaction.Source.PERSON,
            "category_rule": None,
        }
    return {
        "hidden": edit.action is BulkAction.HIDE,
        "hidden_source": Transaction.Source.PERSON,
        "hidden_rule": None,
    }


def change_tags(*, owner_id: UUID, row_ids: Sequence[UUID], edit: BulkEdit) -> None:
    """Put tags on transactions, or remove them."""
    chosen = tags.get_or_create_tags(owner_id=owner_id, names=edit.tags)
    if edit.action is BulkAction.ADD_TAG:
        tags.tag_transactions(owner_id=owner_id, row_ids=row_ids, tags=chosen)
    else:
        tags.remove_tags(tags.find_tags(owner_id=owner_id, row_ids=row_ids).filter(tag__in=chosen))
        tags.delete_unused_tags(owner_id=owner_id)
