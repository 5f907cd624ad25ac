"""The content security policy in a real browser: injected markup runs and loads nothing, and is reported."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route

from config.models import PolicyViolation
from config.tests.processes import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_cache")]

# Each would set the window's name or request something from another host.
INJECTIONS = {
    "an inline script": "<script>window.name='run'</script>",
    "a script with a guessed nonce": "<script nonce='AAAAAAAAAAAAAAAAAAAAAA=='>window.name='run'</script>",
    "a script of ours without its nonce": "<script src='/static/js/menu.js'></script>",
    "a script of another host": "<script src='https://evil.example/x.js'></script>",
    "a handler": "<img src='/nothing.png' onerror=\"window.name='run'\">",
    "a link that runs": "<a id='bait' href=\"javascript:window.name='run'\">x</a>",
    "a frame": "<iframe src='data:text/html,x'></iframe>",
    "a frame of another host": "<iframe src='https://evil.example/'></iframe>",
    "an object": "<object data='https://evil.example/x.swf'></object>",
    "a picture of another host": "<img src='https://evil.example/?stolen'>",
    "a style": "<style>main { display: none }</style>",
    "a style of another host": "<link rel='stylesheet' href='https://evil.example/x.css'>",
    "a style of one element": "<p id='styled' style='display:none'>x</p>",
}
POLICY = "content-security-policy"
FORM = "<form id='bait' action='https://evil.example/' method='post'></form>"


@pytest.fixture
def other_host_requests(context: BrowserContext) -> list[str]:
    """The URLs that the browser requests from the other host."""
    urls: list[str] = []
    context.route(re.compile("evil.example"), lambda route: (urls.append(route.request.url), route.abort()))
    return urls


@pytest.fixture
def tab(context: BrowserContext) -> Iterator[Page]:
    """A browser tab that may violate the policy. The ``page`` of other tests may not."""
    tab = context.new_page()
    yield tab
    tab.close()


@pytest.fixture
def open_with(tab: Page, live_server: Any) -> Callable[..., Page]:
    """Open a page of the site with injected markup and with its original headers."""

    def open_page(markup: str, path: str = "/help/") -> Page:
        def inject(route: Route) -> None:
            response = route.fetch()
            # Without TLS there is no Reporting API, and ``report-to`` keeps Chromium from using ``report-uri``.
            policy = response.headers[POLICY].replace("report-to policy", "")
            body = response.text().replace("</main>", f"{markup}</main>")
            route.fulfill(response=response, headers=response.headers | {POLICY: policy}, body=body)

        tab.route(f"{live_server.url}{path}", inject)
        tab.goto(f"{live_server.url}{path}")
        return tab

    return open_page


@pytest.mark.parametrize("markup", INJECTIONS.values(), ids=INJECTIONS)
def test_it_runs_and_loads_nothing_that_was_injected(
    open_with: Callable[..., Page], other_host_requests: list[str], markup: str
) -> None:
    tab = open_with(markup)
    if "bait" in markup:
        tab.click("#bait")
    wait_until(lambda: PolicyViolation.objects.exists())
    assert tab.evaluate("window.name") == ""
    assert tab.is_visible("main h1")
    assert "styled" not in markup or tab.is_visible("#styled")
    assert other_host_requests == []
    row = PolicyViolation.objects.get()
    assert row.page == "/help/"
    # At most the host of what was blocked, and nothing for a data URL.
    assert row.blocked in ("inline", "self", "", "https://evil.example")


def test_it_sends_no_form_to_another_host(open_with: Callable[..., Page], other_host_requests: list[str]) -> None:
    # A click would wait for the page that never comes.
    open_with(FORM).evaluate("document.querySelector('#bait').requestSubmit()")
    wait_until(lambda: PolicyViolation.objects.filter(directive="form-action").exists())
    assert other_host_requests == []


def test_it_turns_no_text_into_html_on_a_page_without_htmx(open_with: Callable[..., Page]) -> None:
    tab = open_with("")
    is_refused = "() => { try { document.body.innerHTML = '<p>'; return false } catch (error) { return true } }"
    assert tab.evaluate(is_refused)
    wait_until(lambda: PolicyViolation.objects.filter(directive="require-trusted-types-for").exists())
    assert tab.is_visible("main h1")


def test_it_is_shown_in_no_frame(tab: Page, live_server: Any) -> None:
    tab.route(
        "http://other.localhost/",
        lambda route: route.fulfill(body=f"<iframe src='{live_server.url}/help/'></iframe>", content_type="text/html"),
    )
    tab.goto("http://other.localhost/")
    (frame,) = tab.main_frame.child_frames
    assert frame.url.startswith("chrome-error:")
