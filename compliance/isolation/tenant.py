"""Whose data the running code may touch.

The tenant is a context variable, so it belongs to one thread or task and never to a connection. The database
backend in ``postgresql/`` repeats it to PostgreSQL in every transaction, where row-level security obeys it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.utils import CursorWrapper

SYSTEM = UUID(int=0)
"""The owner of what belongs to no person, such as a sign-in attempt for an unknown address."""

_current: ContextVar[UUID | None] = ContextVar("tenant", default=None)


class NoTenant(RuntimeError):
    """Owned rows were asked for while nobody was bound, or outside the transaction that would bind them."""


class TenantMismatch(RuntimeError):
    """Code that works for one owner tried to work for another."""


def current_tenant() -> UUID | None:
    """The owner whose rows may be touched now, or None."""
    return _current.get()


@contextmanager
def tenant_context(owner: UUID | str | None) -> Iterator[None]:
    """Name the owner without opening a transaction; each transaction begun inside is bound to them.

    Raises ``TenantMismatch`` when another owner is bound already, ``ValueError`` for what is no UUID.
    """
    wanted = None if owner is None else UUID(str(owner))
    bound = _current.get()
    if bound is not None and bound != wanted:
        raise TenantMismatch("Another owner is bound already. Finish their work first.")
    with _switched(wanted):
        yield


@contextmanager
def tenant(owner: UUID | str) -> Iterator[None]:
    """Work on one owner's rows, in a transaction that shows no other rows.

    Raises ``TenantMismatch`` when another owner is bound already, ``ValueError`` for what is no UUID.
    """
    with tenant_context(owner), transaction.atomic():
        yield


def recheck_connection() -> None:
    """Have the next statement look first whether the connection still stands, and open another one if it does not.

    For after a call of somebody else's that took its time: what was learned by it must not be lost to a connection
    that broke meanwhile. Costs one round trip to the database.
    """
    # Django's stubs do not know it.
    connections[DEFAULT_DB_ALIAS].health_check_done = False  # type: ignore[attr-defined]


@contextmanager
def cursor_of(owner: UUID) -> Iterator[CursorWrapper]:
    """Give the current transaction's cursor, bound to ``owner`` whoever is bound outside.

    For the vault and the audit trail only: they keep rows for the subject of an event, who need not be the
    person at the keyboard. Everything else asks ``tenant``, which refuses to change owners.
    """
    with _switched(owner), transaction.atomic(savepoint=False), connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        yield cursor


@contextmanager
def cursor_apart(owner: UUID) -> Iterator[CursorWrapper]:
    """Give a cursor on a connection of its own, bound to ``owner`` and committed at the end.

    For the few rows that have to outlive a rollback of the work that caused them. The connection is opened
    for this purpose and closed again.
    """
    connection = connections[DEFAULT_DB_ALIAS].copy()
    try:
        with _switched(owner):
            connection.set_autocommit(False)
            with connection.cursor() as cursor:
                yield cursor
            connection.commit()
    finally:
        connection.close()


@contextmanager
def _switched(owner: UUID | None) -> Iterator[None]:
    token = _current.set(owner)
    try:
        yield
    finally:
        _current.reset(token)
        _rebind()


def _rebind() -> None:
    # A cursor that was opened before the switch may be used after it and must not find the old binding.
    # Opening any cursor renews it.
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.in_atomic_block and not connection.needs_rollback:
        connection.cursor().close()
