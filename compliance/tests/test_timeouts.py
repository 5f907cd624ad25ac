"""Each kind of process has its own limits for waiting for PostgreSQL."""

import socket
from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest
from django.db import OperationalError, connection, connections, transaction

from compliance import timeouts
from compliance.tests.conftest import default_and_ops
from compliance.timeouts.circuit_breaker import CircuitBreaker
from compliance.timeouts.postgresql import connection as postgresql_connection
from compliance.timeouts.postgresql.base import DatabaseWrapper

pytestmark = default_and_ops

SetTimeouts = Callable[[timeouts.Timeouts], None]


@pytest.fixture(autouse=True)
def set_timeouts(monkeypatch: pytest.MonkeyPatch) -> SetTimeouts:
    """Set the timeouts for one test, with a circuit breaker of its own."""
    monkeypatch.setattr(postgresql_connection, "circuit_breaker", CircuitBreaker(seconds=60))
    monkeypatch.setattr(timeouts, "_timeouts", timeouts.COMMAND)
    return timeouts.set_timeouts


def show_setting(setting: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {setting}")
        return str(cursor.fetchone()[0])


def execute_in_transaction(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_it_limits_transactions_by_the_kind_of_process(
    set_timeouts: SetTimeouts,
) -> None:
    for selected, statement, lock in (
        (timeouts.WEB, "2500ms", "2s"),
        (timeouts.JOB, "1min", "10s"),
        (timeouts.COMMAND, "2min", "30s"),
    ):
        set_timeouts(selected)
        with transaction.atomic():
            assert (show_setting("statement_timeout"), show_setting("lock_timeout")) == (statement, lock)


@pytest.mark.parametrize(
    ("alias", "limits"),
    [
        ("default", ("2min", "30s", "5min", "5s")),
        ("viewer", ("2500ms", "2s", "1min", "5s")),
        ("owner", ("0", "30s", "10min", "0")),
        ("ops", ("0", "30s", "10min", "0")),
    ],
)
def test_it_limits_each_role_in_the_database(alias: str, limits: tuple[str, ...]) -> None:
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    names += ("client_connection_check_interval",)
    with psycopg.connect(**connections[alias].get_connection_params() | {"cursor_factory": psycopg.Cursor}) as plain:
        assert tuple(plain.execute(f"SHOW {name}").fetchone()[0] for name in names) == limits


def test_it_keeps_the_connection_after_a_statement_timeout(set_timeouts: SetTimeouts) -> None:
    set_timeouts(replace(timeouts.WEB, statement=0.05))
    with pytest.raises(OperationalError, match="statement timeout"):
        execute_in_transaction("SELECT pg_sleep(60)")
    assert connection.is_usable()


def test_it_raises_if_a_lock_is_held_too_long(set_timeouts: SetTimeouts) -> None:
    set_timeouts(replace(timeouts.WEB, lock=0.05))
    with psycopg.connect(**connections["default"].get_connection_params()) as session:
        session.execute("SELECT pg_advisory_xact_lock(7)")
        with pytest.raises(OperationalError, match="lock timeout"):
            execute_in_transaction("SELECT pg_advisory_xact_lock(7)")


@pytest.mark.parametrize("alias", ["default", "ops"])
def test_it_raises_and_closes_if_the_server_does_not_respond(set_timeouts: SetTimeouts, alias: str) -> None:
    other_connection = connections[alias].copy()
    with other_connection.cursor() as cursor:
        set_timeouts(replace(timeouts.WEB, response=0.05))
        with pytest.raises(OperationalError, match=r"did not answer for 0\.05 seconds"):
            cursor.execute("SELECT pg_sleep(60)")
    assert other_connection.connection.closed
    other_connection.close()


def test_it_waits_once_for_a_server_that_does_not_respond(set_timeouts: SetTimeouts) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = {"host": "127.0.0.1", "port": server.getsockname()[1], "user": "nobody", "connect_timeout": 2}
        with pytest.raises(psycopg.OperationalError, match="connection timeout expired"):
            postgresql_connection.TimeoutConnection.connect(**address)
        with pytest.raises(psycopg.OperationalError, match="did not answer a moment ago"):
            postgresql_connection.TimeoutConnection.connect(**address)
    set_timeouts(timeouts.WEB)
    with pytest.raises(OperationalError, match="did not answer a moment ago"):
        show_setting("server_version")
    connection.close()


def test_it_connects_again_after_a_while(monkeypatch: pytest.MonkeyPatch, set_timeouts: SetTimeouts) -> None:
    breaker = CircuitBreaker(seconds=0)
    monkeypatch.setattr(postgresql_connection, "circuit_breaker", breaker)
    breaker.open()
    set_timeouts(timeouts.WEB)
    assert show_setting("server_version")


@pytest.mark.parametrize("alias", ["default", "owner", "ops", "viewer"])
def test_it_is_used_by_every_role(alias: str) -> None:
    assert isinstance(connections[alias], DatabaseWrapper)


def test_it_limits_how_long_tcp_waits() -> None:
    parameters = connections["default"].get_connection_params()
    assert (parameters["keepalives_idle"], parameters["tcp_user_timeout"]) == (10, 10_000)


@pytest.mark.parametrize("selected", [timeouts.WEB, timeouts.JOB, timeouts.COMMAND], ids=["web", "job", "command"])
@pytest.mark.parametrize("alias", ["default", "owner", "ops", "viewer"])
def test_it_limits_how_long_connecting_takes(
    set_timeouts: SetTimeouts, selected: timeouts.Timeouts, alias: str
) -> None:
    set_timeouts(selected)
    assert connections[alias].get_connection_params()["connect_timeout"] == selected.connect <= 10


def test_it_prefers_options_of_the_database_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections["default"].settings_dict, "OPTIONS", {"connect_timeout": "7"})
    assert connections["default"].get_connection_params()["connect_timeout"] == "7"
