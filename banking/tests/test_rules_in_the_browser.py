"""Editing transactions and creating a rule in a real browser, with and without JavaScript."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect

from banking.models import Item
from banking.tests.factories import make_account, make_transaction
from ui.tests.accessibility import list_violations

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NARROW = {"width": 390, "height": 800}
FIND_OVERFLOW = "() => document.documentElement.scrollWidth > innerWidth"


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def tab(request: pytest.FixtureRequest, browser: Browser, as_alice: Client, live_server: Any) -> Iterator[Page]:
    """A narrow tab in which Alice is signed in."""
    session = as_alice.cookies[settings.SESSION_COOKIE_NAME].value
    context = browser.new_context(java_script_enabled=request.param, base_url=live_server.url, viewport=NARROW)
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": session, "domain": "localhost", "path": "/"}
    context.add_cookies([cookie | {"secure": True, "httpOnly": True}])
    yield context.new_page()
    context.close()


def check_page(tab: Page, scripted: bool) -> None:
    if scripted:
        assert list_violations(tab) == []
        assert not tab.evaluate(FIND_OVERFLOW)


def test_it_edits_tags_and_creates_a_rule_that_can_be_undone(
    tab: Page, item: Item, request: pytest.FixtureRequest
) -> None:
    scripted = request.node.callspec.params["tab"]
    account = make_account(item)
    for amount in ("-5", "-6", "-7"):
        make_transaction(account, amount, name="AMZN MKTP", merchant_name="Amzn Mktp", category="GENERAL_MERCHANDISE")
    tab.goto(reverse("transactions"))
    for box in tab.get_by_role("checkbox", name="Select Amzn Mktp").all()[:2]:
        box.check()
    tab.get_by_text("Change selected transactions").click()
    check_page(tab, scripted)
    tab.get_by_label("Tags").fill("gifts")
    tab.get_by_role("button", name="Add tags").click()
    expect(tab.get_by_text("2 transactions changed")).to_be_visible()
    expect(tab.locator(".pill--tag")).to_have_text(["gifts", "gifts"])

    tab.get_by_role("link", name="Amzn Mktp").first.click()
    tab.get_by_label("Your own category").fill("Presents")
    tab.get_by_label("Name (optional)").fill("Amazon")
    tab.get_by_role("button", name="Save changes").click()
    expect(tab.get_by_role("heading", name="Amazon", exact=True)).to_be_visible()
    check_page(tab, scripted)
    tab.get_by_role("link", name="Always use this for Amzn Mktp").click()
    tab.get_by_role("button", name="Show what would change").click()
    expect(tab.get_by_role("heading", name="2 existing transactions would change")).to_be_visible()
    check_page(tab, scripted)
    tab.get_by_role("button", name="Create rule").click()
    tab.get_by_role("button", name="Apply to 2 transactions").click()
    expect(tab.get_by_text("2 transactions changed").first).to_be_visible()
    check_page(tab, scripted)
    tab.goto(reverse("transactions"))
    expect(tab.locator(".tx__label a")).to_have_text(["Amazon"] * 3)

    tab.get_by_role("link", name="Rules", exact=True).click()
    check_page(tab, scripted)
    tab.get_by_role("link", name="Amzn Mktp", exact=True).click()
    tab.get_by_role("button", name="Undo this run").click()
    expect(tab.get_by_text("Undone", exact=True)).to_be_visible()
    tab.goto(reverse("transactions"))
    assert sorted(tab.locator(".tx__label a").all_inner_texts()) == ["Amazon", "Amzn Mktp", "Amzn Mktp"]
