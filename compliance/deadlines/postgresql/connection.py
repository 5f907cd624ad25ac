"""A psycopg connection that waits for an answer as long as this process may, and for a silent server only once."""

from typing import Any, Final

import psycopg
from psycopg.errors import ConnectionTimeout, _WaitTimeout

from compliance.deadlines import chosen
from compliance.deadlines.silence import Silence

silence: Final = Silence(seconds=2)


class ImpatientConnection(psycopg.Connection[Any]):
    """Raises ``OperationalError`` instead of waiting too long, and is then closed: nobody knows what became of it."""

    @classmethod
    def connect(cls, *args: Any, **kwargs: Any) -> "ImpatientConnection":  # type: ignore[override]
        """Sign in; at once refused while the server is silent."""
        if silence.is_fresh():
            raise psycopg.OperationalError("PostgreSQL did not answer a moment ago.")
        try:
            return super().connect(*args, **kwargs)  # type: ignore[return-value]
        except ConnectionTimeout:
            silence.begin()
            raise

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Do what ``gen`` does with the server. What names a time of its own, as cancelling does, has it."""
        longest = chosen().answer
        if timeout is not None or longest is None:
            return super().wait(gen, interval, timeout)
        if silence.is_fresh():
            self.pgconn.finish()
            raise psycopg.OperationalError("PostgreSQL did not answer a moment ago.")
        try:
            return super().wait(gen, interval, longest)
        except _WaitTimeout:
            silence.begin()
            self.pgconn.finish()
            raise psycopg.OperationalError(f"PostgreSQL did not answer for {longest:g} seconds.") from None
