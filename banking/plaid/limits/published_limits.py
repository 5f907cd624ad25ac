"""The rate limits that Plaid publishes, in calls per minute: https://plaid.com/docs/errors/rate-limit-exceeded/

A contract can raise them. Then change the numbers here: this site calls no more often than this table says.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from django.conf import settings

from banking.limits.rates import UNLIMITED, Limits, Rate
from banking.provider import BankRefresh

# The parts of a minute's calls that may be made at once. An Item's are large, because the first import of a long
# history needs many pages quickly; the client's are small, because what is not a burst may be made in every minute.
ITEM_BURST, CLIENT_BURST = 1 / 2, 1 / 10


class PublishedLimit(NamedTuple):
    """Calls per minute, for each Item and for the whole client. ``None``: Plaid publishes no limit."""

    item: int | None
    client: int | None


# By the SDK's method, which is the endpoint's path with underscores.
PRODUCTION: Final[Mapping[str, PublishedLimit]] = {
    "transactions_sync": PublishedLimit(50, 2500),
    "transactions_get": PublishedLimit(30, 20_000),
    "transactions_refresh": PublishedLimit(2, 100),
    "transactions_recurring_get": PublishedLimit(20, 1000),
    "accounts_get": PublishedLimit(15, 15_000),
    "accounts_balance_get": PublishedLimit(5, 1200),
    "item_get": PublishedLimit(15, 5000),
    "item_remove": PublishedLimit(30, 2000),
    "liabilities_get": PublishedLimit(15, 1000),
    "investments_holdings_get": PublishedLimit(15, 2000),
    "investments_transactions_get": PublishedLimit(30, 20_000),
    "investments_refresh": PublishedLimit(1, 100),
    "institutions_get": PublishedLimit(None, 50),
    "institutions_get_by_id": PublishedLimit(None, 400),
}
SANDBOX: Final[Mapping[str, PublishedLimit]] = {
    "transactions_sync": PublishedLimit(50, 1000),
    "transactions_get": PublishedLimit(80, 1000),
    "transactions_refresh": PublishedLimit(2, 100),
    "transactions_recurring_get": PublishedLimit(20, 1000),
    "accounts_get": PublishedLimit(100, 5000),
    "accounts_balance_get": PublishedLimit(25, 100),
    "item_get": PublishedLimit(40, 5000),
    "item_remove": PublishedLimit(100, 500),
    "liabilities_get": PublishedLimit(10, 1000),
    "investments_holdings_get": PublishedLimit(100, 1000),
    "investments_transactions_get": PublishedLimit(100, 1000),
    "investments_refresh": PublishedLimit(1, 100),
    "institutions_get": PublishedLimit(None, 10),
    "institutions_get_by_id": PublishedLimit(None, 400),
    "sandbox_transactions_create": PublishedLimit(2, 50),
}
PUBLISHED: Final = {"production": PRODUCTION, "sandbox": SANDBOX, "embedded": SANDBOX}

# Plaid charges for each of these calls.
PAID_ENDPOINTS: Final = frozenset({"accounts_balance_get", "transactions_refresh", "investments_refresh"})
# Those that fetch something from the bank on request.
REFRESH_ENDPOINTS: Final = {
    BankRefresh.TRANSACTIONS: "transactions_refresh",
    BankRefresh.BALANCES: "accounts_balance_get",
}


def limits_of(environment: str) -> Mapping[str, Limits]:
    """Return the limits by endpoint; none in the embedded environment with ``PLAID_EMBEDDED_LIMITS=0``."""
    if environment == "embedded" and not settings.PLAID_EMBEDDED_LIMITS:
        return {}
    return {endpoint: _limits(published) for endpoint, published in PUBLISHED[environment].items()}


def _limits(published: PublishedLimit) -> Limits:
    return Limits(client=_rate(published.client, CLIENT_BURST), item=_rate(published.item, ITEM_BURST))


def _rate(calls: int | None, burst: float) -> Rate:
    return UNLIMITED if calls is None else Rate.per_minute(calls, burst=int(calls * burst))
