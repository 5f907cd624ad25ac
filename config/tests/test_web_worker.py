"""The web worker's loop on a test's socket: slow requests time out, and accepted requests get their response."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from waitress import wasyncore

from config import gunicorn
from config.http import worker
from config.tests.processes import wait_until
from config.tests.procfile import STOP_SECONDS

BODY = b"The whole body."


class WorkerThread:
    """A site that responds once ``may_respond`` is set, behind a worker that runs in a thread."""

    def __init__(self, listener: socket.socket) -> None:
        self.address = listener.getsockname()
        self.has_request, self.may_respond = threading.Event(), threading.Event()
        config = Config()
        config.set("threads", 1)
        self.worker = worker.BufferingWorker(
            1, os.getppid(), [SimpleNamespace(sock=listener)], None, 30, config, logging.getLogger("gunicorn")
        )
        self.worker.wsgi = self.application
        self.thread = threading.Thread(target=self.worker.run)

    def application(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if environ["PATH_INFO"] != "/health/live":
            self.has_request.set()
            self.may_respond.wait()
        start_response("200 OK", [("Content-Length", str(len(BODY)))])
        return [BODY]

    def connect(self, data: bytes) -> socket.socket:
        connection = socket.create_connection(self.address, timeout=20)
        connection.sendall(data)
        return connection

    def connections(self) -> list[worker.TimedConnection]:
        return list(self.worker.servers[0].active_channels.values())

    def stop(self) -> None:
        self.worker.alive = False
        self.worker.servers[0].pull_trigger()

    def close(self) -> None:
        """Release what the end of the worker's process would release."""
        for threads in (self.worker.threads, self.worker.threads.for_health):
            threads.shutdown()
        wasyncore.close_all(self.worker.connections)
        self.worker.tmp.close()


@pytest.fixture
def worker_thread() -> Iterator[WorkerThread]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = WorkerThread(listener)
        running.thread.start()
        wait_until(lambda: getattr(running.worker, "servers", None))
        yield running
        running.may_respond.set()
        running.stop()
        running.thread.join()
        running.close()


def read_all(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


def build_request(path: str = "/") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


@pytest.mark.parametrize(
    "sent", [b"G", b"POST / HTTP/1.1\r\nContent-Le", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nslow"]
)
def test_it_times_out_an_incomplete_request(
    worker_thread: WorkerThread, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(worker, "REQUEST_SECONDS", 0)
    with worker_thread.connect(sent) as slow:
        assert read_all(slow) == worker.TOO_LATE
    assert not worker_thread.has_request.is_set()


def test_it_times_out_a_request_after_twenty_seconds(worker_thread: WorkerThread) -> None:
    with worker_thread.connect(b"P") as slow:
        wait_until(lambda: any(connection.request for connection in worker_thread.connections()))
        (connection,) = worker_thread.connections()
        now = time.monotonic()
        connection.request.began = now
        assert not connection.is_late(now + 19.9)
        connection.request.began -= 20.1
        assert read_all(slow) == worker.TOO_LATE


def test_it_closes_an_idle_connection_after_thirty_seconds(worker_thread: WorkerThread) -> None:
    with worker_thread.connect(b"") as silent:
        wait_until(worker_thread.connections)
        (connection,) = worker_thread.connections()
        connection.last_activity -= 31
        assert read_all(silent) == b""


def test_it_accepts_connections_while_a_hundred_others_are_silent(worker_thread: WorkerThread) -> None:
    with ExitStack() as silent:
        for _ in range(120):
            silent.enter_context(worker_thread.connect(b"P"))
        with worker_thread.connect(build_request("/health/live")) as probe:
            assert probe.recv(12) == b"HTTP/1.1 200"


def test_it_refuses_a_large_body_before_it_is_sent(worker_thread: WorkerThread) -> None:
    with worker_thread.connect(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000001\r\n\r\n") as large:
        assert read_all(large).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "sent",
    [
        b"garbage\r\n\r\n",
        b"GET / HTTP/1.1\r\nno header\r\n\r\n",
        b"GET / HTTP/1.1\r\nUser-Agent: \x01\r\n\r\n",
        b"GET http://[::1/ HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
    ],
)
def test_it_refuses_an_invalid_request_without_an_error_in_the_log(
    worker_thread: WorkerThread, caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    with worker_thread.connect(sent) as connection:
        assert b" 400 Bad Request" in read_all(connection)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_it_keeps_a_thread_for_liveness_probes(worker_thread: WorkerThread) -> None:
    with (
        worker_thread.connect(build_request()),
        worker_thread.connect(b"POST /health/live HTTP/1.1\r\nHost: x\r\n\r\n") as post,
    ):
        assert worker_thread.has_request.wait(20)
        with worker_thread.connect(build_request("/health/live")) as probe:
            assert probe.recv(12) == b"HTTP/1.1 200"
        wait_until(lambda: len(worker_thread.worker.threads.queue) == 1)
        worker_thread.may_respond.set()
        assert post.recv(12) == b"HTTP/1.1 200"


def test_it_responds_to_liveness_probes_while_its_threads_are_busy(worker_thread: WorkerThread) -> None:
    with worker_thread.connect(build_request()), worker_thread.connect(build_request()):
        assert worker_thread.has_request.wait(20)
        with worker_thread.connect(build_request("/health/live")) as probe:
            assert probe.recv(12) == b"HTTP/1.1 200"


def test_it_sends_pending_responses_before_it_ends(worker_thread: WorkerThread) -> None:
    with worker_thread.connect(build_request()) as complete, worker_thread.connect(b"P") as slow:
        wait_until(
            lambda: (
                worker_thread.has_request.is_set()
                and any(connection.request for connection in worker_thread.connections())
            )
        )
        worker_thread.stop()
        assert read_all(slow) == b""
        worker_thread.may_respond.set()
        assert read_all(complete).endswith(BODY)
        worker_thread.thread.join()


def test_it_ends_without_a_response_that_takes_too_long(
    worker_thread: WorkerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "DRAIN_SECONDS", 0.1)
    with worker_thread.connect(build_request()):
        assert worker_thread.has_request.wait(20)
        worker_thread.stop()
        worker_thread.thread.join(20)
        assert not worker_thread.thread.is_alive()


def test_it_orders_the_timeouts_of_a_shutdown() -> None:
    assert worker.DRAIN_SECONDS < gunicorn.graceful_timeout < STOP_SECONDS


def test_it_ends_when_gunicorn_has_ended(worker_thread: WorkerThread) -> None:
    worker_thread.worker.ppid = 1 if os.getppid() != 1 else 2
    worker_thread.thread.join(20)
    assert not worker_thread.thread.is_alive()
