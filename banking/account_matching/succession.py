"""Store which account is the successor of which, and which rows count."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from banking.account_matching import statements
from banking.account_matching.bank_accounts import accounts_at_bank
from banking.account_matching.matching import Pair, group_accounts
from banking.account_matching.precedence import recency
from banking.account_matching.shared_settings import share_settings
from banking.joins import hash_joins
from banking.models import Account, Connection, Item


class CountedRange(NamedTuple):
    """The posted days of an account's transactions that are in the totals of a former account, both ends included."""

    account_id: UUID
    since: date
    until: date


class SuccessionResult(NamedTuple):
    """How many transactions changed whether they count, and the Items that another connection has replaced.

    ``counted`` are the transactions that do not count because former accounts' totals have them.
    """

    changed: int = 0
    redundant_items: Sequence[UUID] = ()
    counted: Sequence[CountedRange] = ()


class FirstDays(NamedTuple):
    """The first day of an account's transactions, and of its balances."""

    transactions: date | None
    balances: date | None


def update_succession(*, item: Item, remaining: list[Account] | None = None) -> SuccessionResult:
    """Decide which accounts of a bank count, and which rows; ``remaining`` are its accounts after a deletion.

    Code that stores, closes or deletes accounts or transactions, or changes an Item's connection, calls this inside
    ``tenant``, after it has stored its changes.
    """
    accounts = accounts_at_bank(item) if remaining is None else remaining
    before = {account.pk: account.successor_id for account in accounts}
    groups, proven = group_accounts(accounts)
    affected = [a for group in groups if len(group) > 1 for a in group]
    affected += [a for a in accounts if (remaining is not None or before[a.pk] is not None) and a not in affected]
    if not affected:
        return SuccessionResult()
    for group in groups:
        if len(group) > 1:
            share_settings(group)
    days = first_days(item.owner_id, affected)
    untils = {account.pk: until for group in groups for account, until in assign_successors(group, days)}
    counted = [days for group in groups for days in list_counted_ranges(group)]
    params: dict[str, Any] = {
        "owner": item.owner_id,
        "counted_accounts": [days.account_id for days in counted],
        "counted_since": [days.since for days in counted],
        "counted_until": [days.until for days in counted],
        "accounts": [a.pk for a in affected],
        "untils": [untils[a.pk] for a in affected],
        "known": [a.pk for a in accounts],
    }
    with connection.cursor() as cursor, hash_joins(cursor):
        cursor.execute(statements.REPLACE_BY_SUCCESSOR, params)
        changed = cursor.fetchall()
        if changed:
            params["again"] = [row_id for row_id, replaced_by in changed if not replaced_by]
            cursor.execute(statements.COPY_USER_FIELDS, params)
    return SuccessionResult(len(changed), find_redundant_items(accounts, proven), counted)


def first_days(owner_id: UUID, accounts: Sequence[Account]) -> dict[UUID, FirstDays]:
    with connection.cursor() as cursor:
        cursor.execute(statements.FIRST_DAYS, {"owner": owner_id, "accounts": [account.pk for account in accounts]})
        days = {account_id: FirstDays(*first) for account_id, *first in cursor.fetchall()}
    return defaultdict(lambda: FirstDays(None, None), days)


def assign_successors(group: Sequence[Account], days: dict[UUID, FirstDays]) -> list[tuple[Account, date | None]]:
    """Store the successors within a group. Returns each member and the day from which its transactions do not count."""
    front = group[0]
    until: date | None = None
    for account in group:
        successor = None if account is front else front.pk
        if (account.successor_id, account.succeeded_on) != (successor, until):
            Account.objects.filter(pk=account.pk).update(successor=successor, succeeded_on=until)
            account.successor_id, account.succeeded_on = successor, until
        until = earlier(until, days[account.pk].balances)
    until = None
    untils: list[tuple[Account, date | None]] = []
    for account in sorted(group, key=recency, reverse=True):
        untils.append((account, until))
        until = earlier(until, days[account.pk].transactions)
    return untils


def list_counted_ranges(group: Sequence[Account]) -> list[CountedRange]:
    """List what the totals of a group's accounts have of the transactions of its more recent accounts."""
    members = sorted(group, key=recency, reverse=True)
    return [
        CountedRange(account.pk, former.purged_since, former.totals_until)
        for index, account in enumerate(members)
        for former in members[index + 1 :]
        if former.purged_since is not None and former.totals_until is not None
    ]


def find_redundant_items(accounts: Sequence[Account], proven: set[Pair]) -> list[UUID]:
    """The Items whose access was revoked and whose open accounts are all synced through another Item.

    Accounts that were matched by their description alone may turn out to be two when their rows arrive. Until then the
    older Item stays.
    """
    synced: dict[UUID | None, UUID] = {a.pk: a.item_id for a in accounts if a.item.connection == Connection.ACTIVE}
    revoked = [a for a in accounts if a.closed_at is None and a.item.connection == Connection.REVOKED]
    item_pairs = {a.pk: frozenset((a.item_id, synced.get(a.successor_id))) for a in revoked}
    needed = {a.item_id for a in revoked if item_pairs[a.pk] not in proven}
    return list({a.item_id for a in revoked} - needed)


def earlier(first: date | None, second: date | None) -> date | None:
    return min(filter(None, (first, second)), default=None)
