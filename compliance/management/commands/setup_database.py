"""``manage.py setup_database``: roles, database and grants, made by a superuser, repaired on repeat."""

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from compliance.isolation import history, roles

ALIASES = {"default": roles.SITE, "owner": roles.OWNER, "ops": roles.OPERATOR, "viewer": roles.VIEWER}


class Command(BaseCommand):
    """Prepares PostgreSQL for `migrate`."""

    help = "Create the database, its roles and their grants. Needs DATABASE_ADMIN_URL. Safe to repeat."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Only tests empty a database."""
        parser.add_argument("--recreate", action="store_true", help="Empty the database first; for tests only.")
        parser.add_argument("--migrate", action="store_true", help="Migrate in the same process, which is quicker.")

    def handle(self, *args: Any, recreate: bool, migrate: bool, verbosity: int, **options: Any) -> None:
        """Raises ``CommandError`` with what to change when the database cannot be set up."""
        admin_url = os.environ.get("DATABASE_ADMIN_URL")
        if not admin_url:
            raise CommandError("DATABASE_ADMIN_URL is not set. It has to name a superuser of the server.")
        database, logins = _database(), [_login(alias, role) for alias, role in ALIASES.items()]
        if not recreate:
            _check_version(database, admin_url)
        try:
            roles.setup_database(admin_url=admin_url, database=database, logins=logins, recreate=recreate)
        except roles.SetupError as error:
            raise CommandError(str(error)) from error
        if migrate:
            call_command("migrate", database="owner", interactive=False, verbosity=verbosity)
        elif verbosity:
            self.stdout.write(f"The database {database} is ready. Next: manage.py migrate --database owner")


def _check_version(database: str, admin_url: str) -> None:
    if unknown := history.find_unknown_migrations_of(database, admin_url=admin_url):
        text = f"{history.describe_unknown(database, unknown)} {history.ADVICE}"
        raise CommandError(text, returncode=roles.OTHER_VERSION_EXIT_CODE)


def _database() -> str:
    names = {str(connections[alias].settings_dict["NAME"]) for alias in ALIASES}
    if len(names) != 1:
        raise CommandError("DATABASE_URL and the URLs of the other roles have to name one database.")
    return names.pop()


def _login(alias: str, role: str) -> roles.Login:
    entry = connections[alias].settings_dict
    if entry["USER"] != role:
        raise CommandError(f"The database alias {alias!r} has to sign in as {role}, not as {entry['USER']!r}.")
    return roles.Login(role, str(entry["PASSWORD"] or ""))
