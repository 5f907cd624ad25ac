"""A site whose PostgreSQL, Redis, worker and bank can be killed and started again, with beat and web processes.

Beat looks for due Items every second, and a lease lasts a few seconds.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
from django.urls import reverse

from banking.tests.sandbox_process import ADMIN_TOKEN, CLIENT_ID, SECRET, Sandbox
from config.tests.frozen_programs import POSTGRES, REDIS, get_name, list_processes
from config.tests.processes import has_ended, wait_until
from config.tests.procfile import Process, start_process
from config.tests.programs import find_free_port
from devservices import ephemeral, redis
from devservices.account import ensure_service_account
from devservices.data_dir import CHECKOUT, DATABASE, DataDir
from devservices.postgres import Cluster

TIMEOUT_SECONDS = 120
# An Item of three pages for each user, which is not due yet. The workers for slow banks sync it, because those wait
# for a response longer than this test holds it back.
PREPARE = """
import json, sys, django
django.setup()
from datetime import timedelta
from django.utils import timezone
from accounts.agreements import required_texts
from accounts.models import User
from banking.linking import data_consent
from banking.linking.exchange import finish_link
from banking.linking.sessions import LinkMetadata, open_link
from banking.models import Item
from banking.providers import DEFAULT_PROVIDER, provider_for
from banking.tests.sandbox_process import Sandbox
from bench.harness.visitors import create_cookies
from compliance.isolation import tenant
bank, prepared = Sandbox(sys.argv[1]), {}
for name in sys.argv[2:]:
    user = User.objects.create_user(f"{name}@example.com", first_name="Alice")
    required_texts.agree(user=user, missing=required_texts.list_missing(user_id=user.pk))
    data_consent.agree(user=user, provider=provider_for(DEFAULT_PROVIDER))
    opened = open_link(user=user)
    item = finish_link(
        user=user,
        session_id=opened.session.pk,
        public_token=bank.complete_link(opened.token.value, username="user_scale_1200"),
        metadata=LinkMetadata("ins_109508", "First Platypus Bank", frozenset()),
    )
    with tenant(user.pk):
        Item.objects.update(is_slow=True, next_sync_at=timezone.now() + timedelta(days=1))
    names = {"id": str(item.pk), "provider_id": item.provider_item_id, "cookie": create_cookies([user])[0]}
    prepared[name] = names
print(json.dumps(prepared))
"""
WORKER = """
import django
django.setup()
from datetime import timedelta
from banking.sync import lease
from config.celery import app
lease.LEASE_DURATION, lease.HEARTBEAT_SECONDS = timedelta(seconds=6), 1.0
app.worker_main(["worker", "--loglevel", "INFO", "--concurrency", "2"])
"""
BEAT = """
from datetime import timedelta
from config.celery import app
app.conf.beat_schedule["sync the Items that are due"]["schedule"] = timedelta(seconds=1)
app.start(["beat", "--loglevel", "INFO", "--pidfile="])
"""


class Program:
    """A program that runs until it is killed, and its output."""

    def __init__(self, arguments: Sequence[str], env: dict[str, str], log: IO[bytes]) -> None:
        self.log = log
        self.process = subprocess.Popen(
            [sys.executable, *arguments], cwd=CHECKOUT, env=env, stdout=log, stderr=log, start_new_session=True
        )

    def read_output(self) -> str:
        return Path(self.log.name).read_text()

    def kill(self) -> None:
        """Kill the program and its child processes with SIGKILL."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Site:
    """The services and programs of this test, each of which can be killed and started again."""

    def __init__(self, stack: ExitStack, home: DataDir, service_urls: dict[str, str]) -> None:
        self.stack, self.home = stack, home
        self.port = find_free_port()
        self.bank = Sandbox(url=f"http://127.0.0.1:{self.port}")
        self.settings = service_urls | {
            "PLAID_URL": self.bank.url,
            "PLAID_CLIENT_ID": CLIENT_ID,
            "PLAID_SECRET": SECRET,
            "PLAID_WEBHOOK_URL": "",
            "WEB_WORKERS": "1",
        }
        self.env = os.environ | self.settings
        self.database_url = urlsplit(service_urls["DATABASE_ADMIN_URL"])._replace(path=f"/{DATABASE}").geturl()
        self.bank_data = stack.enter_context(tempfile.TemporaryDirectory(prefix="sandbox-"))
        self.programs: dict[str, Program] = {}
        self.items: dict[str, dict[str, str]] = {}
        self.web: Process

    def start_bank(self) -> None:
        keys = {"SANDBOX_CLIENT_ID": CLIENT_ID, "SANDBOX_SECRET": SECRET, "SANDBOX_ADMIN_TOKEN": ADMIN_TOKEN}
        options = ["--port", str(self.port), "--profile", "instant", "--data", self.bank_data]
        self.start_program("bank", ["-m", "sandbox", "serve", *options], self.env | keys)
        self.wait_for(lambda: "ready on" in self.programs["bank"].read_output())

    def start_worker(self) -> None:
        self.start_program("worker", ["-c", WORKER], self.env)

    def start_program(self, name: str, arguments: Sequence[str], env: dict[str, str]) -> None:
        file = tempfile.NamedTemporaryFile(prefix=f"{name}-", suffix=".log")  # noqa: SIM115  (until the stack is closed)
        log = self.stack.enter_context(file)
        self.programs[name] = Program(arguments, env, log)
        self.stack.callback(self.programs[name].kill)

    def kill(self, service: str) -> None:
        """Kill a service without warning."""
        if service in self.programs:
            self.programs[service].kill()
            return
        names = (POSTGRES if service == "postgresql" else REDIS).split()
        processes = [process for process in list_processes(self.home.root) if get_name(process) in names]
        assert processes
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.wait_for(lambda: all(has_ended(process.pid) for process in processes))

    def start(self, service: str) -> None:
        """Start a service again. Redis has lost everything then."""
        match service:
            case "postgresql":
                server = Cluster(self.home, durable=False, account=ensure_service_account()).start()
                self.stack.callback(server.stop)
            case "redis":
                self.stack.callback(redis.start(self.home, save=redis.SAVE_NEVER).stop)
            case "worker":
                self.start_worker()
            case "bank":
                self.start_bank()

    def query(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Execute a statement as the superuser, and return its rows."""
        with psycopg.connect(self.database_url) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Wait until a condition is true, and fail with the programs' output if it does not become true."""
        try:
            wait_until(condition, timeout=TIMEOUT_SECONDS)
        except AssertionError:
            outputs = [f"{name}: {program.read_output()[-8000:]}" for name, program in self.programs.items()]
            pytest.fail("\n\n".join(outputs), pytrace=True)

    def read_page(self, cookie: str) -> tuple[int, str]:
        """The status and text of the user's page of accounts."""
        connection = HTTPConnection("127.0.0.1", self.web.port, timeout=TIMEOUT_SECONDS)
        connection.request("GET", reverse("accounts"), headers={"Host": "localhost", "Cookie": cookie})
        response = connection.getresponse()
        page = response.read().decode()
        connection.close()
        return response.status, page


@contextmanager
def run_site(users: Sequence[str]) -> Iterator[Site]:
    """Run the site, with an Item for each of some users that is not due yet."""
    with ExitStack() as stack:
        home, service_urls = stack.enter_context(ephemeral.run_services())
        site = Site(stack, home, service_urls)
        migrate = [sys.executable, "manage.py", "migrate", "--database", "owner", "--verbosity", "0"]
        with subprocess.Popen(migrate, cwd=CHECKOUT, env=site.env) as migrating:
            site.start_bank()
        assert migrating.returncode == 0
        site.start_worker()
        site.start_program("beat", ["-c", BEAT], site.env)
        site.web = stack.enter_context(start_process("web", **site.settings))
        prepare = [sys.executable, "-c", PREPARE, site.bank.url, *users]
        site.items = json.loads(subprocess.check_output(prepare, cwd=CHECKOUT, env=site.env))
        site.wait_for(site.web.listens)
        yield site
