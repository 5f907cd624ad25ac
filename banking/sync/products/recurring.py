"""The recurring payments of an Item."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Final

from django.utils import timezone

from banking.account_matching import locks
from banking.models import Account, Item, RecurringStream
from banking.provider import ProviderClient, RecurringResponse, RecurringStreamRow
from banking.retention import transaction_rule
from banking.sync.products.skipped_rows import count_skipped

# The fields of a row that are columns with the same name.
COLUMNS: Final = tuple(name for name in RecurringStreamRow._fields if name not in ("account_id", "provider_id"))


def read_recurring_streams(client: ProviderClient, token: str) -> Callable[[Item], Counter[str]]:
    """Call the provider, and return what stores the response."""
    return partial(store_recurring_streams, client.get_recurring_streams(token))


def store_recurring_streams(response: RecurringResponse, item: Item) -> Counter[str]:
    """Replace the recurring payments of a locked Item, in the open transaction. Returns which could not be stored.

    They have the text of transactions, so one is stored only if its last payment would be kept as a transaction. If a
    row could not be parsed, the ones that the response does not have are kept: one of them may be that row.
    """
    # A purge of the same owner holds this lock.
    locks.lock_accounts(owner_id=item.owner_id)
    accounts = dict(Account.objects.filter(item=item).values_list("provider_id", "pk"))
    errors = count_skipped(response.skipped)
    errors["stream.account_id"] += sum(row.account_id not in accounts for row in response.streams)
    rows = {
        (accounts[row.account_id], row.provider_id): row
        for row in list_kept_streams(response, item=item)
        if row.account_id in accounts
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
        known = [provider_id for _, provider_id in rows]
        RecurringStream.objects.filter(account__item=item).exclude(provider_id__in=known).delete()
    return errors


def list_kept_streams(response: RecurringResponse, *, item: Item) -> list[RecurringStreamRow]:
    """The streams of which the owner keeps the last payment."""
    kept = transaction_rule.get_kept_period(owner_id=item.owner_id)
    if kept.days == transaction_rule.NOT_AT_ALL:
        return []
    return [row for row in response.streams if kept.since is None or row.last_date >= kept.since]
