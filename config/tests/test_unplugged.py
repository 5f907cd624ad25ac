"""PostgreSQL, Redis, a worker or the bank is killed in the middle of an import and started again: that needs nobody.

Web, worker, Celery beat and the sandbox are real processes with services of their own. Beat looks for due Items every
second, and a lease lasts a few seconds; where the site waits longer on purpose, the test moves the stored times.
"""

import json
import os
import re
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
from config.tests.independent_totals import expected_rows
from config.tests.processes import has_ended, wait_until
from config.tests.procfile import Process, start_process
from config.tests.programs import find_free_port
from devservices import ephemeral, redis
from devservices.account import ensure_service_account
from devservices.data_dir import CHECKOUT, DATABASE, DataDir
from devservices.postgres import Cluster

SERVICES = ("postgresql", "redis", "worker", "bank")
TIMEOUT_SECONDS = 120
# An Item of three pages for each service, which is not due yet. The workers for slow banks sync it, because those wait
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
for service in sys.argv[2:]:
    user = User.objects.create_user(f"{service}@example.com", first_name="Alice")
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
    prepared[service] = names
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


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with ExitStack() as stack:
        home, service_urls = stack.enter_context(ephemeral.run_services())
        site = Site(stack, home, service_urls)
        site.start_bank()
        migrate = [sys.executable, "manage.py", "migrate", "--database", "owner", "--verbosity", "0"]
        subprocess.run(migrate, cwd=CHECKOUT, env=site.env, check=True)
        site.start_worker()
        site.start_program("beat", ["-c", BEAT], site.env)
        site.web = stack.enter_context(start_process("web", **site.settings))
        prepare = [sys.executable, "-c", PREPARE, site.bank.url, *SERVICES]
        site.items = json.loads(subprocess.check_output(prepare, cwd=CHECKOUT, env=site.env))
        site.wait_for(site.web.listens)
        yield site


class ItemOfTest:
    """One user's bank at the site, as the database has it."""

    def __init__(self, site: Site, names: dict[str, str]) -> None:
        self.site, self.names = site, names

    def wait(self) -> None:
        """Let the times come for which the site waits."""
        self.site.query(
            "UPDATE banking_item SET next_sync_at = least(next_sync_at, now()), claimed_until = NULL WHERE id = %s",
            self.names["id"],
        )

    def count_runs(self) -> int:
        """The number of syncs that have begun."""
        return int(self.site.query("SELECT count(*) FROM banking_syncrun WHERE item_id = %s", self.names["id"])[0][0])

    def count_failures(self) -> int:
        return int(self.site.query("SELECT failures FROM banking_item WHERE id = %s", self.names["id"])[0][0])

    def agrees(self) -> bool:
        """Whether the site has exactly the rows of the bank's ledger, to the cent."""
        rows = self.site.query(
            "SELECT t.provider_id, t.amount, t.day, t.pending FROM banking_transaction t"
            " JOIN banking_account a ON a.id = t.account_id WHERE a.item_id = %s AND t.removed_at IS NULL",
            self.names["id"],
        )
        ledger = self.site.bank.admin(f"ledger/{self.names['provider_id']}", method="GET")
        return sorted(rows) == sorted(expected_rows(ledger))

    def is_healthy(self) -> bool:
        """Whether the import is complete, nobody holds the Item, and it rests until its next regular sync."""
        [state] = self.site.query(
            "SELECT readiness, connection, failures, error_code, lease_holder, leased_until,"
            " next_sync_at > now() + interval '1 hour' FROM banking_item WHERE id = %s",
            self.names["id"],
        )
        return state == ("historical", "active", 0, "", None, None, True)

    def add_transactions(self) -> None:
        """Add three transactions at the bank."""
        path = f"ledger/{self.names['provider_id']}"
        account = self.site.bank.admin(path, method="GET")["accounts"][0]["account_id"]
        rows = [{"account_id": account, "amount": 9.99, "name": f"NEWS {n}", "date": "2026-11-01"} for n in range(3)]
        self.site.bank.admin(f"items/{self.names['provider_id']}/mutate", {"add": rows})


@contextmanager
def hold_second_page(site: Site, item: ItemOfTest) -> Iterator[None]:
    """Begin the import. In the block, the bank has received the request of the second page and does not respond."""
    match = {"path": "/transactions/sync", "item_id": item.names["provider_id"]}
    site.bank.admin("faults", {"match": match, "action": {"kind": "latency", "ms": 4000}, "nth": 2})
    item.wait()
    site.wait_for(lambda: site.bank.admin("faults", method="GET")["faults"][0]["fired"])
    bank = psutil.Process(site.programs["bank"].process.pid)
    bank.suspend()
    try:
        yield
    finally:
        with suppress(psutil.NoSuchProcess):
            bank.resume()


def is_missed(site: Site, service: str, item: ItemOfTest) -> object:
    """Whether the site has noticed that a service is away, and a retry has failed as well."""
    worker, beat = (site.programs[name].read_output() for name in ("worker", "beat"))
    match service:
        case "postgresql":
            # The sync can store nothing, and the search for due Items fails.
            return "could not be released" in worker and re.search(r"dispatch_due_syncs\[[\w-]+\] raised", worker)
        case "redis":
            # The job ends although the worker has lost the queue, and nothing can be queued.
            ended = re.search(r"Connection to broker lost(?s:.*)sync_item\[[\w-]+\] succeeded", worker)
            return ended and "Cannot connect to" in worker and "SchedulingError" in beat
        case "bank":
            item.wait()
            return item.count_failures() > 1
    return True


@pytest.mark.parametrize("service", SERVICES)
def test_it_completes_an_import_by_itself(site: Site, service: str) -> None:
    item = ItemOfTest(site, site.items[service])
    with hold_second_page(site, item):
        site.kill(service)
    site.wait_for(lambda: is_missed(site, service, item))
    site.start(service)
    site.bank.admin("faults", method="DELETE")
    item.wait()
    site.wait_for(lambda: item.is_healthy() and item.agrees())
    # Also from then on.
    item.add_transactions()
    item.wait()
    site.wait_for(lambda: item.is_healthy() and item.agrees())
    status, page = site.read_page(item.names["cookie"])
    assert (status, "First Platypus Bank" in page) == (200, True)
    assert reverse("reconnect", args=[item.names["id"]]) not in page
