"""How long this process waits for PostgreSQL: web little, jobs longer, commands as long as it takes.

The database's roles have limits of their own (``compliance/isolation/roles.py``), which hold whoever signs in.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Patience:
    """What is waited for at most, in seconds. None leaves it to the role, or, of an answer, to PostgreSQL.

    ``answer`` is measured here, because a server that is frozen keeps no time. It is longer than ``statement``, so
    that a server that lives ends the statement itself and the connection can be kept.
    """

    connect: int
    lock: float | None
    statement: float | None
    answer: float | None


WEB: Final = Patience(connect=2, lock=2, statement=2.5, answer=3)
JOB: Final = Patience(connect=5, lock=10, statement=60, answer=70)
COMMAND: Final = Patience(connect=10, lock=None, statement=None, answer=None)

_chosen = COMMAND


def choose(patience: Patience) -> None:
    """Say what kind of process this is. Until then it is a command."""
    global _chosen
    _chosen = patience


def chosen() -> Patience:
    """What this process waits for at most."""
    return _chosen
