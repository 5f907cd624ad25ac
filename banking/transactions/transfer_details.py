"""The transfer that a transaction belongs to, and the transactions that could be its other side."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import Q, QuerySet

from banking.models import Account, Transaction, Transfer, TransferDecision
from banking.transactions.categories import TRANSFERS
from banking.transactions.listing.transaction_list import TransactionListRow, read_rows
from banking.transactions.transfer_edits import has_own_category, real_account_id

MAX_CANDIDATES = 20


@dataclass(frozen=True, slots=True)
class Candidate:
    """A transaction that the user can join; ``is_separated`` says that they separated the two."""

    row: TransactionListRow
    is_separated: bool


@dataclass(frozen=True, slots=True)
class TransferDetails:
    """A transaction, the other leg of its transfer, and if it has none, the transactions that could be it.

    ``is_joined`` says that the user joined the two. With a category of the user that is no transfer
    (``has_own_category``), there are no candidates.
    """

    row: TransactionListRow
    other: TransactionListRow | None
    is_joined: bool
    has_own_category: bool
    candidates: list[Candidate]

    @property
    def legs(self) -> list[TransactionListRow]:
        """Both legs, first the one that money left; the transaction alone if it is no leg."""
        return sorted([self.row] + ([self.other] if self.other else []), key=lambda row: row.amount)


def read_transfer_details(*, row: Transaction) -> TransferDetails:
    """Read what a transaction's page shows of its transfer, for its owner, in the open transaction."""
    owned, other_id = Transaction.objects.filter(owner=row.owner_id).current(), find_other_leg(row)
    rows = {leg.id: leg for leg in read_rows(owned.filter(pk__in=[row.pk, other_id]), owner_id=row.owner_id)}
    decisions = TransferDecision.objects.filter(Q(money_out=row.pk) | Q(money_in=row.pk), owner=row.owner_id)
    decided = {
        decision.money_in if decision.money_out == row.pk else decision.money_out: decision.is_transfer
        for decision in decisions
    }
    candidates = (
        [] if other_id in rows or has_own_category(row) else read_rows(list_candidates(row), owner_id=row.owner_id)
    )
    candidates.sort(key=lambda candidate: abs(candidate.day - row.day))
    return TransferDetails(
        row=rows[row.pk],
        other=rows.get(other_id) if other_id else None,
        is_joined=bool(other_id and decided.get(other_id)),
        has_own_category=has_own_category(row),
        candidates=[
            Candidate(candidate, is_separated=candidate.id in decided) for candidate in candidates[:MAX_CANDIDATES]
        ],
    )


def find_other_leg(row: Transaction) -> UUID | None:
    """The id of the other leg of a transaction's transfer."""
    transfers = Transfer.objects.filter(Q(money_out=row.pk) | Q(money_in=row.pk), owner=row.owner_id)
    return next((pair.money_in if pair.money_out == row.pk else pair.money_out for pair in transfers), None)


def list_candidates(row: Transaction) -> QuerySet[Transaction]:
    """The transactions that a user may join with one of theirs, without those that they joined with another one."""
    account_id = real_account_id(row)
    same_account = Account.objects.filter(Q(pk=account_id) | Q(successor=account_id), owner=row.owner_id)
    joined = TransferDecision.objects.filter(owner=row.owner_id, is_transfer=True)
    return (
        Transaction.objects.filter(owner=row.owner_id, amount=-row.amount, currency=row.currency)
        .current()
        .filter(part_of=None)
        .filter(Q(user_category="") | Q(user_category__in=TRANSFERS), day__range=days_around(row.day))
        .exclude(currency="")
        .exclude(amount=0)
        .exclude(account__in=list(same_account))
        .exclude(pk__in=[leg for pair in joined for leg in (pair.money_out, pair.money_in)])
        .newest_first()
    )


def days_around(day: date) -> tuple[date, date]:
    """The first and the last day of what a user may join with a transaction of a day."""
    first, last = day.toordinal() - Transfer.MAX_DAYS_APART_BY_HAND, day.toordinal() + Transfer.MAX_DAYS_APART_BY_HAND
    return date.fromordinal(max(first, date.min.toordinal())), date.fromordinal(min(last, date.max.toordinal()))
