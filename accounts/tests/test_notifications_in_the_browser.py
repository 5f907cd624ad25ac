"""The alerts and their settings in a real browser."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import User
from accounts.notifications.inbox import notify
from accounts.notifications.notification_types import NotificationType
from accounts.tests.conftest import PASSWORD
from accounts.tests.messages import PlainMessage
from ui.tests.accessibility import list_violations

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("cheap_hash"),
]

OpenPage = Callable[[str], None]
TITLES = ("Chase wants you to sign in again", "$1,234.50 went out: " + "A very long name of a merchant " * 4, "Score")


@pytest.fixture
def visit(page: Page, live_server: Any) -> OpenPage:
    def open_page(name: str) -> None:
        page.goto(live_server.url + reverse(name))

    return open_page


@pytest.fixture
def three_alerts(page: Page, visit: OpenPage, alice: User) -> None:
    """Alice is signed in and has three alerts."""
    for number, title in enumerate(TITLES):
        notify(
            user_id=alice.pk,
            type=NotificationType.BANK_RECONNECT,
            message=PlainMessage(title=title, text="A line more."),
            url=reverse("help"),
            fingerprint=str(number),
        )
    visit("account_login")
    page.get_by_label("Email").fill(alice.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_title("Overview · Plumbline")


def read_menu_label(page: Page) -> str:
    return " ".join(page.locator("[data-menu] > summary").inner_text().split())


def test_it_counts_alerts_opens_them_and_marks_them_as_read(page: Page, visit: OpenPage, three_alerts: None) -> None:
    assert "3 unread alerts" in read_menu_label(page)
    page.locator("[data-menu] > summary").click()
    page.get_by_role("link", name="Alerts").click()
    page.get_by_role("link", name=TITLES[0]).click()
    expect(page).to_have_title("Help · Plumbline")
    assert "2 unread alerts" in read_menu_label(page)
    visit("notifications")
    page.get_by_role("button", name="Mark as read Score").click()
    assert "1 unread alert" in read_menu_label(page)
    page.get_by_role("button", name="Mark all as read").click()
    expect(page.get_by_text("New", exact=True)).to_have_count(0)
    assert "unread" not in read_menu_label(page)


def test_it_keeps_the_settings_also_after_an_error(page: Page, visit: OpenPage, three_alerts: None) -> None:
    visit("notification_settings")
    page.get_by_label("Large transaction: by email").uncheck()
    page.get_by_label("Quiet hours start").fill("22:00")
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter a start and an end")
    expect(page.get_by_label("Large transaction: by email")).not_to_be_checked()
    page.get_by_label("Quiet hours end").fill("07:00")
    page.get_by_label("Time zone").select_option("America/New_York")
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_text("Alert settings saved.")).to_be_visible()
    expect(page.get_by_label("Large transaction: by email")).not_to_be_checked()
    expect(page.get_by_label("Quiet hours end")).to_have_value("07:00")
    expect(page.get_by_label("Time zone")).to_have_value("America/New_York")


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["notifications", "notification_settings"])
def test_it_is_accessible(page: Page, visit: OpenPage, three_alerts: None, name: str, scheme: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    User.objects.update(unread=100)
    visit(name)
    assert list_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
