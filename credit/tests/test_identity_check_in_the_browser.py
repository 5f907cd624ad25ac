"""Settling whose file it is, in a real browser: in both schemes, on a phone, and without scripts."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import User
from credit.tests.documents import load_accounts
from credit.tests.sandbox_bureau import Bureau
from credit.tests.test_in_the_browser import PASSWORD, get_report, sign_in, without_faults

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def alice(make_user: Any) -> User:
    return make_user("alice", PASSWORD)


@pytest.fixture
def tab(browser: Any) -> Iterator[Callable[..., Page]]:
    """Tabs in which a refused form is no failure, although Chromium writes an error into its console."""
    contexts: list[Any] = []

    def open_tab(**options: Any) -> Page:
        contexts.append(browser.new_context(reduced_motion="reduce", **options))
        page: Page = contexts[-1].new_page()
        return page

    yield open_tab
    for context in contexts:
        context.close()


def reach_identity_check(page: Page, live_server: Any, user: User) -> None:
    """Come to the page that says that the report does not fit."""

    def go(name: str) -> None:
        page.goto(live_server.url + reverse(name))

    sign_in(page, go, user)
    get_report(page, go, "P06")
    expect(page.get_by_role("heading", name="Is this report about you?")).to_be_visible()


def submit_answers(page: Page, first: str, second: str) -> None:
    page.get_by_label("ZIP code").fill("46360")
    page.get_by_label("Month you opened an account").fill(first)
    page.get_by_label("Month you opened another account (optional)").fill(second)
    page.get_by_role("button", name="View my report").click()


def months_on_file(user: User) -> list[str]:
    return sorted({f"{account.opened.first:%Y-%m}" for account in load_accounts(user) if account.opened})


def test_it_settles_without_scripts(
    tab: Callable[..., Page], live_server: Any, alice: User, site_bureau: Bureau
) -> None:
    page = tab(java_script_enabled=False)
    reach_identity_check(page, live_server, alice)
    page.get_by_role("link", name="Confirm it's mine").click()
    submit_answers(page, "1999-01", "1999-02")
    expect(page.get_by_role("alert")).to_contain_text("Those answers don't match the credit file.")
    submit_answers(page, *months_on_file(alice)[:2])
    expect(page.get_by_role("status")).to_contain_text("Your answers match.")
    expect(page.get_by_role("main")).to_contain_text("782")


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1280)])
def test_it_leaves_axe_nothing_to_say(
    tab: Callable[..., Page], live_server: Any, alice: User, site_bureau: Bureau, scheme: str, width: int
) -> None:
    page = tab(color_scheme=scheme, viewport={"width": width, "height": 900})
    reach_identity_check(page, live_server, alice)
    without_faults(page)
    page.get_by_role("link", name="Confirm it's mine").click()
    without_faults(page)
    for _ in range(3):
        submit_answers(page, "1999-01", "1999-02")
        without_faults(page)
    expect(page.get_by_role("heading", name="We can't show this report")).to_be_visible()
