"""Reading a chart's values by keyboard, in a real browser."""

import re
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect

from banking.models import Item
from banking.tests.factories import make_account, make_balance

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(
    ("currency", "balance", "text"),
    [
        ("BTC", "0.00314159", "0.00314159 BTC"),
        ("JPY", "1234", "1,234 JPY"),
        ("USD", "-0.5", "−$0.50"),
        ("KWD", "1.2", "1.200 KWD"),
    ],
)
def test_it_shows_a_value_in_the_format_of_its_currency(
    page: Page, live_server: Any, as_alice: Client, item: Item, currency: str, balance: str, text: str
) -> None:
    account = make_account(item, currency=currency)
    make_balance(account, 1, "1"), make_balance(account, 0, balance)
    session = as_alice.cookies[settings.SESSION_COOKIE_NAME].value
    cookie = {
        "name": settings.SESSION_COOKIE_NAME,
        "value": session,
        "domain": "localhost",
        "path": "/",
        "secure": True,
    }
    page.context.add_cookies([cookie])
    page.goto(live_server.url + reverse("account", args=[account.pk]))
    page.get_by_role("group", name="Values day by day").press("End")
    expect(page.locator("[data-read]")).to_have_text(re.compile(rf": {re.escape(text)}$"))
