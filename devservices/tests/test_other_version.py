"""`make run` refuses a data directory of another version, says what to do, and changes nothing in it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from compliance.isolation.roles import setup_database
from config.tests.processes import list_processes_below, temporary_data_homes
from devservices import keys, supervise
from devservices.account import ensure_service_account
from devservices.data_dir import CHECKOUT, DATABASE, DataDir, database_url, prepare
from devservices.postgres import Cluster
from devservices.programs import postgres_programs


@contextmanager
def run_postgres(folder: Path) -> Iterator[str]:
    """Start the PostgreSQL of a data directory, created if need be, and yield the superuser's URL."""
    account = ensure_service_account()
    home = prepare(DataDir(folder), account)
    lock = supervise.hold(home.lock)
    assert lock is not None
    password = keys.ensure(home, has_data=Cluster(home).exists())["ADMIN_PASSWORD"]
    cluster = Cluster(home, password=password, account=account)
    if not cluster.exists():
        cluster.create()
    server = cluster.start()
    try:
        yield database_url(home.sockets, "postgres", password, "postgres")
    finally:
        server.stop()
        lock.close()


def dump(url: str) -> str:
    """Dump all databases and roles of the server."""
    login = psycopg.conninfo.conninfo_to_dict(url)
    program = str(postgres_programs(ensure_service_account()) / "pg_dumpall")
    result = subprocess.run(
        [program, "--host", str(login["host"]), "--username", str(login["user"]), "--restrict-key=same"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.defpath, "PGPASSWORD": str(login["password"])},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data directory with a database in which an older version has run a few migrations."""
    with temporary_data_homes() as place:
        folder = place / "data"
        with run_postgres(folder) as url:
            setup_database(admin_url=url, database=DATABASE, logins=[])
            with psycopg.connect(url, dbname=DATABASE) as session:
                session.execute("CREATE TABLE django_migrations (id bigint, app text, name text, applied timestamptz)")
                session.execute("INSERT INTO django_migrations VALUES (1, 'compliance', '0002_audit', now())")
                session.execute("CREATE TABLE banking_item AS SELECT 1 AS id")
        yield folder


def test_it_says_where_the_data_is_and_how_to_start_without_it(folder: Path) -> None:
    with run_postgres(folder) as url:
        before = dump(url)
    keys_before = (folder / "keys.env").read_text()

    run = subprocess.run(
        [sys.executable, "-m", "devservices.launch"],
        cwd=CHECKOUT,
        env={"PATH": os.environ["PATH"], "PLUMBLINE_HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 1
    assert f"The database {DATABASE} was made by another version of Plumbline" in run.stderr
    assert f"The database is in {folder}." in run.stderr
    assert f"set PLUMBLINE_HOME to a new folder, or move {folder} away." in run.stderr
    assert list_processes_below(folder) == []
    with run_postgres(folder) as url:
        assert dump(url) == before
    assert (folder / "keys.env").read_text() == keys_before
