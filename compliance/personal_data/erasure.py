"""Erases a person: deletes all rows about them and destroys the key of everything that was encrypted for them.

The rows that stay, such as the audit trail, name the person by their random id alone.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from django.contrib.auth import get_user_model
from django.utils import timezone

from compliance.audit import Action, record
from compliance.isolation import tenant
from compliance.personal_data.holders import DataHolder
from compliance.personal_data.processors import list_processors
from compliance.personal_data.receipts import ErasureReceipt, create_receipt
from compliance.personal_data.registry import list_holders
from compliance.vault import SealError, data_keys


def erase_person(*, owner: UUID, requested_at: datetime) -> ErasureReceipt:
    """Erase a person in one transaction, and return the signed receipt.

    Raises ``ErasureDelayed`` while work is in progress that has to end first; then nothing is deleted.
    """
    with tenant(owner):
        pending: dict[str, int] = {}
        for processor in list_processors():
            pending |= processor.prepare_erasure(owner)
        # Before any row is deleted, there has to be a key: a process that looks for one meanwhile then finds this one,
        # and does not make another, which would outlive the erasure. A damaged key serves as well.
        with suppress(SealError):
            data_keys.get_active_key(owner)
        record(Action.ACCOUNT_DELETED, subject=owner)
        deleted = {holder.model._meta.label: _erase_rows(holder, owner) for holder in _order_for_erasure()}
        return create_receipt(
            owner=owner,
            requested_at=requested_at,
            erased_at=timezone.now(),
            deleted=deleted,
            kept={holder.model._meta.label: str(holder.kept_after_erasure) for holder in _list_kept()},
            pending=pending,
        )


def _order_for_erasure() -> Iterator[DataHolder]:
    """Yield the holders whose rows are deleted: those of higher layers first, and the person's own row last."""
    erased = [holder for holder in reversed(list_holders()) if not holder.kept_after_erasure]
    yield from (holder for holder in erased if holder.model is not get_user_model())
    yield from (holder for holder in erased if holder.model is get_user_model())


def _list_kept() -> list[DataHolder]:
    return [holder for holder in list_holders() if holder.kept_after_erasure]


def _erase_rows(holder: DataHolder, owner: UUID) -> int:
    """Delete the rows of one model, and return how many."""
    if holder.erase is not None:
        return holder.erase(owner)
    _, by_model = holder.model._default_manager.filter(**{holder.owner: owner}).delete()
    return by_model.get(holder.model._meta.label, 0)
