"""One sync of one Item, from acquiring its lease to releasing it."""

import logging
from collections import Counter
from uuid import UUID

from django.db import DataError
from django.utils import timezone

from banking.account_matching import locks, succession
from banking.connection_status.unstored_rows import list_unstored, record_unstored_rows
from banking.credentials import TokenPurpose, open_token
from banking.linking.disconnecting import disconnect_redundant_items
from banking.models import Account, Item, LinkSession, SyncRun, Transaction
from banking.provider import (
    LISTS_OF_CHANGES,
    AccountsResponse,
    InvalidCursor,
    MalformedResponse,
    MutationDuringPagination,
    ProviderClient,
    ProviderError,
    Readiness,
    RowKind,
)
from banking.retention import transaction_rule
from banking.splits.settling import settle_splits
from banking.sync import item_state
from banking.sync.bank_refresh.refresh_requests import reserve_refresh
from banking.sync.institution import connect_for_sync, guard_institution, load_institution
from banking.sync.lease import Lease, LeaseLost, acquire_lease, keep_renewed
from banking.sync.notifications import notify_large_transactions
from banking.sync.ordinary_sync import is_ordinary
from banking.sync.outcome import SKIPPED, SyncOutcome
from banking.sync.products import read_due_products
from banking.sync.staging_file import RowError, StagingFile
from banking.sync.store import StoreResult, store_accounts, store_totals, store_transactions
from banking.sync.timeouts import LONG_TIMEOUTS, SyncTimeouts
from banking.transactions.transfers import update_transfers
from banking.webhooks.missed_webhooks import record_missed_webhook
from compliance.isolation import tenant
from compliance.isolation.tenant import recheck_connection

logger = logging.getLogger(__name__)

MAX_RESTARTS = 8
# At 500 rows a page, far more than any bank keeps. Stops a sync whose stream never ends.
MAX_PAGES = 2000


def sync_item(
    *, owner_id: UUID, item_id: UUID, trigger: str, if_due: bool = False, timeouts: SyncTimeouts = LONG_TIMEOUTS
) -> SyncOutcome:
    """Download an Item's stream to its end and store it, within ``timeouts``; notify its user of large transactions.

    Then read its products that are due.

    Returns ``SKIPPED`` when another worker holds the Item, when it cannot be synced, or when ``if_due`` is set and it
    is not due. Provider errors are written to the Item and its ``SyncRun`` and not raised: ``item_state`` decides about
    the retry. Every other exception is recorded and raised.
    """
    claim = start_run(owner_id=owner_id, item_id=item_id, trigger=trigger, if_due=if_due)
    if claim is None:
        return SKIPPED
    lease, item, run = claim
    try:
        with guard_institution(item=item, timeouts=timeouts), keep_renewed(lease):
            outcome = download_and_store(lease=lease, item=item, run=run, timeouts=timeouts)
    except ProviderError as error:
        recheck_connection()
        finish = item_state.hand_over if timeouts.should_hand_over(error) else item_state.record_failure
        return finish(lease=lease, run=run, error=error)
    except DataError as error:
        logger.exception("Item %s: the provider's response does not fit the database", item.pk)
        return item_state.record_failure(lease=lease, run=run, error=MalformedResponse(type(error).__name__))
    except LeaseLost:
        item_state.close_interrupted_run(run=run)
        return SKIPPED
    except Exception as error:
        item_state.record_crash(lease=lease, run=run, error=error)
        raise
    if outcome.new_rows_run_id is not None:
        # Before the products, which can take minutes, and in which the worker may die.
        notify_large_transactions(owner_id=owner_id, item_id=item_id, run_id=outcome.new_rows_run_id)
    return read_due_products(item=item, outcome=outcome, trigger=trigger, timeouts=timeouts)


def start_run(*, owner_id: UUID, item_id: UUID, trigger: str, if_due: bool) -> tuple[Lease, Item, SyncRun] | None:
    """Acquire the Item's lease, and create the run."""
    with tenant(owner_id):
        acquired = acquire_lease(owner_id=owner_id, item_id=item_id, if_due=if_due)
        if acquired is None:
            return None
        lease, item = acquired
        item_state.close_run_of_lost_worker(item=item)
        run = SyncRun.objects.create(owner_id=owner_id, item=item, trigger=trigger)
        run.request_before_run = item.sync_requested_at
        run.data_as_of_before_run = item.data_as_of
        if not transaction_rule.keeps_transactions(owner_id=owner_id):
            # The totals are computed from the whole stream each time.
            item.cursor = ""
        return lease, item, run


def download_and_store(*, lease: Lease, item: Item, run: SyncRun, timeouts: SyncTimeouts) -> SyncOutcome:
    """Download with no transaction open, then store everything in one."""
    client = connect_for_sync(item=item, trigger=run.trigger)
    with tenant(item.owner_id):
        token = open_token(item, purpose=TokenPurpose.SYNC)
        refresh = reserve_refresh(lease=lease, item=item, run=run)
    live_accounts = refresh.make_calls(client=client, timeouts=timeouts, token=token, lease=lease)
    # The total begins now: what the bank took does not count.
    provider = client.with_timeouts(response=timeouts.response, total=timeouts.total)
    with StagingFile() as staging:
        download_pages(provider=provider, token=token, lease=lease, item=item, run=run, staging=staging)
        recheck_connection()
        with tenant(item.owner_id):
            if is_ordinary(item=item, run=run, staging=staging):
                current = lease.lock_item()
                return store_nothing(item=current, run=run, staging=staging, timeouts=timeouts)
        details = provider.get_item(token)
        record_missed_webhook(item=item, details=details)
        institution = load_institution(provider=provider, item=item, details=details)
        accounts = live_accounts or provider.get_accounts(token)
        recheck_connection()
        with tenant(item.owner_id):
            is_user_locked = item_state.locks_user(item=item, details=details)
            current = lease.lock_item(with_user=is_user_locked)
            current.is_slow = timeouts.were_needed(since=run.started_at + refresh.waited)
            connection_before, is_first = current.connection, current.checked_at is None
            item_state.apply_item_details(
                item=current, details=details, institution=institution, is_user_locked=is_user_locked
            )
            store(item=current, staging=staging, accounts=accounts, run=run, from_start=not item.cursor)
            if is_first:
                LinkSession.objects.filter(item=current).update(account_keys=[])
            return item_state.record_success(
                item=current, connection_before=connection_before, run=run, staging=staging
            )


def store_nothing(*, item: Item, run: SyncRun, staging: StagingFile, timeouts: SyncTimeouts) -> SyncOutcome:
    """Record that a locked Item was synced and has no changes."""
    item.is_slow = timeouts.were_needed(since=run.started_at)
    item.checked_at = timezone.now()
    if item.cursor:
        # Otherwise the user chose meanwhile that the next download is complete.
        item.cursor = staging.cursor or item.cursor
    run.pages = staging.pages
    return item_state.record_success(item=item, connection_before=item.connection, run=run, staging=staging)


def download_pages(
    *, provider: ProviderClient, token: str, lease: Lease, item: Item, run: SyncRun, staging: StagingFile
) -> None:
    """Download every page into the staging file, starting over when the stream changes meanwhile.

    Raises ``MutationDuringPagination`` after too many restarts; a cursor that the provider no longer accepts
    leads to one download of the whole stream.
    """
    for _ in range(MAX_RESTARTS):
        try:
            return download_from_cursor(provider=provider, token=token, lease=lease, item=item, staging=staging)
        except (MutationDuringPagination, InvalidCursor) as error:
            logger.info("Item %s: %s, starting over", item.pk, error)
            if isinstance(error, InvalidCursor):
                item.cursor = ""
            run.restarts += 1
            staging.clear()
    raise MutationDuringPagination("CHANGED_TOO_OFTEN")


def download_from_cursor(
    *, provider: ProviderClient, token: str, lease: Lease, item: Item, staging: StagingFile
) -> None:
    """Download the stream from the Item's cursor to its end."""
    cursor, seen = item.cursor, {item.cursor}
    for _ in range(MAX_PAGES):
        lease.check()
        page = provider.sync_transactions(token, cursor=cursor)
        staging.add_page(page)
        if not page.has_more:
            return
        cursor = page.next_cursor
        if cursor in seen:
            raise MalformedResponse("CURSOR_STANDS_STILL", request_id=page.request_id)
        seen.add(cursor)
    raise MalformedResponse("STREAM_WITHOUT_END", request_id=staging.request_id)


def store(*, item: Item, staging: StagingFile, accounts: AccountsResponse, run: SyncRun, from_start: bool) -> None:
    """Store accounts, balances and transactions and move the cursor, all in the open transaction.

    Stored rows are reconciled only with a complete stream. A stream that the provider still prepares is stored, and
    later downloaded from its start again: its next pages would not say which rows were removed meanwhile.
    """
    locks.lock_accounts(owner_id=item.owner_id)
    # The precedence of accounts depends on these columns.
    item.save(update_fields=["institution", "connection", "checked_at"])
    unstored = list_unstored(item=item)
    may_read_more = may_read_skipped_rows(item=item, staging=staging, accounts=accounts, unstored=unstored)
    store_accounts(item=item, response=accounts, others=staging.accounts.values())
    complete = from_start and staging.readiness == Readiness.HISTORICAL
    is_partial = from_start and not complete and Transaction.objects.filter(account__item=item).exists()
    keeps_rows = transaction_rule.keeps_transactions(owner_id=item.owner_id)
    stored = store_rows(item=item, staging=staging, from_start=from_start, complete=complete, keeps_rows=keeps_rows)
    # A download of changes, while the person chose that the next one is complete.
    is_outdated = not keeps_rows or (not from_start and not item.cursor)
    run.written, run.added, run.removed, run.pages = stored.written, stored.added, stored.removed, staging.pages
    errors = count_row_errors(staging=staging, accounts=accounts, unknown_accounts=stored.unknown_accounts)
    record_field_errors(item=item, run=run, errors=errors)
    if any(error.may_hide_changes for error in errors) and not skipped_rows_before(item):
        # What is unreadable may have been damaged in transfer: request it once more before moving the cursor.
        item.sync_requested_at = timezone.now()
        item.cursor = "" if from_start or is_outdated else item.cursor
        return
    if errors or unstored or item.skipped_transactions:
        item.skipped_transactions = record_unstored_rows(
            item=item,
            unnamed={(error.kind, error.field): count for error, count in errors.items() if not error.has_id},
            is_loaded=stored.is_loaded,
            from_start=from_start,
            complete=complete and not staging.may_lack_rows,
        )
    item.cursor = "" if is_partial or is_outdated or (may_read_more and not complete) else staging.cursor or item.cursor


def store_rows(*, item: Item, staging: StagingFile, from_start: bool, complete: bool, keeps_rows: bool) -> StoreResult:
    """Store the downloaded rows or only their totals, and decide anew which rows of the bank count."""
    before = succession.SuccessionResult()
    if not keeps_rows or has_removed_accounts(owner_id=item.owner_id):
        # A new id may be that of an account that the person removed: then none of its rows is stored.
        before = succession.update_succession(item=item)
    if keeps_rows:
        stored = store_transactions(item=item, staging=staging, complete=complete)
    else:
        stored = store_totals(item=item, staging=staging, from_start=from_start, counted=before.counted)
    result = succession.update_succession(item=item)
    if result.redundant_items:
        disconnect_redundant_items(owner_id=item.owner_id, item_ids=result.redundant_items)
    is_split_changed = settle_splits(owner_id=item.owner_id)
    is_changed = before.changed or result.changed or stored.written or stored.removed or stored.replaced
    if is_changed or is_split_changed:
        update_transfers(owner_id=item.owner_id)
    return stored


def may_read_skipped_rows(
    *, item: Item, staging: StagingFile, accounts: AccountsResponse, unstored: set[tuple[str, str]]
) -> bool:
    """Whether a complete download may have what was skipped: its account is listed, or its list is sent, as of now."""
    if item.skipped_transactions > 0 and has_new_account(item=item, accounts=accounts):
        return True
    return not staging.lacks_list and any((RowKind.PAGE, name) in unstored for name in LISTS_OF_CHANGES)


def has_new_account(*, item: Item, accounts: AccountsResponse) -> bool:
    """Whether the bank lists a new account. Skipped rows may belong to it, so they are downloaded again."""
    known = set(Account.objects.filter(item=item).values_list("provider_id", flat=True))
    return any(row.provider_id not in known for row in accounts.accounts)


def has_removed_accounts(*, owner_id: UUID) -> bool:
    """Whether a person has removed an account alone, at any bank."""
    return Account.objects.filter(owner=owner_id).exclude(user_removed_at=None).exists()


def skipped_rows_before(item: Item) -> bool:
    """Whether the last successful sync skipped rows too."""
    last = SyncRun.objects.filter(item=item, result=SyncRun.Result.OK).order_by("-started_at").first()
    return last is not None and last.skipped_rows > 0


def count_row_errors(*, staging: StagingFile, accounts: AccountsResponse, unknown_accounts: int) -> Counter[RowError]:
    """Count what could not be stored, by what is wrong with it."""
    errors = staging.row_errors.copy()
    errors.update(RowError(row.kind, row.field, has_id=False) for row in accounts.skipped)
    if unknown_accounts:
        errors[RowError(RowKind.TRANSACTION, "account_id", has_id=True)] += unknown_accounts
    return errors


def record_field_errors(*, item: Item, run: SyncRun, errors: Counter[RowError]) -> None:
    """Record in the run which fields of how many rows were invalid, for operators."""
    fields: Counter[str] = Counter()
    for error, count in errors.items():
        fields[f"{error.kind}.{error.field}"] += count
    run.skipped_rows = fields.total()
    run.field_errors = ", ".join(f"{field} {count}" for field, count in sorted(fields.items()))
    if run.field_errors:
        logger.error("Item %s: rows were skipped in run %s: %s", item.pk, run.pk, run.field_errors)
