"""How long this process waits for PostgreSQL: web processes briefly, tasks longer, commands without a limit.

The database's roles have timeouts of their own (``compliance/isolation/roles.py``), which apply to every session.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Timeouts:
    """Timeouts in seconds. None leaves a timeout to the role, or, for ``response``, waits without one.

    ``response`` is measured in this process, because a frozen server measures no time. It is longer than ``statement``,
    so that a working server ends the statement itself and the connection can be kept.
    """

    connect: int
    lock: float | None
    statement: float | None
    response: float | None


WEB: Final = Timeouts(connect=2, lock=2, statement=2.5, response=3)
JOB: Final = Timeouts(connect=5, lock=10, statement=60, response=70)
COMMAND: Final = Timeouts(connect=10, lock=None, statement=None, response=None)

_timeouts = COMMAND


def set_timeouts(timeouts: Timeouts) -> None:
    """Set the timeouts of this process. Until then they are those of a command."""
    global _timeouts
    _timeouts = timeouts


def get_timeouts() -> Timeouts:
    """Return the timeouts of this process."""
    return _timeouts
