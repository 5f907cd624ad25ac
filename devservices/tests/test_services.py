"""The embedded PostgreSQL and Redis start, keep their data, and stop."""

import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis as redis_client

from config.tests.processes import has_ended, temporary_data_homes, wait_until
from devservices import CannotStart, postgres, redis, supervise
from devservices.account import ensure_service_account
from devservices.data_dir import DataDir, database_url, prepare
from devservices.postgres import Cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """One cluster for all tests of this module, as the first `make run` creates it. The tests hold its lock."""
    with temporary_data_homes() as folder:
        account = ensure_service_account()
        home = prepare(DataDir(folder / "data"), account)
        lock = supervise.hold(home.lock)
        assert lock is not None
        cluster = Cluster(home, password="of the superuser", account=account)
        cluster.create()
        yield cluster
        lock.close()


def query(cluster: Cluster, statement: str, password: str = "") -> object:
    url = database_url(cluster.data_dir.sockets, "postgres", password or cluster.password, "postgres")
    with psycopg.connect(url) as connection:
        row = connection.execute(statement).fetchone()
    assert row is not None
    return row[0]


def test_it_keeps_what_was_committed(cluster: Cluster) -> None:
    server = cluster.start()
    with psycopg.connect(
        database_url(cluster.data_dir.sockets, "postgres", cluster.password, "postgres")
    ) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()
    server = cluster.start()
    assert query(cluster, "SELECT answer FROM kept") == 42
    server.stop()


def test_it_listens_on_a_private_socket_only(cluster: Cluster) -> None:
    server = cluster.start()
    (postmaster,) = psutil.Process(server.process.pid).children()
    assert [c for c in postmaster.net_connections("inet") if c.status == psutil.CONN_LISTEN] == []
    assert stat.S_IMODE(cluster.data_dir.sockets.stat().st_mode) == 0o700
    assert query(cluster, "SHOW fsync") == "on"
    server.stop()


def test_it_requires_the_password(cluster: Cluster) -> None:
    server = cluster.start()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        query(cluster, "SELECT 1", password="another one")
    server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another user")
def test_it_does_not_run_as_root(cluster: Cluster) -> None:
    server = cluster.start()
    (postmaster,) = psutil.Process(server.process.pid).children()
    assert set(postmaster.uids()) == {ensure_service_account().uid}
    assert postmaster.gids().real == ensure_service_account().gid
    server.stop()


def test_it_replaces_a_server_whose_supervisor_was_killed(cluster: Cluster) -> None:
    orphaned = cluster.start()
    (postmaster,) = psutil.Process(orphaned.process.pid).children()
    orphaned.process.kill()
    orphaned.process.wait()
    assert postmaster.is_running()
    server = cluster.start()
    assert has_ended(postmaster.pid)
    assert query(cluster, "SELECT 1") == 1
    server.stop()


def test_it_does_not_stop_another_process_with_the_id_of_a_crashed_server(cluster: Cluster) -> None:
    other = subprocess.Popen(["sleep", "600"])
    (cluster.data / "postmaster.pid").write_text(f"{other.pid}\n{cluster.data}\n")
    server = cluster.start()
    assert other.poll() is None
    assert query(cluster, "SELECT 1") == 1
    server.stop()
    other.kill()
    other.wait()


def test_it_refuses_data_of_another_version(cluster: Cluster) -> None:
    version = (cluster.data / "PG_VERSION").read_text()
    (cluster.data / "PG_VERSION").write_text("16\n")
    with pytest.raises(CannotStart, match="was written by PostgreSQL 16, and this is 18"):
        cluster.start()
    (cluster.data / "PG_VERSION").write_text(version)


def test_it_says_why_it_did_not_start(cluster: Cluster) -> None:
    control = cluster.data / "global" / "pg_control"
    control.rename(control.with_suffix(".away"))
    with pytest.raises(CannotStart, match=r"PostgreSQL did not start: .*pg_control"):
        cluster.start()
    control.with_suffix(".away").rename(control)


def test_it_names_the_disk_that_is_full(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "REQUIRED_BYTES", 1 << 60)
    with pytest.raises(CannotStart, match=rf"The disk of {cluster.data_dir.root} has \d+ MB left; .*PLUMBLINE_HOME"):
        cluster.create()


def test_it_explains_a_disk_that_fills_up_during_initdb() -> None:
    output = 'initdb: error: could not write to file "base/1/2608": No space left on device'
    assert postgres.explain(output).startswith("the disk is full.")


def test_it_keeps_the_snapshot_of_redis(cluster: Cluster) -> None:
    server = redis.start(cluster.data_dir, save=redis.SAVE_EVERY_MINUTE)
    with redis.create_client(server.socket) as client:
        client.set("job", "waiting")
    server.stop()
    server = redis.start(cluster.data_dir, save=redis.SAVE_EVERY_MINUTE)
    with redis.create_client(server.socket) as client:
        assert client.get("job") == b"waiting"
    server.stop()


def test_it_runs_redis_on_a_private_socket_only(cluster: Cluster) -> None:
    server = redis.start(cluster.data_dir, save=redis.SAVE_NEVER)
    (program,) = psutil.Process(server.process.pid).children()
    assert [c for c in program.net_connections("inet") if c.status == psutil.CONN_LISTEN] == []
    assert stat.S_IMODE(server.socket.stat().st_mode) == 0o700
    server.stop()


def test_it_replaces_a_redis_whose_supervisor_was_killed(cluster: Cluster) -> None:
    orphaned = redis.start(cluster.data_dir, save=redis.SAVE_NEVER)
    (program,) = psutil.Process(orphaned.process.pid).children()
    orphaned.process.kill()
    orphaned.process.wait()
    server = redis.start(cluster.data_dir, save=redis.SAVE_NEVER)
    wait_until(lambda: has_ended(program.pid))
    assert redis.is_ready(server.socket)
    server.stop()


def test_it_says_why_redis_did_not_start(cluster: Cluster) -> None:
    with pytest.raises(CannotStart, match=r"Redis did not start: .*no-such-setting"):
        redis.start(cluster.data_dir, save=["--no-such-setting", "1"])


def test_it_knows_that_no_redis_is_running(tmp_path: Path) -> None:
    assert not redis.is_ready(tmp_path / "redis.sock")


def test_it_stops_redis_with_the_signal_of_the_supervisor(cluster: Cluster) -> None:
    server = redis.start(cluster.data_dir, save=redis.SAVE_NEVER)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait() == 0
    with pytest.raises(redis_client.ConnectionError), redis.create_client(server.socket) as client:
        client.ping()
