"""What every test of the sandbox may ask for."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.tests.bureau_client import BureauClient
from sandbox.tests.sandbox_client import SandboxClient, WebhookReceiver, run_sandbox


@pytest.fixture(scope="session")
def plaid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxClient]:
    """A sandbox whose history is there at once, shared by the tests that leave no traces outside their own Item."""
    yield from run_sandbox(tmp_path_factory.mktemp("sandbox"), "instant")


@pytest.fixture
def own_plaid(tmp_path: Path) -> Iterator[SandboxClient]:
    """A sandbox of this test's own, whose history is there at once."""
    yield from run_sandbox(tmp_path, "instant")


@pytest.fixture
def slow_plaid(tmp_path: Path) -> Iterator[SandboxClient]:
    """A sandbox of this test's own, whose history takes a minute of virtual time."""
    yield from run_sandbox(tmp_path, "real")


@pytest.fixture
def bureau(plaid: SandboxClient) -> BureauClient:
    """The bureau of the shared sandbox, as if nobody had asked it anything."""
    plaid.admin("POST", "bureau/reset")
    return BureauClient(plaid)


@pytest.fixture
def own_bureau(own_plaid: SandboxClient) -> BureauClient:
    """A bureau of this test's own, whose clock it may push."""
    return BureauClient(own_plaid)


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    """A site that takes webhooks."""
    site = WebhookReceiver()
    thread = threading.Thread(target=site.serve_forever, daemon=True)
    thread.start()
    yield site
    site.shutdown()
    site.server_close()
    thread.join()
