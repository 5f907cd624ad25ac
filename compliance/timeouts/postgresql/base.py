"""Django's PostgreSQL backend, on connections that time out when the server does not respond."""

from typing import Any, Final

from django.db.backends.postgresql import base
from psycopg import IsolationLevel

from compliance.timeouts import get_timeouts
from compliance.timeouts.postgresql.connection import TimeoutConnection

# A host that is down never responds, and TCP would wait for hours. Unix sockets ignore these.
TCP: Final = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection with the timeouts of this process. Options of the database's URL take precedence."""

    def get_connection_params(self) -> dict[str, Any]:
        return {**TCP, "connect_timeout": get_timeouts().connect, **super().get_connection_params()}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        self.isolation_level = IsolationLevel.READ_COMMITTED
        return TimeoutConnection.connect(**conn_params)
