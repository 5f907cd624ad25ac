"""Each of the site's programs logs no email address and no password when it fails."""

import os
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import SIGKILL
from urllib.error import HTTPError, URLError
from urllib.request import urlopen
from uuid import uuid4

import pytest

from accounts.emails.tasks import send_security_email
from accounts.models import User
from compliance.queues import Lane
from config.tests.processes import wait_until
from config.tests.programs import WORKER_CODE, build_environment, find_free_port, use_own_queue
from devservices.data_dir import CHECKOUT

pytestmark = pytest.mark.django_db(transaction=True)

EMAIL_ADDRESS = "alice@example.com"
PASSWORD = "canary-hunter2"
UNREACHABLE_REDIS = f"redis://:{PASSWORD}@127.0.0.1:1/0"


class RefusingHandler(socketserver.StreamRequestHandler):
    """A mail server that refuses every recipient and repeats the address in its response."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            is_recipient = line.upper().startswith(b"RCPT")
            response = b"550 no such user: " + line.strip() if is_recipient else b"250 go on"
            self.wfile.write(response + b"\r\n")


@pytest.fixture
def refusing_mail_server() -> Iterator[str]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), RefusingHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"smtp://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


class RunningProgram:
    """A running program and its log."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process, self.log = process, log

    def says(self, *texts: str) -> bool:
        """Wait for one of some texts in the log. Return whether it came before the program ended."""
        wait_until(lambda: any(text in self.read_output() for text in texts) or self.process.poll() is not None)
        return any(text in self.read_output() for text in texts)

    def read_output(self) -> str:
        return self.log.read_text()


@contextmanager
def run_program(command: Sequence[str], **settings: str) -> Iterator[RunningProgram]:
    with tempfile.NamedTemporaryFile(prefix="program-", suffix=".log") as log:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=CHECKOUT,
            env=build_environment() | settings,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield RunningProgram(process, Path(log.name))
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, SIGKILL)
            process.wait()


def list_worker_arguments(queue: str) -> list[str]:
    return ["-c", WORKER_CODE, queue, "--queues", ",".join(lane.queue for lane in Lane)]


def assert_clean(log: str) -> None:
    assert EMAIL_ADDRESS not in log
    assert "alice" not in log
    assert PASSWORD not in log


def test_it_redacts_the_log_of_a_worker(alice: User, refusing_mail_server: str) -> None:
    assert alice.email == EMAIL_ADDRESS
    with (
        use_own_queue(f"redaction-{uuid4().hex}") as queue,
        run_program(list_worker_arguments(queue), EMAIL_URL=refusing_mail_server) as worker,
    ):
        assert worker.says(" ready.")
        context = {"timestamp": "2026-01-01T00:00:00+00:00", "ip": "", "user_agent": f"{EMAIL_ADDRESS} {PASSWORD}"}
        arguments = ["accounts/email/new_browser", str(alice.pk), EMAIL_ADDRESS, context]
        send_security_email.apply_async(arguments, retries=send_security_email.max_retries)
        assert worker.says("raised unexpected")
        assert worker.says("SMTPRecipientsRefused")
        assert worker.says("in send_security_email")
        send_security_email.apply_async(arguments)
        assert worker.says(" retry: ")
        send_security_email.app.send_task("gone", [EMAIL_ADDRESS, PASSWORD])
        assert worker.says("Received unregistered task")
        assert_clean(worker.read_output())


@pytest.mark.parametrize("program", ["worker", "beat"])
def test_it_redacts_the_log_when_redis_is_unavailable(program: str) -> None:
    command = ["-m", "celery", "--app", "config", program, *(["--pidfile="] if program == "beat" else [])]
    if program == "beat":
        command += ["--schedule", "x", "--max-interval", "1"]
    with run_program(command, REDIS_URL=UNREACHABLE_REDIS) as celery:
        assert celery.says("onnect")
        assert celery.says("127.0.0.1:1", "Connection error")
        assert_clean(celery.read_output())


def test_it_redacts_the_error_of_a_management_command() -> None:
    fail = f"import smtplib; raise smtplib.SMTPRecipientsRefused({{'{EMAIL_ADDRESS}': (550, b'{PASSWORD}')}})"
    with run_program(["manage.py", "shell", "-c", fail]) as command:
        assert command.says("smtplib.SMTPRecipientsRefused")
        command.process.wait()
        assert command.process.returncode == 1
        assert "manage.py" in command.read_output()
        assert_clean(command.read_output())


def test_it_redacts_the_log_of_the_web_server() -> None:
    port = find_free_port()
    command = ["-m", "gunicorn", "--config", "python:config.gunicorn", "--bind", f"127.0.0.1:{port}"]
    command += ["--workers", "1", "config.tests.leak_detection:application"]
    with run_program(command, CANARY=EMAIL_ADDRESS) as server:
        wait_until(lambda: get_status(port, "/health/live") == 200 or server.process.poll() is not None)
        assert get_status(port, "/raise") == 500
        assert server.says("In a thread: ")
        assert server.says("Ignored: ")
        assert server.says("Deprecated for <<hidden>>")
        assert server.read_output().count("Failed: smtplib.SMTPDataError") >= 6
        assert_clean(server.read_output())


def get_status(port: int, path: str) -> int:
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as response:
            return int(response.status)
    except HTTPError as error:
        return error.code
    except (URLError, OSError):
        return 0
