"""The sandbox's own time: real time plus an offset that an operator may push forward."""

from datetime import UTC, date, datetime, timedelta

from sandbox.store import Store

OFFSET = "clock.offset_seconds"


class Clock:
    """Virtual time in UTC. It runs at the speed of real time and can be advanced, never turned back."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def now(self) -> datetime:
        """The virtual moment, aware, in UTC."""
        return self.real() + self.offset

    def today(self) -> date:
        """The virtual day in UTC."""
        return self.now().date()

    def real(self) -> datetime:
        """The wall clock. Only signatures need it: a receiver checks them against its own clock."""
        return datetime.now(UTC)

    @property
    def offset(self) -> timedelta:
        """How far virtual time is ahead of real time."""
        return timedelta(seconds=float(self._store.setting(OFFSET, "0")))

    def advance(self, step: timedelta) -> datetime:
        """Push virtual time forward and give the new moment. Raises ValueError for a negative step."""
        if step < timedelta(0):
            raise ValueError("virtual time only moves forward")
        with self._store.transaction():
            self._store.set(OFFSET, repr((self.offset + step).total_seconds()))
        return self.now()


def stamp(moment: datetime) -> str:
    """A moment in the form Plaid sends and the store keeps: ``2026-03-07T12:00:00.000000Z``. Sorts as text."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: str) -> datetime:
    """The moment a ``stamp`` stands for."""
    return datetime.fromisoformat(text)
