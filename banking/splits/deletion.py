"""Delete transactions in batches, and never a split one without its parts."""

from uuid import UUID

from django.db.models import QuerySet

from banking.models import Transaction


def delete_with_parts(rows: QuerySet[Transaction], *, owner_id: UUID, limit: int) -> int:
    """Delete up to ``limit`` of an owner's rows, with all of their parts; returns how many, parts not counted.

    Whoever ends between two batches leaves each transaction whole, or with all of its parts. The open transaction holds
    the lock of the accounts.
    """
    # A list and no subquery: under outdated statistics, PostgreSQL would compare each row with each id.
    ids = set(rows.filter(part_of=None).values_list("pk", flat=True)[:limit])
    parts = Transaction.objects.filter(owner=owner_id, part_of__isnull=False).values_list("pk", "part_of")
    parts_of_batch = [part_id for part_id, whole_id in parts if whole_id in ids]
    Transaction.objects.filter(pk__in=[*ids, *parts_of_batch]).delete()
    return len(ids)
