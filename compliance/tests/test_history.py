"""A database of another version of Plumbline is refused and not changed."""

import os
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from django.core.checks import Tags, run_checks
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.db import connections

from compliance.isolation import history
from compliance.isolation.roles import OTHER_VERSION_EXIT_CODE
from devservices.account import ensure_service_account
from devservices.programs import postgres_programs

pytestmark = pytest.mark.django_db(databases=["default", "owner", "ops"])

ADMIN_URL = os.environ.get("DATABASE_ADMIN_URL", "")
UNKNOWN_MIGRATIONS = [("banking", "0003_lean_indexes"), ("compliance", "0002_audit")]


def get_database_name() -> str:
    return str(connections["owner"].settings_dict["NAME"])


@pytest.fixture
def superuser() -> Iterator["psycopg.Connection[Any]"]:
    with psycopg.connect(ADMIN_URL, dbname=get_database_name(), autocommit=True) as session:
        yield session


@pytest.fixture
def _made_by_another_version(superuser: "psycopg.Connection[Any]") -> Iterator[None]:
    """Add migrations to the history that this version does not have."""
    insert = "INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, now()) RETURNING id"
    ids = [superuser.execute(insert, row).fetchone() for row in UNKNOWN_MIGRATIONS]
    yield
    for row in ids:
        superuser.execute("DELETE FROM django_migrations WHERE id = %s", row)


def dump() -> str:
    """Dump the whole database and the server's roles, with their settings and memberships."""
    database_dump = run_program("pg_dump", "--create", get_database_name())
    return database_dump + run_program("pg_dumpall", "--roles-only", "--no-role-passwords")


def run_program(name: str, *options: str) -> str:
    folder = parse_qs(urlsplit(ADMIN_URL).query)["host"][0]
    program = str(postgres_programs(ensure_service_account()) / name)
    process = subprocess.run(
        [program, "--host", folder, "--username", "postgres", "--restrict-key=same", *options],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.defpath},
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def test_it_finds_nothing_in_a_database_of_this_version() -> None:
    assert history.find_unknown_migrations_of(get_database_name(), admin_url=ADMIN_URL) == []
    assert run_checks(tags=[Tags.database], databases=["owner"]) == []


def test_it_finds_nothing_if_there_is_no_database_yet() -> None:
    assert history.find_unknown_migrations_of("not_made_yet", admin_url=ADMIN_URL) == []
    assert history.find_unknown_migrations_of("postgres", admin_url=ADMIN_URL) == []


def test_it_ignores_migrations_of_other_packages(superuser: "psycopg.Connection[Any]") -> None:
    superuser.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('mfa', '0000_squashed', now())")
    try:
        assert history.find_unknown_migrations_of(get_database_name(), admin_url=ADMIN_URL) == []
    finally:
        superuser.execute("DELETE FROM django_migrations WHERE name = '0000_squashed'")


@pytest.mark.usefixtures("_made_by_another_version")
def test_setup_database_refuses_it_and_changes_nothing() -> None:
    before = dump()
    with pytest.raises(CommandError) as error:
        call_command("setup_database", verbosity=0)
    assert error.value.returncode == OTHER_VERSION_EXIT_CODE
    assert f"The database {get_database_name()} was made by another version of Plumbline" in str(error.value)
    assert "2 migrations that this version does not have, such as banking.0003_lean_indexes" in str(error.value)
    assert "Name an empty database in DATABASE_URL, or use the version that made this one." in str(error.value)
    assert dump() == before


@pytest.mark.usefixtures("_made_by_another_version")
def test_migrate_refuses_it_and_changes_nothing() -> None:
    before = dump()
    with pytest.raises(SystemCheckError, match=r"\(plumbline\.E015\) The database .* was made by another version"):
        call_command("migrate", database="owner", verbosity=0, skip_checks=False)
    assert dump() == before


@pytest.mark.usefixtures("_made_by_another_version")
def test_it_names_a_single_unknown_migration(superuser: "psycopg.Connection[Any]") -> None:
    superuser.execute("DELETE FROM django_migrations WHERE name = '0002_audit'")
    (message,) = run_checks(tags=[Tags.database], databases=["owner"])
    assert "it has had a migration that this version does not have, such as banking.0003" in message.msg
    assert message.hint == history.ADVICE
