"""The worker's own loop, on a socket of the test's: what is too slow is told so, what is owed is given."""

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

ANSWER = b"All there is."


class Stage:
    """A site that answers when it is told to, behind a worker that runs in a thread."""

    def __init__(self, listener: socket.socket) -> None:
        self.place = listener.getsockname()
        self.asked, self.may_answer = threading.Event(), threading.Event()
        config = Config()
        config.set("threads", 1)
        self.worker = worker.BufferingWorker(
            1, os.getppid(), [SimpleNamespace(sock=listener)], None, 30, config, logging.getLogger("gunicorn")
        )
        self.worker.wsgi = self.application
        self.thread = threading.Thread(target=self.worker.run)

    def application(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if environ["PATH_INFO"] != "/health/live":
            self.asked.set()
            self.may_answer.wait()
        start_response("200 OK", [("Content-Length", str(len(ANSWER)))])
        return [ANSWER]

    def connect(self, sends: bytes) -> socket.socket:
        connection = socket.create_connection(self.place, timeout=20)
        connection.sendall(sends)
        return connection

    def connections(self) -> list[worker.TimedConnection]:
        return list(self.worker.servers[0].active_channels.values())

    def stop(self) -> None:
        self.worker.alive = False
        self.worker.servers[0].pull_trigger()

    def close(self) -> None:
        """Do what the end of the worker's process does."""
        for threads in (self.worker.threads, self.worker.threads.for_health):
            threads.shutdown()
        wasyncore.close_all(self.worker.connections)
        self.worker.tmp.close()


@pytest.fixture
def stage() -> Iterator[Stage]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = Stage(listener)
        running.thread.start()
        wait_until(lambda: getattr(running.worker, "servers", None))
        yield running
        running.may_answer.set()
        running.stop()
        running.thread.join()
        running.close()


def all_of(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


def get(path: str = "/") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


@pytest.mark.parametrize(
    "sent", [b"G", b"POST / HTTP/1.1\r\nContent-Le", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nslow"]
)
def test_it_gives_up_a_request_that_does_not_come_to_its_end(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(worker, "REQUEST_SECONDS", 0)
    with stage.connect(sent) as slow:
        assert all_of(slow) == worker.TOO_LATE
    assert not stage.asked.is_set()


def test_it_waits_for_a_request_for_twenty_seconds(stage: Stage) -> None:
    with stage.connect(b"P") as slow:
        wait_until(lambda: any(each.request for each in stage.connections()))
        (connection,) = stage.connections()
        now = time.monotonic()
        connection.request.began = now
        assert not connection.is_late(now + 19.9)
        connection.request.began -= 20.1
        assert all_of(slow) == worker.TOO_LATE


def test_it_keeps_a_connection_on_which_nothing_comes_for_thirty_seconds(stage: Stage) -> None:
    with stage.connect(b"") as silent:
        wait_until(stage.connections)
        (connection,) = stage.connections()
        connection.last_activity -= 31
        assert all_of(silent) == b""


def test_it_takes_connections_behind_a_hundred_that_say_nothing(stage: Stage) -> None:
    with ExitStack() as silent:
        for _ in range(120):
            silent.enter_context(stage.connect(b"P"))
        with stage.connect(get("/health/live")) as probe:
            assert probe.recv(12) == b"HTTP/1.1 200"


def test_it_refuses_a_body_larger_than_any_forms_before_it_is_sent(stage: Stage) -> None:
    with stage.connect(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000001\r\n\r\n") as large:
        assert all_of(large).startswith(b"HTTP/1.1 413 ")


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
def test_it_refuses_what_is_no_request_without_a_word_to_the_operator(
    stage: Stage, caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    with stage.connect(sent) as strange:
        assert b" 400 Bad Request" in all_of(strange)
    assert not [line for line in caplog.records if line.levelno >= logging.ERROR]


def test_it_keeps_its_thread_for_those_who_ask_whether_it_lives(stage: Stage) -> None:
    with stage.connect(get()), stage.connect(b"POST /health/live HTTP/1.1\r\nHost: x\r\n\r\n") as odd:
        assert stage.asked.wait(20)
        with stage.connect(get("/health/live")) as probe:
            assert probe.recv(12) == b"HTTP/1.1 200"
        wait_until(lambda: len(stage.worker.threads.queue) == 1)
        stage.may_answer.set()
        assert odd.recv(12) == b"HTTP/1.1 200"


def test_it_says_that_it_lives_while_its_threads_wait(stage: Stage) -> None:
    with stage.connect(get()), stage.connect(get()):
        assert stage.asked.wait(20)
        with stage.connect(get("/health/live")) as probe:
            assert probe.recv(12) == b"HTTP/1.1 200"


def test_it_gives_the_answer_that_it_owes_before_it_ends(stage: Stage) -> None:
    with stage.connect(get()) as asked, stage.connect(b"P") as slow:
        wait_until(lambda: stage.asked.is_set() and any(each.request for each in stage.connections()))
        stage.stop()
        assert all_of(slow) == b""
        stage.may_answer.set()
        assert all_of(asked).endswith(ANSWER)
        stage.thread.join()


def test_it_ends_without_an_answer_that_never_comes(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "DRAIN_SECONDS", 0.1)
    with stage.connect(get()):
        assert stage.asked.wait(20)
        stage.stop()
        stage.thread.join(20)
        assert not stage.thread.is_alive()


def test_it_is_killed_before_an_operator_gives_up_and_not_before_it_gave_its_answers() -> None:
    assert worker.DRAIN_SECONDS < gunicorn.graceful_timeout < STOP_SECONDS


def test_it_ends_when_gunicorn_is_gone(stage: Stage) -> None:
    stage.worker.ppid = 1 if os.getppid() != 1 else 2
    stage.thread.join(20)
    assert not stage.thread.is_alive()
