"""The sandbox program, running for the tests of one session with a data folder of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import urllib3

CLIENT_ID, SECRET, ADMIN_TOKEN = "sandbox-client", "sandbox-secret", "sandbox-admin"


@dataclass(frozen=True)
class Sandbox:
    """Where the sandbox listens, and how a test steers it."""

    url: str
    client_id: str = CLIENT_ID
    secret: str = field(default=SECRET, repr=False)

    def admin(self, path: str, body: dict[str, Any] | None = None, *, method: str = "POST") -> dict[str, Any]:
        """Use one of the sandbox's own controls: ``admin("faults", {...})`` is POST /_double/faults."""
        return self._call(method, f"/_double/{path}", body, Authorization=f"Bearer {ADMIN_TOKEN}")

    def plaid(self, path: str, **fields: Any) -> dict[str, Any]:
        """Call an endpoint that only tests need, such as ``sandbox/item/reset_login``."""
        keys = {"Plaid-Client-Id": self.client_id, "Plaid-Secret": self.secret}
        return self._call("POST", f"/{path}", fields, **keys)

    def public_token(self, *, username: str = "user_good", webhook: str = "") -> str:
        """Link a bank as a person would, and return what Link hands to the site."""
        options: dict[str, Any] = {"override_username": username, "override_password": "pass_good"}
        options |= {"transactions": {"days_requested": 730}} | ({"webhook": webhook} if webhook else {})
        made = self.plaid(
            "sandbox/public_token/create",
            institution_id="ins_109508",
            initial_products=["transactions"],
            options=options,
        )
        return str(made["public_token"])

    def walk(self, link_token: str, *, username: str = "user_good", institution_id: str = "ins_109508") -> str:
        """Go through the dialog that a link token opens, share every account, and return the public token."""
        session = {"link_token": link_token}
        session["link_session_id"] = self._step("open", **session)["link_session_id"]
        sign_in = {"institution_id": institution_id, "username": username, "password": "pass_good"}
        offered = self._step("credentials", **session, **sign_in)["accounts"]
        return str(self._step("accounts", **session, account_ids=[each["id"] for each in offered])["public_token"])

    def _step(self, name: str, **body: Any) -> dict[str, Any]:
        view = self._call("POST", f"/link/session/{name}", body)
        assert "error" not in view, view
        return view

    def _call(self, method: str, path: str, body: dict[str, Any] | None, **headers: str) -> dict[str, Any]:
        answer = urllib3.request(method, self.url + path, json=body, headers=headers, timeout=30)
        assert answer.status == 200, answer.data.decode()
        return dict(answer.json())


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox whose banks have everything ready at once. Tests share it; each links an Item of its own."""
    command = [sys.executable, "-m", "sandbox", "serve", "--port", "0", "--profile", "instant"]
    command += ["--data", str(tmp_path_factory.mktemp("sandbox"))]
    keys = {"SANDBOX_CLIENT_ID": CLIENT_ID, "SANDBOX_SECRET": SECRET, "SANDBOX_ADMIN_TOKEN": ADMIN_TOKEN}
    with subprocess.Popen(command, env=os.environ | keys, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            # "sandbox: ready on http://127.0.0.1:40123", or nothing if it could not start.
            yield Sandbox(url=process.stdout.readline().split()[-1])
        finally:
            process.terminate()
