"""Workers and the clock end when they are asked to, whatever is frozen, and what they had is done by the next one."""

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

SITE = {"EMAIL_URL": "memorymail://", "PLAID_URL": "http://127.0.0.1:1"}
PREPARE = """
import sys
import django
django.setup()
from accounts.models import User
User.objects.create_user("robin@plumbline.example")
"""
QUEUE = """
import sys
import django
django.setup()
from accounts.models import User
from accounts.emails.tasks import send_security_email
facts = {"timestamp": "2026-01-01T00:00:00+00:00", "ip": "", "user_agent": ""}
send_security_email.delay("accounts/email/new_browser", str(User.objects.get().pk), sys.argv[1], facts)
"""


class Mailbox(socketserver.ThreadingTCPServer):
    """A mail server that says nothing more to whoever has begun, until it is told to go on."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.goes_on, self.begun, self.taken = threading.Event(), threading.Event(), set[bytes]()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.server_address[1]}"


class Conversation(socketserver.StreamRequestHandler):
    """One delivery. Each answer of a server that does not go on comes just before the client gives it up."""

    def handle(self) -> None:
        self.say(b"220 here")
        while line := self.rfile.readline():
            if line.upper().startswith(b"RCPT"):
                self.recipient = line.partition(b"<")[2].partition(b">")[0]
            if line.upper().startswith(b"DATA"):
                self.say(b"354 go on")
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
                self.server.taken.add(self.recipient)
            self.say(b"250 done")

    def say(self, words: bytes) -> None:
        self.server.begun.set()
        self.server.goes_on.wait(3)
        self.wfile.write(words + b"\r\n")


@pytest.fixture(scope="module")
def services() -> Iterator[tuple[DataDir, dict[str, str]]]:
    with ephemeral.run_services() as (home, found):
        env = os.environ | found
        manage = [sys.executable, "manage.py", "migrate", "--database", "owner", "--verbosity", "0"]
        subprocess.run(manage, cwd=CHECKOUT, env=env, check=True)
        subprocess.run([sys.executable, "-c", PREPARE], cwd=CHECKOUT, env=env, check=True)
        yield home, found


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def queue(found: dict[str, str]) -> bytes:
    """Queue a mail, and give its recipient."""
    recipient = f"{uuid4().hex}@plumbline.example"
    subprocess.run([sys.executable, "-c", QUEUE, recipient], cwd=CHECKOUT, env=os.environ | found, check=True)
    return recipient.encode()


def is_ready(process: Process) -> bool:
    """Whether a worker takes jobs, or the clock has looked at its times; fails when it has ended instead."""
    assert process.process.poll() is None, process.read_output()
    return " ready." in process.read_output() or "Schedule changed" in process.read_output()


FROZEN = [(), (POSTGRES,), (REDIS,), (POSTGRES, REDIS)]


@pytest.mark.parametrize("programs", FROZEN, ids=["nothing", "postgresql", "redis", "both"])
@pytest.mark.parametrize("name", ["worker", "beat"])
def test_it_ends_in_time(services: tuple[DataDir, dict[str, str]], name: str, programs: tuple[str, ...]) -> None:
    home, found = services
    with start_process(name, **SITE, **found) as process:
        wait_until(lambda: is_ready(process))
        if not programs:
            assert process.end() == 0
            return
        with freeze_programs(home, *programs):
            process.end()
        assert process.children() == []


@pytest.mark.parametrize("moment", range(4))
def test_it_ends_while_the_clock_is_being_set(services: tuple[DataDir, dict[str, str]], moment: int) -> None:
    _, found = services
    with start_process("beat", **SITE, **found) as process:
        wait_until(lambda: "beat: Starting" in process.read_output())
        # Between one statement and the next of what it reads then.
        time.sleep(moment * 0.03)
        assert process.end() == 0


@pytest.mark.parametrize("programs", [(), (POSTGRES,)], ids=["nothing", "postgresql"])
def test_it_gives_a_job_back_that_takes_too_long(
    services: tuple[DataDir, dict[str, str]], mailbox: Mailbox, programs: tuple[str, ...]
) -> None:
    home, found = services
    few = SITE | {"WORKER_CONCURRENCY": "1", "EMAIL_URL": mailbox.url}
    with start_process("worker", **few, **found) as worker:
        wait_until(lambda: is_ready(worker))
        recipient = queue(found)
        assert mailbox.begun.wait(20), worker.read_output()
        if programs:
            with freeze_programs(home, *programs):
                worker.end()
        else:
            worker.end()
    assert mailbox.taken == set()
    mailbox.goes_on.set()
    with start_process("worker", **few, **found) as worker:
        wait_until(lambda: mailbox.taken == {recipient})
