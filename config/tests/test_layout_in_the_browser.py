"""Pages with long names at common window widths: nothing overflows, and no text is squeezed into a narrow column."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from banking.models import Account, Item
from banking.provider import Readiness
from banking.tests.factories import make_account, make_balance, make_liability, make_stream, make_transaction
from compliance.isolation import tenant

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LONG_NAME = "First Mutual Savings and Trust Company of Greater Northern Minneapolis and Saint Paul"
WIDTHS = (320, 390, 768, 785, 820, 845, 1024, 1280)
# The class and text of the last three elements that overflow the window, if it scrolls sideways.
FIND_OVERFLOW = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
    [...document.body.querySelectorAll("*")]
    .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
    .map((element) => `${element.className} ${element.textContent.trim().slice(0, 40)}`).slice(-3)"""


@pytest.fixture
def account(item: Item) -> Account:
    """An account at a bank with a long name, which requires a new sign-in."""
    with tenant(item.owner_id):
        Item.objects.filter(pk=item.pk).update(
            institution_name=LONG_NAME,
            connection="login_required",
            readiness=Readiness.HISTORICAL,
            checked_at=timezone.now(),
        )
    checking = make_account(item, name=f"Everyday Checking with {LONG_NAME}", current=Decimal("126523.28"))
    card = make_account(item, type="credit", name="Card", current=Decimal("-250.13"), limit=Decimal(27000))
    make_account(item, type="credit", name="Other card", current=Decimal("11922.40"))
    make_liability(
        card,
        aprs={"purchase_apr": "29.875", "balance_transfer_apr": "0", "an_interest_rate_with_a_long_code": "12.5"},
        is_overdue=True,
        minimum_payment_amount=Decimal("12345.67"),
        next_payment_due_date=timezone.localdate() - timedelta(days=400),
    )
    for amount, merchant in (("-12345.67", LONG_NAME), ("98765.43", "X" * 90)):
        make_stream(checking, amount, merchant_name=merchant, category="GENERAL_MERCHANDISE", status="EARLY_DETECTION")
    for days in range(3):
        make_balance(checking, days, "126523.28")
    make_transaction(checking, "-49920.21", category="TRANSFER_OUT", name=LONG_NAME)
    make_transaction(card, "49920.21", category="TRANSFER_IN", name="X" * 90)
    make_transaction(card, "-12345.67", category="GENERAL_MERCHANDISE", name=LONG_NAME)
    make_transaction(card, "1.5", category="TRAVEL", currency="BTC", name=LONG_NAME)
    return checking


@pytest.fixture
def tab(page: Page, as_alice: Client) -> Page:
    """A tab in which Alice is signed in."""
    session = as_alice.cookies[settings.SESSION_COOKIE_NAME].value
    cookie = {
        "name": settings.SESSION_COOKIE_NAME,
        "value": session,
        "domain": "localhost",
        "path": "/",
        "secure": True,
    }
    page.context.add_cookies([cookie])
    return page


def test_it_overflows_at_no_width(tab: Page, live_server: Any, account: Account) -> None:
    pages = {
        name: reverse(name)
        for name in ("overview", "transactions", "recurring", "accounts", "connect", "notifications", "help")
    }
    pages |= {"account": reverse("account", args=[account.pk]), "item": reverse("item", args=[account.item_id])}
    with tenant(account.owner_id):
        pages["card"] = reverse("account", args=[Account.objects.get(name="Card").pk])
    overflows = {}
    for name, path in pages.items():
        tab.goto(live_server.url + path)
        expect(tab.get_by_role("navigation", name="Main")).to_be_visible()
        for width in WIDTHS:
            tab.set_viewport_size({"width": width, "height": 900})
            if elements := tab.evaluate(FIND_OVERFLOW):
                overflows[name, width] = elements
    assert overflows == {}


@pytest.mark.parametrize("width", WIDTHS)
def test_it_leaves_room_for_the_text_of_a_banner(tab: Page, live_server: Any, account: Account, width: int) -> None:
    tab.set_viewport_size({"width": width, "height": 900})
    tab.goto(live_server.url + reverse("overview"))
    text = tab.locator(".banner__text").bounding_box()
    assert text is not None
    assert text["width"] >= 14 * 16


@pytest.mark.parametrize("width", [768, 785, 845, 1023])
def test_it_has_room_in_the_header_for_one_more_page(tab: Page, live_server: Any, account: Account, width: int) -> None:
    tab.set_viewport_size({"width": width, "height": 900})
    tab.goto(live_server.url + reverse("overview"))
    tab.evaluate("(list => list.append(list.lastElementChild.cloneNode(true)))(document.querySelector('.nav ul'))")
    assert tab.evaluate(FIND_OVERFLOW) == []
    header = tab.locator(".top__in").evaluate("element => [element.scrollWidth, element.clientWidth]")
    assert header[0] <= header[1]


@pytest.mark.parametrize("width", [768, 1280])
def test_it_leaves_room_for_a_transaction_beside_a_long_account_name(
    tab: Page, live_server: Any, account: Account, width: int
) -> None:
    tab.set_viewport_size({"width": width, "height": 900})
    for name in ("overview", "transactions"):
        tab.goto(live_server.url + reverse(name))
        label = tab.locator(".tx__label").first.bounding_box()
        assert label is not None
        assert label["width"] >= 12 * 16
