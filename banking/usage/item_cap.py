"""How many Items this site may link, and how many it has."""

from dataclasses import dataclass
from typing import ClassVar

from django.db import connection

from banking.provider import Fault, Provider, ProviderError

COUNT_ITEMS = """
    SELECT linked, removed, failing, stale FROM banking_count_items(%s, %s)
"""
COUNT_LINKED = """
    INSERT INTO banking_linkeditemcount AS counted (provider, environment, linked) VALUES (%s, %s, 1)
    ON CONFLICT (provider, environment) DO UPDATE SET linked = counted.linked + 1
"""
EVER_LINKED = "SELECT linked FROM banking_linkeditemcount WHERE provider = %s AND environment = %s"


class ItemCapReached(ProviderError):
    """This site has linked as many Items as it may."""

    fault: ClassVar = Fault.OURS

    def __init__(self, cap: int) -> None:
        super().__init__("ITEM_CAP_REACHED")
        self.cap = cap


@dataclass(frozen=True, slots=True)
class ItemCounts:
    """The Items of one environment of a provider, of all users.

    ``linked`` are those that the provider still bills or would bill. ``failing`` have failed for 30 days, ``stale``
    are active and a day or more old. ``ever_linked`` includes those that were removed.
    """

    linked: int
    removed: int
    failing: int
    stale: int
    ever_linked: int

    def used_places(self, *, counts_removed: bool) -> int:
        """Return how many count against the cap."""
        return max(self.ever_linked, self.linked + self.removed) if counts_removed else self.linked


def count_items(provider: Provider) -> ItemCounts:
    """Count the Items of the environment that the site uses."""
    names = [provider.key, provider.environment]
    with connection.cursor() as cursor:
        cursor.execute(COUNT_ITEMS, names)
        linked, removed, failing, stale = cursor.fetchone()
        cursor.execute(EVER_LINKED, names)
        ever_linked = cursor.fetchone()
    return ItemCounts(linked, removed, failing, stale, ever_linked[0] if ever_linked else 0)


def require_free_place(provider: Provider) -> None:
    """Raise ``ItemCapReached`` if no more Items may be linked.

    Two people who start at the same moment can both get the last place: then the provider itself refuses one of them.
    """
    limits = provider.usage_limits()
    if not limits.item_cap:
        return
    if count_items(provider).used_places(counts_removed=limits.cap_counts_removed) >= limits.item_cap:
        raise ItemCapReached(limits.item_cap)


def count_linked_item(provider: Provider) -> None:
    """Count a new Item, in the open transaction. A removed one stays counted, even if its row is deleted."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT_LINKED, [provider.key, provider.environment])
