"""The recurring payments of an Item."""

from collections import Counter
from collections.abc import Callable, Collection
from functools import partial
from typing import Final
from uuid import UUID

from django.utils import timezone

from banking.account_matching import locks
from banking.models import Item, RecurringStream
from banking.provider import ProviderClient, RecurringResponse, RecurringStreamRow
from banking.retention import transaction_rule
from banking.sync.products.skipped_rows import count_skipped
from banking.sync.products.stored_accounts import read_accounts

# The fields of a row that are columns with the same name.
COLUMNS: Final = tuple(name for name in RecurringStreamRow._fields if name not in ("account_id", "provider_id"))


def read_recurring_streams(client: ProviderClient, token: str) -> Callable[[Item], Counter[str]]:
    """Call the provider, and return what stores the response."""
    return partial(store_recurring_streams, client.get_recurring_streams(token))


def store_recurring_streams(response: RecurringResponse, item: Item) -> Counter[str]:
    """Replace the recurring payments of a locked Item, in the open transaction. Returns which could not be stored.

    They have the text of transactions, so one is stored only if its last payment would be kept as a transaction. If a
    row could not be parsed, the ones that the response does not have are kept: one of them may be that row. Those of an
    account that the person has removed are not stored, and what was kept of it stays.
    """
    # A purge of the same owner holds this lock, and so does whoever removes an account.
    locks.lock_accounts(owner_id=item.owner_id)
    accounts = read_accounts(item)
    errors = count_skipped(response.skipped)
    errors["stream.account_id"] += sum(not accounts.knows(row.account_id) for row in response.streams)
    rows = {
        (accounts.stored[row.account_id], row.provider_id): row
        for row in list_kept_streams(response, item=item)
        if row.account_id in accounts.stored
    }
    streams = [
        RecurringStream(
            owner_id=item.owner_id,
            account_id=account_id,
            provider_id=provider_id,
            read_at=timezone.now(),
            **{name: getattr(row, name) for name in COLUMNS},
        )
        for (account_id, provider_id), row in rows.items()
    ]
    RecurringStream.objects.bulk_create(
        streams,
        update_conflicts=True,
        unique_fields=["account", "provider_id"],
        update_fields=[*COLUMNS, "read_at"],
    )
    if not response.skipped:
        delete_others(rows, accounts=accounts.stored.values())
    return errors


def delete_others(known: Collection[tuple[UUID, str]], *, accounts: Collection[UUID]) -> None:
    """Delete streams of these accounts that are not ``known``, as (account, id): one may be on another account now."""
    stored = RecurringStream.objects.filter(account__in=accounts).values_list("pk", "account_id", "provider_id")
    gone = [pk for pk, account_id, provider_id in stored if (account_id, provider_id) not in known]
    RecurringStream.objects.filter(pk__in=gone).delete()


def list_kept_streams(response: RecurringResponse, *, item: Item) -> list[RecurringStreamRow]:
    """The streams of which the owner keeps the last payment."""
    kept = transaction_rule.get_kept_period(owner_id=item.owner_id)
    if kept.days == transaction_rule.NOT_AT_ALL:
        return []
    return [row for row in response.streams if kept.since is None or row.last_date >= kept.since]
