"""The tags that people put on transactions, as lists show them."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models.functions import Lower

from banking.models import TransactionTag


def get_tag_names(*, owner_id: UUID, row_ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    """The tags of some transactions, by the transaction's id, in the order of the alphabet; one query."""
    names: dict[UUID, list[str]] = {}
    on_rows = TransactionTag.objects.filter(owner=owner_id, transaction__in=row_ids, is_removed=False)
    for row_id, name in on_rows.order_by(Lower("tag__name")).values_list("transaction", "tag__name"):
        names.setdefault(row_id, []).append(name)
    return names
