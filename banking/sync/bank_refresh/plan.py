"""Whether "Sync now" asks a bank: by the settings, what the provider offers, and what is left of today's calls."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from django.utils import timezone

from banking.models import Item, ItemProduct, Product
from banking.provider import BankRefresh, UsageLimits
from banking.providers import find_provider, provider_for
from banking.usage.paid_calls import count_calls_left

# The product of an Item that each request needs.
PRODUCTS: Final[Mapping[BankRefresh, Product]] = {
    BankRefresh.TRANSACTIONS: Product.TRANSACTIONS_REFRESH,
    BankRefresh.BALANCES: Product.BALANCE,
}
NOT_OFFERED: Final = (ItemProduct.Status.UNSUPPORTED, ItemProduct.Status.NOT_CONSENTED)
# A contract may include more by then.
RETRY_AFTER: Final = timedelta(days=1)


class RefreshState(StrEnum):
    """Whether the bank is asked, or why not."""

    AVAILABLE = "available"
    OFF = "off"
    UNSUPPORTED = "unsupported"
    USED_UP = "used_up"
    SITE_USED_UP = "site_used_up"


@dataclass(frozen=True, slots=True)
class RefreshPlan:
    """What "Sync now" asks an Item's bank for; ``kinds`` is empty unless it is available.

    ``per_day`` is how often it may in a day (UTC), and ``again_at`` when the next day begins.
    """

    state: RefreshState
    again_at: datetime
    kinds: Sequence[BankRefresh] = ()
    per_day: int = 0


def plan_refreshes(items: Collection[Item]) -> dict[UUID, RefreshPlan]:
    """Plan for Items of one owner, by their ids.

    Where the settings let banks be asked, one query, and one more for each paid endpoint.
    """
    calls_left = count_left(items)
    not_offered = list_not_offered(items) if calls_left else set()
    return {
        item.pk: plan_refresh(
            item, not_offered={product for pk, product in not_offered if pk == item.pk}, calls_left=calls_left
        )
        for item in items
    }


def list_not_offered(items: Collection[Item]) -> set[tuple[UUID, str]]:
    """List the products that the provider refused for an Item within a day, as (Item, product)."""
    rows = ItemProduct.objects.filter(
        item__in=items,
        product__in=PRODUCTS.values(),
        status__in=NOT_OFFERED,
        checked_at__gt=timezone.now() - RETRY_AFTER,
    )
    return set(rows.values_list("item_id", "product"))


def count_left(items: Collection[Item]) -> dict[tuple[str, str], int]:
    """Count the calls that the site may still make today, by provider and endpoint."""
    endpoints = {(item.provider, name) for item in items for name in limits_of(item).refresh_endpoints.values()}
    return {(key, name): count_calls_left(provider=provider_for(key), endpoint=name) for key, name in endpoints}


def plan_refresh(item: Item, *, not_offered: Collection[str], calls_left: Mapping[tuple[str, str], int]) -> RefreshPlan:
    """Plan for one Item, whose products in ``not_offered`` the provider refused."""
    limits, again_at = limits_of(item), next_day(timezone.now())
    offered = [kind for kind in limits.refresh_endpoints if PRODUCTS[kind] not in not_offered]
    if not limits.refresh_endpoints:
        return RefreshPlan(RefreshState.OFF, again_at)
    if not offered:
        return RefreshPlan(RefreshState.UNSUPPORTED, again_at)
    if item.count_bank_refreshes(timezone.now()) >= limits.refreshes_per_day:
        return RefreshPlan(RefreshState.USED_UP, again_at, per_day=limits.refreshes_per_day)
    kinds = [kind for kind in offered if calls_left[item.provider, limits.refresh_endpoints[kind]]]
    state = RefreshState.AVAILABLE if kinds else RefreshState.SITE_USED_UP
    return RefreshPlan(state, again_at, kinds, limits.refreshes_per_day)


def limits_of(item: Item) -> UsageLimits:
    """Return the limits of an Item's provider; none of its calls if the settings no longer list it."""
    provider = find_provider(item.provider)
    return UsageLimits() if provider is None else provider.usage_limits()


def next_day(at: datetime) -> datetime:
    """Return when the next day (UTC) begins."""
    midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + timedelta(days=1)
