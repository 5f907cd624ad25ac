"""PostgreSQL and Redis start on our data, keep them, and end with us."""

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
from devservices.account import service_account
from devservices.data_dir import DataDir, database_url, prepare
from devservices.postgres import Cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """One cluster for all tests here, as a first `make run` makes it; its lock is held by the test process."""
    with temporary_data_homes() as place:
        account = service_account()
        home = prepare(DataDir(place / "data"), account)
        held = supervise.hold(home.lock)
        assert held is not None
        cluster = Cluster(home, password="of the superuser", account=account)
        cluster.create()
        yield cluster
        held.close()


def ask(cluster: Cluster, question: str, password: str = "") -> object:
    url = database_url(cluster.data_dir.sockets, "postgres", password or cluster.password, "postgres")
    with psycopg.connect(url) as connection:
        row = connection.execute(question).fetchone()
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
    assert ask(cluster, "SELECT answer FROM kept") == 42
    server.stop()


def test_it_listens_on_a_private_socket_only(cluster: Cluster) -> None:
    server = cluster.start()
    (postmaster,) = psutil.Process(server.process.pid).children()
    assert [c for c in postmaster.net_connections("inet") if c.status == psutil.CONN_LISTEN] == []
    assert stat.S_IMODE(cluster.data_dir.sockets.stat().st_mode) == 0o700
    assert ask(cluster, "SHOW fsync") == "on"
    server.stop()


def test_it_asks_for_the_password(cluster: Cluster) -> None:
    server = cluster.start()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        ask(cluster, "SELECT 1", password="another one")
    server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs PostgreSQL as itself")
def test_it_does_not_run_as_root(cluster: Cluster) -> None:
    server = cluster.start()
    (postmaster,) = psutil.Process(server.process.pid).children()
    assert set(postmaster.uids()) == {service_account().uid}
    assert postmaster.gids().real == service_account().gid
    server.stop()


def test_it_takes_over_from_a_server_that_lost_its_leash(cluster: Cluster) -> None:
    orphaned = cluster.start()
    (postmaster,) = psutil.Process(orphaned.process.pid).children()
    orphaned.process.kill()
    orphaned.process.wait()
    assert postmaster.is_running()
    server = cluster.start()
    assert has_ended(postmaster.pid)
    assert ask(cluster, "SELECT 1") == 1
    server.stop()


def test_it_leaves_a_stranger_alone_who_got_the_number_of_a_crashed_server(cluster: Cluster) -> None:
    stranger = subprocess.Popen(["sleep", "600"])
    (cluster.data / "postmaster.pid").write_text(f"{stranger.pid}\n{cluster.data}\n")
    server = cluster.start()
    assert stranger.poll() is None
    assert ask(cluster, "SELECT 1") == 1
    server.stop()
    stranger.kill()
    stranger.wait()


def test_it_refuses_data_of_another_version(cluster: Cluster) -> None:
    written = (cluster.data / "PG_VERSION").read_text()
    (cluster.data / "PG_VERSION").write_text("16\n")
    with pytest.raises(CannotStart, match="was written by PostgreSQL 16, and this is 18"):
        cluster.start()
    (cluster.data / "PG_VERSION").write_text(written)


def test_it_says_why_it_did_not_start(cluster: Cluster) -> None:
    control = cluster.data / "global" / "pg_control"
    control.rename(control.with_suffix(".away"))
    with pytest.raises(CannotStart, match=r"PostgreSQL did not start: .*pg_control"):
        cluster.start()
    control.with_suffix(".away").rename(control)


def test_it_names_the_disk_that_is_full(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "ROOM_NEEDED", 1 << 60)
    with pytest.raises(CannotStart, match=rf"The disk of {cluster.data_dir.root} has \d+ MB left; .*PLUMBLINE_HOME"):
        cluster.create()


def test_it_explains_a_disk_that_fills_up_on_the_way() -> None:
    said = 'initdb: error: could not write to file "base/1/2608": No space left on device'
    assert postgres.explain(said).startswith("the disk is full.")


def test_redis_keeps_its_snapshot(cluster: Cluster) -> None:
    server = redis.start(cluster.data_dir, save=redis.KEPT)
    with redis.client(server.socket) as client:
        client.set("job", "waiting")
    server.stop()
    server = redis.start(cluster.data_dir, save=redis.KEPT)
    with redis.client(server.socket) as client:
        assert client.get("job") == b"waiting"
    server.stop()


def test_redis_listens_on_a_private_socket_only(cluster: Cluster) -> None:
    server = redis.start(cluster.data_dir, save=redis.FORGOTTEN)
    (program,) = psutil.Process(server.process.pid).children()
    assert [c for c in program.net_connections("inet") if c.status == psutil.CONN_LISTEN] == []
    assert stat.S_IMODE(server.socket.stat().st_mode) == 0o700
    server.stop()


def test_redis_takes_over_from_a_server_that_lost_its_leash(cluster: Cluster) -> None:
    orphaned = redis.start(cluster.data_dir, save=redis.FORGOTTEN)
    (program,) = psutil.Process(orphaned.process.pid).children()
    orphaned.process.kill()
    orphaned.process.wait()
    server = redis.start(cluster.data_dir, save=redis.FORGOTTEN)
    wait_until(lambda: has_ended(program.pid))
    assert redis.is_ready(server.socket)
    server.stop()


def test_redis_says_why_it_did_not_start(cluster: Cluster) -> None:
    with pytest.raises(CannotStart, match=r"Redis did not start: .*no-such-setting"):
        redis.start(cluster.data_dir, save=["--no-such-setting", "1"])


def test_redis_that_nobody_runs_does_not_answer(tmp_path: Path) -> None:
    assert not redis.is_ready(tmp_path / "redis.sock")


def test_redis_ends_on_the_signal_that_its_leash_sends(cluster: Cluster) -> None:
    server = redis.start(cluster.data_dir, save=redis.FORGOTTEN)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait() == 0
    with pytest.raises(redis_client.ConnectionError), redis.client(server.socket) as client:
        client.ping()
