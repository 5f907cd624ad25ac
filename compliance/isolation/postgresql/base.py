"""Django's PostgreSQL backend, which also tells each transaction whose rows it may touch.

The setting is local to the transaction (``set_config(..., true)``): it ends with it, so a connection that
goes back to a pool, PgBouncer's included, carries nobody along. Outside a transaction nobody is bound and
row-level security shows no owned row at all.
"""

from typing import Any, Final
from uuid import UUID

from psycopg.pq import TransactionStatus

from compliance.deadlines import chosen
from compliance.deadlines.postgresql import base
from compliance.isolation.tenant import current_tenant

UNKNOWN: Final = object()
BIND: Final = "SELECT set_config('app.user_id', %s, true)"


def limits() -> str:
    """What a transaction is told, in the same breath, of the time that its statements and its waits for locks have."""
    named = {"statement_timeout": chosen().statement, "lock_timeout": chosen().lock}
    parts = (f", set_config('{name}', '{round(value * 1000)}', true)" for name, value in named.items() if value)
    return "".join(parts)


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection on which no statement of a transaction runs under another tenant than the current one."""

    _bound: object = UNKNOWN

    def _cursor(self, name: str | None = None) -> Any:
        cursor = super()._cursor(name)  # type: ignore[misc]
        owner = current_tenant()
        if not self.autocommit and self._bound != owner and not self._has_failed():
            self._bind(owner)
        return cursor

    def _has_failed(self) -> bool:
        # In a failed transaction nothing but a rollback may run.
        return bool(self.connection.info.transaction_status == TransactionStatus.INERROR)

    def _bind(self, owner: UUID | None) -> None:
        # psycopg's own cursor: this is no query of the site, so it is neither counted nor logged as one.
        with self.wrap_database_errors, self.connection.cursor() as cursor:
            cursor.execute(BIND + limits(), [str(owner or "")])
        self._bound = owner

    def _set_autocommit(self, autocommit: bool) -> None:
        super()._set_autocommit(autocommit)  # type: ignore[misc]
        self._bound = UNKNOWN

    def _savepoint_rollback(self, sid: str) -> None:
        super()._savepoint_rollback(sid)  # type: ignore[misc]
        # The setting is back at what it was when the savepoint was made, whatever that is.
        self._bound = UNKNOWN
