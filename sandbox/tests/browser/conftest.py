"""A site that opens Link, and a tab that fails its test when anything goes wrong in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.context import open_context
from sandbox.tests.browser.host import Host, running
from sandbox.tests.browser.tab import Tab


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """A strict site with a sandbox of its own."""
    with running(open_context(tmp_path, client_id="client", secret="secret")) as host:
        yield host


@pytest.fixture
def tab(new_context: Any, host: Host) -> Iterator[Tab]:
    """A browser tab; the test fails if the page logged an error, broke the policy or left the site."""
    context = new_context(viewport={"width": 1280, "height": 900})
    tab = Tab(context.new_page(), host)
    yield tab
    assert tab.problems == []
