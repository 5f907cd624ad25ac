"""What a page weighs in a browser that has nothing cached: bytes as they travel, requests, elements.

Chromium counts; it asks for Brotli on this machine as it does over TLS, so static files come as deployed.
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
from bench.harness.rounds import Goal, at_most, print_result
from bench.harness.servers import SITE, serve, static_files

CHROMIUM = os.environ.get("BROWSER_PATH") or shutil.which("chromium") or shutil.which("google-chrome")
OURS = "/static/js/"
FOR_STRANGERS = {"landing": "/", "sign_in": "/accounts/login/"}
FOR_A_PERSON = {"overview": "/overview/", "transactions": "/transactions/", "accounts": "/bank-accounts/"}
KIB = 1024
BUDGET = {"html_kib": 15, "css_kib": 10, "own_js_kib": 6, "all_kib": 60, "requests": 8, "nodes": 1500}


@dataclass
class PageWeight:
    """What one page made the browser fetch: each request's address, and its size on the wire with its headers."""

    addresses: dict[str, tuple[str, str]] = field(default_factory=dict)
    sizes: dict[str, float] = field(default_factory=dict)
    nodes: int = 0

    def record_request(self, event: Mapping[str, Any]) -> None:
        self.addresses[event["requestId"]] = event["request"]["url"], event["type"]

    def record_size(self, event: Mapping[str, Any]) -> None:
        self.sizes[event["requestId"]] = event["encodedDataLength"] / KIB

    def figures(self) -> dict[str, float]:
        """The page by the budget's names."""
        return {
            "html_kib": self.sum_of("Document"),
            "css_kib": self.sum_of("Stylesheet"),
            "own_js_kib": self.sum_of("Script", OURS),
            "all_kib": sum(self.sizes.values()),
            "requests": len(self.addresses),
            "nodes": self.nodes,
        }

    def sum_of(self, kind: str, part: str = "") -> float:
        wanted = [request for request, (url, type_) in self.addresses.items() if type_ == kind and part in url]
        return sum(self.sizes.get(request, 0) for request in wanted)


def weigh(browser: Browser, url: str, cookie: str = "") -> PageWeight:
    """Open a page with an empty cache and count."""
    context = browser.new_context(extra_http_headers={"Cookie": cookie} if cookie else {})
    page = context.new_page()
    weight, session = PageWeight(), context.new_cdp_session(page)
    listen(session, weight)
    answer = page.goto(url, wait_until="networkidle")
    if answer is None or answer.status != 200 or answer.url != url:
        raise SystemExit(f"{url} did not open.")
    weight.nodes = count_elements(page)
    context.close()
    return weight


def listen(session: CDPSession, weight: PageWeight) -> None:
    session.on("Network.requestWillBeSent", weight.record_request)
    session.on("Network.loadingFinished", weight.record_size)
    session.send("Network.enable")


def count_elements(page: Page) -> int:
    return int(page.evaluate("document.getElementsByTagName('*').length"))


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def require_chromium() -> None:
    """Raises ``SystemExit`` where there is none."""
    if not CHROMIUM:
        raise SystemExit("This bench needs Chromium: install it, or set BROWSER_PATH.")


def main() -> None:
    require_chromium()
    database.make()
    cookie = f"{settings.SESSION_COOKIE_NAME}={visitors.session(database.regulars()[0])}"
    with static_files(), serve(SITE) as site, chromium() as browser:
        origin = f"http://localhost:{site.port}"
        weights = {name: weigh(browser, origin + path) for name, path in FOR_STRANGERS.items()}
        weights |= {name: weigh(browser, origin + path, cookie) for name, path in FOR_A_PERSON.items()}
    goals: dict[str, Goal] = {}
    for name, weight in weights.items():
        for part, figure in weight.figures().items():
            goals[f"{name}_{part}"] = at_most(BUDGET[part], [figure])
    print_result("pages", goals)


if __name__ == "__main__":
    main()
