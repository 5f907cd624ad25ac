"""The identity check in a real browser: in both color schemes, on a phone, and without scripts."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import User
from credit.tests.documents import load_accounts
from credit.tests.sandbox_bureau import Bureau
from credit.tests.test_in_the_browser import PASSWORD, assert_accessible, get_report, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def alice(make_user: Any) -> User:
    return make_user("alice", PASSWORD)


@pytest.fixture
def tab(browser: Any) -> Iterator[Callable[..., Page]]:
    """Tabs in which a rejected form does not fail the test, although Chromium logs an error for it."""
    contexts: list[Any] = []

    def open_tab(**options: Any) -> Page:
        contexts.append(browser.new_context(reduced_motion="reduce", **options))
        page: Page = contexts[-1].new_page()
        return page

    yield open_tab
    for context in contexts:
        context.close()


def open_identity_check(page: Page, live_server: Any, user: User) -> None:
    """Open the page that says that the report does not match."""

    def open_page(name: str) -> None:
        page.goto(live_server.url + reverse(name))

    sign_in(page, open_page, user)
    get_report(page, open_page, "P06")
    expect(page.get_by_role("heading", name="Is this report about you?")).to_be_visible()


def submit_answers(page: Page, first: str, second: str) -> None:
    page.get_by_label("ZIP code").fill("46360")
    page.get_by_label("Month you opened an account").fill(first)
    page.get_by_label("Month you opened another account (optional)").fill(second)
    page.get_by_role("button", name="View my report").click()


def list_months_on_file(user: User) -> list[str]:
    return sorted({f"{account.opened.first:%Y-%m}" for account in load_accounts(user) if account.opened})


def test_it_works_without_scripts(tab: Callable[..., Page], live_server: Any, alice: User, site_bureau: Bureau) -> None:
    page = tab(java_script_enabled=False)
    open_identity_check(page, live_server, alice)
    page.get_by_role("link", name="Confirm it's mine").click()
    submit_answers(page, "1999-01", "1999-02")
    expect(page.get_by_role("alert")).to_contain_text("Those answers don't match the credit file.")
    submit_answers(page, *list_months_on_file(alice)[:2])
    expect(page.get_by_role("status")).to_contain_text("Your answers match.")
    expect(page.get_by_role("main")).to_contain_text("782")


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1280)])
def test_it_is_accessible(
    tab: Callable[..., Page], live_server: Any, alice: User, site_bureau: Bureau, scheme: str, width: int
) -> None:
    page = tab(color_scheme=scheme, viewport={"width": width, "height": 900})
    open_identity_check(page, live_server, alice)
    assert_accessible(page)
    page.get_by_role("link", name="Confirm it's mine").click()
    expect(page.get_by_label("ZIP code")).to_be_visible()
    assert_accessible(page)
    for _ in range(3):
        # The page is the same after each wrong answer but the last.
        with page.expect_navigation():
            submit_answers(page, "1999-01", "1999-02")
        assert_accessible(page)
    expect(page.get_by_role("heading", name="We can't show this report")).to_be_visible()
