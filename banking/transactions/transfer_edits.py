"""A user joins two transactions as one transfer, or separates them. The matcher never changes that again."""

from uuid import UUID

from django.db.models import Q

from accounts.models import User
from banking.models import Transaction, TransferDecision
from banking.transactions.categories import TRANSFERS
from banking.transactions.transfer_decisions import are_near
from banking.transactions.transfers import lock_transfers, update_transfers
from compliance.audit import Action, record
from compliance.isolation import tenant


class NotATransfer(ValueError):
    """Two transactions cannot be one transfer: see ``may_join``."""


def join_transactions(*, user: User, transaction_id: UUID, other_id: UUID) -> None:
    """Store that two of a user's transactions are one transfer, and no others are with either of them.

    Raises ``Transaction.DoesNotExist`` for a transaction that does not count, for a part of one and for another user's,
    and ``NotATransfer``.
    """
    _decide(user=user, ids=(transaction_id, other_id), is_transfer=True)


def separate_transactions(*, user: User, transaction_id: UUID, other_id: UUID) -> None:
    """Store that two of a user's transactions are no transfer; raises as ``join_transactions`` does."""
    _decide(user=user, ids=(transaction_id, other_id), is_transfer=False)


def _decide(*, user: User, ids: tuple[UUID, UUID], is_transfer: bool) -> None:
    with tenant(user.pk):
        # A sync may replace these rows at this moment: it waits for the lock, and then finds the decision.
        lock_transfers(owner_id=user.pk)
        rows = Transaction.objects.for_user(user).current().filter(pk__in=ids, part_of=None).select_related("account")
        # In the order of the amounts: what left comes first.
        legs = list(rows.order_by("amount"))
        if len(legs) != len(ids):
            raise Transaction.DoesNotExist
        money_out, money_in = legs
        if not (may_join(money_out, money_in) if is_transfer else money_out.amount < 0 < money_in.amount):
            raise NotATransfer
        decisions = TransferDecision.objects.for_user(user)
        decisions.filter(money_out=money_out.pk, money_in=money_in.pk).delete()
        if is_transfer:
            decisions.filter(Q(money_out=money_out.pk) | Q(money_in=money_in.pk), is_transfer=True).delete()
        decisions.create(owner_id=user.pk, money_out=money_out.pk, money_in=money_in.pk, is_transfer=is_transfer)
        update_transfers(owner_id=user.pk)
        record(
            Action.TRANSFER_DECIDED,
            actor=user,
            subject=user,
            resource="transfer",
            resource_id=str(money_out.pk),
            money_in=str(money_in.pk),
            is_transfer=is_transfer,
        )


def may_join(money_out: Transaction, money_in: Transaction) -> bool:
    """Whether a user may join two of their transactions.

    They have the same amount in the same known currency, are on two real accounts, and are at most
    ``Transfer.MAX_DAYS_APART_BY_HAND`` days apart. The user categorized neither as spending or income.
    """
    return (
        money_out.amount == -money_in.amount < 0
        and money_out.currency == money_in.currency != ""
        and real_account_id(money_out) != real_account_id(money_in)
        and are_near(money_out.day, money_in.day)
        and not (has_own_category(money_out) or has_own_category(money_in))
    )


def real_account_id(row: Transaction) -> UUID:
    """The account that represents the row's real account now."""
    return row.account.successor_id or row.account_id


def has_own_category(row: Transaction) -> bool:
    """Whether the user's own category says that a row is no transfer."""
    return row.user_category not in TRANSFERS | {""}
