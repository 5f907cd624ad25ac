"""Embedded PostgreSQL and Redis for development: started, supervised and stopped by us, on unix sockets only.

Used by ``make run``, which keeps their data, and by ``make test``, which deletes it. Production has its own services.
"""


class CannotStart(RuntimeError):
    """The services cannot start. The message says what happened and what to do."""
