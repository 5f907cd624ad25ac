"""PostgreSQL and Redis that are there and say nothing: every answer comes soon, and all is well when they go on."""

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

# Of each kind of request so many at once: more than there are threads.
AT_ONCE = 5
LONGEST = 5.0
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


class Answer(NamedTuple):
    """What a request came to, and after how many seconds."""

    path: str
    status: int
    seconds: float


class Site:
    """Web with a PostgreSQL and a Redis of its own, and somebody who is signed in."""

    def __init__(self, web: Process, home: DataDir, facts: dict[str, str]) -> None:
        self.web, self.home, self.facts = web, home, facts

    def send(self, path: str) -> Answer:
        """Ask for a page as the person, or ring the provider's bell. Status 0 is no answer at all."""
        began = time.monotonic()
        with closing(HTTPConnection("127.0.0.1", self.web.port, timeout=TIMEOUT_SECONDS)) as connection:
            try:
                connection.request(*self.words_of(path))
                status = connection.getresponse().status
            except TimeoutError:
                status = 0
        return Answer(path, status, time.monotonic() - began)

    def words_of(self, path: str) -> tuple[str, str, bytes, dict[str, str]]:
        """Method, path, body and headers of a request."""
        if path != WEBHOOK:
            return "GET", path, b"", {"Host": "localhost", "Cookie": self.facts["cookie"]}
        body = make_webhook_body(SimpleNamespace(provider_item_id=self.facts["item"]))
        return "POST", path, body, {"Host": "localhost", "Plaid-Verification": sign(body)}

    def send_all(self, *paths: str) -> list[Answer]:
        """Send several requests of each kind at once."""
        with ThreadPoolExecutor(AT_ONCE * len(paths)) as senders:
            return list(senders.map(self.send, paths * AT_ONCE))


PAGES = ("/overview/", "/transactions/", "/accounts/login/", WEBHOOK, "/health/ready")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with ephemeral.run_services() as (home, found), scripted_server() as plaid:
        env = os.environ | found | {"PLAID_URL": plaid.url}
        plaid.respond_with(http_response({"key": make_public_key(), "request_id": "r"}))
        manage = [sys.executable, "manage.py", "migrate", "--database", "owner", "--verbosity", "0"]
        subprocess.run(manage, cwd=CHECKOUT, env=env, check=True)
        prepared = subprocess.run(
            [sys.executable, "-c", PREPARE], cwd=CHECKOUT, env=env, check=True, capture_output=True
        )
        few = {"WEB_WORKERS": "1", "PLAID_URL": plaid.url, **found}
        with run_process("web", **few) as web:
            yield Site(web, home, json.loads(prepared.stdout))


def late(answers: list[Answer]) -> list[Answer]:
    return [answer for answer in answers if answer.seconds > LONGEST]


def test_it_answers_while_postgresql_is_frozen_and_serves_when_it_is_not(site: Site) -> None:
    assert {answer.status for answer in site.send_all("/overview/", WEBHOOK)} == {200}, site.web.read_output()
    with freeze_programs(site.home, POSTGRES):
        answers = site.send_all("/health/live", *PAGES)
        assert late(answers) == []
        told = {(answer.path, answer.status) for answer in answers}
        assert {status for path, status in told if path == "/health/live"} == {200}
        assert {status for path, status in told if path != "/health/live"} == {503}
    wait_until(lambda: {answer.status for answer in site.send_all("/overview/", WEBHOOK, "/health/ready")} == {200})


def test_it_answers_while_redis_is_frozen(site: Site) -> None:
    with freeze_programs(site.home, REDIS):
        answers = site.send_all("/health/live", *PAGES)
        assert late(answers) == []
        told = {(answer.path, answer.status) for answer in answers}
        assert {("/health/live", 200), ("/overview/", 200), (WEBHOOK, 200), ("/health/ready", 503)} <= told
    wait_until(lambda: site.send("/health/ready").status == 200)
