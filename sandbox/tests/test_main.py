"""The sandbox as a program on the command line."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3

from sandbox.tests.bureau_client import REPORT, request_body

KEYS = {"SANDBOX_CLIENT_ID": "run-client-id", "SANDBOX_SECRET": "run-secret"}
HEADERS = {"PLAID-CLIENT-ID": "run-client-id", "PLAID-SECRET": "run-secret", "Content-Type": "application/json"}
ROOT = Path(__file__).parents[2]


def environment(**extra: str) -> dict[str, str]:
    known = {name: value for name, value in os.environ.items() if not name.startswith("SANDBOX_")}
    return {**known, **extra}


@contextmanager
def serving(data: Path) -> Iterator[str]:
    """Run the program on a free port until the block ends with SIGTERM; yield its URL once it is ready."""
    command = [sys.executable, "-m", "sandbox", "serve", "--port", "0", "--data", str(data), "--profile", "instant"]
    with subprocess.Popen(command, cwd=ROOT, env=environment(**KEYS), stdout=subprocess.PIPE, text=True) as program:
        try:
            line = program.stdout.readline() if program.stdout else ""
            ready = re.fullmatch(r"sandbox: ready on (http://127\.0\.0\.1:\d+)\n", line)
            assert ready, line
            yield ready[1]
        finally:
            program.send_signal(signal.SIGTERM)
            assert program.wait(timeout=20) == 0


def call(url: str, path: str, **fields: Any) -> dict[str, Any]:
    with urllib3.PoolManager(retries=False) as http:
        response = http.request("POST", url + path, body=json.dumps(fields), headers=HEADERS)
        assert response.status == 200, response.data
        return json.loads(response.data)


def test_it_keeps_items_and_tokens_after_a_restart(tmp_path: Path) -> None:
    fields = {"institution_id": "ins_109508", "initial_products": ["transactions"]}
    with serving(tmp_path) as url:
        public_token = call(url, "/sandbox/public_token/create", **fields)["public_token"]
        unused_token = call(url, "/sandbox/public_token/create", **fields)["public_token"]
        linked = call(url, "/item/public_token/exchange", public_token=public_token)
        page = call(url, "/transactions/sync", access_token=linked["access_token"], count=10)
    with serving(tmp_path) as url:
        assert call(url, "/item/get", access_token=linked["access_token"])["item"]["item_id"] == linked["item_id"]
        assert call(url, "/item/public_token/exchange", public_token=unused_token)["access_token"]
        further = call(
            url, "/transactions/sync", access_token=linked["access_token"], cursor=page["next_cursor"], count=10
        )
    rows = {row["transaction_id"] for row in page["added"]}
    assert len(rows) == len(further["added"]) == 10
    assert not rows & {row["transaction_id"] for row in further["added"]}


def test_it_serves_the_bureau_on_the_same_port(tmp_path: Path) -> None:
    """With credentials in headers that web servers drop, and a token that survives a restart."""
    keys = {"Content-Type": "application/json", "client_id": "run-client-id", "client_secret": "run-secret"}
    user = {"username": "bureau_user", "password": "bureau_pass"}
    with serving(tmp_path) as url, urllib3.PoolManager(retries=False) as http:
        response = http.request("POST", url + "/oauth2/v1/token", body=json.dumps(user), headers=keys)
        assert response.status == 200, response.data
        token = json.loads(response.data)["access_token"]
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "clientReferenceId": "AFTERARESTART",
    }
    with serving(tmp_path) as url, urllib3.PoolManager(retries=False) as http:
        response = http.request("POST", url + REPORT, body=json.dumps(request_body("P02")), headers=headers)
        assert json.loads(response.data)["creditProfile"][0]["riskModel"][0]["score"] == "0641"


def run_command(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sandbox", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment(**extra), capture_output=True, text=True, timeout=60, check=False
    )


def test_it_says_which_keys_are_missing(tmp_path: Path) -> None:
    result = run_command("serve", "--port", "0", "--data", str(tmp_path))
    assert result.returncode == 2
    assert "SANDBOX_CLIENT_ID" in result.stderr


def test_it_prints_its_options() -> None:
    result = run_command("serve", "--help")
    assert result.returncode == 0
    for option in ("--port", "--data", "--smtp-port", "--profile"):
        assert option in result.stdout


@pytest.mark.parametrize("arguments", [(), ("serve",), ("serve", "--port", "0"), ("dance",)])
def test_it_refuses_an_invalid_command_line(arguments: tuple[str, ...]) -> None:
    assert run_command(*arguments, **KEYS).returncode == 2
