"""Fixtures of the sandbox's tests: running sandboxes, their bureaus, and a webhook receiver."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.tests.bureau_client import BureauClient
from sandbox.tests.sandbox_client import SandboxClient, WebhookReceiver, run_sandbox


@pytest.fixture(scope="session")
def plaid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxClient]:
    """A sandbox that delivers all history at once, shared by the tests that change only their own Item."""
    yield from run_sandbox(tmp_path_factory.mktemp("sandbox"), "instant")


@pytest.fixture
def own_plaid(tmp_path: Path) -> Iterator[SandboxClient]:
    """This test's own sandbox, which delivers all history at once."""
    yield from run_sandbox(tmp_path, "instant")


@pytest.fixture
def slow_plaid(tmp_path: Path) -> Iterator[SandboxClient]:
    """This test's own sandbox, whose history takes a minute of virtual time."""
    yield from run_sandbox(tmp_path, "real")


@pytest.fixture
def bureau(plaid: SandboxClient) -> BureauClient:
    """The bureau of the shared sandbox, after a reset."""
    plaid.admin("POST", "bureau/reset")
    return BureauClient(plaid)


@pytest.fixture
def own_bureau(own_plaid: SandboxClient) -> BureauClient:
    """The bureau of this test's own sandbox, whose clock the test may advance."""
    return BureauClient(own_plaid)


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    receiver = WebhookReceiver()
    thread = threading.Thread(target=receiver.serve_forever, daemon=True)
    thread.start()
    yield receiver
    receiver.shutdown()
    receiver.server_close()
    thread.join()
