"""What a reading's end means for the Item: its state, and when it is looked at again."""

import logging
import random
from datetime import timedelta

from django.db import Error, connection
from django.utils import timezone

from banking.account_matching import succession
from banking.credentials import CredentialUnreadable
from banking.models import Connection, Institution, Item, SyncRun
from banking.provider import (
    ConsentRequired,
    ItemDetails,
    ItemNotFound,
    LoginRequired,
    NotReady,
    ProviderConfigurationError,
    ProviderError,
    RateLimited,
    Readiness,
    Unavailable,
    Unsupported,
)
from banking.sync import notifications
from banking.sync.lease import Lease, LeaseLost
from banking.sync.outcome import BUSY, Outcome
from banking.sync.staging_file import Spool
from banking.transactions.transfers import update_transfers
from compliance.audit import Action, record
from compliance.isolation import tenant

logger = logging.getLogger(__name__)

EVERY = timedelta(hours=6)
JITTER = timedelta(minutes=30)
FIRST_RETRY = timedelta(minutes=2)
# While somebody waits for the first import, and where the fault was ours.
FIRST_RETRY_SOON = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=6)
# Either wait doubled so often is longer than the longest.
DOUBLINGS = 10
MOST_COUNTED = 1000

WORKER_LOST = "WORKER_LOST"
# Machines are restarted: so many workers may be lost over an Item in a day before it is suspected.
LOST_BY_ACCIDENT = 2
LOST_COUNTED_FOR = timedelta(days=1)

# Seconds between looks while the provider prepares the history and no webhook may be able to reach us.
POLLS = (3, 5, 10, 20, 30, 60)
POLL_FOR = timedelta(hours=2)

ENDS = {
    LoginRequired: Connection.LOGIN_REQUIRED,
    ConsentRequired: Connection.NEEDS_CONSENT,
    CredentialUnreadable: Connection.NEEDS_REPAIR,
    ItemNotFound: Connection.REVOKED,
    Unsupported: Connection.UNSUPPORTED,
}

ORDER = (Readiness.NOT_READY, Readiness.INITIAL, Readiness.HISTORICAL)


class ReadingBroke(ProviderError):
    """The fault was neither the provider's nor the bank's: something broke here, ``code`` names its class."""


def succeeded(*, item: Item, was: str, run: SyncRun, spool: Spool) -> Outcome:
    """Close a good reading, in the transaction that stored it; ``was`` is the connection before it."""
    now = timezone.now()
    # What the first import brings is history and no news.
    news = run.pk if item.readiness == Readiness.HISTORICAL and run.written else None
    item.readiness = max(Readiness(item.readiness), spool.readiness, key=ORDER.index)
    item.request_id = spool.request_id
    again_in = next_look(item=item, run=run)
    item.next_sync_at = now + (regular_wait() if again_in is None else timedelta(seconds=again_in))
    item.lease_holder = item.leased_until = None
    item.save()
    close(run=run, result=SyncRun.Result.OK, request_id=spool.request_id)
    if item.connection != was:
        notifications.connection_lost(item=item, run=run)
    record(
        Action.SYNC,
        actor=None,
        subject=item.owner_id,
        resource="item",
        resource_id=str(item.pk),
        written=run.written,
        removed=run.removed,
        duration_ms=int((now - run.started_at).total_seconds() * 1000),
    )
    return Outcome(ran=True, again_in=again_in, news=news, slow=item.reads_slowly)


def heed(*, item: Item, facts: ItemDetails, bank: Institution | None) -> None:
    """Take over what the provider says of an Item that could be read.

    An error that stands on the Item ends its connection, though its stream still gives what came before.
    """
    item.institution = bank or item.institution
    item.institution_name = (bank.name if bank else facts.institution_name)[:200] or item.institution_name
    item.data_as_of = facts.data_as_of or item.data_as_of
    item.checked_at = timezone.now()
    item.failures = 0
    item.error_code = item.fault = ""
    error = facts.error
    if error is not None and type(error) in ENDS:
        item.connection, item.error_code, item.fault = ENDS[type(error)], error.code[:100], error.fault


def regular_wait() -> timedelta:
    """Until the next regular reading: spread, so that those who were linked together do not come back together."""
    return EVERY + JITTER * random.uniform(-1, 1)  # noqa: S311  (spreads load, hides nothing)


def next_look(*, item: Item, run: SyncRun) -> int | None:
    """Seconds until the Item is worth another look before its regular time, or ``None``."""
    if was_wanted(item=item, run=run):
        return 0
    if item.readiness == Readiness.HISTORICAL or timezone.now() - item.connected_at > POLL_FOR:
        return None
    looks = SyncRun.objects.filter(item=item).count()
    return POLLS[min(looks, len(POLLS)) - 1]


def failed(*, lease: Lease, run: SyncRun, error: ProviderError) -> Outcome:
    """Close a reading that the provider refused, and give the Item back."""
    logger.warning("Item %s could not be read: %s", lease.item_id, error)
    try:
        with tenant(lease.owner_id):
            item = lease.lock()
            was = item.connection
            wait = suffer(item=item, run=run, error=error)
            item.save()
            close(run=run, result=SyncRun.Result.FAILED, request_id=error.request_id, error_code=error.code)
            if item.connection != was:
                notifications.connection_lost(item=item, run=run)
            record(
                Action.SYNC,
                actor=None,
                subject=lease.owner_id,
                resource="item",
                resource_id=str(lease.item_id),
                outcome="failed",
                code=error.code,
            )
    except LeaseLost:
        return BUSY
    if item.connection != was:
        stand_back(item=item)
    return Outcome(ran=True, again_in=wait, slow=item.reads_slowly)


def stand_back(*, item: Item) -> None:
    """Let another connection to the same bank count at once, where the person has one, now that this one is lost.

    Where somebody stores for too long meanwhile, the other connection's next reading comes to the same.
    """
    try:
        with tenant(item.owner_id):
            succession.lock_accounts(owner_id=item.owner_id)
            if succession.settle(item=item).changed:
                update_transfers(owner_id=item.owner_id)
    except Error as trouble:
        logger.warning("Item %s stands in front still: %s", item.pk, type(trouble).__name__)


def handed_over(*, lease: Lease, run: SyncRun, error: ProviderError) -> Outcome:
    """Give an Item to the workers that have time: its bank did not answer while others waited. That is no failure."""
    logger.info("Item %s goes to workers with more time: %s", lease.item_id, error)
    try:
        with tenant(lease.owner_id):
            item = lease.lock()
            item.lease_holder = item.leased_until = None
            item.reads_slowly, item.next_sync_at = True, timezone.now()
            item.save(update_fields=["lease_holder", "leased_until", "reads_slowly", "next_sync_at"])
            close(run=run, result=SyncRun.Result.FAILED, request_id=error.request_id, error_code="HANDED_OVER")
    except LeaseLost:
        return BUSY
    return Outcome(ran=True, again_in=0, slow=True)


def suffer(*, item: Item, run: SyncRun, error: ProviderError) -> int | None:
    """Let an error change the Item. Returns the seconds until a retry that should not wait for the clock.

    Only an error that names the person's own connection changes its state: trouble at the bank, at the
    provider or in our own keys is no reason to ask anybody to sign in again.
    """
    now = timezone.now()
    item.lease_holder = item.leased_until = None
    item.request_id = error.request_id
    if isinstance(error, NotReady):
        item.next_sync_at = now + timedelta(seconds=POLLS[2])
        return POLLS[2]
    item.error_code, item.fault = error.code[:100], error.fault
    item.connection = ENDS.get(type(error), item.connection)
    if isinstance(error, ProviderConfigurationError):
        logger.critical("The provider refuses our configuration: %s", error)
    item.reads_slowly = isinstance(error, Unavailable) and not isinstance(error, RateLimited)
    item.failures = min(item.failures + 1, MOST_COUNTED)
    # Whoever asked while it failed has not been answered by it, and does not wait for hours.
    failures = 1 if was_wanted(item=item, run=run) else item.failures
    item.next_sync_at = now + backoff(failures=failures, importing=item.is_importing, error=error)
    return None


def was_wanted(*, item: Item, run: SyncRun) -> bool:
    """Whether somebody asked for a reading after this one had begun, whatever their clock showed."""
    return item.sync_wanted_at != run.wanted_before


def backoff(*, failures: int, importing: bool, error: ProviderError) -> timedelta:
    """How long to leave an Item alone after another failure: doubling, with jitter, at most six hours."""
    first = FIRST_RETRY_SOON if importing or isinstance(error, ReadingBroke) else FIRST_RETRY
    wait = min(first * 2 ** min(failures - 1, DOUBLINGS), LONGEST_RETRY)
    if isinstance(error, RateLimited):
        wait = max(wait, timedelta(seconds=error.retry_after))
    return wait * random.uniform(0.8, 1.2)  # noqa: S311


def broke_off(*, lease: Lease, run: SyncRun, error: Exception) -> None:
    """Give an Item back whose reading broke in a way that nobody foresaw, so that it is looked at again soon.

    Where the database is out of reach, the lease runs out by itself and the Item is due still.
    """
    connection.close_if_unusable_or_obsolete()
    try:
        failed(lease=lease, run=run, error=ReadingBroke(type(error).__name__))
    except Error as trouble:
        logger.error("Item %s could not be given back: %s", lease.item_id, type(trouble).__name__)


def note_lost_worker(*, item: Item) -> None:
    """Close the run of a worker that died over the Item, in the transaction that has taken it since.

    One that kills every worker, by the memory that it takes perhaps, is left alone for longer each time.
    """
    now = timezone.now()
    runs = SyncRun.objects.filter(item=item)
    if not runs.filter(result=SyncRun.Result.RUNNING).update(
        result=SyncRun.Result.FAILED, error_code=WORKER_LOST, finished_at=now
    ):
        return
    lost = runs.filter(error_code=WORKER_LOST, started_at__gt=now - LOST_COUNTED_FOR).count()
    if lost > LOST_BY_ACCIDENT:
        wait = min(FIRST_RETRY * 2 ** min(lost - LOST_BY_ACCIDENT - 1, DOUBLINGS), LONGEST_RETRY)
        Item.objects.filter(pk=item.pk).update(next_sync_at=now + wait)


def interrupted(*, run: SyncRun) -> None:
    """Close a reading whose Item was taken over or disconnected meanwhile."""
    with tenant(run.owner_id):
        close(run=run, result=SyncRun.Result.FAILED, request_id="", error_code="LEASE_LOST")


def close(*, run: SyncRun, result: str, request_id: str, error_code: str = "") -> None:
    run.result, run.request_id, run.error_code = result, request_id, error_code[:100]
    run.finished_at = timezone.now()
    run.save()
