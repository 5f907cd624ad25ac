"""Calls for which the provider charges: at most as many a day (UTC) as the operator has set.

PostgreSQL counts them, not Redis: a cache that is emptied must not cost money.
"""

from typing import Final

from django.db import connection

from banking.provider import Fault, Provider, ProviderError

RESERVE: Final = """
    INSERT INTO banking_providercallcount AS counted (provider, environment, day, endpoint, reserved)
    SELECT %(provider)s, %(environment)s, (now() AT TIME ZONE 'UTC')::date, %(endpoint)s, 1 WHERE %(cap)s > 0
    ON CONFLICT (provider, environment, day, endpoint) DO UPDATE SET reserved = counted.reserved + 1
    WHERE counted.reserved < %(cap)s
    RETURNING reserved
"""


RESERVED: Final = """
    SELECT reserved FROM banking_providercallcount
    WHERE provider = %s AND environment = %s AND endpoint = %s AND day = (now() AT TIME ZONE 'UTC')::date
"""


class NotPaidEndpoint(ValueError):
    """The provider does not charge for calls of this endpoint."""


class PaidCallsUsedUp(ProviderError):
    """As many paid calls as the operator allows were made today."""

    fault = Fault.OURS

    def __init__(self) -> None:
        super().__init__("PAID_CALLS_USED_UP")


def count_calls_left(*, provider: Provider, endpoint: str) -> int:
    """Return how many calls of a paid endpoint the site may still reserve today."""
    limits = provider.usage_limits()
    with connection.cursor() as cursor:
        cursor.execute(RESERVED, [provider.key, provider.environment, endpoint])
        row = cursor.fetchone()
    return max(limits.paid_calls_per_day - (row[0] if row else 0), 0)


def reserve_paid_call(*, provider: Provider, endpoint: str) -> int:
    """Reserve one paid call, which then has to be made, and return how many were reserved today.

    Raises ``PaidCallsUsedUp``, and ``NotPaidEndpoint`` for an endpoint that is free.
    """
    limits = provider.usage_limits()
    if endpoint not in limits.paid_endpoints:
        raise NotPaidEndpoint(endpoint)
    names = {"provider": provider.key, "environment": provider.environment, "endpoint": endpoint}
    with connection.cursor() as cursor:
        cursor.execute(RESERVE, {**names, "cap": limits.paid_calls_per_day})
        row = cursor.fetchone()
    if row is None:
        raise PaidCallsUsedUp
    return int(row[0])
