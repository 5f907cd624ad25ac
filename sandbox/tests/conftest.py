"""What every test of the sandbox may ask for."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.tests.bureau_driving import Bureau
from sandbox.tests.driving import Driver, Receiver, run


@pytest.fixture(scope="session")
def plaid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """A sandbox whose history is there at once, shared by the tests that leave no traces outside their own Item."""
    yield from run(tmp_path_factory.mktemp("sandbox"), "instant")


@pytest.fixture
def own_plaid(tmp_path: Path) -> Iterator[Driver]:
    """A sandbox of this test's own, whose history is there at once."""
    yield from run(tmp_path, "instant")


@pytest.fixture
def slow_plaid(tmp_path: Path) -> Iterator[Driver]:
    """A sandbox of this test's own, whose history takes a minute of virtual time."""
    yield from run(tmp_path, "real")


@pytest.fixture
def bureau(plaid: Driver) -> Bureau:
    """The bureau of the shared sandbox, as if nobody had asked it anything."""
    plaid.admin("POST", "bureau/reset")
    return Bureau(plaid)


@pytest.fixture
def own_bureau(own_plaid: Driver) -> Bureau:
    """A bureau of this test's own, whose clock it may push."""
    return Bureau(own_plaid)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A site that takes webhooks."""
    site = Receiver()
    thread = threading.Thread(target=site.serve_forever, daemon=True)
    thread.start()
    yield site
    site.shutdown()
    site.server_close()
    thread.join()
