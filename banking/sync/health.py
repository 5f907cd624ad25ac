"""What a reading's end means for the Item: its state, and when it is looked at again."""

import logging
import random
from datetime import timedelta

from django.utils import timezone

from banking import telling
from banking.models import Connection, Institution, Item, SyncRun
from banking.provider import (
    ConsentRequired,
    ItemFacts,
    ItemGone,
    LoginRequired,
    Misconfigured,
    NotReady,
    ProviderError,
    RateLimited,
    Readiness,
    Unsupported,
)
from banking.sync.lease import Lease, LeaseLost
from banking.sync.outcome import BUSY, Outcome
from banking.sync.spool import Spool
from compliance.audit import Action, record
from compliance.isolation import tenant

logger = logging.getLogger(__name__)

EVERY = timedelta(hours=6)
JITTER = timedelta(minutes=30)
FIRST_RETRY = timedelta(minutes=2)
LONGEST_RETRY = timedelta(hours=6)

# Seconds between looks while the provider prepares the history and no webhook may be able to reach us.
POLLS = (3, 5, 10, 20, 30, 60, 120)
POLL_FOR = timedelta(hours=2)

ENDS = {
    LoginRequired: Connection.LOGIN_REQUIRED,
    ConsentRequired: Connection.NEEDS_CONSENT,
    ItemGone: Connection.REVOKED,
    Unsupported: Connection.UNSUPPORTED,
}

ORDER = (Readiness.NOT_READY, Readiness.INITIAL, Readiness.HISTORICAL)


def succeeded(*, item: Item, run: SyncRun, spool: Spool, facts: ItemFacts, bank: Institution | None) -> Outcome:
    """Close a good reading, in the transaction that stored it."""
    now = timezone.now()
    # What the first import brings is history and no news.
    news = run.pk if item.readiness == Readiness.HISTORICAL and run.written else None
    item.readiness = max(Readiness(item.readiness), spool.readiness, key=ORDER.index)
    item.institution = bank or item.institution
    item.institution_name = (bank.name if bank else facts.institution_name) or item.institution_name
    item.data_as_of = facts.data_as_of or item.data_as_of
    item.checked_at = now
    item.failures = 0
    item.error_code = ""
    item.request_id = spool.request_id
    item.next_sync_at = now + EVERY + JITTER * random.uniform(-1, 1)  # noqa: S311  (spreads load, hides nothing)
    item.lease_holder = item.leased_until = None
    item.save()
    close(run=run, result=SyncRun.Result.OK, request_id=spool.request_id)
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
    return Outcome(ran=True, again_in=next_look(item=item, run=run), news=news)


def next_look(*, item: Item, run: SyncRun) -> int | None:
    """Seconds until the Item is worth another look before its regular time, or ``None``."""
    if item.sync_wanted_at is not None and item.sync_wanted_at > run.started_at:
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
            wait = suffer(item=item, error=error)
            item.save()
            close(run=run, result=SyncRun.Result.FAILED, request_id=error.request_id, error_code=error.code)
            if item.connection != was:
                telling.connection_lost(item=item, run=run)
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
    return Outcome(ran=True, again_in=wait)


def suffer(*, item: Item, error: ProviderError) -> int | None:
    """Let an error change the Item. Returns the seconds until a retry that should not wait for the clock.

    Only an error that names the person's own connection changes its state: trouble at the bank, at the
    provider or in our own keys is no reason to ask anybody to sign in again.
    """
    now = timezone.now()
    item.lease_holder = item.leased_until = None
    item.request_id = error.request_id
    if isinstance(error, NotReady):
        item.next_sync_at = now + timedelta(seconds=POLLS[-1])
        return POLLS[2]
    item.error_code = error.code[:100]
    item.connection = ENDS.get(type(error), item.connection)
    if isinstance(error, Misconfigured):
        logger.critical("The provider refuses our configuration: %s", error)
    item.failures = min(item.failures + 1, 1000)
    item.next_sync_at = now + backoff(item=item, error=error)
    return None


def backoff(*, item: Item, error: ProviderError) -> timedelta:
    """How long to leave an Item alone after another failure: doubling, with jitter, at most six hours."""
    wait = min(FIRST_RETRY * 2 ** min(item.failures - 1, 8), LONGEST_RETRY)
    if isinstance(error, RateLimited):
        wait = max(wait, timedelta(seconds=error.retry_after))
    return wait * random.uniform(0.8, 1.2)  # noqa: S311


def interrupted(*, run: SyncRun) -> None:
    """Close a reading whose Item was taken over or disconnected meanwhile."""
    with tenant(run.owner_id):
        close(run=run, result=SyncRun.Result.FAILED, request_id="", error_code="LEASE_LOST")


def close(*, run: SyncRun, result: str, request_id: str, error_code: str = "") -> None:
    run.result, run.request_id, run.error_code = result, request_id, error_code[:100]
    run.finished_at = timezone.now()
    run.save()
