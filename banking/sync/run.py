"""One reading of one Item, from taking the lease to giving it back."""

import logging
from collections import Counter
from uuid import UUID

from django.db import DataError
from django.utils import timezone

from banking.account_matching import succession
from banking.credentials import open_token
from banking.linking.disconnecting import end_needless
from banking.models import Account, Item, LinkSession, SyncRun, Transaction
from banking.provider import (
    AccountsResponse,
    InvalidCursor,
    MalformedResponse,
    MutationDuringPagination,
    ProviderClient,
    ProviderError,
    Readiness,
)
from banking.providers import provider_for
from banking.sync import institution, item_state
from banking.sync.lease import Lease, LeaseLost, kept, take
from banking.sync.outcome import BUSY, Outcome
from banking.sync.pace import PATIENT, Pace
from banking.sync.staging_file import Spool
from banking.sync.store import store_accounts, store_transactions
from banking.transactions.transfers import update_transfers
from compliance.audit import Action, record
from compliance.isolation import tenant
from compliance.isolation.tenant import recheck_connection

logger = logging.getLogger(__name__)

RESTARTS = 8
# 500 rows a page: far more than any bank keeps, and an end for a stream that never ends.
PAGES = 2000


def sync_item(*, owner_id: UUID, item_id: UUID, trigger: str, if_due: bool = False, pace: Pace = PATIENT) -> Outcome:
    """Read an Item's stream to its end and store it, in the time that ``pace`` gives.

    Returns without doing anything when another worker holds the Item, it cannot be read, or ``if_due`` asks for a
    reading only if its time has come, and it has not. Provider errors are written to the Item and its ``SyncRun``
    and not raised: what follows from them is in the Item's state. Whatever else breaks is written down and raised.
    """
    begun = begin(owner_id=owner_id, item_id=item_id, trigger=trigger, if_due=if_due)
    if begun is None:
        return BUSY
    lease, item, run = begun
    try:
        with kept(lease):
            return read_and_store(lease=lease, item=item, run=run, pace=pace)
    except ProviderError as error:
        recheck_connection()
        end = item_state.handed_over if pace.gives_up(error) else item_state.failed
        return end(lease=lease, run=run, error=error)
    except DataError as error:
        logger.exception("Item %s: the provider's answer does not fit the database", item.pk)
        return item_state.failed(lease=lease, run=run, error=MalformedResponse(type(error).__name__))
    except LeaseLost:
        item_state.interrupted(run=run)
        return BUSY
    except Exception as error:
        item_state.broke_off(lease=lease, run=run, error=error)
        raise


def begin(*, owner_id: UUID, item_id: UUID, trigger: str, if_due: bool) -> tuple[Lease, Item, SyncRun] | None:
    """Take the Item, and write down that a reading begins and that the credential is used for it."""
    with tenant(owner_id):
        taken = take(owner_id=owner_id, item_id=item_id, if_due=if_due)
        if taken is None:
            return None
        lease, item = taken
        item_state.note_lost_worker(item=item)
        record(Action.CREDENTIAL_ACCESS, actor=None, subject=owner_id, resource="item", resource_id=str(item_id))
        run = SyncRun.objects.create(owner_id=owner_id, item=item, trigger=trigger)
        run.wanted_before = item.sync_wanted_at
        return lease, item, run


def read_and_store(*, lease: Lease, item: Item, run: SyncRun, pace: Pace) -> Outcome:
    """Collect with no transaction open, then store everything in one."""
    provider = provider_for(item.provider).connect().with_timeouts(response=pace.answer, total=pace.whole)
    with tenant(item.owner_id):
        token = open_token(item)
    facts = provider.get_item(token)
    bank = institution.known(provider=provider, item=item, facts=facts)
    with Spool() as spool:
        collect(provider=provider, token=token, lease=lease, item=item, run=run, spool=spool)
        roster = provider.get_accounts(token)
        recheck_connection()
        with tenant(item.owner_id):
            current = lease.lock()
            current.reads_slowly = pace.was_needed(since=run.started_at)
            was, is_first = current.connection, current.checked_at is None
            item_state.heed(item=current, facts=facts, bank=bank)
            store(item=current, spool=spool, roster=roster, run=run, whole=not item.cursor)
            if is_first:
                LinkSession.objects.filter(item=current).update(chosen=[])
            return item_state.succeeded(item=current, was=was, run=run, spool=spool)


def collect(*, provider: ProviderClient, token: str, lease: Lease, item: Item, run: SyncRun, spool: Spool) -> None:
    """Read every page into the spool, beginning again when the stream changes under the reader.

    Raises ``MutationDuringPagination`` after too many beginnings; a cursor that the provider no longer accepts
    leads to one reading of the whole stream.
    """
    for _ in range(RESTARTS):
        try:
            return read_pages(provider=provider, token=token, lease=lease, item=item, spool=spool)
        except (MutationDuringPagination, InvalidCursor) as error:
            logger.info("Item %s: %s, beginning again", item.pk, error)
            if isinstance(error, InvalidCursor):
                item.cursor = ""
            run.restarts += 1
            spool.clear()
    raise MutationDuringPagination("CHANGED_TOO_OFTEN")


def read_pages(*, provider: ProviderClient, token: str, lease: Lease, item: Item, spool: Spool) -> None:
    """Follow the stream from the Item's cursor to its end."""
    cursor, seen = item.cursor, {item.cursor}
    for _ in range(PAGES):
        lease.check()
        page = provider.sync_transactions(token, cursor=cursor)
        spool.add(page)
        if not page.has_more:
            return
        cursor = page.next_cursor
        if cursor in seen:
            raise MalformedResponse("CURSOR_STANDS_STILL", request_id=page.request_id)
        seen.add(cursor)
    raise MalformedResponse("STREAM_WITHOUT_END", request_id=spool.request_id)


def store(*, item: Item, spool: Spool, roster: AccountsResponse, run: SyncRun, whole: bool) -> None:
    """Store accounts, balances and transactions and move the cursor, all in the open transaction.

    Rows that are known already are held against a whole stream alone. One that is still being prepared is stored and
    then read from its beginning again, since rows that went meanwhile would never be missed in what follows it.
    """
    succession.lock_accounts(owner_id=item.owner_id)
    # Which connection goes before which hangs on these.
    item.save(update_fields=["institution", "connection", "checked_at"])
    is_wider = item.missing > 0 and has_new_account(item=item, roster=roster)
    store_accounts(item=item, roster=roster, others=spool.accounts.values())
    complete = whole and spool.readiness == Readiness.HISTORICAL
    is_half = whole and not complete and Transaction.objects.filter(account__item=item).exists()
    stored = store_transactions(item=item, spool=spool, complete=complete)
    settled = succession.settle(item=item)
    if settled.needless:
        end_needless(owner_id=item.owner_id, item_ids=settled.needless)
    if settled.changed or stored.written or stored.removed or stored.replaced:
        update_transfers(owner_id=item.owner_id)
    run.written, run.removed, run.pages = stored.written, stored.removed, spool.pages
    missing = note_flaws(item=item, run=run, spool=spool, roster=roster, strangers=stored.strangers)
    if missing and not was_odd_before(item):
        # What is odd may have been spoiled on its way: it is asked for once more before the stream goes on.
        item.sync_wanted_at = timezone.now()
        item.cursor = "" if whole else item.cursor
        return
    item.missing = missing if complete else item.missing + missing
    item.cursor = "" if is_half or (is_wider and not complete) else spool.cursor or item.cursor


def has_new_account(*, item: Item, roster: AccountsResponse) -> bool:
    """Whether the bank lists an account that is not known yet: what is missing may be of it, and is read again then."""
    known = set(Account.objects.filter(item=item).values_list("provider_id", flat=True))
    return any(row.provider_id not in known for row in roster.accounts)


def was_odd_before(item: Item) -> bool:
    """Whether the last good reading had to set rows aside too."""
    last = SyncRun.objects.filter(item=item, result=SyncRun.Result.OK).order_by("-started_at").first()
    return last is not None and last.set_aside > 0


def note_flaws(*, item: Item, run: SyncRun, spool: Spool, roster: AccountsResponse, strangers: int) -> int:
    """Write down by field what could not be stored, for operators; returns how many transactions that are."""
    flaws = spool.flaws + Counter(f"{kind}.{field}" for kind, field, _ in roster.skipped)
    flaws["transaction.account_id"] += strangers
    missing = sum(count for flaw, count in flaws.items() if flaw.startswith("transaction."))
    run.set_aside = flaws.total()
    run.flaws = ", ".join(f"{flaw} {count}" for flaw, count in sorted(flaws.items()) if count)
    if run.flaws:
        logger.error("Item %s: rows were set aside in run %s: %s", item.pk, run.pk, run.flaws)
    return missing
