"""Recognizes a database that another version of Plumbline made, by its applied migrations."""

from pathlib import Path
from typing import Any, Protocol

import psycopg
from django.apps import apps
from django.conf import settings
from django.db.migrations.loader import MigrationLoader
from psycopg.conninfo import make_conninfo

HAS_HISTORY = "SELECT to_regclass('public.django_migrations') IS NOT NULL"
APPLIED = "SELECT app, name FROM public.django_migrations ORDER BY id"

ADVICE = "Name an empty database in DATABASE_URL, or use the version that made this one."


class Cursor(Protocol):
    """What Django's cursors and psycopg's have in common."""

    def execute(self, query: str, /) -> Any:
        """Send a query."""

    def fetchone(self) -> Any:
        """Return the next row, or None."""

    def fetchall(self) -> Any:
        """Return the rows that are left."""


def find_unknown_migrations(cursor: Cursor) -> list[str]:
    """List the applied migrations of the project's apps that this version does not have, oldest first.

    Other packages may drop migrations that they have squashed, so theirs are not compared.
    """
    cursor.execute(HAS_HISTORY)
    if cursor.fetchone() != (True,):
        return []
    known = MigrationLoader(None).disk_migrations
    own = {config.label for config in apps.get_app_configs() if Path(config.path).parent == settings.BASE_DIR}
    cursor.execute(APPLIED)
    return [f"{app}.{name}" for app, name in cursor.fetchall() if app in own and (app, name) not in known]


def find_unknown_migrations_of(database: str, *, admin_url: str) -> list[str]:
    """Do the same as a superuser. Lists none if the database cannot be reached or does not exist yet."""
    try:
        session = psycopg.connect(make_conninfo(admin_url, dbname=database))
    except psycopg.OperationalError:
        return []
    with session, session.cursor() as cursor:
        return find_unknown_migrations(cursor)


def describe_unknown(database: str, migrations: list[str]) -> str:
    """Return the error message for a database with these unknown migrations."""
    count = "a migration" if len(migrations) == 1 else f"{len(migrations)} migrations"
    return (
        f"The database {database} was made by another version of Plumbline: it has had {count} that this version does "
        f"not have, such as {migrations[0]}. Nothing in it was changed."
    )
