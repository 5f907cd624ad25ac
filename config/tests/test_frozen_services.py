"""Suspended PostgreSQL and Redis: every response still comes soon, and the site recovers when they resume."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from banking.tests.scripted_server import http_response, scripted_server
from banking.tests.test_views_webhooks import make_public_key, make_webhook_body, sign
from config.tests.frozen_programs import POSTGRES, REDIS, freeze_programs
from config.tests.processes import wait_until
from config.tests.procfile import Process, run_process
from devservices import ephemeral
from devservices.data_dir import CHECKOUT, DataDir

# Simultaneous requests of each kind, more than there are threads.
AT_ONCE = 5
MAX_SECONDS = 5.0
TIMEOUT_SECONDS = 20
WEBHOOK = "/webhooks/plaid/"
PREPARE = """
import json
from bench.harness import database, visitors
from banking.models import Item
from compliance.isolation import tenant
user = database.create_user("robin@plumbline.example")
with tenant(user.pk):
    item = Item.objects.filter(owner=user).first().provider_item_id
print(json.dumps({"cookie": visitors.create_cookies([user])[0], "item": item}))
"""


class TimedResponse(NamedTuple):
    """The status of a response, 0 if there was none, and the seconds until then."""

    path: str
    status: int
    seconds: float


class Site:
    """A web process with its own PostgreSQL and Redis, and a signed-in user's cookie and Item."""

    def __init__(self, web: Process, home: DataDir, user: dict[str, str]) -> None:
        self.web, self.home, self.user = web, home, user

    def send(self, path: str) -> TimedResponse:
        """Request a page as the user, or send a webhook."""
        started_at = time.monotonic()
        with closing(HTTPConnection("127.0.0.1", self.web.port, timeout=TIMEOUT_SECONDS)) as connection:
            try:
                connection.request(*self.build_request(path))
                status = connection.getresponse().status
            except TimeoutError:
                status = 0
        return TimedResponse(path, status, time.monotonic() - started_at)

    def build_request(self, path: str) -> tuple[str, str, bytes, dict[str, str]]:
        """The method, path, body and headers of a request."""
        if path != WEBHOOK:
            return "GET", path, b"", {"Host": "localhost", "Cookie": self.user["cookie"]}
        body = make_webhook_body(SimpleNamespace(provider_item_id=self.user["item"]))
        return "POST", path, body, {"Host": "localhost", "Plaid-Verification": sign(body)}

    def send_all(self, *paths: str) -> list[TimedResponse]:
        """Send several requests of each kind at once."""
        with ThreadPoolExecutor(AT_ONCE * len(paths)) as senders:
            return list(senders.map(self.send, paths * AT_ONCE))


PAGES = ("/overview/", "/transactions/", "/accounts/login/", WEBHOOK, "/health/ready")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with ephemeral.run_services() as (home, service_urls), scripted_server() as plaid:
        env = os.environ | service_urls | {"PLAID_URL": plaid.url}
        plaid.respond_with(http_response({"key": make_public_key(), "request_id": "r"}))
        migrate = [sys.executable, "manage.py", "migrate", "--database", "owner", "--verbosity", "0"]
        subprocess.run(migrate, cwd=CHECKOUT, env=env, check=True)
        preparation = subprocess.run(
            [sys.executable, "-c", PREPARE], cwd=CHECKOUT, env=env, check=True, capture_output=True
        )
        settings = {"WEB_WORKERS": "1", "PLAID_URL": plaid.url, **service_urls}
        with run_process("web", **settings) as web:
            yield Site(web, home, json.loads(preparation.stdout))


def list_late(responses: list[TimedResponse]) -> list[TimedResponse]:
    return [response for response in responses if response.seconds > MAX_SECONDS]


def test_it_responds_while_postgresql_is_suspended_and_recovers(site: Site) -> None:
    assert {response.status for response in site.send_all("/overview/", WEBHOOK)} == {200}, site.web.read_output()
    with freeze_programs(site.home, POSTGRES):
        responses = site.send_all("/health/live", *PAGES)
        assert list_late(responses) == []
        statuses = {(response.path, response.status) for response in responses}
        assert {status for path, status in statuses if path == "/health/live"} == {200}
        assert {status for path, status in statuses if path != "/health/live"} == {503}
    wait_until(lambda: {response.status for response in site.send_all("/overview/", WEBHOOK, "/health/ready")} == {200})


def test_it_responds_while_redis_is_suspended_and_recovers(site: Site) -> None:
    with freeze_programs(site.home, REDIS):
        responses = site.send_all("/health/live", *PAGES)
        assert list_late(responses) == []
        statuses = {(response.path, response.status) for response in responses}
        assert {("/health/live", 200), ("/overview/", 200), (WEBHOOK, 200), ("/health/ready", 503)} <= statuses
    wait_until(lambda: site.send("/health/ready").status == 200)
