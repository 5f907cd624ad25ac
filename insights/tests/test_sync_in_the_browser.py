"""After "Sync now" the figures of the page change by themselves; without JavaScript the page reloads itself."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect

from banking.models import Account, Item
from banking.provider import InstitutionDown
from banking.sync.item_sync import sync_item
from banking.tests.factories import make_balance
from banking.tests.scripted_provider import CHECKING, ScriptedProvider, transaction_row, transactions_page
from compliance.isolation import tenant
from ui.tests.accessibility import list_violations

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

COMPLETE = "Sync complete. The figures on this page are up to date with it."
# The page polls every three seconds, and reloads every five.
WAIT_MS = 20_000


@pytest.fixture
def synced_item(item: Item, provider: ScriptedProvider) -> Item:
    """Alice's bank with one account of $1,200.50, a chart of two days, and one transaction."""
    provider.listed_accounts = [CHECKING]
    provider.pages = [transactions_page(added=[transaction_row("tx-1", merchant_name="Café Before")], cursor="c1")]
    sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="link")
    make_balance(get_account(item), 1, "1000")
    return item


def get_account(item: Item) -> Account:
    with tenant(item.owner_id):
        return Account.objects.get(item=item)


def sync_with_news(item: Item, provider: ScriptedProvider) -> None:
    """Do what the worker does: the bank has another balance and another transaction."""
    provider.listed_accounts = [CHECKING._replace(current=Decimal("987.65"))]
    provider.pages = [transactions_page(added=[transaction_row("tx-2", merchant_name="Café After")], cursor="c2")]
    sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="person")


def build_cookie(client: Client) -> dict[str, Any]:
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": session, "domain": "localhost", "path": "/"}
    return cookie | {"secure": True, "httpOnly": True}


@pytest.fixture
def site(page: Page, live_server: Any, as_alice: Client) -> str:
    page.context.add_cookies([build_cookie(as_alice)])
    return str(live_server.url)


def press_sync_now(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_role("button", name="Sync now").click()
    expect(page.get_by_text("Syncing your banks").first).to_be_visible()


def leave_mark(page: Page) -> None:
    """Mark the page, so that a reload would be noticed."""
    page.evaluate("() => { window.isTheSamePage = true; }")


def check_ending(page: Page) -> None:
    expect(page.locator("[data-poll-status]")).to_have_text(COMPLETE, timeout=WAIT_MS)
    assert page.evaluate("() => window.isTheSamePage") is True
    assert list_violations(page) == []


def test_the_overview_changes_by_itself_and_keeps_the_focus(
    page: Page, site: str, synced_item: Item, provider: ScriptedProvider
) -> None:
    press_sync_now(page, site + reverse("overview"))
    leave_mark(page)
    figure = page.locator("#balance-title").locator("xpath=ancestor::section").locator(".figure").first
    expect(figure).to_contain_text("$1,200.50")
    focused = page.get_by_role("link", name="Café Before")
    focused.focus()
    sync_with_news(synced_item, provider)
    expect(figure).to_contain_text("$987.65", timeout=WAIT_MS)
    expect(page.get_by_role("link", name="Café After")).to_be_visible()
    expect(focused).to_be_focused()
    check_ending(page)


def test_the_pages_of_a_bank_and_of_an_account_change_by_themselves(
    page: Page, site: str, synced_item: Item, provider: ScriptedProvider
) -> None:
    press_sync_now(page, site + reverse("item", args=[synced_item.pk]))
    leave_mark(page)
    sync_with_news(synced_item, provider)
    expect(page.get_by_role("row", name="Checking")).to_contain_text("$987.65", timeout=WAIT_MS)
    check_ending(page)


def test_the_page_of_an_account_changes_by_itself_and_its_chart_can_be_read(
    page: Page, site: str, synced_item: Item, provider: ScriptedProvider
) -> None:
    press_sync_now(page, site + reverse("overview"))
    page.goto(site + reverse("account", args=[get_account(synced_item).pk]))
    leave_mark(page)
    page.locator("figure details summary").click()
    sync_with_news(synced_item, provider)
    expect(page.locator(".figure").first).to_contain_text("$987.65", timeout=WAIT_MS)
    expect(page.locator("figure details")).to_have_attribute("open", "")
    check_ending(page)
    page.get_by_role("group", name="Values day by day").press("End")
    expect(page.locator("[data-read]")).to_contain_text("$987.65")


def test_the_list_of_transactions_changes_by_itself_unless_rows_are_selected(
    page: Page, site: str, synced_item: Item, provider: ScriptedProvider
) -> None:
    press_sync_now(page, site + reverse("overview"))
    page.goto(site + reverse("transactions"))
    leave_mark(page)
    sync_with_news(synced_item, provider)
    expect(page.get_by_role("link", name="Café After")).to_be_visible(timeout=WAIT_MS)
    check_ending(page)


def test_selected_rows_stay_and_the_page_says_that_there_is_more(
    page: Page, site: str, synced_item: Item, provider: ScriptedProvider
) -> None:
    press_sync_now(page, site + reverse("overview"))
    page.goto(site + reverse("transactions"))
    page.get_by_role("checkbox", name="Select Café Before").check()
    sync_with_news(synced_item, provider)
    expect(page.get_by_text("New data is in.")).to_be_visible(timeout=WAIT_MS)
    expect(page.get_by_role("checkbox", name="Select Café Before")).to_be_checked()
    page.get_by_role("link", name="Reload this page").click()
    expect(page.get_by_role("link", name="Café After")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_history_of_syncs_fits_the_window(
    page: Page, site: str, synced_item: Item, provider: ScriptedProvider, width: int
) -> None:
    provider.pages = [InstitutionDown("INSTITUTION_DOWN")]
    sync_item(owner_id=synced_item.owner_id, item_id=synced_item.pk, trigger="person")
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(site + reverse("item", args=[synced_item.pk]))
    page.get_by_role("link", name="Sync history").click()
    expect(page.get_by_text("because the bank isn't responding.").last).to_be_visible()
    assert not page.evaluate("() => document.documentElement.scrollWidth > innerWidth")
    assert list_violations(page) == []


@pytest.fixture
def plain_page(browser: Browser, as_alice: Client, live_server: Any) -> Iterator[Page]:
    """A page without JavaScript."""
    context = browser.new_context(java_script_enabled=False, base_url=live_server.url)
    context.add_cookies([build_cookie(as_alice)])
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", ["overview", "item"])
def test_a_page_without_javascript_reloads_itself(
    plain_page: Page, synced_item: Item, provider: ScriptedProvider, name: str
) -> None:
    press_sync_now(plain_page, reverse(name, args=[synced_item.pk] if name == "item" else []))
    sync_with_news(synced_item, provider)
    expect(plain_page.get_by_text("$987.65").first).to_be_visible(timeout=WAIT_MS)
    expect(plain_page.get_by_role("button", name="Sync now")).to_be_visible(timeout=WAIT_MS)
