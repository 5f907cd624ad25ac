"""One reading of one Item, from taking the lease to giving it back."""

import logging
from uuid import UUID

from django.db import DataError
from django.utils import timezone

from banking.models import Item, SyncRun
from banking.plaid.client import connect
from banking.provider import (
    ChangedWhilePaging,
    CursorLost,
    MalformedAnswer,
    Provider,
    ProviderError,
    Readiness,
    Roster,
)
from banking.sync import health, institution
from banking.sync.lease import Lease, LeaseLost, take
from banking.sync.ledger import store_accounts, store_transactions
from banking.sync.outcome import BUSY, Outcome
from banking.sync.spool import Spool
from banking.transfers import find_transfers
from compliance.audit import Action, record
from compliance.isolation import tenant

logger = logging.getLogger(__name__)

RESTARTS = 8
# 500 rows a page: far more than any bank keeps, and an end for a stream that never ends.
PAGES = 2000


def sync_item(*, owner_id: UUID, item_id: UUID, trigger: str) -> Outcome:
    """Read an Item's stream to its end and store it.

    Returns without doing anything when another worker holds the Item or it cannot be read. Provider errors
    are written to the Item and its ``SyncRun`` and not raised: what follows from them is in the Item's state.
    """
    taken = take(owner_id=owner_id, item_id=item_id)
    if taken is None:
        return BUSY
    lease, item = taken
    run = begin(item=item, trigger=trigger)
    try:
        return read_and_store(lease=lease, item=item, run=run)
    except ProviderError as error:
        return health.failed(lease=lease, run=run, error=error)
    except DataError as error:
        logger.exception("Item %s: the provider's answer does not fit the database", item.pk)
        return health.failed(lease=lease, run=run, error=MalformedAnswer(type(error).__name__))
    except LeaseLost:
        health.interrupted(run=run)
        return BUSY


def begin(*, item: Item, trigger: str) -> SyncRun:
    """Write down that a reading begins and that the credential is used for it.

    A run that is still open belongs to a worker that died: whoever holds the lease is alone with the Item.
    """
    with tenant(item.owner_id):
        SyncRun.objects.filter(item=item, result=SyncRun.Result.RUNNING).update(
            result=SyncRun.Result.FAILED, error_code="WORKER_LOST", finished_at=timezone.now()
        )
        record(Action.CREDENTIAL_ACCESS, actor=None, subject=item.owner_id, resource="item", resource_id=str(item.pk))
        return SyncRun.objects.create(owner_id=item.owner_id, item=item, trigger=trigger)


def read_and_store(*, lease: Lease, item: Item, run: SyncRun) -> Outcome:
    """Collect with no transaction open, then store everything in one."""
    provider = connect()
    with tenant(item.owner_id):
        token = item.access_token.reveal()
    facts = provider.item(token)
    bank = institution.known(provider=provider, item=item, facts=facts)
    with Spool() as spool:
        collect(provider=provider, token=token, lease=lease, item=item, run=run, spool=spool)
        roster = provider.accounts(token)
        with tenant(item.owner_id):
            current = lease.lock()
            store(item=current, spool=spool, roster=roster, run=run, whole=not item.cursor)
            return health.succeeded(item=current, run=run, spool=spool, facts=facts, bank=bank)


def collect(*, provider: Provider, token: str, lease: Lease, item: Item, run: SyncRun, spool: Spool) -> None:
    """Read every page into the spool, beginning again when the stream changes under the reader.

    Raises ``ChangedWhilePaging`` after too many beginnings; a cursor that the provider no longer accepts
    leads to one reading of the whole stream.
    """
    for _ in range(RESTARTS):
        try:
            return read_pages(provider=provider, token=token, lease=lease, item=item, spool=spool)
        except (ChangedWhilePaging, CursorLost) as error:
            logger.info("Item %s: %s, beginning again", item.pk, error)
            if isinstance(error, CursorLost):
                item.cursor = ""
            run.restarts += 1
            spool.clear()
    raise ChangedWhilePaging("CHANGED_TOO_OFTEN")


def read_pages(*, provider: Provider, token: str, lease: Lease, item: Item, spool: Spool) -> None:
    """Follow the stream from the Item's cursor to its end."""
    cursor = item.cursor
    for _ in range(PAGES):
        lease.renew()
        page = provider.page(token, cursor=cursor)
        spool.add(page)
        if not page.has_more:
            return
        if page.next_cursor == cursor:
            raise MalformedAnswer("CURSOR_STANDS_STILL", request_id=page.request_id)
        cursor = page.next_cursor
    raise MalformedAnswer("STREAM_WITHOUT_END", request_id=spool.request_id)


def store(*, item: Item, spool: Spool, roster: Roster, run: SyncRun, whole: bool) -> None:
    """Store accounts, balances and transactions and move the cursor, all in the open transaction."""
    store_accounts(item=item, roster=roster.accounts, others=spool.accounts.values())
    stored = store_transactions(item=item, spool=spool, complete=whole and spool.readiness == Readiness.HISTORICAL)
    if stored.written or stored.removed:
        find_transfers(owner_id=item.owner_id)
    run.written, run.removed, run.pages = stored.written, stored.removed, spool.pages
    item.cursor = spool.cursor or item.cursor
