"""Run the sandbox for a test session, with its own data folder."""

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
    """The address of the running sandbox, and calls of its API and its admin endpoints."""

    url: str
    client_id: str = CLIENT_ID
    secret: str = field(default=SECRET, repr=False)

    def admin(self, path: str, body: dict[str, Any] | None = None, *, method: str = "POST") -> dict[str, Any]:
        """Call an admin endpoint: ``admin("faults", {...})`` is POST /_double/faults."""
        return self._call(method, f"/_double/{path}", body, Authorization=f"Bearer {ADMIN_TOKEN}")

    def plaid(self, path: str, **fields: Any) -> dict[str, Any]:
        """Call an endpoint of Plaid's API, such as ``sandbox/item/reset_login``."""
        keys = {"Plaid-Client-Id": self.client_id, "Plaid-Secret": self.secret}
        return self._call("POST", f"/{path}", fields, **keys)

    def public_token(self, *, username: str = "user_good", webhook: str = "") -> str:
        """Link a bank without Link's dialog, and return the public token."""
        options: dict[str, Any] = {"override_username": username, "override_password": "pass_good"}
        options |= {"transactions": {"days_requested": 730}} | ({"webhook": webhook} if webhook else {})
        response = self.plaid(
            "sandbox/public_token/create",
            institution_id="ins_109508",
            initial_products=["transactions"],
            options=options,
        )
        return str(response["public_token"])

    def complete_update(self, link_token: str, *, username: str = "user_good") -> None:
        """Sign in again through the dialog that a link token opens in update mode."""
        session = self._open_dialog(link_token)
        assert self._step("credentials", **session, username=username, password="pass_good")["view"] == "CONNECTED"

    def complete_link(self, link_token: str, *, username: str = "user_good", institution_id: str = "ins_109508") -> str:
        """Sign in through the dialog that a link token opens, share every account, and return the public token."""
        session = self._open_dialog(link_token)
        sign_in = {"institution_id": institution_id, "username": username, "password": "pass_good"}
        accounts = self._step("credentials", **session, **sign_in)["accounts"]
        account_ids = [account["id"] for account in accounts]
        return str(self._step("accounts", **session, account_ids=account_ids)["public_token"])

    def _open_dialog(self, link_token: str) -> dict[str, str]:
        view = self._step("open", link_token=link_token)
        return {"link_token": link_token, "link_session_id": view["link_session_id"]}

    def _step(self, name: str, **body: Any) -> dict[str, Any]:
        view = self._call("POST", f"/link/session/{name}", body)
        assert "error" not in view, view
        return view

    def _call(self, method: str, path: str, body: dict[str, Any] | None, **headers: str) -> dict[str, Any]:
        response = urllib3.request(method, self.url + path, json=body, headers=headers, timeout=30)
        assert response.status == 200, response.data.decode()
        return dict(response.json())


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox that delivers all history at once. Tests share it; each links its own Item."""
    command = [sys.executable, "-m", "sandbox", "serve", "--port", "0", "--profile", "instant"]
    command += ["--data", str(tmp_path_factory.mktemp("sandbox"))]
    keys = {"SANDBOX_CLIENT_ID": CLIENT_ID, "SANDBOX_SECRET": SECRET, "SANDBOX_ADMIN_TOKEN": ADMIN_TOKEN}
    with subprocess.Popen(command, env=os.environ | keys, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            # "sandbox: ready on http://127.0.0.1:40123", or an empty line if it could not start.
            yield Sandbox(url=process.stdout.readline().split()[-1])
        finally:
            process.terminate()
