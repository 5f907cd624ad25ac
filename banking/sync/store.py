"""Store what a sync downloaded, inside the caller's transaction.

Transactions go by COPY into a temporary table, and from there by one statement into their own; see ``statements``.
"""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from banking.account_matching.succession import CountedRange
from banking.categorization import new_rows
from banking.joins import hash_joins
from banking.models import Account, BalanceSnapshot, Item, SyncRun
from banking.provider import AccountRow, AccountsResponse, Readiness
from banking.retention import stream_totals, transaction_rule
from banking.sync import statements
from banking.sync.staging_file import StagingFile

Params = dict[str, Any]

# As many rows are looked up one by one. For more, the Item's rows are read once, whatever PostgreSQL expects.
MAX_LOOKUPS: Final = 100


@dataclass(frozen=True, slots=True)
class StoreResult:
    """How many transactions were inserted or changed, removed by the bank, and replaced by another row or restored.

    ``added`` counts the inserted ones.
    ``unknown_accounts`` counts those of accounts that the bank does not list, which could not be stored. ``is_loaded``
    says that the downloaded rows are in the table ``incoming``.
    """

    written: int = 0
    added: int = 0
    removed: int = 0
    replaced: int = 0
    unknown_accounts: int = 0
    is_loaded: bool = False


def store_transactions(*, item: Item, staging: StagingFile, complete: bool) -> StoreResult:
    """Store the downloaded transactions; ``complete`` says that they are the Item's whole history."""
    written = added = removed = unknown_accounts = 0
    is_loaded = complete or staging.sequence > 0
    params = statement_params(item)
    is_bulk = complete or staging.sequence > MAX_LOOKUPS
    with connection.cursor() as cursor, hash_joins(cursor) if is_bulk else nullcontext():
        if is_loaded:
            is_first = not has_transactions(cursor, params=params)
            # Only stored rows, and those that are left out, are looked up there.
            is_indexed = params["is_limited"] or not is_first
            unknown_accounts = load_incoming(cursor, staging=staging, params=params, is_indexed=is_indexed)
            if complete and params["is_limited"]:
                stream_totals.reopen_accounts(cursor, item=item, accounts=params["accounts"])
            # A skipped row without an id may be any stored row, so none can be marked as removed.
            can_reconcile = complete and not staging.may_lack_rows
            written, added, removed = merge_incoming(
                cursor,
                params=params,
                is_first=is_first,
                complete=can_reconcile,
                has_removals=staging.removed > 0,
            )
        replaced = sum(execute(cursor, statement, params) for statement in statements.REPLACE_PENDING)
    return StoreResult(
        written=written,
        added=added,
        removed=removed,
        replaced=replaced,
        unknown_accounts=unknown_accounts,
        is_loaded=is_loaded,
    )


def store_totals(*, item: Item, staging: StagingFile, from_start: bool, counted: Sequence[CountedRange]) -> StoreResult:
    """Store only the totals of the downloaded transactions, for a person who keeps none of them.

    Nothing is stored of a part of the stream: of changes alone, or of a stream that the provider prepares again.
    ``counted`` is what the totals of former accounts have.
    """
    is_whole = staging.readiness == Readiness.HISTORICAL or item.readiness != Readiness.HISTORICAL
    if not from_start or not is_whole:
        return StoreResult()
    params = statement_params(item)
    with connection.cursor() as cursor:
        unknown_accounts = load_incoming(cursor, staging=staging, params=params, is_indexed=True)
        stream_totals.replace_totals(cursor, item=item, accounts=params["accounts"], counted=counted)
    return StoreResult(unknown_accounts=unknown_accounts, is_loaded=True)


def merge_incoming(
    cursor: CursorWrapper, *, params: Params, is_first: bool, complete: bool, has_removals: bool
) -> tuple[int, int, int]:
    """Merge the incoming rows into the stored ones.

    Returns how many rows were written, how many of them are new, and how many were marked removed.

    A first import has nothing to move, to copy, to change or to remove, and skips that: 12 % of its time.
    """
    if params["is_limited"]:
        for statement in statements.LEAVE_OUT_PURGED:
            execute(cursor, statement, params)
    has_rules = new_rows.has_rules(owner_id=params["owner"])
    if not is_first:
        if complete:
            has_removals |= execute(cursor, statements.ADD_MISSING, params) > 0
        execute(cursor, statements.MOVE_BETWEEN_ACCOUNTS, params)
        for statement in statements.LOCK_REPLACED:
            execute(cursor, statement, params)
        execute(cursor, statements.COPY_USER_FIELDS, params)
        if has_removals:
            execute(cursor, statements.COPY_TO_NEW_IDS, params)
    if has_rules:
        new_rows.apply_rules(cursor, owner_id=params["owner"])
    if is_first:
        added = execute(cursor, statements.INSERT, params)
        if has_rules:
            execute(cursor, statements.STORE_TAGS, params)
        return added, added, 0
    execute(cursor, statements.UPSERT, params)
    written, added = cursor.fetchone()
    execute(cursor, statements.STORE_TAGS, params)
    if has_removals:
        execute(cursor, statements.MOVE_PARTS, params)
    return written, added, execute(cursor, statements.MARK_REMOVED, params)


def has_transactions(cursor: CursorWrapper, *, params: Params) -> bool:
    """Whether any transaction of the Item is stored, removed ones included."""
    cursor.execute(statements.HAS_TRANSACTIONS, params)
    return bool(cursor.fetchone()[0])


def statement_params(item: Item) -> Params:
    """The parameters of all statements. ``accounts`` are those that the person has not removed."""
    every = Account.objects.filter(item=item).only("closed_at", "purged_before", "user_removed_at")
    accounts = [account for account in every if account.user_removed_at is None]
    kept_since = transaction_rule.get_kept_period(owner_id=item.owner_id).since
    return {
        "owner": item.owner_id,
        "item": item.pk,
        "accounts": [account.pk for account in accounts],
        "listed": [account.pk for account in accounts if account.closed_at is None],
        "removed": [account.pk for account in every if account.user_removed_at is not None],
        "since": timezone.localdate() - timedelta(days=item.days_requested),
        "kept_since": kept_since,
        "is_limited": kept_since is not None or any(account.purged_before for account in accounts),
        "undelivered_since": first_undelivered_day(item),
    }


def first_undelivered_day(item: Item) -> date | None:
    """The day after the Item's last good sync: the bank had not delivered rows of it before."""
    ended = SyncRun.objects.filter(item=item, result=SyncRun.Result.OK).order_by("-started_at")
    started_at = ended.values_list("started_at", flat=True).first()
    return None if started_at is None else timezone.localdate(started_at) + timedelta(days=1)


def load_incoming(cursor: CursorWrapper, *, staging: StagingFile, params: Params, is_indexed: bool) -> int:
    """Copy the staging file into the database and keep the latest change of each transaction.

    Returns how many of them belong to accounts that the bank does not list.
    """
    cursor.execute(statements.CREATE_STAGING_TABLE)
    with cursor.copy("COPY staging FROM STDIN") as copy:
        for chunk in staging.chunks():
            copy.write(chunk)
    cursor.execute(statements.CREATE_INCOMING, params)
    for statement in statements.INDEX_INCOMING if is_indexed else ():
        cursor.execute(statement)
    if params["removed"]:
        cursor.execute(statements.LEAVE_OUT_REMOVED_ACCOUNTS, params)
    cursor.execute(statements.UNKNOWN_ACCOUNTS)
    return int(cursor.fetchone()[0])


def execute(cursor: CursorWrapper, statement: str, params: Params) -> int:
    """Execute a statement and return how many rows it touched."""
    cursor.execute(statement, params)
    return int(cursor.rowcount)


def store_accounts(*, item: Item, response: AccountsResponse, others: Iterable[AccountRow]) -> None:
    """Store the listed accounts and today's balances; close accounts that the bank no longer lists.

    If part of the list could not be parsed, it is unknown which accounts are missing from it, and none is closed.
    ``others`` are accounts that the stream named; one that is not listed is stored as closed, for its transactions.
    Nothing is stored of accounts that the person has removed.
    """
    now = timezone.now()
    listed = {row.provider_id: row for row in response.accounts}
    removed = set(Account.objects.filter(item=item).exclude(user_removed_at=None).values_list("provider_id", flat=True))
    Account.objects.bulk_create(
        [build_account(item, row, as_of=now) for row in listed.values() if row.provider_id not in removed],
        update_conflicts=True,
        unique_fields=["item", "provider_id"],
        update_fields=[*AccountRow._fields[1:], "balance_as_of", "closed_at"],
    )
    unlisted = {row.provider_id: row for row in others if row.provider_id not in listed}
    closed = [build_account(item, row, closed_at=now) for row in unlisted.values()]
    Account.objects.bulk_create(closed, ignore_conflicts=True)
    # Queried again, because an account that was stored before keeps its primary key.
    stored = Account.objects.filter(item=item)
    if not response.skipped:
        stored.filter(closed_at=None).exclude(provider_id__in=listed).update(closed_at=now)
    save_balance_snapshots(item=item, accounts=stored.filter(provider_id__in=listed, user_removed_at=None))


def build_account(
    item: Item, row: AccountRow, *, as_of: datetime | None = None, closed_at: datetime | None = None
) -> Account:
    return Account(owner_id=item.owner_id, item=item, balance_as_of=as_of, closed_at=closed_at, **row._asdict())


def save_balance_snapshots(*, item: Item, accounts: Iterable[Account]) -> None:
    """Store today's balances; a second sync on the same day replaces those of the first one."""
    BalanceSnapshot.objects.bulk_create(
        [
            BalanceSnapshot(
                owner_id=item.owner_id,
                account=account,
                day=timezone.localdate(),
                current=account.current,
                available=account.available,
                limit=account.limit,
                currency=account.currency,
            )
            for account in accounts
        ],
        update_conflicts=True,
        unique_fields=["owner", "account", "day"],
        update_fields=["current", "available", "limit", "currency"],
    )
