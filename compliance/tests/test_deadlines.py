"""No process waits longer for PostgreSQL than its kind may."""

import socket
from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest
from django.db import OperationalError, connection, connections, transaction

from compliance import deadlines
from compliance.deadlines.postgresql import connection as impatient
from compliance.deadlines.postgresql.base import DatabaseWrapper
from compliance.deadlines.silence import Silence
from compliance.tests.conftest import everywhere

pytestmark = everywhere

Choose = Callable[[deadlines.Patience], None]


@pytest.fixture(autouse=True)
def choose(monkeypatch: pytest.MonkeyPatch) -> Choose:
    """Choose how long to wait, for one test; silence is forgotten with it."""
    monkeypatch.setattr(impatient, "silence", Silence(seconds=60))
    monkeypatch.setattr(deadlines, "_chosen", deadlines.COMMAND)
    return deadlines.choose


def shown(setting: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {setting}")
        return str(cursor.fetchone()[0])


def execute_in_transaction(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_it_limits_the_transactions_of_web_and_jobs_and_leaves_commands_to_their_role(choose: Choose) -> None:
    for patience, statement, lock in (
        (deadlines.WEB, "2500ms", "2s"),
        (deadlines.JOB, "1min", "10s"),
        (deadlines.COMMAND, "2min", "30s"),
    ):
        choose(patience)
        with transaction.atomic():
            assert (shown("statement_timeout"), shown("lock_timeout")) == (statement, lock)


@pytest.mark.parametrize(
    ("alias", "limits"),
    [
        ("default", ("2min", "30s", "5min", "5s")),
        ("viewer", ("2500ms", "2s", "1min", "5s")),
        ("owner", ("0", "30s", "10min", "0")),
        ("ops", ("0", "30s", "10min", "0")),
    ],
)
def test_it_limits_each_role_whoever_signs_in(alias: str, limits: tuple[str, ...]) -> None:
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    names += ("client_connection_check_interval",)
    with psycopg.connect(**connections[alias].get_connection_params() | {"cursor_factory": psycopg.Cursor}) as plain:
        assert tuple(plain.execute(f"SHOW {name}").fetchone()[0] for name in names) == limits


def test_it_keeps_a_connection_whose_statement_took_too_long(choose: Choose) -> None:
    choose(replace(deadlines.WEB, statement=0.05))
    with pytest.raises(OperationalError, match="statement timeout"):
        execute_in_transaction("SELECT pg_sleep(60)")
    assert connection.is_usable()


def test_it_waits_for_no_lock_that_somebody_keeps(choose: Choose) -> None:
    choose(replace(deadlines.WEB, lock=0.05))
    with psycopg.connect(**connections["default"].get_connection_params()) as other:
        other.execute("SELECT pg_advisory_xact_lock(7)")
        with pytest.raises(OperationalError, match="lock timeout"):
            execute_in_transaction("SELECT pg_advisory_xact_lock(7)")


@pytest.mark.parametrize("alias", ["default", "ops"])
def test_it_gives_up_a_server_that_says_nothing_and_closes(choose: Choose, alias: str) -> None:
    other = connections[alias].copy()
    with other.cursor() as cursor:
        choose(replace(deadlines.WEB, answer=0.05))
        with pytest.raises(OperationalError, match=r"did not answer for 0\.05 seconds"):
            cursor.execute("SELECT pg_sleep(60)")
    assert other.connection.closed
    other.close()


def test_it_asks_a_silent_server_once(choose: Choose) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = {"host": "127.0.0.1", "port": silent.getsockname()[1], "user": "nobody", "connect_timeout": 2}
        with pytest.raises(psycopg.OperationalError, match="connection timeout expired"):
            impatient.ImpatientConnection.connect(**address)
        with pytest.raises(psycopg.OperationalError, match="did not answer a moment ago"):
            impatient.ImpatientConnection.connect(**address)
    choose(deadlines.WEB)
    with pytest.raises(OperationalError, match="did not answer a moment ago"):
        shown("server_version")
    connection.close()


def test_it_asks_again_when_the_silence_is_old(monkeypatch: pytest.MonkeyPatch, choose: Choose) -> None:
    silence = Silence(seconds=0)
    monkeypatch.setattr(impatient, "silence", silence)
    silence.begin()
    choose(deadlines.WEB)
    assert shown("server_version")


@pytest.mark.parametrize("alias", ["default", "owner", "ops", "viewer"])
def test_it_holds_in_every_role(alias: str) -> None:
    assert isinstance(connections[alias], DatabaseWrapper)


def test_it_gives_tcp_a_limit_of_its_own() -> None:
    parameters = connections["default"].get_connection_params()
    assert (parameters["keepalives_idle"], parameters["tcp_user_timeout"]) == (10, 10_000)


@pytest.mark.parametrize("patience", [deadlines.WEB, deadlines.JOB, deadlines.COMMAND], ids=["web", "job", "command"])
@pytest.mark.parametrize("alias", ["default", "owner", "ops", "viewer"])
def test_it_gives_signing_in_a_limit(choose: Choose, patience: deadlines.Patience, alias: str) -> None:
    choose(patience)
    assert connections[alias].get_connection_params()["connect_timeout"] == patience.connect <= 10


def test_it_lets_what_the_address_says_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections["default"].settings_dict, "OPTIONS", {"connect_timeout": "7"})
    assert connections["default"].get_connection_params()["connect_timeout"] == "7"
