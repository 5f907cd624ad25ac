"""The state of an Item after a sync, and the retry of a failed sync.

``apply_error`` schedules the retry: it sets ``next_sync_at`` to now plus ``retry_delay``, by the database's clock. When
that time has come, Celery beat queues the Item like any other that is due (``banking.tasks.dispatch_due_syncs``).
"""

import logging
import random
from datetime import timedelta

from django.db import Error, connection
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from banking.account_matching import locks, succession
from banking.connection_status import expiry, products
from banking.credentials import CredentialUnreadable
from banking.linking.disconnecting import move_token_to_removal
from banking.models import Connection, Institution, Item, Product, SyncRun
from banking.provider import (
    ConsentRequired,
    ItemDetails,
    ItemNotFound,
    LoginRequired,
    NotReady,
    PermissionRevoked,
    ProviderConfigurationError,
    ProviderError,
    RateLimited,
    Readiness,
    Unavailable,
    Unsupported,
)
from banking.splits.settling import settle_splits
from banking.sync import notifications
from banking.sync.bank_refresh.follow_ups import plan_follow_up
from banking.sync.lease import Lease, LeaseLost
from banking.sync.outcome import SKIPPED, SyncOutcome
from banking.sync.staging_file import StagingFile
from banking.transactions.transfers import update_transfers
from compliance.audit import Action, record
from compliance.backoff import add_jitter, exponential_delay
from compliance.isolation import tenant
from compliance.queues import Lane

logger = logging.getLogger(__name__)

SYNC_INTERVAL = timedelta(hours=6)
JITTER = timedelta(minutes=30)
FIRST_RETRY_DELAY = timedelta(minutes=2)
# While the user waits for the first import, and after an error of ours.
FIRST_RETRY_DELAY_WHEN_URGENT = timedelta(seconds=30)
MAX_RETRY_DELAY = timedelta(hours=6)
MAX_FAILURE_COUNT = 1000

# The columns of a run that are written when it ends.
RUN_RESULT = (
    "result", "request_id", "error_code", "finished_at", "pages", "written", "added", "removed", "restarts",
    "skipped_rows", "field_errors", "bank_refresh", "postponed", "fault",
)  # fmt: skip
WORKER_LOST = "WORKER_LOST"
# Machines are restarted, so this many lost workers a day are not counted against the Item.
TOLERATED_WORKER_LOSSES = 2
WORKER_LOSS_PERIOD = timedelta(days=1)

# Seconds between polls while the provider prepares the history, since its webhooks may not be able to reach us.
POLL_DELAYS = (3, 5, 10, 20, 30, 60)
POLL_PERIOD = timedelta(hours=2)

CONNECTION_AFTER_ERROR = {
    LoginRequired: Connection.LOGIN_REQUIRED,
    ConsentRequired: Connection.NEEDS_CONSENT,
    CredentialUnreadable: Connection.NEEDS_REPAIR,
    ItemNotFound: Connection.REVOKED,
    PermissionRevoked: Connection.REVOKED,
    Unsupported: Connection.UNSUPPORTED,
}

READINESS_ORDER = (Readiness.NOT_READY, Readiness.INITIAL, Readiness.HISTORICAL)


class SyncCrashed(ProviderError):
    """An unforeseen exception of our own ended the sync. ``code`` is its class."""


def loses_connection(error: ProviderError | None) -> bool:
    """Whether an error ends the access to an Item, of which the transaction that stores it notifies the user.

    That transaction has to lock the user's row before all others.
    """
    return type(error) in CONNECTION_AFTER_ERROR


def record_success(*, item: Item, connection_before: str, run: SyncRun, staging: StagingFile) -> SyncOutcome:
    """Finish a successful sync, in the transaction that stored it."""
    now = timezone.now()
    # The first import brings the history, of which users are not notified.
    has_news = item.readiness == Readiness.HISTORICAL and run.written
    item.readiness = max(Readiness(item.readiness), staging.readiness, key=READINESS_ORDER.index)
    item.request_id = staging.request_id
    if item.readiness != Readiness.NOT_READY:
        products.record_product_ready(item=item, product=Product.TRANSACTIONS)
    run_again_in = next_poll_delay(item=item, run=run)
    item.next_sync_at = Now() + (regular_interval() if run_again_in is None else timedelta(seconds=run_again_in))
    item.lease_holder = item.leased_until = None
    count_postponed(item=item, run=run)
    item.save()
    finish_run(run=run, result=SyncRun.Result.OK, request_id=staging.request_id)
    if item.connection != connection_before:
        notifications.notify_connection_lost(item=item)
        record_revoked(item=item)
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
    new_rows_run_id = run.pk if has_news else None
    lane = next_lane(item=item, run=run)
    return SyncOutcome(ran=True, run_again_in=run_again_in, new_rows_run_id=new_rows_run_id, lane=lane)


def apply_item_details(
    *, item: Item, details: ItemDetails, institution: Institution | None, is_user_locked: bool
) -> None:
    """Copy the provider's details of an Item that could be synced.

    An error of the Item changes its connection, although its stream still returns older data. ``is_user_locked`` is
    what ``locks_user`` returned: if a reminder was sent meanwhile, the next sync compares when the access ends.
    """
    item.institution = institution or item.institution
    bank_name = institution.name if institution else details.institution_name
    item.institution_name = bank_name[:200] or item.institution_name
    copy_item_details(item=item, details=details)
    item.checked_at = item.read_at = timezone.now()
    item.failures = 0
    item.error_code = item.error_reason = item.fault = ""
    if is_user_locked or item.expiry_reminder is None:
        expiry.apply_consent_expiry(item, consent_expires_at=details.consent_expires_at)
    products.record_listed_products(item=item, listed=details.products)
    apply_item_error(item=item, error=details.error)


def copy_item_details(*, item: Item, details: ItemDetails) -> None:
    """Copy what the provider says of an Item whether or not it can be synced."""
    item.data_as_of = details.data_as_of or item.data_as_of
    item.webhook_url = details.webhook


def apply_item_error(*, item: Item, error: ProviderError | None) -> None:
    """Change the connection of an Item that the provider cannot update without its user."""
    if error is not None and loses_connection(error):
        end_access(item=item, error=error)


def end_access(*, item: Item, error: ProviderError) -> None:
    """Store an error that ends the access to a locked Item. The caller saves the Item.

    If the user withdrew the access elsewhere, the Item still exists at the provider, and its removal is scheduled.
    """
    item.connection = CONNECTION_AFTER_ERROR[type(error)]
    item.error_code, item.error_reason, item.fault = error.code[:100], error.reason[:100], error.fault
    expiry.set_expiry(item, expires_at=None)
    if isinstance(error, PermissionRevoked):
        move_token_to_removal(item)


def locks_user(*, item: Item, details: ItemDetails) -> bool:
    """Whether the transaction that stores a sync may change the user's notifications.

    It has to lock the user's row before all others: it notifies them of a lost connection, or hides the reminders of
    an end of the access that the provider no longer reports.
    """
    return loses_connection(details.error) or item.expiry_reminder is not None


def regular_interval() -> timedelta:
    """The time until the next regular sync, with jitter, so that Items that were linked together are spread out."""
    return SYNC_INTERVAL + JITTER * random.uniform(-1, 1)  # noqa: S311  (spreads load, hides nothing)


def next_poll_delay(*, item: Item, run: SyncRun) -> int | None:
    """Seconds until the Item should be synced again before its regular time, or ``None``. The caller saves the Item."""
    follow_up = plan_follow_up(item=item, run=run)
    if was_requested_meanwhile(item=item, run=run):
        # What this sync has read may be older than the request, so the next one reads the Item and its accounts, too.
        item.read_at = None
        return 0
    if follow_up is not None:
        return follow_up
    if item.readiness == Readiness.HISTORICAL or timezone.now() - item.connected_at > POLL_PERIOD:
        return None
    runs = SyncRun.objects.filter(item=item).count()
    return POLL_DELAYS[min(runs, len(POLL_DELAYS)) - 1]


def record_failure(*, lease: Lease, run: SyncRun, error: ProviderError) -> SyncOutcome:
    """Finish a sync that failed, schedule its retry, and release the Item."""
    if isinstance(error, RateLimited):
        return postpone_sync(lease=lease, run=run, error=error)
    logger.warning("Item %s could not be synced: %s", lease.item_id, error)
    try:
        with tenant(lease.owner_id):
            item = lease.lock_item(with_user=loses_connection(error))
            connection_before = item.connection
            run_again_in = apply_error(item=item, run=run, error=error)
            count_postponed(item=item, run=run)
            item.save()
            run.fault = error.fault
            products.record_product_error(item=item, product=Product.TRANSACTIONS, error=error)
            finish_run(run=run, result=SyncRun.Result.FAILED, request_id=error.request_id, error_code=error.code)
            if item.connection != connection_before:
                notifications.notify_connection_lost(item=item)
                record_revoked(item=item)
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
        return SKIPPED
    if item.connection != connection_before:
        update_matching_accounts(item=item)
    return SyncOutcome(ran=True, run_again_in=run_again_in, lane=next_lane(item=item, run=run))


def postpone_sync(*, lease: Lease, run: SyncRun, error: RateLimited) -> SyncOutcome:
    """Put off a sync that a rate limit did not allow, and release the Item. It is nobody's failure.

    Its run is deleted, unless the bank itself was asked in it, and only counted; the next run says how many there were.
    """
    logger.info("Item %s is synced later: %s", lease.item_id, error)
    try:
        with tenant(lease.owner_id):
            item = lease.lock_item()
            item.lease_holder = item.leased_until = None
            item.next_sync_at = Now() + add_jitter(timedelta(seconds=error.retry_after), later=0.5)
            item.postponed_syncs = F("postponed_syncs") + 1
            item.save(update_fields=["lease_holder", "leased_until", "next_sync_at", "postponed_syncs"])
            if run.bank_refresh:
                finish_run(run=run, result=SyncRun.Result.FAILED, request_id=error.request_id, error_code=error.code)
            else:
                SyncRun.objects.filter(pk=run.pk).delete()
    except LeaseLost:
        return SKIPPED
    return SyncOutcome(ran=True)


def count_postponed(*, item: Item, run: SyncRun) -> None:
    """Let a run that was made say how many were put off before it. The caller saves both."""
    run.postponed, item.postponed_syncs = item.postponed_syncs, 0


def record_revoked(*, item: Item) -> None:
    """Record that an Item was marked as revoked, if it was, in the transaction that stores it.

    Called late in that transaction: the trail's lock comes after all others.
    """
    if item.connection == Connection.REVOKED:
        record(
            Action.ACCESS_REVOKED,
            actor=None,
            subject=item.owner_id,
            resource="item",
            resource_id=str(item.pk),
            code=item.error_code,
        )


def update_matching_accounts(*, item: Item) -> None:
    """After a connection is lost, let the user's other connection to the same bank count at once, if there is one.

    If that times out because other rows are being stored, the other connection's next sync does it.
    """
    try:
        with tenant(item.owner_id):
            locks.lock_accounts(owner_id=item.owner_id)
            if succession.update_succession(item=item).changed:
                settle_splits(owner_id=item.owner_id)
                update_transfers(owner_id=item.owner_id)
    except Error as error:
        logger.warning("The accounts of Item %s were not matched again: %s", item.pk, type(error).__name__)


def hand_over(*, lease: Lease, run: SyncRun, error: ProviderError) -> SyncOutcome:
    """Move an Item to the slow lane: its bank did not respond within the quick timeouts. That is not a failure."""
    logger.info("Item %s moves to the slow lane: %s", lease.item_id, error)
    try:
        with tenant(lease.owner_id):
            item = lease.lock_item()
            item.lease_holder = item.leased_until = None
            item.is_slow, item.next_sync_at = True, Now()
            item.save(update_fields=["lease_holder", "leased_until", "is_slow", "next_sync_at"])
            finish_run(run=run, result=SyncRun.Result.FAILED, request_id=error.request_id, error_code="HANDED_OVER")
    except LeaseLost:
        return SKIPPED
    return SyncOutcome(ran=True, run_again_in=0, lane=Lane.SLOW)


def apply_error(*, item: Item, run: SyncRun, error: ProviderError) -> int | None:
    """Store an error in the Item and schedule the retry. Returns its delay in seconds if it is too short for beat.

    Only an error of the user's own connection changes its state: after a problem at the bank, at the provider or with
    our own keys, a new sign-in would not help.
    """
    item.lease_holder = item.leased_until = None
    item.request_id = error.request_id
    if isinstance(error, NotReady):
        item.next_sync_at = Now() + timedelta(seconds=POLL_DELAYS[2])
        return POLL_DELAYS[2]
    item.error_code, item.error_reason, item.fault = error.code[:100], error.reason[:100], error.fault
    if loses_connection(error):
        end_access(item=item, error=error)
    if isinstance(error, ProviderConfigurationError):
        logger.critical("The provider rejects our configuration: %s", error)
    item.is_slow = isinstance(error, Unavailable)
    item.failures = min(item.failures + 1, MAX_FAILURE_COUNT)
    # A sync that was requested while this one failed must not wait for hours.
    failures = 1 if was_requested_meanwhile(item=item, run=run) else item.failures
    item.next_sync_at = Now() + retry_delay(failures=failures, importing=item.is_importing, error=error)
    return None


def was_requested_meanwhile(*, item: Item, run: SyncRun) -> bool:
    """Whether a sync was requested after this one began, even by a machine whose clock is behind."""
    return item.sync_requested_at != run.request_before_run


def next_lane(*, item: Item, run: SyncRun) -> Lane:
    """The lane of the sync that follows a run.

    A user waits for an import, for what they requested meanwhile, and for what they have their bank asked for.
    """
    if item.is_slow:
        return Lane.SLOW
    before = run.request_before_run
    is_awaited = item.refreshed_at is not None and (before is None or item.refreshed_at > before)
    is_awaited = is_awaited or item.readiness != Readiness.HISTORICAL or item.bank_refresh_until is not None
    return Lane.SHARED if is_awaited else Lane.WEBHOOKS


def retry_delay(*, failures: int, importing: bool, error: ProviderError) -> timedelta:
    """The delay before the retry after another failure: doubling, with jitter, at most six hours."""
    is_urgent = importing or isinstance(error, SyncCrashed)
    first = FIRST_RETRY_DELAY_WHEN_URGENT if is_urgent else FIRST_RETRY_DELAY
    delay = exponential_delay(first, failures - 1, maximum=MAX_RETRY_DELAY)
    return add_jitter(delay, earlier=0.2, later=0.2)


def record_crash(*, lease: Lease, run: SyncRun, error: Exception) -> None:
    """Release an Item whose sync ended with an unforeseen exception, so that it is retried soon.

    If the database is unavailable, the lease expires and the Item is still due.
    """
    connection.close_if_unusable_or_obsolete()
    try:
        record_failure(lease=lease, run=run, error=SyncCrashed(type(error).__name__))
    except Error as database_error:
        logger.error("Item %s could not be released: %s", lease.item_id, type(database_error).__name__)


def close_run_of_lost_worker(*, item: Item) -> None:
    """Close the run of a worker that died during a sync, in the transaction of the worker that took over the Item.

    An Item that kills every worker, perhaps because it needs too much memory, is retried at growing intervals.
    """
    now = timezone.now()
    runs = SyncRun.objects.filter(item=item)
    if not runs.filter(result=SyncRun.Result.RUNNING).update(
        result=SyncRun.Result.FAILED, error_code=WORKER_LOST, finished_at=now
    ):
        return
    losses = runs.filter(error_code=WORKER_LOST, started_at__gt=now - WORKER_LOSS_PERIOD).count()
    if losses > TOLERATED_WORKER_LOSSES:
        retries = losses - TOLERATED_WORKER_LOSSES - 1
        delay = exponential_delay(FIRST_RETRY_DELAY, retries, maximum=MAX_RETRY_DELAY)
        Item.objects.filter(pk=item.pk).update(next_sync_at=Now() + delay)


def close_interrupted_run(*, run: SyncRun) -> None:
    """Close a run whose Item was taken over or disconnected meanwhile."""
    with tenant(run.owner_id):
        is_connected = Item.objects.visible().filter(pk=run.item_id).exists()
        code = "LEASE_LOST" if is_connected else SyncRun.DISCONNECTED
        finish_run(run=run, result=SyncRun.Result.FAILED, request_id="", error_code=code)


def finish_run(*, run: SyncRun, result: str, request_id: str, error_code: str = "") -> None:
    run.result, run.request_id, run.error_code = result, request_id, error_code[:100]
    run.finished_at = timezone.now()
    # An update alone: if the account was deleted meanwhile, the run is gone, and must not come back.
    SyncRun.objects.filter(pk=run.pk).update(**{column: getattr(run, column) for column in RUN_RESULT})
