"""The tenant: the user whose rows the running code may read and write.

The tenant is a context variable, so it belongs to one thread or task and never to a connection. The database backend in
``postgresql/`` passes it to PostgreSQL in every transaction, where the row-level security policies read it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

SYSTEM = UUID(int=0)
"""The owner of rows that belong to no user, such as a sign-in attempt for an unknown address."""

_current: ContextVar[UUID | None] = ContextVar("tenant", default=None)


class NoTenant(RuntimeError):
    """Owned rows were queried without a tenant, or outside a transaction."""


class TenantMismatch(RuntimeError):
    """Code that runs for one tenant tried to switch to another."""


def current_tenant() -> UUID | None:
    """Return the current tenant, or None."""
    return _current.get()


@contextmanager
def tenant_context(owner: UUID | str | None) -> Iterator[None]:
    """Set the tenant without opening a transaction; it applies to each transaction that is opened inside.

    Raises ``TenantMismatch`` when there is another tenant already, ``ValueError`` when ``owner`` is not a UUID.
    """
    new = None if owner is None else UUID(str(owner))
    current = _current.get()
    if current is not None and current != new:
        raise TenantMismatch("There is another tenant already. Finish its work first.")
    with _set_tenant(new):
        yield


@contextmanager
def tenant(owner: UUID | str) -> Iterator[None]:
    """Open a transaction that is limited to one owner's rows.

    Raises ``TenantMismatch`` when there is another tenant already, ``ValueError`` when ``owner`` is not a UUID.
    """
    with tenant_context(owner), transaction.atomic():
        yield


@contextmanager
def without_tenant() -> Iterator[None]:
    """Leave the current tenant, so that ``tenant`` inside can set another one.

    For views that need no sign-in and act for the user whom a link or a webhook names. Somebody else may be signed in
    in that browser, whom ``TenantMiddleware`` has made the tenant. Also a decorator: ``@without_tenant()``.
    """
    with _set_tenant(None):
        yield


def recheck_connection() -> None:
    """Make the next statement check the connection first, and open another one if it is broken.

    Call it after a slow call to a provider, whose result must not be lost because the connection broke meanwhile. Costs
    one round trip to the database.
    """
    # Django's stubs do not know it.
    connections[DEFAULT_DB_ALIAS].health_check_done = False  # type: ignore[attr-defined]


@contextmanager
def tenant_cursor(owner: UUID) -> Iterator[CursorWrapper]:
    """Yield a cursor of the current transaction with ``owner`` as tenant, even inside another tenant.

    For the vault and the audit trail, which write rows of the subject of an event, who is not always the signed-in
    user, and for what the site keeps of a user who is erased. All other code uses ``tenant``, which refuses to switch
    tenants.
    """
    with _set_tenant(owner), transaction.atomic(savepoint=False), connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        yield cursor


@contextmanager
def autonomous_cursor(owner: UUID) -> Iterator[CursorWrapper]:
    """Yield a cursor in an autonomous transaction of ``owner``, on a connection of its own, committed at the end.

    For the few rows that have to survive a rollback of the work that caused them. The connection is opened and closed
    here.
    """
    with open_own_connection() as connection, cursor_of_own_connection(connection, owner) as cursor:
        yield cursor


@contextmanager
def open_own_connection() -> Iterator[BaseDatabaseWrapper]:
    """Open another connection than that of the current transaction, and close it at the end."""
    connection = connections[DEFAULT_DB_ALIAS].copy()
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def cursor_of_own_connection(connection: BaseDatabaseWrapper, owner: UUID) -> Iterator[CursorWrapper]:
    """Yield a cursor in a transaction of ``owner`` on such a connection, committed at the end."""
    with _set_tenant(owner):
        connection.set_autocommit(False)
        with connection.cursor() as cursor:
            yield cursor
        connection.commit()
        # The tenant is set for one transaction, and again when the next one begins.
        connection.set_autocommit(True)


@contextmanager
def _set_tenant(owner: UUID | None) -> Iterator[None]:
    token = _current.set(owner)
    try:
        yield
    finally:
        _current.reset(token)
        _rebind()


def _rebind() -> None:
    # A cursor that was opened before the switch may be used after it and must not run under the old tenant. Opening any
    # cursor sets the tenant in PostgreSQL again.
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.in_atomic_block and not connection.needs_rollback:
        connection.cursor().close()
