"""The activity log in a real browser: filters, Verify now, and the layout."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from accounts.tests.conftest import PASSWORD
from compliance.audit import Action, record
from compliance.audit.events import TrailVerification
from compliance.isolation import tenant
from ui.tests.accessibility import list_violations

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("cheap_hash", "own_cache"),
]


@pytest.fixture
def visit(page: Page, live_server: Any) -> Callable[[str], None]:
    def open_page(name: str) -> None:
        page.goto(live_server.url + reverse(name))

    return open_page


@pytest.fixture
def signed_in(page: Page, visit: Callable[[str], None], alice: User) -> None:
    """Alice is signed in, and her bank was synced twice."""
    for _ in range(2):
        record(Action.SYNC, subject=alice, resource="item")
    visit("account_login")
    page.get_by_label("Email").fill(alice.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_title("Overview · Plumbline")


def test_it_is_below_privacy_and_data_verifies_now_and_filters(page: Page, signed_in: None, alice: User) -> None:
    page.locator("[data-menu] > summary").click()
    page.get_by_role("link", name="Privacy and data").click()
    page.get_by_role("link", name="Activity log").click()
    expect(page).to_have_title("Activity log · Plumbline")
    page.get_by_role("button", name="Verify now").click()
    expect(page.get_by_text("Verified: ")).to_contain_text("entries, ")
    expect(page.get_by_role("rowheader", name="Signed in")).to_be_visible()
    page.get_by_label("Type of activity").select_option(label="Banks")
    page.get_by_role("button", name="Apply filters").click()
    expect(page.get_by_role("rowheader")).to_have_text(["Bank synced Bank connection"] * 2)
    page.get_by_label("Done by").select_option(label="An administrator")
    page.get_by_role("button", name="Apply filters").click()
    expect(page.get_by_text("No entries match these filters.")).to_be_visible()


def test_it_names_what_is_wrong(page: Page, visit: Callable[[str], None], signed_in: None, alice: User) -> None:
    with tenant(alice.pk):
        TrailVerification.objects.create(owner=alice.pk, at=timezone.now(), events=3, fault="event_missing", sequence=2)
    visit("activity")
    expect(page.get_by_role("alert")).to_contain_text("Problem found at entry 2")
    expect(page.get_by_role("alert")).to_contain_text("The entry itself is missing.")


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_the_screen_and_is_accessible(
    page: Page, visit: Callable[[str], None], signed_in: None, width: int, scheme: Any
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    visit("activity")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert list_violations(page) == []
