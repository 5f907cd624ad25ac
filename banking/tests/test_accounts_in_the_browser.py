"""Renaming, hiding and removing one account in a real browser, with and without JavaScript."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from banking.models import Account, Item, Transaction
from banking.tests.factories import make_account, make_transaction, mark_synced
from compliance.isolation import tenant
from ui.tests.accessibility import list_violations

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NARROW = {"width": 390, "height": 800}
FIND_OVERFLOW = "() => document.documentElement.scrollWidth > innerWidth"


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def tab(
    request: pytest.FixtureRequest,
    browser: Browser,
    as_alice: Client,
    alice: User,
    live_server: Any,
    with_second_factor: Callable[..., Client],
) -> Iterator[Page]:
    """A narrow tab in which Alice has just signed in."""
    session = with_second_factor(as_alice, alice).cookies[settings.SESSION_COOKIE_NAME].value
    context = browser.new_context(java_script_enabled=request.param, base_url=live_server.url, viewport=NARROW)
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": session, "domain": "localhost", "path": "/"}
    context.add_cookies([cookie | {"secure": True, "httpOnly": True}])
    yield context.new_page()
    context.close()


def check_page(tab: Page, scripted: bool) -> None:
    if scripted:
        assert list_violations(tab) == []
        assert not tab.evaluate(FIND_OVERFLOW)


def test_it_renames_hides_removes_and_adds_an_account(
    tab: Page, alice: User, item: Item, request: pytest.FixtureRequest
) -> None:
    scripted = request.node.callspec.params["tab"]
    mark_synced(item)
    checking = make_account(item, name="Plat Checking", current=Decimal(100))
    savings = make_account(item, name="Plat Savings", mask="1111", current=Decimal(7))
    make_transaction(checking, "-5", name="LUNCH")
    make_transaction(savings, "-6", name="SAFE")
    tab.goto(reverse("accounts"))
    tab.get_by_role("link", name="Plat Checking").click()
    tab.get_by_role("link", name="Rename or hide").click()
    check_page(tab, scripted)
    tab.get_by_label("Name (optional)").fill("Household")
    tab.get_by_label("Show it, but leave it out of totals").check()
    tab.get_by_role("button", name="Save changes").click()
    expect(tab.get_by_role("heading", name="Household")).to_be_visible()
    expect(tab.get_by_text("Not in totals")).to_be_visible()
    check_page(tab, scripted)
    tab.goto(reverse("overview"))
    expect(tab.get_by_role("region", name="Bank balance", exact=True)).to_contain_text("$7.00")

    tab.goto(reverse("edit_account", args=[checking.pk]))
    tab.get_by_label("Hide it, and leave it out of totals").check()
    tab.get_by_role("button", name="Save changes").click()
    tab.goto(reverse("accounts"))
    expect(tab.get_by_role("link", name="Household")).to_be_hidden()
    tab.get_by_text("1 hidden account").click()
    expect(tab.get_by_role("link", name="Household")).to_be_visible()
    check_page(tab, scripted)

    tab.get_by_role("link", name="Household").click()
    tab.get_by_role("link", name="Remove account").click()
    check_page(tab, scripted)
    tab.get_by_label("Delete the history").check()
    tab.get_by_role("button", name="Remove account").click()
    expect(tab.get_by_text("Household ••0000 is removed. We no longer sync it.")).to_be_visible()
    with tenant(alice.pk):
        assert Transaction.objects.get().name == "SAFE"
    tab.get_by_text("1 removed account").click()
    check_page(tab, scripted)
    tab.get_by_role("button", name="Add again Household ••0000").click()
    expect(tab.get_by_text("We download Household ••0000 again with the next sync.")).to_be_visible()
    with tenant(alice.pk):
        assert Account.objects.get(pk=checking.pk).user_removed_at is None
