"""PostgreSQL and Redis for machines that have neither: started, supervised and stopped by us, on unix sockets only.

Used by ``make run`` (data that stay) and by ``make test`` (data that go). Production brings its own services.
"""


class CannotStart(RuntimeError):
    """Something a person has to put right first. The message says what happened and what to do."""
