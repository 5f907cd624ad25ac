"""The terms of an Item's cards and loans."""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final
from uuid import UUID

from django.utils import timezone

from banking.account_matching import locks
from banking.models import Item, Liability, LiabilityApr
from banking.provider import LiabilitiesResponse, LiabilityRow, ProviderClient, RowKind
from banking.sync.products.skipped_rows import count_skipped
from banking.sync.products.stored_accounts import read_accounts

# The fields of a row that are columns with the same name.
COLUMNS: Final = tuple(name for name in LiabilityRow._fields if name not in ("account_id", "aprs"))


def read_liabilities(client: ProviderClient, token: str) -> Callable[[Item], Counter[str]]:
    """Call the provider, and return what stores the response."""
    return partial(store_liabilities, client.get_liabilities(token))


def store_liabilities(response: LiabilitiesResponse, item: Item) -> Counter[str]:
    """Replace the terms of a locked Item, in the open transaction. Returns which rows could not be stored.

    Those of an account that the person has removed are not stored, and what was kept of it stays.

    If a row names no account, the terms that the response does not have are kept: one of them may be that row's.
    """
    # Whoever removes an account holds this lock.
    locks.lock_accounts(owner_id=item.owner_id)
    accounts = read_accounts(item)
    rows = {accounts.stored[row.account_id]: row for row in response.liabilities if row.account_id in accounts.stored}
    errors = count_skipped(response.skipped)
    errors["liability.account_id"] += sum(not accounts.knows(row.account_id) for row in response.liabilities)
    save_liabilities(item=item, rows=rows)
    replace_aprs(item=item, rows=rows)
    if not any(row.kind == RowKind.LIABILITY for row in response.skipped):
        Liability.objects.filter(account__in=accounts.stored.values()).exclude(account__in=rows).delete()
    return errors


def save_liabilities(*, item: Item, rows: Mapping[UUID, LiabilityRow]) -> None:
    """Insert or update the row of each account."""
    now = timezone.now()
    Liability.objects.bulk_create(
        [
            Liability(
                owner_id=item.owner_id,
                account_id=account_id,
                read_at=now,
                **{name: getattr(row, name) for name in COLUMNS},
            )
            for account_id, row in rows.items()
        ],
        update_conflicts=True,
        unique_fields=["account"],
        update_fields=[*COLUMNS, "read_at"],
    )


def replace_aprs(*, item: Item, rows: Mapping[UUID, LiabilityRow]) -> None:
    """Replace the interest rates of these accounts: a bank may report several of a kind, so nothing identifies one."""
    # Queried, because an account whose terms were stored before keeps their primary key.
    liabilities = dict(Liability.objects.filter(account__in=rows).values_list("account_id", "pk"))
    LiabilityApr.objects.filter(liability__in=liabilities.values()).delete()
    LiabilityApr.objects.bulk_create(
        LiabilityApr(owner_id=item.owner_id, liability_id=liabilities[account_id], **apr._asdict())
        for account_id, row in rows.items()
        for apr in row.aprs
    )
