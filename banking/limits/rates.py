"""What a rate limit of a provider allows, and who is calling."""

from dataclasses import dataclass, replace
from typing import Final, Self

from banking.provider import Priority

# Providers count in minutes. The second more is for calls that travel for different times.
PERIOD_MICROSECONDS: Final = 61_000_000

# The part of a full bucket that a caller has to leave for callers of a higher priority.
RESERVES: Final = {Priority.PERSON: 0.0, Priority.WEBHOOK: 0.1, Priority.ROUTINE: 0.3}


@dataclass(frozen=True, slots=True)
class Rate:
    """A bucket of ``burst`` tokens, of which a call takes one, and into which one more falls every ``interval``.

    ``interval`` is in microseconds. A rate without an interval has no limit, but can be parked.
    """

    burst: int = 1
    interval: int = 0

    @classmethod
    def per_minute(cls, calls: int, *, burst: int) -> Self:
        """Return the rate that never allows more than ``calls`` in any minute, ``burst`` of them at once."""
        burst = min(max(burst, 1), calls)
        return cls(burst=burst, interval=-(-PERIOD_MICROSECONDS // (calls - burst + 1)))

    @property
    def tolerance(self) -> int:
        """The microseconds by which a full bucket is ahead of an empty one that is about to get a token."""
        return (self.burst - 1) * self.interval

    def divide(self, parts: int) -> Self:
        """Return the share of one of several processes that cannot agree."""
        return type(self)(burst=max(self.burst // parts, 1), interval=self.interval * parts)


UNLIMITED: Final = Rate()


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one endpoint: for the whole client, and for each Item."""

    client: Rate = UNLIMITED
    item: Rate = UNLIMITED


@dataclass(frozen=True, slots=True)
class Caller:
    """For which Item and bank a call is made, and who waits for it.

    ``item_key`` is the Item's primary key; it and ``institution_id`` are empty for a call that concerns no Item.
    """

    item_key: str = ""
    institution_id: str = ""
    priority: Priority = Priority.PERSON


@dataclass(frozen=True, slots=True)
class TokenBucket:
    """The bucket of one scope, by its key, and what a caller of this priority may take from it."""

    key: str
    scope: str
    rate: Rate
    priority: Priority = Priority.PERSON

    @property
    def reserve(self) -> int:
        """The microseconds that the tokens stand for which this caller has to leave."""
        return int(self.rate.burst * RESERVES[self.priority]) * self.rate.interval

    def divide(self, parts: int) -> Self:
        """Return the bucket of one of several processes that cannot agree."""
        return replace(self, rate=self.rate.divide(parts))


@dataclass(frozen=True, slots=True)
class Turn:
    """The answer to a caller: call now, or wait ``wait`` microseconds, because of the limit of ``scope``."""

    wait: int
    scope: str = ""
