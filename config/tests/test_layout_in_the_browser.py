"""Pages with long names at every width that people have: nothing sticks out, nothing is squeezed to a column."""

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
from banking.tests.factories import make_account, make_balance, make_transaction
from compliance.isolation import tenant

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LONG = "First Mutual Savings and Trust Company of Greater Northern Minneapolis and Saint Paul"
WIDTHS = (320, 390, 768, 785, 820, 845, 1024, 1280)
# What sticks out of the window, or of a box that does not scroll, by its words.
STICKING_OUT = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
    [...document.body.querySelectorAll("*")].filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
    .map((each) => `${each.className} ${each.textContent.trim().slice(0, 40)}`).slice(-3)"""


@pytest.fixture
def account(item: Item) -> Account:
    """An account at a bank with a long name, which wants its customer to sign in again."""
    with tenant(item.owner_id):
        Item.objects.filter(pk=item.pk).update(
            institution_name=LONG,
            connection="login_required",
            readiness=Readiness.HISTORICAL,
            checked_at=timezone.now(),
        )
    checking = make_account(item, name=f"Everyday Checking with {LONG}", current=Decimal("126523.28"))
    card = make_account(item, type="credit", name="Card", current=Decimal("-250.13"), limit=Decimal(27000))
    make_account(item, type="credit", name="Other card", current=Decimal("11922.40"))
    for days in range(3):
        make_balance(checking, days, "126523.28")
    make_transaction(checking, "-49920.21", category="TRANSFER_OUT", name=LONG)
    make_transaction(card, "49920.21", category="TRANSFER_IN", name="X" * 90)
    make_transaction(card, "-12345.67", category="GENERAL_MERCHANDISE", name=LONG)
    make_transaction(card, "1.5", category="TRAVEL", currency="BTC", name=LONG)
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


def test_it_sticks_out_at_no_width(tab: Page, live_server: Any, account: Account) -> None:
    pages = {
        name: reverse(name) for name in ("overview", "transactions", "accounts", "connect", "notifications", "help")
    }
    pages |= {"account": reverse("account", args=[account.pk]), "item": reverse("item", args=[account.item_id])}
    found = {}
    for name, address in pages.items():
        tab.goto(live_server.url + address)
        expect(tab.get_by_role("navigation", name="Main")).to_be_visible()
        for width in WIDTHS:
            tab.set_viewport_size({"width": width, "height": 900})
            if sticking := tab.evaluate(STICKING_OUT):
                found[name, width] = sticking
    assert found == {}


@pytest.mark.parametrize("width", WIDTHS)
def test_it_gives_the_words_of_a_banner_room(tab: Page, live_server: Any, account: Account, width: int) -> None:
    tab.set_viewport_size({"width": width, "height": 900})
    tab.goto(live_server.url + reverse("overview"))
    words = tab.locator(".banner__text").bounding_box()
    assert words is not None
    assert words["width"] >= 14 * 16


@pytest.mark.parametrize("width", [768, 785, 845, 1023])
def test_it_has_room_in_the_header_for_one_more_page(tab: Page, live_server: Any, account: Account, width: int) -> None:
    tab.set_viewport_size({"width": width, "height": 900})
    tab.goto(live_server.url + reverse("overview"))
    tab.evaluate("(list => list.append(list.lastElementChild.cloneNode(true)))(document.querySelector('.nav ul'))")
    assert tab.evaluate(STICKING_OUT) == []
    header = tab.locator(".top__in").evaluate("each => [each.scrollWidth, each.clientWidth]")
    assert header[0] <= header[1]


@pytest.mark.parametrize("width", [768, 1280])
def test_it_leaves_a_transactions_words_room_beside_a_long_account(
    tab: Page, live_server: Any, account: Account, width: int
) -> None:
    tab.set_viewport_size({"width": width, "height": 900})
    for name in ("overview", "transactions"):
        tab.goto(live_server.url + reverse(name))
        words = tab.locator(".tx__label").first.bounding_box()
        assert words is not None
        assert words["width"] >= 12 * 16
