"""Store which of a user's transactions are transfers between their own accounts.

What the user decided comes first; ``transfer_matching`` finds the others.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from django.db import connection

from banking.models import Transfer
from banking.transactions.transfer_decisions import follow_replacements, list_decisions, read_decisions
from banking.transactions.transfer_matching import LEGS, pair_legs, read_legs

# One database transaction at a time pairs a user's rows: two that sync different banks would each miss the legs that
# the other one stores.
LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('transfers of ' || %s, 0))"


def lock_transfers(*, owner_id: UUID) -> None:
    """Wait for the lock of a user's transfers, and hold it until the open transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [str(owner_id)])


def leave_accounts(*, owner_id: UUID, accounts: Sequence[UUID]) -> None:
    """Before accounts are deleted, let what the user decided about their rows count for those of other connections."""
    lock_transfers(owner_id=owner_id)
    follow_replacements(list_decisions(owner_id=owner_id), owner_id=owner_id, leaving=accounts)


def update_transfers(*, owner_id: UUID) -> None:
    """Store the transfers among a user's transactions, and delete those that no longer exist.

    Code that stores, changes or deletes transactions calls this inside ``tenant``, before its transaction ends.
    """
    lock_transfers(owner_id=owner_id)
    decisions = read_decisions(owner_id=owner_id)
    joined = {leg_id for legs in decisions.joined for leg_id in legs}
    with connection.cursor() as cursor:
        legs = [leg for leg in read_legs(cursor, LEGS, owner_id=owner_id) if leg.id not in joined]
    pairs = pair_legs(legs, separate=decisions.separate)
    current = decisions.joined | {(outgoing.id, incoming.id): outgoing.day for outgoing, incoming in pairs}
    stored = {(row.money_out, row.money_in): row for row in Transfer.objects.filter(owner=owner_id)}
    outdated = [row.pk for legs, row in stored.items() if current.get(legs) != row.sent_on]
    Transfer.objects.filter(pk__in=outdated).delete()
    Transfer.objects.bulk_create(
        Transfer(owner_id=owner_id, money_out=legs[0], money_in=legs[1], sent_on=day)
        for legs, day in current.items()
        if legs not in stored or stored[legs].sent_on != day
    )
