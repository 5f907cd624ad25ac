"""The Procfile's web process: slow clients block no other client, and processes end and are replaced in time."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from config.tests.processes import has_ended, wait_until
from config.tests.procfile import STOP_SECONDS, Process, run_process, start_process

pytestmark = pytest.mark.django_db(transaction=True)

INCOMPLETE_HEAD = b"POST /policy-reports/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/csp-report\r\n"
INCOMPLETE_BODY = INCOMPLETE_HEAD + b"Content-Length: 400\r\n\r\n{"
SLOW_CLIENTS = 20


@pytest.fixture
def web(transactional_db: None) -> Iterator[Process]:
    with run_process("web") as process:
        yield process


def test_it_responds_while_many_clients_send_slowly(web: Process) -> None:
    with ExitStack() as senders:
        for number in range(SLOW_CLIENTS):
            senders.enter_context(web.connect(INCOMPLETE_HEAD if number % 4 == 0 else INCOMPLETE_BODY))
        assert web.get("/health/live").startswith(b"HTTP/1.1 200 ")
        assert web.get("/accounts/login/").startswith(b"HTTP/1.1 200 ")


def test_it_refuses_an_unknown_charset_of_a_body(web: Process) -> None:
    head = (
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: a/b; charset*=unheard-of''x\r\nContent-Length: 1\r\n\r\n"
    )
    with web.connect(head + b"a") as connection:
        assert connection.recv(12) == b"HTTP/1.1 400"


def test_it_ends_right_after_its_start() -> None:
    with start_process("web") as process:
        process.end()


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="Only Linux lists what a process has loaded.")
def test_it_ends_while_it_loads() -> None:
    with start_process("web") as process:
        maps = Path(f"/proc/{process.process.pid}/maps")
        wait_until(lambda: "psycopg_binary" in maps.read_text())
        process.end()


def test_it_ends_right_after_it_listens(web: Process) -> None:
    assert web.end() == 0


def test_it_ends_while_clients_are_sending(web: Process) -> None:
    with web.connect(INCOMPLETE_HEAD), web.connect(INCOMPLETE_BODY), web.connect():
        web.get("/health/live")
        assert web.end() == 0


def test_it_ends_its_workers_when_it_is_killed(web: Process) -> None:
    wait_until(lambda: len(web.children()) == 2)
    workers = web.children()
    with web.connect(INCOMPLETE_BODY):
        os.kill(web.process.pid, signal.SIGKILL)
        web.process.wait()
        wait_until(lambda: all(has_ended(worker.pid) for worker in workers))


def test_it_replaces_a_worker_while_a_client_sends_slowly() -> None:
    settings = {"WEB_WORKERS": "1", "GUNICORN_CMD_ARGS": "--max-requests 3 --max-requests-jitter 0"}
    with run_process("web", **settings) as web, web.connect(INCOMPLETE_BODY):
        (first,) = web.children()
        for _ in range(3):
            assert web.get("/health/live").startswith(b"HTTP/1.1 200 ")
        psutil.wait_procs([first], timeout=STOP_SECONDS)
        assert has_ended(first.pid)
        assert web.get("/health/live").startswith(b"HTTP/1.1 200 ")
        assert first.pid not in {worker.pid for worker in web.children()}
