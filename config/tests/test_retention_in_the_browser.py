"""Choosing how long transactions are kept, in a real browser, with and without JavaScript."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from accounts.privacy.retention.tasks import dispatch_due_retention
from banking.models import Item
from banking.tests.factories import make_account, make_transaction
from compliance.isolation import tenant
from compliance.retention.models import RetentionSetting
from config.tests.retention import count_rows, jobs_at_once
from ui.tests.accessibility import list_violations

__all__ = ["jobs_at_once"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("jobs_at_once")]

NARROW = {"width": 320, "height": 640}
FIND_OVERFLOW = "() => document.documentElement.scrollWidth > innerWidth"


@pytest.fixture
def rows(alice: User, item: Item) -> None:
    """Three transactions that are older than 90 days, and one of today."""
    account = make_account(item)
    for days in (300, 200, 100, 0):
        day = timezone.localdate() - timedelta(days=days)
        make_transaction(account, "-5", day=day, name=f"{days} days old", category="TRAVEL")


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def tab(
    request: pytest.FixtureRequest,
    browser: Browser,
    alice: User,
    as_alice: Client,
    with_second_factor: Callable[..., Client],
    live_server: Any,
) -> Iterator[Page]:
    """A tab in which Alice has just entered a code."""
    session = with_second_factor(as_alice, alice).cookies[settings.SESSION_COOKIE_NAME].value
    context = browser.new_context(java_script_enabled=request.param, base_url=live_server.url)
    context.add_cookies(
        [
            {
                "name": settings.SESSION_COOKIE_NAME,
                "value": session,
                "domain": "localhost",
                "path": "/",
                "secure": True,
                "httpOnly": True,
            }
        ]
    )
    yield context.new_page()
    context.close()


def check_page(tab: Page) -> None:
    """No problem for a screen reader, and nothing wider than a phone."""
    assert list_violations(tab) == []
    tab.set_viewport_size(NARROW)
    assert not tab.evaluate(FIND_OVERFLOW)


def test_it_previews_a_shorter_period_and_deletes_after_the_notice(tab: Page, alice: User, rows: None) -> None:
    tab.goto(reverse("retention"))
    section = tab.get_by_role("region", name="Transactions", exact=True)
    expect(section).to_contain_text("Until you delete your account")
    section.get_by_role("link", name="Change how long we keep: Transactions").click()
    tab.get_by_label("90 days").check()
    tab.get_by_role("button", name="Show what this deletes").click()
    expect(tab.get_by_role("heading", name="Transactions, kept for: 90 days")).to_be_visible()
    expect(tab.get_by_role("main")).to_contain_text("3 entries")
    tab.get_by_text("The newest of them").click()
    expect(tab.get_by_text("100 days old")).to_be_visible()
    assert count_rows(alice) == 4
    tab.get_by_role("button", name="Save period").click()
    expect(tab.get_by_text("Your choice is saved.")).to_be_visible()
    expect(section).to_contain_text("We'll email you 7 days before anything is deleted.")

    dispatch_due_retention()
    assert len(mail.outbox) == 1
    tab.reload()
    expect(section).to_contain_text("We emailed you about it.")
    expect(section).to_contain_text("The next deletion takes")
    with tenant(alice.pk):
        # Seven days pass.
        at = timezone.now() - timedelta(seconds=1)
        RetentionSetting.objects.update(announced_at=at, effective_at=at, due_at=at)
    dispatch_due_retention()
    assert count_rows(alice) == 1
    tab.reload()
    expect(section).to_contain_text("3 entries")
    section.get_by_role("link", name="View monthly totals").click()
    expect(tab.get_by_role("heading", name="Monthly totals")).to_be_visible()
    expect(tab.get_by_text("by category").first).to_be_visible()


def test_it_deletes_now_only_if_the_box_is_checked(tab: Page, alice: User, rows: None) -> None:
    tab.goto(reverse("change_retention", args=["transactions"]))
    tab.get_by_label("Don't keep my transactions").check()
    tab.get_by_role("button", name="Show what this deletes").click()
    expect(tab.get_by_role("main")).to_contain_text("stores only the totals")
    tab.get_by_label("Delete now, without the email").check()
    tab.get_by_role("button", name="Save period").click()
    dispatch_due_retention()
    assert (count_rows(alice), mail.outbox) == (0, [])
    tab.goto(reverse("transactions"))
    expect(tab.get_by_role("main")).to_contain_text("You chose not to keep your transactions")


@pytest.mark.parametrize("tab", [True], indirect=True, ids=["with JavaScript"])
@pytest.mark.parametrize("path", ["retention", "choice", "preview", "monthly_totals", "connect"])
def test_it_reads_well_on_a_phone_and_to_a_screen_reader(tab: Page, rows: None, path: str) -> None:
    change = reverse("change_retention", args=["transactions"])
    tab.goto({"choice": change, "preview": f"{change}?period=30"}.get(path) or reverse(path))
    check_page(tab)
