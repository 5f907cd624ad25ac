"""Django's PostgreSQL backend, on connections that give up on a server that does not answer."""

from typing import Any, Final

from django.db.backends.postgresql import base
from psycopg import IsolationLevel

from compliance.deadlines import chosen
from compliance.deadlines.postgresql.connection import ImpatientConnection

# A host that is gone answers nothing, and TCP would wait for hours. Unix sockets pass over these.
TCP: Final = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that waits no longer than this process may. What the database's URL says comes first."""

    def get_connection_params(self) -> dict[str, Any]:
        return {**TCP, "connect_timeout": chosen().connect, **super().get_connection_params()}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        self.isolation_level = IsolationLevel.READ_COMMITTED
        return ImpatientConnection.connect(**conn_params)
