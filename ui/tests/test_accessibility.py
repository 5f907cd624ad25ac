"""The check of a page's accessibility itself."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Page

from ui.tests.accessibility import list_violations

pytestmark = pytest.mark.browser

PAGE = b'<!doctype html><html lang="en"><title>Bank</title><main><h1>Bank</h1><img src="data:,"></main></html>'


@pytest.fixture
def rest() -> threading.Event:
    """When it is set, the server sends all of the page; before, its first byte alone."""
    return threading.Event()


@pytest.fixture
def site(rest: threading.Event) -> Iterator[str]:
    """The address of a site with one page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(PAGE[:1])
            self.wfile.flush()
            assert rest.wait(timeout=20)
            self.wfile.write(PAGE[1:])

    with ThreadingHTTPServer(("localhost", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}/"
        rest.set()
        server.shutdown()
        thread.join()


def test_it_waits_for_a_page_that_has_only_begun_to_load(page: Page, site: str, rest: threading.Event) -> None:
    page.goto(site, wait_until="commit")
    threading.Timer(1, rest.set).start()
    assert list_violations(page) == [("image-alt", ['<img src="data:,">'])]
