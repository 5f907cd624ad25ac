"""A psycopg connection with a timeout for each response, and a circuit breaker for a server that does not respond."""

from typing import Any, Final

import psycopg
from psycopg.errors import ConnectionTimeout, _WaitTimeout

from compliance.timeouts import get_timeouts
from compliance.timeouts.circuit_breaker import CircuitBreaker

circuit_breaker: Final = CircuitBreaker(seconds=2)


class TimeoutConnection(psycopg.Connection[Any]):
    """Raises ``OperationalError`` at a timeout, and is closed then, because its state is unknown."""

    @classmethod
    def connect(cls, *args: Any, **kwargs: Any) -> "TimeoutConnection":  # type: ignore[override]
        """Connect; fails at once while the circuit breaker is open."""
        if circuit_breaker.is_open():
            raise psycopg.OperationalError("PostgreSQL did not answer a moment ago.")
        try:
            return super().connect(*args, **kwargs)  # type: ignore[return-value]
        except ConnectionTimeout:
            circuit_breaker.open()
            raise

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for the server. A caller's own timeout, as when cancelling, takes precedence."""
        response_timeout = get_timeouts().response
        if timeout is not None or response_timeout is None:
            return super().wait(gen, interval, timeout)
        if circuit_breaker.is_open():
            self.pgconn.finish()
            raise psycopg.OperationalError("PostgreSQL did not answer a moment ago.")
        try:
            return super().wait(gen, interval, response_timeout)
        except _WaitTimeout:
            circuit_breaker.open()
            self.pgconn.finish()
            raise psycopg.OperationalError(f"PostgreSQL did not answer for {response_timeout:g} seconds.") from None
