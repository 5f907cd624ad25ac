"""What operators see of a provider: Items against the cap, today's calls against the limits, and what waits."""

from collections.abc import Sequence
from dataclasses import dataclass

from redis.exceptions import RedisError

from banking.limits.call_limits import ParkedScope
from banking.limits.institution_breaker import list_paused_institutions
from banking.provider import Provider, UsageLimits
from banking.usage.call_counts import call_limits_of, count_calls_today
from banking.usage.item_cap import ItemCounts, count_items


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    """Today's calls of an endpoint. ``per_minute`` is the provider's limit for the whole site, if it publishes one."""

    name: str
    calls: int
    per_minute: int | None
    is_paid: bool


@dataclass(frozen=True, slots=True)
class ProviderStatus:
    """The state of one provider in the environment that the site uses. Without Redis the lists are empty."""

    name: str
    environment: str
    limits: UsageLimits
    items: ItemCounts
    is_redis_available: bool
    endpoints: Sequence[EndpointStatus] = ()
    parked: Sequence[ParkedScope] = ()
    paused: Sequence[ParkedScope] = ()

    @property
    def used_places(self) -> int:
        """How many Items count against the cap."""
        return self.items.used_places(counts_removed=self.limits.cap_counts_removed)


def get_provider_status(provider: Provider) -> ProviderStatus:
    """Return the state of a provider for operators."""
    limits, items = provider.usage_limits(), count_items(provider)
    try:
        calls = count_calls_today(provider)
        parked = call_limits_of(provider).list_parked()
        paused = list_paused_institutions(f"{provider.key}:{provider.environment}")
    except RedisError:
        return ProviderStatus(provider.name, provider.environment, limits, items, is_redis_available=False)
    endpoints = [
        EndpointStatus(name, calls.get(name, 0), limits.calls_per_minute.get(name), name in limits.paid_endpoints)
        for name in sorted({*calls, *limits.calls_per_minute})
    ]
    return ProviderStatus(provider.name, provider.environment, limits, items, True, endpoints, parked, paused)
