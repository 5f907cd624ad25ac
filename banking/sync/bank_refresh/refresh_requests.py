"""The paid calls of one sync: reserved before they are made, and never the reason why a sync fails."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypeVar

from django.utils import timezone

from banking.connection_status import products
from banking.models import Item, RefreshOutcome, SyncRun
from banking.provider import (
    AccountsResponse,
    BankRefresh,
    ConsentRequired,
    ProviderClient,
    ProviderError,
    RateLimited,
    Unsupported,
)
from banking.providers import provider_for
from banking.sync.bank_refresh.plan import PRODUCTS, plan_refreshes
from banking.sync.lease import Lease
from banking.sync.timeouts import SyncTimeouts
from banking.usage.paid_calls import PaidCallsUsedUp, reserve_paid_call
from compliance.isolation import tenant
from compliance.isolation.tenant import recheck_connection

logger = logging.getLogger(__name__)

# How long new transactions are awaited after a request. Most arrive within ten seconds.
AWAITED_FOR: Final = timedelta(minutes=2)
# Of twenty banks, nineteen say their balances within 11 seconds. A quick worker waits that long for nothing else.
BALANCE_SECONDS: Final = 12
OUTCOMES: Final = {
    Unsupported: RefreshOutcome.UNSUPPORTED,
    ConsentRequired: RefreshOutcome.UNSUPPORTED,
    RateLimited: RefreshOutcome.LIMITED,
}
# Of several calls, the first of these is the outcome of the run.
PRECEDENCE: Final = (
    RefreshOutcome.REQUESTED, RefreshOutcome.FAILED, RefreshOutcome.LIMITED, RefreshOutcome.UNSUPPORTED,
    RefreshOutcome.USED_UP,
)  # fmt: skip

Response = TypeVar("Response")


@dataclass(slots=True)
class RefreshRequest:
    """The calls that a run has reserved. ``waited`` is the time that they took."""

    run: SyncRun
    kinds: frozenset[BankRefresh] = frozenset()
    waited: timedelta = timedelta(0)
    errors: dict[BankRefresh, ProviderError | None] = field(default_factory=dict)

    def make_calls(
        self, *, client: ProviderClient, timeouts: SyncTimeouts, token: str, lease: Lease
    ) -> AccountsResponse | None:
        """Make the calls before anything else can fail, and record at once what became of them.

        Returns the accounts with the bank's own balances; ``None`` if that was not reserved, or failed. Raises
        ``LeaseLost``.
        """
        if not self.kinds:
            return None
        if BankRefresh.TRANSACTIONS in self.kinds:
            quick = client.with_timeouts(response=timeouts.response, total=timeouts.total)
            self._call(BankRefresh.TRANSACTIONS, lambda: quick.refresh_transactions(token))
        accounts = self._read_live_accounts(client, token) if BankRefresh.BALANCES in self.kinds else None
        recheck_connection()
        with tenant(self.run.owner_id):
            self._record_results(item=lease.lock_item())
        return accounts

    def _read_live_accounts(self, client: ProviderClient, token: str) -> AccountsResponse | None:
        patient = client.with_timeouts(response=BALANCE_SECONDS, total=BALANCE_SECONDS)
        return self._call(BankRefresh.BALANCES, lambda: patient.get_live_accounts(token))

    def _record_results(self, *, item: Item) -> None:
        """Record what the provider offers, and end the waiting for transactions that it does not fetch."""
        for kind, error in self.errors.items():
            if error is None:
                products.record_product_ready(item=item, product=PRODUCTS[kind])
            elif not isinstance(error, RateLimited):
                products.record_product_error(item=item, product=PRODUCTS[kind], error=error)
        if self.errors.get(BankRefresh.TRANSACTIONS) is not None:
            item.bank_refresh_until = None
            item.save(update_fields=["bank_refresh_until"])

    def _call(self, kind: BankRefresh, call: Callable[[], Response]) -> Response | None:
        began_at, response = time.monotonic(), None
        try:
            response = call()
            self.errors[kind] = None
        except ProviderError as error:
            logger.warning("The bank of Item %s was not asked for %s: %s", self.run.item_id, kind, error)
            self.errors[kind] = error
        self.waited += timedelta(seconds=time.monotonic() - began_at)
        outcomes = [outcome_of(error) for error in self.errors.values()]
        self.run.bank_refresh = next(outcome for outcome in PRECEDENCE if outcome in outcomes)
        return response


def outcome_of(error: ProviderError | None) -> RefreshOutcome:
    """Return what became of a call that raised this error, or none."""
    return RefreshOutcome.REQUESTED if error is None else OUTCOMES.get(type(error), RefreshOutcome.FAILED)


def reserve_refresh(*, lease: Lease, item: Item, run: SyncRun) -> RefreshRequest:
    """Reserve the calls that the user wants, in the open transaction: they then have to be made.

    The request is used up even if the worker dies before the calls: none is paid twice.
    """
    if not item.bank_refresh_requested:
        return RefreshRequest(run)
    current = lease.lock_item()
    plan = plan_refreshes([current])[current.pk]
    kinds = frozenset(kind for kind in plan.kinds if reserve_call(current, kind))
    now = timezone.now()
    current.bank_refresh_requested = False
    if kinds:
        current.bank_refreshes = current.count_bank_refreshes(now) + 1
        current.bank_refreshed_at = now
        current.bank_refresh_until = now + AWAITED_FOR if BankRefresh.TRANSACTIONS in kinds else None
    else:
        run.bank_refresh = RefreshOutcome.USED_UP
    current.save(update_fields=["bank_refresh_requested", "bank_refreshes", "bank_refreshed_at", "bank_refresh_until"])
    return RefreshRequest(run, kinds)


def reserve_call(item: Item, kind: BankRefresh) -> bool:
    """Reserve one paid call; ``False`` if the site has none left today."""
    provider = provider_for(item.provider)
    try:
        reserve_paid_call(provider=provider, endpoint=provider.usage_limits().refresh_endpoints[kind])
    except PaidCallsUsedUp:
        return False
    return True
