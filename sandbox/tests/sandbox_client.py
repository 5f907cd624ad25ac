"""Run a sandbox in this process, a client of its API, and a server that receives its webhooks."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import urllib3
import waitress

from sandbox.app import Application
from sandbox.bank import scheduler
from sandbox.bureau import headers
from sandbox.context import AppContext, open_context
from sandbox.personas import PASSWORD
from sandbox.webhooks.outbox import Sender

CLIENT_ID, SECRET, ADMIN = "test-client-id", "test-secret", "test-admin-token"
TIMEOUT_SECONDS = 20


def wait_for(condition: Callable[[], Any]) -> Any:
    """Call ``condition`` until its result is true, and return it; fail after 20 seconds."""
    end = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < end:
        if result := condition():
            return result
        time.sleep(0.02)
    raise AssertionError("the condition was not met in time")


class SandboxClient:
    """A client of one running sandbox: calls of Plaid's API and of the admin endpoints, and the sandbox's context."""

    def __init__(self, context: AppContext, port: int) -> None:
        self.context = context
        self.url = f"http://127.0.0.1:{port}"
        self.http = urllib3.PoolManager(retries=False, timeout=30)

    def call(self, path: str, body: Any = None, **fields: Any) -> tuple[int, dict[str, Any]]:
        """Call the API with valid keys; return status and body."""
        headers = {
            "Content-Type": "application/json",
            "PLAID-CLIENT-ID": CLIENT_ID,
            "PLAID-SECRET": SECRET,
        }
        sent = json.dumps(fields if body is None else body)
        response = self.http.request("POST", self.url + path, body=sent, headers=headers, redirect=False)
        return response.status, json.loads(response.data)

    def ok(self, path: str, **fields: Any) -> dict[str, Any]:
        """Call the API and return the body; the call must succeed."""
        status, body = self.call(path, **fields)
        assert status == 200, body
        return body

    def expect_error(self, path: str, **fields: Any) -> str:
        """Call the API and return the error code; the call must fail."""
        status, body = self.call(path, **fields)
        assert status >= 400, body
        return body["error_code"]

    def admin(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Call an admin endpoint and return the body; the call must succeed."""
        headers = {"Authorization": f"Bearer {ADMIN}", "Content-Type": "application/json"}
        sent = None if body is None else json.dumps(body)
        response = self.http.request(method, f"{self.url}/_double/{path}", body=sent, headers=headers)
        assert response.status == 200, response.data
        return json.loads(response.data)

    def link(self, username: str = "user_good", password: str = PASSWORD, **options: Any) -> dict[str, str]:
        """Link a persona without a browser; return access_token and item_id."""
        created = self.ok(
            "/sandbox/public_token/create",
            institution_id="ins_109508",
            initial_products=["transactions"],
            options={"override_username": username, "override_password": password, **options},
        )
        return self.ok("/item/public_token/exchange", public_token=created["public_token"])

    def sync(self, access_token: str, cursor: str = "", count: int = 500) -> tuple[dict[str, Any], str]:
        """Sync all pages; return {transaction_id: row}, and the last cursor."""
        rows: dict[str, Any] = {}
        while True:
            page = self.ok("/transactions/sync", access_token=access_token, cursor=cursor, count=count)
            rows |= {row["transaction_id"]: row for row in page["added"] + page["modified"]}
            for gone in page["removed"]:
                rows.pop(gone["transaction_id"], None)
            cursor = page["next_cursor"]
            if not page["has_more"]:
                return rows, cursor

    def ledger(self, item_id: str) -> dict[str, Any]:
        """Return the accounts and transactions that the bank knows."""
        return self.admin("GET", f"ledger/{item_id}")


def run_sandbox(directory: Path, profile: str) -> Iterator[SandboxClient]:
    """Serve a sandbox in a thread while the generator is suspended."""
    context = open_context(directory, client_id=CLIENT_ID, secret=SECRET, admin_token=ADMIN, profile=profile)
    server = waitress.create_server(Application(context), host="127.0.0.1", port=0, threads=8)
    headers.allow_underscores(server)
    serving = threading.Thread(target=serve, args=(server, context.stopping))
    serving.start()
    sender, scheduler_thread = Sender(context), scheduler.start(context)
    sender.start()
    driver = SandboxClient(context, server.effective_port)
    yield driver
    context.stopping.set()
    driver.http.clear()
    for thread in (serving, scheduler_thread, sender):
        thread.join()
    context.store.close()


def serve(server: Any, stopping: threading.Event) -> None:
    """Do what ``server.run`` does until ``stopping`` is set, and close all connections then."""
    while not stopping.is_set():
        server.asyncore.loop(timeout=0.05, map=server._map, count=1)
    server.task_dispatcher.shutdown()
    server.asyncore.close_all(server._map)


class WebhookReceiver(ThreadingHTTPServer):
    """Records every delivery, and responds with the next status of ``statuses``, or 200."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _WebhookHandler)
        self.deliveries: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.url = f"http://127.0.0.1:{self.server_port}/webhook"

    def bodies(self) -> list[dict[str, Any]]:
        """List the received bodies, in order."""
        return [json.loads(body) for _, body in self.deliveries]

    def codes(self) -> list[str]:
        """List the received webhook codes, in order."""
        return [body["webhook_code"] for body in self.bodies()]


class _WebhookHandler(BaseHTTPRequestHandler):
    server: WebhookReceiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.deliveries.append((dict(self.headers), body))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""
