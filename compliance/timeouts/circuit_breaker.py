"""A circuit breaker for a server that does not respond: for some seconds, further calls fail at once."""

import time


class CircuitBreaker:
    """Open for some seconds after a call of this process timed out."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.opened_at: float | None = None

    def open(self) -> None:
        """Record that a call has timed out just now."""
        self.opened_at = time.monotonic()

    def close(self) -> None:
        """Allow calls again."""
        self.opened_at = None

    def is_open(self) -> bool:
        """Return whether calls have to fail at once."""
        return self.opened_at is not None and time.monotonic() - self.opened_at < self.seconds
