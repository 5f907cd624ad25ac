"""Django's PostgreSQL backend, which also sets the tenant of each transaction.

The setting is local to the transaction (``set_config(..., true)``), so a connection that goes back to a pool,
PgBouncer's included, has no tenant. Outside a transaction there is no tenant, and row-level security shows no owned row
at all.
"""

from typing import Any, Final
from uuid import UUID

from psycopg.pq import TransactionStatus

from compliance.isolation.tenant import current_tenant
from compliance.timeouts import get_timeouts
from compliance.timeouts.postgresql import base

UNKNOWN: Final = object()
BIND: Final = "SELECT set_config('app.user_id', %s, true)"


def timeout_settings() -> str:
    """Return the SQL that sets the transaction's timeouts in the same statement as its tenant."""
    timeouts = {"statement_timeout": get_timeouts().statement, "lock_timeout": get_timeouts().lock}
    parts = (f", set_config('{name}', '{round(value * 1000)}', true)" for name, value in timeouts.items() if value)
    return "".join(parts)


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection on which each statement of a transaction runs under the current tenant."""

    _tenant: object = UNKNOWN

    def _cursor(self, name: str | None = None) -> Any:
        cursor = super()._cursor(name)  # type: ignore[misc]
        owner = current_tenant()
        if not self.autocommit and self._tenant != owner and not self._has_failed():
            self._set_tenant(owner)
        return cursor

    def _has_failed(self) -> bool:
        # A failed transaction accepts nothing but a rollback.
        return bool(self.connection.info.transaction_status == TransactionStatus.INERROR)

    def _set_tenant(self, owner: UUID | None) -> None:
        # psycopg's own cursor, so that this is neither counted nor logged as a query of the site.
        with self.wrap_database_errors, self.connection.cursor() as cursor:
            cursor.execute(BIND + timeout_settings(), [str(owner or "")])
        self._tenant = owner

    def _set_autocommit(self, autocommit: bool) -> None:
        super()._set_autocommit(autocommit)  # type: ignore[misc]
        self._tenant = UNKNOWN

    def _savepoint_rollback(self, sid: str) -> None:
        super()._savepoint_rollback(sid)  # type: ignore[misc]
        # PostgreSQL restores the value that the setting had when the savepoint was made.
        self._tenant = UNKNOWN
