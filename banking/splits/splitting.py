"""A person splits a transaction, changes its parts, and joins them again."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import User
from banking.account_matching.locks import lock_accounts
from banking.categorization import tags
from banking.categorization.editing import record_edit, set_tags
from banking.models import Transaction, TransactionTag, Transfer
from banking.splits.amounts import MAX_PARTS, MIN_PARTS, ZERO
from banking.splits.settling import BANK_COLUMNS
from banking.transactions.transfers import update_transfers
from compliance.audit import Action
from compliance.isolation import tenant


class CannotSplit(Exception):
    """The transaction is no whole that may be split: it is a part, a leg of a transfer, or of no amount."""


class PartsChanged(Exception):
    """The parts are not those that the person saw."""


class InvalidParts(ValueError):
    """There are too few or too many parts, one is zero, or they do not add up to the transaction's amount."""


@dataclass(frozen=True, kw_only=True)
class PartValues:
    """One part as a person enters it. ``amount`` is positive when money comes in; an empty category is the bank's.

    ``part_id`` is that of a part that the transaction has already.
    """

    amount: Decimal
    part_id: UUID | None = None
    category: str = ""
    note: str = ""
    tags: tuple[str, ...] = ()


def split_transaction(
    *, user: User, transaction_id: UUID, parts: Sequence[PartValues], known: Sequence[UUID] = ()
) -> list[Transaction]:
    """Let a transaction have exactly these parts.

    ``known`` are the parts that it had when the person saw it. Raises ``Transaction.DoesNotExist`` for another user's
    transaction and for one that the bank removed or replaced, ``CannotSplit``, ``PartsChanged`` and ``InvalidParts``.
    """
    with tenant(user.pk):
        # A sync stores rows in another order, and may replace this one.
        lock_accounts(owner_id=user.pk)
        whole = get_whole(user=user, transaction_id=transaction_id)
        # Locked, because the person may edit one of them on its own page.
        present = {part.pk: part for part in list_parts(whole).select_for_update(of=["self"])}
        if list(present) != list(known):
            raise PartsChanged
        if not may_split(whole):
            raise CannotSplit
        require_valid(parts, whole=whole)
        rows = [
            store_part(whole, present.pop(values.part_id, None) if values.part_id else None, values) for values in parts
        ]
        delete_parts(whole.owner_id, list(present.values()))
        if whole.removed_at is None:
            whole.removed_at, whole.replaced_by = timezone.now(), Transaction.Replaced.SPLIT
            whole.save(update_fields=["removed_at", "replaced_by"])
        update_transfers(owner_id=user.pk)
        record_edit(user=user, transaction_id=whole.pk, changed=["parts"], action=Action.TRANSACTION_SPLIT)
        return rows


def join_parts(*, user: User, transaction_id: UUID) -> None:
    """Delete a transaction's parts, with all that the person wrote on them: the whole counts as before the split.

    Without parts it does nothing. Raises ``Transaction.DoesNotExist`` as ``split_transaction`` does.
    """
    with tenant(user.pk):
        lock_accounts(owner_id=user.pk)
        whole = get_whole(user=user, transaction_id=transaction_id)
        parts = list(list_parts(whole))
        if not parts:
            return
        delete_parts(whole.owner_id, parts)
        whole.removed_at, whole.replaced_by = None, ""
        whole.save(update_fields=["removed_at", "replaced_by"])
        update_transfers(owner_id=user.pk)
        record_edit(user=user, transaction_id=whole.pk, changed=["parts"], action=Action.TRANSACTION_JOINED)


def get_whole(*, user: User, transaction_id: UUID) -> Transaction:
    """Lock a row that may have parts. Raises ``Transaction.DoesNotExist``."""
    rows = Transaction.objects.for_user(user).whole_or_split()
    return rows.select_for_update(of=["self"]).get(pk=transaction_id)


def list_parts(whole: Transaction) -> QuerySet[Transaction]:
    """A transaction's parts in the order in which they were entered, those that do not count included."""
    return Transaction.objects.filter(owner=whole.owner_id, part_of=whole.pk).order_by("pk")


def may_split(row: Transaction) -> bool:
    """Whether a person may split a row: one of the bank with an amount, and no leg of a transfer."""
    legs = Transfer.objects.filter(Q(money_out=row.pk) | Q(money_in=row.pk), owner=row.owner_id)
    return row.part_of is None and row.amount != 0 and not legs.exists()


def require_valid(parts: Sequence[PartValues], *, whole: Transaction) -> None:
    """Raises ``InvalidParts``."""
    amounts = [part.amount for part in parts]
    if not MIN_PARTS <= len(amounts) <= MAX_PARTS or ZERO in amounts or sum(amounts) != whole.amount:
        raise InvalidParts


def store_part(whole: Transaction, part: Transaction | None, values: PartValues) -> Transaction:
    """Store a part, a new one with the name and the hidden flag of the whole. All of it is the person's."""
    person = Transaction.Source.PERSON
    if part is None:
        part = Transaction(owner_id=whole.owner_id, part_of=whole.pk, provider_id=None)
        part.user_merchant, part.merchant_source = whole.user_merchant, person if whole.user_merchant else ""
        part.hidden, part.hidden_source = whole.hidden, person if whole.hidden else ""
    for column in BANK_COLUMNS:
        setattr(part, column, getattr(whole, column))
    part.amount = part.entered_amount = values.amount
    part.user_category, part.category_source, part.category_rule = values.category, person, None
    part.note = values.note
    part.removed_at, part.replaced_by = None, ""
    part.save()
    set_tags(part, values.tags)
    return part


def delete_parts(owner_id: UUID, parts: Sequence[Transaction]) -> None:
    """Delete parts and what is about them."""
    ids = [part.pk for part in parts]
    TransactionTag.objects.filter(owner=owner_id, transaction__in=ids).delete()
    Transaction.objects.filter(owner=owner_id, pk__in=ids).delete()
    tags.delete_unused_tags(owner_id=owner_id)
