"""Workers and beat end in time with any service suspended, and the next worker runs their unfinished tasks."""

import os
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest

from config.tests.frozen_programs import POSTGRES, REDIS, freeze_programs
from config.tests.processes import wait_until
from config.tests.procfile import Process, start_process
from devservices import ephemeral
from devservices.data_dir import CHECKOUT, DataDir

SITE_SETTINGS = {"EMAIL_URL": "memorymail://", "PLAID_URL": "http://127.0.0.1:1"}
PREPARE = """
import sys
import django
django.setup()
from accounts.models import User
User.objects.create_user("robin@plumbline.example")
"""
ENQUEUE = """
import sys
import django
django.setup()
from accounts.models import User
from accounts.emails.tasks import send_security_email
context = {"timestamp": "2026-01-01T00:00:00+00:00", "ip": "", "user_agent": ""}
send_security_email.delay("accounts/email/new_browser", str(User.objects.get().pk), sys.argv[1], context)
"""


class Mailbox(socketserver.ThreadingTCPServer):
    """A mail server that delays each line by three seconds, or until ``goes_on`` is set."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), SmtpSession)
        self.goes_on, self.has_session, self.recipients = threading.Event(), threading.Event(), set[bytes]()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.server_address[1]}"


class SmtpSession(socketserver.StreamRequestHandler):
    """One delivery. A delayed line comes just before the client would give up."""

    def handle(self) -> None:
        self.send(b"220 here")
        while line := self.rfile.readline():
            if line.upper().startswith(b"RCPT"):
                self.recipient = line.partition(b"<")[2].partition(b">")[0]
            if line.upper().startswith(b"DATA"):
                self.send(b"354 go on")
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
                self.server.recipients.add(self.recipient)
            self.send(b"250 done")

    def send(self, line: bytes) -> None:
        self.server.has_session.set()
        self.server.goes_on.wait(3)
        self.wfile.write(line + b"\r\n")


@pytest.fixture(scope="module")
def services() -> Iterator[tuple[DataDir, dict[str, str]]]:
    with ephemeral.run_services() as (home, service_urls):
        env = os.environ | service_urls
        migrate = [sys.executable, "manage.py", "migrate", "--database", "owner", "--verbosity", "0"]
        subprocess.run(migrate, cwd=CHECKOUT, env=env, check=True)
        subprocess.run([sys.executable, "-c", PREPARE], cwd=CHECKOUT, env=env, check=True)
        yield home, service_urls


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def enqueue_mail(service_urls: dict[str, str]) -> bytes:
    """Enqueue a mail, and return its recipient."""
    recipient = f"{uuid4().hex}@plumbline.example"
    subprocess.run([sys.executable, "-c", ENQUEUE, recipient], cwd=CHECKOUT, env=os.environ | service_urls, check=True)
    return recipient.encode()


def is_ready(process: Process) -> bool:
    """Whether a worker accepts tasks, or beat has read its schedule. Fails when it has ended instead."""
    assert process.process.poll() is None, process.read_output()
    return " ready." in process.read_output() or "Schedule changed" in process.read_output()


FROZEN = [(), (POSTGRES,), (REDIS,), (POSTGRES, REDIS)]


@pytest.mark.parametrize("programs", FROZEN, ids=["nothing", "postgresql", "redis", "both"])
@pytest.mark.parametrize("name", ["worker", "beat"])
def test_it_ends_in_time(services: tuple[DataDir, dict[str, str]], name: str, programs: tuple[str, ...]) -> None:
    home, service_urls = services
    with start_process(name, **SITE_SETTINGS, **service_urls) as process:
        wait_until(lambda: is_ready(process))
        if not programs:
            assert process.end() == 0
            return
        with freeze_programs(home, *programs):
            process.end()
        assert process.children() == []


@pytest.mark.parametrize("delay", range(4))
def test_it_ends_while_beat_reads_its_schedule(services: tuple[DataDir, dict[str, str]], delay: int) -> None:
    _, service_urls = services
    with start_process("beat", **SITE_SETTINGS, **service_urls) as process:
        wait_until(lambda: "beat: Starting" in process.read_output())
        # Between two of the statements by which beat reads its schedule.
        time.sleep(delay * 0.03)
        assert process.end() == 0


@pytest.mark.parametrize("programs", [(), (POSTGRES,)], ids=["nothing", "postgresql"])
def test_it_returns_a_slow_task_to_the_queue(
    services: tuple[DataDir, dict[str, str]], mailbox: Mailbox, programs: tuple[str, ...]
) -> None:
    home, service_urls = services
    settings = SITE_SETTINGS | {"WORKER_CONCURRENCY": "1", "EMAIL_URL": mailbox.url}
    with start_process("worker", **settings, **service_urls) as worker:
        wait_until(lambda: is_ready(worker))
        recipient = enqueue_mail(service_urls)
        assert mailbox.has_session.wait(20), worker.read_output()
        if programs:
            with freeze_programs(home, *programs):
                worker.end()
        else:
            worker.end()
    assert mailbox.recipients == set()
    mailbox.goes_on.set()
    with start_process("worker", **settings, **service_urls) as worker:
        wait_until(lambda: mailbox.recipients == {recipient})
