"""What is stored of bank accounts: their transactions, or only totals of months."""

from typing import NamedTuple
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import TruncMonth

from banking.models import Account, Transaction, TransactionTotal
from banking.retention.transaction_rule import keeps_transactions


class StoredHistory(NamedTuple):
    """How much is stored of some accounts. Of ``transactions`` and ``months`` of totals, pages show what is kept."""

    accounts: int
    keeps_transactions: bool
    transactions: int = 0
    months: int = 0


def count_history(*, owner_id: UUID, accounts: QuerySet[Account]) -> StoredHistory:
    """Count what is stored of an owner's accounts, in the open transaction; three queries."""
    if keeps_transactions(owner_id=owner_id):
        transactions = Transaction.objects.filter(account__in=accounts, removed_at=None)
        return StoredHistory(accounts.count(), True, transactions=transactions.count())
    totals = TransactionTotal.objects.filter(account__in=accounts).annotate(month=TruncMonth("starts_on"))
    return StoredHistory(accounts.count(), False, months=totals.values("month").distinct().count())
