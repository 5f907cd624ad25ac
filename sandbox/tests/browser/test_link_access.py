"""Accessibility of Link: keyboard, screen reader, small screens, dark mode."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from sandbox.tests.browser.tab import Tab

pytestmark = pytest.mark.browser

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def test_it_can_be_used_with_the_keyboard_only(tab):
    keys = tab.page.keyboard
    tab.page.goto(tab.host.link_url(tab.host.create_token()))
    tab.page.locator("#open").focus()
    keys.press("Enter")
    tab.shows("Connect a bank to Plumbline")
    expect(tab.page.get_by_role("heading", name="Connect a bank to Plumbline")).to_be_focused()
    keys.press("Tab")
    keys.press("Enter")
    tab.shows("Choose your bank")
    keys.press("Tab")
    keys.type("platypus b")
    # The list is rendered again when the response arrives, so a Tab before that would lose the focus.
    expect(tab.page.get_by_role("status").filter(has_text="4 banks")).to_be_visible()
    expect(tab.page.get_by_role("listitem").first).to_contain_text("First Platypus Bank")
    keys.press("Tab")
    keys.press("Enter")
    tab.shows("Sign in to First Platypus Bank")
    keys.press("Tab")
    keys.type("user_good")
    keys.press("Tab")
    keys.type("pass_good")
    keys.press("Enter")
    tab.shows("Choose accounts")
    keys.press("Tab")
    keys.press("Space")
    keys.press("Enter")
    tab.shows("Success")
    keys.press("Tab")
    keys.press("Enter")
    tab.is_closed()

    assert len(tab.calls("onSuccess")[0][1]["accounts"]) == 12


def test_it_keeps_the_focus_in_the_dialog(tab):
    tab.to_sign_in()
    for key in ["Tab"] * 25 + ["Shift+Tab"] * 25:
        tab.page.keyboard.press(key)
        expect(tab.page.locator("#open")).not_to_be_focused()


def visit_every_pane(tab: Tab) -> Iterator[str]:
    """Yield the name of each pane while it is open."""
    tab.open()
    tab.shows("Connect a bank to Plumbline")
    yield "consent"
    tab.press("Continue")
    expect(tab.button("First Platypus Bank firstplatypusbank.example")).to_be_visible()
    yield "banks"
    tab.press("First Platypus Bank firstplatypusbank.example")
    tab.press("Locked account")
    yield "sign in"
    tab.press("Submit")
    tab.shows("Your account is locked")
    yield "failure"
    tab.press("Choose another bank")
    tab.press("First Platypus Bank firstplatypusbank.example")
    tab.sign_in("wrong")
    expect(tab.page.get_by_role("alert")).to_be_visible()
    yield "wrong password"
    tab.sign_in("mfa_device")
    expect(tab.button("Send code")).to_be_visible()
    yield "device"
    tab.press("Send code")
    expect(tab.page.get_by_label("Enter your code")).to_be_visible()
    yield "code"
    tab.page.get_by_label("Enter your code").fill("1234")
    tab.press("Submit")
    tab.page.get_by_label("Plaid Checking").check()
    yield "accounts"
    routes = []
    tab.page.route("**/session/accounts", lambda route: routes.append(route))
    tab.press("Continue")
    tab.shows("Connecting your accounts")
    yield "waiting"
    routes[0].continue_()
    tab.shows("Success")
    yield "success"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
def test_it_has_no_accessibility_violations_on_any_pane(tab, scheme, width):
    tab.page.emulate_media(color_scheme=scheme)
    tab.page.set_viewport_size({"width": width, "height": 700})
    for pane in visit_every_pane(tab):
        results = Axe().run(tab.page, options={"runOnly": {"type": "tag", "values": RULES}})
        assert [(rule["id"], rule["nodes"]) for rule in results.response["violations"]] == [], pane
        assert tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), pane
        content = tab.page.locator(".pane")
        assert content.evaluate("(node) => node.scrollWidth <= node.clientWidth"), pane


@pytest.mark.parametrize(("site", "dark"), [("dark", True), ("light", False)])
def test_it_prefers_the_site_s_color_scheme_to_the_system_s(tab, site, dark):
    tab.page.emulate_media(color_scheme="light" if dark else "dark")
    tab.page.goto(tab.host.link_url(tab.host.create_token()))
    tab.page.evaluate("(scheme) => { document.documentElement.style.colorScheme = scheme; }", site)
    tab.page.locator("#open").click()
    tab.shows("Connect a bank to Plumbline")

    background = tab.page.get_by_role("dialog").evaluate("(node) => getComputedStyle(node).backgroundColor")
    assert background == ("rgb(23, 27, 33)" if dark else "rgb(255, 255, 255)")


def test_it_fills_the_screen_of_a_phone(tab):
    tab.page.set_viewport_size({"width": 390, "height": 780})
    tab.open()
    tab.shows("Connect a bank to Plumbline")

    assert tab.page.get_by_role("dialog").bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 780}
