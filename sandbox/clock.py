"""The sandbox's virtual time: real time plus an offset that the operator can advance."""

from datetime import UTC, date, datetime, timedelta

from sandbox.store import Store

OFFSET = "clock.offset_seconds"


class Clock:
    """Virtual time in UTC. It runs at the speed of real time and can be advanced, but not turned back."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def now(self) -> datetime:
        """Return the virtual time, aware, in UTC."""
        return self.real() + self.offset

    def today(self) -> date:
        """Return the virtual date in UTC."""
        return self.now().date()

    def real(self) -> datetime:
        """Return the real time, for signatures and tokens that a client compares with its own clock."""
        return datetime.now(UTC)

    @property
    def offset(self) -> timedelta:
        """The difference between virtual and real time."""
        return timedelta(seconds=float(self._store.setting(OFFSET, "0")))

    def advance(self, step: timedelta) -> datetime:
        """Advance virtual time and return it. Raises ValueError for a negative step."""
        if step < timedelta(0):
            raise ValueError("virtual time only moves forward")
        with self._store.transaction():
            self._store.set(OFFSET, repr((self.offset + step).total_seconds()))
        return self.now()


def stamp(time: datetime) -> str:
    """Format a time as Plaid sends it and the store keeps it: ``2026-03-07T12:00:00.000000Z``. Sorts as text."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_stamp(text: str) -> datetime:
    """Parse what ``stamp`` formats."""
    return datetime.fromisoformat(text)
