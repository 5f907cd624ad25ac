"""Keep a worker's database connections from one job to the next, as a web process does between requests.

Celery closes them after every job. A new one costs more than connecting: PostgreSQL reads its catalog and plans
everything again. Both made a sync of 500 rows a fifth slower (``bench.syncs.job_overhead``).
"""

from celery import Task
from celery.states import SUCCESS
from django.db import close_old_connections, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.pq import TransactionStatus


def check_connections(*, sender: Task, **_: object) -> None:
    """Before a job: close connections older than ``CONN_MAX_AGE``, and let the others be checked when they are used."""
    if not sender.request.is_eager:
        close_old_connections()


def close_unusable_connections(*, sender: Task, state: str, **_: object) -> None:
    """After a job: close the connections that had an error, and after a failed job all of them.

    Whatever stopped a job may have left a statement unfinished, which Django does not see.
    """
    if sender.request.is_eager:
        return
    for connection in connections.all(initialized_only=True):
        if state == SUCCESS and is_usable(connection):
            connection.close_if_unusable_or_obsolete()
        else:
            connection.close()


def is_usable(connection: BaseDatabaseWrapper) -> bool:
    """Whether the connection is open, in no transaction or statement, and had no error since the last commit."""
    server = connection.connection
    is_idle = server is not None and server.info.transaction_status == TransactionStatus.IDLE
    return is_idle and not connection.errors_occurred
