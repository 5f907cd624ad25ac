"""What a browser loads on a first visit, with an empty cache: bytes on the wire, requests, elements.

Chromium counts them. It accepts Brotli from localhost as it does over TLS, so static files are compressed as in a
deployment.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from bench.harness import database, visitors
from bench.harness.rounds import Goal, goal_at_most, print_result
from bench.harness.servers import SITE, collect_static_files, serve

CHROMIUM = os.environ.get("BROWSER_PATH") or shutil.which("chromium") or shutil.which("google-chrome")
OWN_SCRIPTS = "/static/js/"
PUBLIC_PAGES = {"landing": "/", "sign_in": "/accounts/login/"}
USER_PAGES = {"overview": "/overview/", "transactions": "/transactions/", "accounts": "/bank-accounts/"}
KIB = 1024
BUDGET = {"html_kib": 15, "css_kib": 10, "own_js_kib": 6, "all_kib": 60, "requests": 8, "nodes": 1500}


@dataclass
class PageWeight:
    """The requests of one page: by request id, the URL and type, and the KiB on the wire, including headers."""

    urls: dict[str, tuple[str, str]] = field(default_factory=dict)
    sizes: dict[str, float] = field(default_factory=dict)
    nodes: int = 0

    def record_request(self, event: Mapping[str, Any]) -> None:
        self.urls[event["requestId"]] = event["request"]["url"], event["type"]

    def record_size(self, event: Mapping[str, Any]) -> None:
        self.sizes[event["requestId"]] = event["encodedDataLength"] / KIB

    def figures(self) -> dict[str, float]:
        """Return the values that have a budget, by their names in ``BUDGET``."""
        return {
            "html_kib": self.sum_sizes("Document"),
            "css_kib": self.sum_sizes("Stylesheet"),
            "own_js_kib": self.sum_sizes("Script", OWN_SCRIPTS),
            "all_kib": sum(self.sizes.values()),
            "requests": len(self.urls),
            "nodes": self.nodes,
        }

    def sum_sizes(self, kind: str, part: str = "") -> float:
        """Return the KiB of the requests of this type whose URL contains ``part``."""
        requests = [request for request, (url, type_) in self.urls.items() if type_ == kind and part in url]
        return sum(self.sizes.get(request, 0) for request in requests)


def measure_page(browser: Browser, url: str, cookie: str = "") -> PageWeight:
    """Open a page with an empty cache and measure it. Raises ``SystemExit`` for a redirect or an error."""
    context = browser.new_context(extra_http_headers={"Cookie": cookie} if cookie else {})
    page = context.new_page()
    weight, session = PageWeight(), context.new_cdp_session(page)
    record_network_events(session, weight)
    response = page.goto(url, wait_until="networkidle")
    if response is None or response.status != 200 or response.url != url:
        raise SystemExit(f"{url} did not open.")
    weight.nodes = count_elements(page)
    context.close()
    return weight


def record_network_events(session: CDPSession, weight: PageWeight) -> None:
    session.on("Network.requestWillBeSent", weight.record_request)
    session.on("Network.loadingFinished", weight.record_size)
    session.send("Network.enable")


def count_elements(page: Page) -> int:
    return int(page.evaluate("document.getElementsByTagName('*').length"))


@contextmanager
def launch_chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def require_chromium() -> None:
    """Raises ``SystemExit`` if there is no Chromium."""
    if not CHROMIUM:
        raise SystemExit("This bench needs Chromium: install it, or set BROWSER_PATH.")


def main() -> None:
    require_chromium()
    database.prepare()
    cookie = f"{settings.SESSION_COOKIE_NAME}={visitors.create_session(database.list_regular_users()[0])}"
    with collect_static_files(), serve(SITE) as site, launch_chromium() as browser:
        origin = f"http://localhost:{site.port}"
        weights = {name: measure_page(browser, origin + path) for name, path in PUBLIC_PAGES.items()}
        weights |= {name: measure_page(browser, origin + path, cookie) for name, path in USER_PAGES.items()}
    goals: dict[str, Goal] = {}
    for name, weight in weights.items():
        for part, figure in weight.figures().items():
            goals[f"{name}_{part}"] = goal_at_most(BUDGET[part], [figure])
    print_result("pages", goals)


if __name__ == "__main__":
    main()
