"""Linking a bank in a real browser, with a worker, the sandbox as the bank, and its webhooks."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from banking.models import Connection, Item, WebhookOutcome
from banking.tests.received_webhooks import list_events
from banking.tests.sandbox_process import Sandbox
from compliance.isolation import tenant
from config.tests.browser_bank import (
    TIMEOUT_MS,
    Query,
    bank,
    get_ledger,
    item,
    list_stored_transactions,
    reload_item,
    running_worker,
    sign_in_at_bank,
    slow_sandbox,
)
from config.tests.independent_totals import expected_rows
from config.tests.processes import wait_until

__all__ = ["bank", "item", "running_worker", "slow_sandbox"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_cache")]

BANK = "First Platypus Bank"
COMPLETE = f"Import from {BANK} is complete."
SCRIPT = "**/link-initialize.js"


@pytest.fixture
def open_tab(browser: Browser, as_alice: Client, live_server: LiveServer) -> Iterator[Callable[..., Page]]:
    """Open a tab in which Alice is signed in. All tabs share one context; scripts run in it unless the test says no."""
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": as_alice.cookies[settings.SESSION_COOKIE_NAME].value}
    contexts, problems = [], []

    def open_page(*, scripts: bool = True) -> Page:
        if not contexts:
            contexts.append(browser.new_context(java_script_enabled=scripts, base_url=live_server.url))
            contexts[0].add_cookies([cookie | {"domain": "localhost", "path": "/", "secure": True, "httpOnly": True}])
        tab = contexts[0].new_page()
        tab.on("console", lambda message: "Content Security Policy" in message.text and problems.append(message.text))
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def open_bank_dialog(tab: Page) -> None:
    """Agree, and go through the dialog as far as the sign-in at the bank."""
    tab.goto(reverse("connect"))
    tab.get_by_role("button", name="Agree and continue").click()
    tab.get_by_role("dialog").get_by_role("button", name="Continue", exact=True).click()
    choose_bank(tab)


def choose_bank(tab: Page) -> None:
    tab.get_by_role("dialog").get_by_role("button", name=f"{BANK} firstplatypusbank.example").click()


def share_accounts(tab: Page, **ticks: bool) -> None:
    """Tick the accounts of the dialog, all except those given as ``name=False``, and finish."""
    expect(tab.get_by_role("dialog", name="Choose accounts")).to_be_visible()
    dialog = tab.get_by_role("dialog")
    for box in dialog.get_by_role("checkbox").all():
        box.check()
    for name, is_ticked in ticks.items():
        dialog.get_by_role("checkbox", name=name).set_checked(is_ticked)
    dialog.get_by_role("button", name="Continue", exact=True).click()
    dialog.get_by_role("button", name="Finish").click()


def sign_in_on_page(tab: Page) -> None:
    """Sign in at the bank on the provider's own pages."""
    tab.get_by_label("User name").fill("user_living")
    tab.get_by_label("Password").fill("pass_good")
    tab.get_by_label("Password").press("Enter")


def share_accounts_on_page(tab: Page) -> None:
    expect(tab.get_by_role("heading", name="Choose accounts")).to_be_visible()
    for box in tab.get_by_role("checkbox").all():
        box.check()
    tab.get_by_role("button", name="Share these accounts").click()


def lose_sign_in(bank: Sandbox, item: Item) -> None:
    """Let the bank require a sign-in, and wait until the site knows."""
    with tenant(item.owner_id):
        token = item.access_token.reveal()
    bank.plaid("sandbox/item/reset_login", access_token=token)
    wait_until(lambda: reload_item(item).state == "reauth")


def wait_for_whole_history(item: Item, bank: Sandbox, as_operator: Query) -> None:
    """Wait for each row of the accounts that are shared now. One that was shared before has its rows twice there."""
    ledger: Any = get_ledger(bank, item.provider_item_id)
    shared = {account["account_id"] for account in ledger["accounts"]}
    expected = expected_rows(
        ledger | {"transactions": [row for row in ledger["transactions"] if row["account_id"] in shared]}
    )
    wait_until(lambda: list_stored_transactions(item, as_operator) == expected)


def list_item_ids(as_operator: Query) -> list[tuple[object, ...]]:
    return as_operator("SELECT id, provider_item_id FROM banking_item ORDER BY connected_at")


# --- The provider's own pages -----------------------------------------------------------------------------


@pytest.mark.parametrize("scripts", [False, True], ids=["without JavaScript", "with a blocked script"])
def test_it_connects_a_bank_on_plaids_own_pages(
    open_tab: Callable[..., Page], bank: Sandbox, running_worker: None, as_operator: Query, scripts: bool
) -> None:
    tab = open_tab(scripts=scripts)
    tab.route(SCRIPT, lambda route: route.abort())
    tab.goto(reverse("accounts"))
    tab.get_by_role("link", name="Connect a bank").first.click()
    tab.get_by_role("button", name="Agree and continue").click()
    tab.get_by_role("button", name="Continue on Plaid's page").click()
    expect(tab.get_by_role("heading", name="Connect a bank to Plumbline")).to_be_visible()
    tab.get_by_role("button", name="Continue").click()
    tab.get_by_role("button", name=BANK, exact=True).click()
    sign_in_on_page(tab)
    share_accounts_on_page(tab)
    expect(tab.get_by_role("heading", name=BANK)).to_be_visible(timeout=TIMEOUT_MS)
    expect(tab.get_by_text(COMPLETE)).to_be_visible(timeout=TIMEOUT_MS)

    # The webhook that the sandbox sent meanwhile, and the page that is loaded again, connect nothing more.
    wait_until(lambda: [event.outcome for event in list_events() if event.type == "LINK"] == [WebhookOutcome.PROCESSED])
    ((session_id,),) = as_operator("SELECT id FROM banking_linksession WHERE state = 'linked'")
    tab.goto(reverse("hosted_return", args=[session_id]))
    expect(tab.get_by_role("heading", name=BANK)).to_be_visible()
    ((pk, provider_item_id),) = list_item_ids(as_operator)
    wait_for_whole_history(Item(pk=pk, provider_item_id=provider_item_id), bank, as_operator)
    tab.get_by_role("link", name="View accounts").click()
    expect(tab.get_by_role("region", name=BANK).get_by_role("rowheader").first).to_be_visible()


def test_it_reconnects_a_bank_on_plaids_own_pages(open_tab: Callable[..., Page], bank: Sandbox, item: Item) -> None:
    lose_sign_in(bank, item)
    tab = open_tab(scripts=False)
    tab.goto(reverse("reconnect", args=[item.pk]))
    tab.get_by_role("button", name="Continue to Plaid").click()
    tab.get_by_role("button", name="Continue on Plaid's page").click()
    tab.get_by_role("button", name="Continue").click()
    sign_in_on_page(tab)
    expect(tab.get_by_text(COMPLETE)).to_be_visible(timeout=TIMEOUT_MS)
    assert reload_item(item).connection == Connection.ACTIVE
    tab.goto(reverse("overview"))
    expect(tab.get_by_text("needs you to sign in")).to_have_count(0)


def test_it_says_that_nothing_was_connected_on_plaids_own_pages(
    open_tab: Callable[..., Page], bank: Sandbox, as_operator: Query
) -> None:
    tab = open_tab(scripts=False)
    tab.goto(reverse("connect"))
    tab.get_by_role("button", name="Agree and continue").click()
    tab.get_by_role("button", name="Continue on Plaid's page").click()
    tab.get_by_role("button", name="Continue").click()
    tab.get_by_role("button", name=BANK, exact=True).click()
    tab.get_by_role("button", name="Cancel").click()
    expect(tab.get_by_role("heading", name="Not connected")).to_be_visible()
    left = as_operator("SELECT state, exit_status FROM banking_linksession WHERE link_session_id > ''")
    assert left == [("abandoned", "requires_credentials")]


# --- The dialog -------------------------------------------------------------------------------------------


def test_it_removes_an_account_and_adds_it_again(
    open_tab: Callable[..., Page], bank: Sandbox, item: Item, as_operator: Query
) -> None:
    tab = open_tab()
    tab.goto(reverse("item", args=[item.pk]))
    headers = tab.get_by_role("region", name=BANK).get_by_role("rowheader")
    names = headers.all_inner_texts()
    left_out = headers.get_by_role("link").last.inner_text()
    for is_shared in (False, True):
        tab.goto(reverse("item", args=[item.pk]))
        tab.get_by_role("link", name="Add or remove accounts").click()
        tab.get_by_role("button", name="Continue to Plaid").click()
        sign_in_at_bank(tab.get_by_role("dialog"))
        share_accounts(tab, **{left_out: is_shared})
        expect(tab.get_by_text(COMPLETE)).to_be_visible(timeout=TIMEOUT_MS)
        tab.get_by_role("link", name="View accounts").click()
        expected = names if is_shared else names[:-1]
        wait_until(lambda expected=expected: tab.reload() and headers.all_inner_texts() == expected)
    wait_for_whole_history(item, bank, as_operator)
    assert len(list_item_ids(as_operator)) == 1


def test_it_connects_the_same_bank_only_once(
    open_tab: Callable[..., Page], bank: Sandbox, item: Item, as_operator: Query
) -> None:
    tab = open_tab()
    open_bank_dialog(tab)
    sign_in_at_bank(tab.get_by_role("dialog"))
    share_accounts(tab)
    expect(tab.get_by_role("heading", name=f"{BANK} is already connected")).to_be_visible()
    assert list_item_ids(as_operator) == [(item.pk, item.provider_item_id)]
    tab.get_by_role("link", name=f"View {BANK}").click()
    expect(tab.get_by_role("region", name=BANK)).to_have_count(1)


def test_it_shows_one_history_of_a_bank_that_is_connected_again(
    open_tab: Callable[..., Page], bank: Sandbox, item: Item, as_operator: Query
) -> None:
    tab = open_tab()
    rows = len(expected_rows(get_ledger(bank, item.provider_item_id)))
    tab.goto(reverse("transactions"))
    title = tab.get_by_role("heading", name=f"{rows:,} transactions")
    figures = tab.locator(".sums").all_inner_texts()
    expect(title).to_be_visible()

    tab.goto(reverse("disconnect", args=[item.pk]))
    tab.get_by_label("Keep the history").check()
    tab.get_by_role("button", name=f"Disconnect {BANK}").click()
    expect(tab.get_by_text("We no longer sync it.")).to_be_visible()
    open_bank_dialog(tab)
    sign_in_at_bank(tab.get_by_role("dialog"))
    share_accounts(tab)
    expect(tab.get_by_text(COMPLETE)).to_be_visible(timeout=TIMEOUT_MS)
    (_, (_, provider_item_id)) = list_item_ids(as_operator)
    assert len(expected_rows(get_ledger(bank, str(provider_item_id)))) == rows
    tab.goto(reverse("transactions"))
    expect(title).to_be_visible()
    assert tab.locator(".sums").all_inner_texts() == figures


def test_it_sees_a_repair_although_the_dialog_was_closed(
    open_tab: Callable[..., Page], bank: Sandbox, item: Item
) -> None:
    lose_sign_in(bank, item)
    tab = open_tab()
    tab.goto(reverse("reconnect", args=[item.pk]))
    tab.get_by_role("button", name="Continue to Plaid").click()
    expect(tab.get_by_role("dialog")).to_be_visible()
    # The sign-in succeeds in the bank's own app, which this dialog does not notice.
    token = tab.locator("[data-link]").get_attribute("data-token")
    bank.complete_update(token or "", username="user_living")
    tab.keyboard.press("Escape")
    expect(tab.get_by_text(COMPLETE)).to_be_visible(timeout=TIMEOUT_MS)
    assert reload_item(item).connection == Connection.ACTIVE


def test_it_continues_after_the_banks_own_page(
    open_tab: Callable[..., Page],
    bank: Sandbox,
    running_worker: None,
    alice: User,
    live_server: LiveServer,
    settings: Any,
    as_operator: Query,
) -> None:
    settings.PLAID_REDIRECT_URI = live_server.url + reverse("oauth_return")
    tab = open_tab()
    open_bank_dialog(tab)
    token = tab.locator("[data-link]").get_attribute("data-token")
    tab.goto(reverse("help"))  # In place of the bank's page, to which the dialog leads.
    tab.goto(f"{reverse('oauth_return')}?oauth_state_id=1")
    assert tab.locator("[data-link]").get_attribute("data-token") == token
    tab.get_by_role("dialog").get_by_role("button", name="Continue", exact=True).click()
    choose_bank(tab)
    sign_in_at_bank(tab.get_by_role("dialog"))
    share_accounts(tab)
    expect(tab.get_by_text(COMPLETE)).to_be_visible(timeout=TIMEOUT_MS)
    assert len(list_item_ids(as_operator)) == 1
    # Plaid accepts each return once. A reload begins anew.
    tab.goto(f"{reverse('oauth_return')}?oauth_state_id=1")
    expect(tab.get_by_role("heading", name="Connect a bank")).to_be_visible()
