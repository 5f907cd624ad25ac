"""Users' paths through the site in a real browser, with a real worker and the sandbox as their bank.

Every figure is compared with the bank's own ledger, which ``compute_totals`` sums up without the site's code.
"""

import csv
import re
from collections.abc import Callable
from decimal import Decimal
from io import StringIO

import pytest
from django.urls import reverse
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from banking.models import Item
from banking.tests.sandbox_process import Sandbox
from compliance.isolation import tenant
from config.tests.browser_bank import (
    TIMEOUT_MS,
    Query,
    bank,
    get_ledger,
    get_today,
    item,
    list_stored_transactions,
    reload_item,
    running_worker,
    sign_in_at_bank,
    slow_sandbox,
)
from config.tests.independent_totals import Totals, compute_totals, dollars, expected_rows
from config.tests.processes import wait_until

__all__ = ["bank", "item", "running_worker", "slow_sandbox"]
# Mails and sign-ins are limited by email address, and other tests use the same users.
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_cache")]

EMAIL = "alice@example.com"
PASSWORD = "correct horse battery staple"


@pytest.fixture
def alice(make_user: Callable[..., User]) -> User:
    return make_user("alice", PASSWORD)


# --- Steps of a user --------------------------------------------------------------------------------------


def sign_up(page: Page, site: str) -> None:
    page.goto(site)
    page.get_by_role("banner").get_by_role("link", name="Sign up").click()
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    for agreement in ("I agree to the terms", "I have read the privacy notice", "I am 18 or older"):
        page.get_by_label(agreement).check()
    page.get_by_role("main").get_by_role("button", name="Create an account").click()
    expect(page.get_by_role("heading", name="Check your email")).to_be_visible()


def confirm_by_mail(page: Page) -> None:
    code_form_url = page.url
    page.get_by_role("link", name="sandbox mailbox").click()
    page.get_by_role("link", name="Your Plumbline confirmation code").click()
    (code,) = re.findall(r"\b[A-Z]{4}-[A-Z]{4}\b", page.get_by_role("main").inner_text())
    page.goto(code_form_url)
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Confirm email address").click()


def sign_in(page: Page, site: str) -> None:
    page.goto(site + reverse("account_login"))
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Overview", exact=True)).to_be_visible()


def confirm_identity(page: Page) -> None:
    expect(page.get_by_text("then choose Download CSV again.")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Confirm").click()


def connect_bank(page: Page) -> None:
    page.get_by_role("link", name="Connect a bank").first.click()
    page.get_by_role("button", name="Agree and continue").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Continue", exact=True).click()
    dialog.get_by_role("button", name="First Platypus Bank firstplatypusbank.example").click()
    sign_in_at_bank(dialog)
    expect(page.get_by_role("dialog", name="Choose accounts")).to_be_visible()
    for account in dialog.get_by_role("checkbox").all():
        account.check()
    dialog.get_by_role("button", name="Continue", exact=True).click()
    dialog.get_by_role("button", name="Finish").click()


# --- Pages of the site ------------------------------------------------------------------------------------


def find_card(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title, exact=True)


def expect_totals(page: Page, totals: Totals) -> None:
    """The overview shows the bank's figures, to the cent."""
    expect(find_card(page, "Bank balance")).to_contain_text(dollars(totals.in_bank))
    cards = find_card(page, "Credit cards")
    expect(cards).to_contain_text(f"{dollars(totals.card_balance)} of {dollars(totals.limit)} credit limit")
    utilization = (totals.card_balance * 100 / totals.limit).quantize(Decimal(1))
    expect(cards.get_by_text("credit utilization", exact=True).locator("..")).to_contain_text(f"{utilization}%")
    flow = find_card(page, "Cash flow, last 30 days")
    plus = "+" if totals.net > 0 else ""
    for label, figure in (
        ("Income", dollars(totals.income)),
        ("Spending", dollars(totals.spending)),
        ("Net cash flow", plus + dollars(totals.net)),
    ):
        expect(flow.locator(".stat", has_text=label).first.locator(".stat__value")).to_have_text(figure)
    parts = find_card(page, "Spending by category").get_by_role("listitem")
    expect(parts).to_have_count(len(totals.spent))
    spent = sorted(totals.spent.values(), reverse=True)
    assert [part.locator(".num").inner_text() for part in parts.all()] == [dollars(amount) for amount in spent]


# --- Paths ------------------------------------------------------------------------------------------------


def test_it_leads_from_sign_up_to_figures_that_match_the_bank(
    page: Page, live_server: LiveServer, bank: Sandbox, running_worker: None, as_operator: Query
) -> None:
    sign_up(page, live_server.url)
    confirm_by_mail(page)
    expect(page.get_by_role("heading", name="Get started")).to_be_visible()
    connect_bank(page)
    expect(page.get_by_role("heading", name="First Platypus Bank")).to_be_visible()
    expect(page.get_by_text("Import from First Platypus Bank is complete.")).to_be_visible(timeout=TIMEOUT_MS)

    ((pk, provider_item_id),) = as_operator("SELECT id, provider_item_id FROM banking_item")
    ledger = get_ledger(bank, str(provider_item_id))
    totals = compute_totals(ledger, get_today())
    assert list_stored_transactions(Item(pk=pk), as_operator) == expected_rows(ledger)
    assert totals.rows > 1000
    page.get_by_role("link", name="Go to overview").click()
    expect_totals(page, totals)

    page.get_by_role("navigation", name="Main").get_by_role("link", name="Transactions").click()
    expect(page.get_by_role("heading", name=f"{totals.rows:,} transactions")).to_be_visible()
    for figure in (dollars(totals.money_in), dollars(totals.money_out)):
        expect(page.get_by_role("main")).to_contain_text(figure)
    page.get_by_role("link", name="Download CSV").click()
    confirm_identity(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()
    lines = list(csv.DictReader(StringIO(download.value.path().read_text())))
    assert len(lines) == totals.rows
    assert sum(Decimal(line["Amount"]) for line in lines) == totals.money_in - totals.money_out


def test_it_shows_a_transaction_after_a_webhook(
    page: Page, live_server: LiveServer, bank: Sandbox, item: Item, as_operator: Query
) -> None:
    before = get_ledger(bank, item.provider_item_id)
    sign_in(page, live_server.url)
    expect_totals(page, compute_totals(before, get_today()))

    checking = next(account for account in before["accounts"] if account["subtype"] == "checking")
    bank.admin(
        f"items/{item.provider_item_id}/mutate",
        {
            "add": [
                {
                    "account_id": checking["account_id"],
                    "amount": 123.45,
                    "name": "A NEW TOASTER",
                    "date": str(get_today()),
                }
            ]
        },
    )
    wait_until(lambda: len(list_stored_transactions(item, as_operator)) == len(before["transactions"]) + 1)
    after = get_ledger(bank, item.provider_item_id)
    assert list_stored_transactions(item, as_operator) == expected_rows(after)
    wait_until(lambda: not reload_item(item).is_syncing)
    page.reload()
    expect(find_card(page, "Latest transactions")).to_contain_text("A NEW TOASTER")
    expect_totals(page, compute_totals(after, get_today()))


def test_it_reconnects_a_bank(page: Page, live_server: LiveServer, bank: Sandbox, item: Item, alice: User) -> None:
    with tenant(alice.pk):
        token = item.access_token.reveal()
    bank.plaid("sandbox/item/reset_login", access_token=token)
    wait_until(lambda: reload_item(item).state == "reauth")
    sign_in(page, live_server.url)
    expect(page.get_by_text("First Platypus Bank needs you to sign in.")).to_be_visible()
    page.get_by_role("link", name="Reconnect First Platypus Bank").first.click()
    page.get_by_role("button", name="Continue to Plaid").click()
    dialog = page.get_by_role("dialog")
    sign_in_at_bank(dialog)
    expect(page.get_by_role("dialog", name="Connection repaired")).to_be_visible()
    dialog.get_by_role("button", name="Finish").click()
    expect(page.get_by_text("Import from First Platypus Bank is complete.")).to_be_visible(timeout=TIMEOUT_MS)
    assert reload_item(item).state == "fresh"
    page.get_by_role("link", name="Go to overview").click()
    expect(page.get_by_text("needs you to sign in")).to_have_count(0)
    expect_totals(page, compute_totals(get_ledger(bank, item.provider_item_id), get_today()))


def test_it_disconnects_a_bank_and_deletes_its_history(
    page: Page, live_server: LiveServer, bank: Sandbox, item: Item, as_operator: Query
) -> None:
    sign_in(page, live_server.url)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Accounts").click()
    page.get_by_role("link", name="Disconnect").click()
    page.get_by_label("Delete the history").check()
    page.get_by_role("button", name="Disconnect First Platypus Bank").click()
    expect(page.get_by_text("We no longer sync it.")).to_be_visible()
    assert as_operator("SELECT count(*) FROM banking_transaction") == [(0,)]
    wait_until(lambda: reload_item(item).connection == "removed")
    bank_item_ids = {bank_item["item_id"] for bank_item in bank.admin("items", method="GET")["items"]}
    assert item.provider_item_id not in bank_item_ids
    assert as_operator("SELECT count(*) FROM banking_pendingremoval") == [(0,)]


def test_it_records_that_the_user_closed_the_dialog(
    page: Page, live_server: LiveServer, bank: Sandbox, alice: User, as_operator: Query
) -> None:
    sign_in(page, live_server.url)
    page.get_by_role("link", name="Connect a bank").first.click()
    page.get_by_role("button", name="Agree and continue").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Continue", exact=True).click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="Not connected")).to_be_visible()
    assert as_operator("SELECT state FROM banking_linksession") == [("abandoned",)]
    assert as_operator("SELECT count(*) FROM banking_item") == [(0,)]
