"""Fixtures: a site that opens Link, and a browser tab that fails its test on errors."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.context import open_context
from sandbox.tests.browser.host import Host, run_host
from sandbox.tests.browser.tab import Tab


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """A site with a strict content security policy and its own sandbox."""
    with run_host(open_context(tmp_path, client_id="client", secret="secret")) as host:
        yield host


@pytest.fixture
def tab(new_context: Any, host: Host) -> Iterator[Tab]:
    """A browser tab; the test fails if the page logged an error, broke the policy or left the site."""
    context = new_context(viewport={"width": 1280, "height": 900})
    tab = Tab(context.new_page(), host)
    yield tab
    assert tab.problems == []
