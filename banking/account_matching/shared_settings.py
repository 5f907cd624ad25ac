"""Let all accounts that are one real account have what the person set last on one of them.

So a bank that is connected again, or gives its accounts new ids, changes nothing about their names, and every condition
on an account's own row holds for its former accounts, too.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from banking.models import Account, BalanceSnapshot, Transaction

COLUMNS: Final = ("user_name", "inclusion", "user_removed_at", "edited_at")


def share_settings(group: Sequence[Account]) -> None:
    """Store what the person set last on the accounts that differ.

    What they set meanwhile, in a transaction that has just ended, is newer and stays.
    """
    edited = [(account.edited_at, account) for account in group if account.edited_at is not None]
    if not edited:
        return
    edited_at, source = max(edited, key=lambda pair: pair[0])
    values = {column: getattr(source, column) for column in COLUMNS}
    outdated = [account for account in group if account.edited_at != edited_at]
    is_older = Q(edited_at=None) | Q(edited_at__lt=edited_at)
    Account.objects.filter(is_older, pk__in=[account.pk for account in outdated]).update(**values)
    for account in outdated:
        for column, value in values.items():
            setattr(account, column, value)
    if source.user_removed_at is not None:
        close_removed_accounts(outdated)


def close_removed_accounts(accounts: Iterable[Account]) -> None:
    """Close accounts that turned out to be one that the person had removed, without what was stored of them since."""
    now = timezone.now()
    for account in accounts:
        account.closed_at = account.closed_at or now
        account.forget_balance()
        account.save(update_fields=["closed_at", *Account.BALANCE_FIELDS])
        if account.user_removed_at is not None:
            delete_stored_since(account, account.user_removed_at)


def delete_stored_since(account: Account, moment: datetime) -> None:
    """Delete the balances and the bank's transactions, with their parts, that were stored of an account since then."""
    BalanceSnapshot.objects.filter(account=account, day__gte=timezone.localdate(moment)).delete()
    rows = Transaction.objects.filter(account=account, part_of=None, pk__gte=first_id_at(moment))
    ids = list(rows.values_list("pk", flat=True))
    Transaction.objects.filter(owner=account.owner_id, part_of__in=ids).delete()
    Transaction.objects.filter(pk__in=ids).delete()


def first_id_at(moment: datetime) -> UUID:
    """The smallest id of a row that was stored at a moment: ids begin with the milliseconds since 1970."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)
