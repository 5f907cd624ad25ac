"""What a sync could not store of an Item, and why: recorded until a later sync can store it.

The statements read ``incoming``, the table of the rows that a sync downloaded (``banking.sync.statements``). ``gone``
is NULL there for a transaction that could not be parsed, and ``name`` is its invalid field.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import F, Q, Sum
from django.utils import timezone

from banking.models import Item, UnstoredRow
from banking.provider import LISTS_OF_CHANGES, RowKind

# As long as a bank's history, which it delivers again only as a whole.
KEPT_FOR: Final = timedelta(days=730)
# What each sync says anew. The others count until the stream was downloaded as a whole.
OF_ONE_SYNC: Final = (RowKind.PAGE, RowKind.ACCOUNT, RowKind.ACCOUNT_LIST)

# Transactions that could be read this time, or that the bank removed.
FORGET_STORED: Final = """
DELETE FROM banking_unstoredrow AS unstored USING incoming
WHERE unstored.owner_id = %(owner)s AND unstored.item_id = %(item)s AND unstored.provider_id <> ''
    AND incoming.provider_id = unstored.provider_id AND (incoming.gone OR incoming.account_id IS NOT NULL)
"""

RECORD_TRANSACTIONS: Final = """
INSERT INTO banking_unstoredrow AS unstored
    (id, owner_id, item_id, kind, reason, field, provider_id, rows, first_seen_at, last_seen_at)
SELECT gen_random_uuid(), %(owner)s, %(item)s, 'transaction',
    CASE WHEN gone IS NULL THEN 'invalid_field' ELSE 'unknown_account' END,
    CASE WHEN gone IS NULL THEN name ELSE 'account_id' END, provider_id, 1, %(now)s, %(now)s
FROM incoming WHERE gone IS NULL OR (NOT gone AND account_id IS NULL)
ON CONFLICT (item_id, provider_id) WHERE provider_id <> '' DO UPDATE
SET reason = excluded.reason, field = excluded.field, last_seen_at = excluded.last_seen_at
"""


def record_unstored_rows(
    *, item: Item, unnamed: Mapping[tuple[RowKind, str], int], is_loaded: bool, from_start: bool, complete: bool
) -> int:
    """Record what a sync of a locked Item could not store, and forget what no longer holds.

    ``unnamed`` counts what has no id, by kind and field. ``is_loaded`` says that ``incoming`` exists, ``from_start``
    that the stream was downloaded from its start, and ``complete`` that nothing is missing from it. Returns how many
    transactions could not be stored so far.
    """
    now = timezone.now()
    stored = UnstoredRow.objects.filter(item=item)
    if is_loaded:
        params: dict[str, Any] = {"owner": item.owner_id, "item": item.pk, "now": now}
        with connection.cursor() as cursor:
            cursor.execute(FORGET_STORED, params)
            cursor.execute(RECORD_TRANSACTIONS, params)
    outdated = Q(last_seen_at__lt=now - KEPT_FOR) | Q(kind__in=OF_ONE_SYNC)
    if from_start:
        outdated |= Q(provider_id="")
    if complete:
        outdated |= Q(last_seen_at__lt=now)
    stored.filter(outdated).delete()
    for (kind, name), count in unnamed.items():
        count_unnamed(item=item, kind=kind, name=name, count=count, at=now)
    transactions = stored.filter(kind=RowKind.TRANSACTION)
    return int(transactions.aggregate(count=Sum("rows", default=0))["count"])


def list_unstored(*, item: Item) -> set[tuple[str, str]]:
    """What earlier syncs could not store, as (kind, field); one query."""
    return set(UnstoredRow.objects.filter(item=item).values_list("kind", "field").distinct())


def count_unnamed(*, item: Item, kind: RowKind, name: str, count: int, at: datetime) -> None:
    """Add rows without an id to those that are known."""
    known = UnstoredRow.objects.filter(item=item, kind=kind, field=name, provider_id="")
    if known.update(rows=F("rows") + count, last_seen_at=at):
        return
    UnstoredRow.objects.create(
        owner_id=item.owner_id,
        item=item,
        kind=kind,
        reason=get_reason(kind, name),
        field=name,
        rows=count,
        first_seen_at=at,
        last_seen_at=at,
    )


def get_reason(kind: RowKind, name: str) -> UnstoredRow.Reason:
    """Why something without an id was not stored."""
    is_list = kind in (RowKind.PAGE, RowKind.ACCOUNT_LIST) and name in (*LISTS_OF_CHANGES, "accounts")
    return UnstoredRow.Reason.LIST_NOT_SENT if is_list else UnstoredRow.Reason.INVALID_FIELD
