"""From the authorization to the report and back, in a real browser, with the sandbox's bureau behind the site."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import User
from compliance.isolation import tenant
from credit.models import Enrollment
from credit.statuses import EnrollmentStatus
from credit.tests.page_steps import get_details
from credit.tests.sandbox_bureau import Bureau
from ui.tests.accessibility import list_violations

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "correct horse battery staple"
LABELS = {
    "first_name": "First name",
    "last_name": "Last name",
    "line1": "Street address",
    "city": "City",
    "state": "State",
    "zip_code": "ZIP code",
    "birth": "Date of birth",
    "ssn": "Social Security number",
}

OpenPage = Callable[[str], None]


@pytest.fixture
def alice(make_user: Callable[..., User]) -> User:
    return make_user("alice", PASSWORD)


@pytest.fixture
def visit(page: Page, live_server: Any) -> OpenPage:
    def open_page(name: str) -> None:
        page.goto(live_server.url + reverse(name))

    return open_page


@pytest.fixture
def signed_in(page: Page, visit: OpenPage, alice: User, site_bureau: Bureau) -> None:
    """Alice has signed in with her password, on a site that uses the sandbox's bureau."""
    sign_in(page, visit, alice)


def sign_in(page: Page, visit: OpenPage, user: User) -> None:
    visit("account_login")
    page.get_by_label("Email").fill(user.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_title("Overview · Plumbline")


def sign(page: Page, visit: OpenPage, persona: str) -> None:
    details = get_details(persona)
    visit("credit")
    page.get_by_role("link", name="Review authorization").click()
    page.get_by_role("checkbox").check()
    page.get_by_label("Full name, as your signature").fill(f"{details['first_name']} {details['last_name']}")
    page.get_by_role("button", name="Sign and continue").click()
    expect(page.get_by_role("heading", name="Your details")).to_be_visible()


def fill_in(page: Page, persona: str) -> None:
    details = get_details(persona)
    for name, label in LABELS.items():
        page.get_by_label(label, exact=True).fill(details[name])


def get_report(page: Page, visit: OpenPage, persona: str) -> None:
    sign(page, visit, persona)
    fill_in(page, persona)
    page.get_by_role("button", name="Get my report").click()


def assert_accessible(page: Page) -> None:
    assert list_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# --- Enrolling --------------------------------------------------------------------------------------------


def test_it_shows_the_report_after_enrolling(page: Page, visit: OpenPage, signed_in: None, site_bureau: Bureau) -> None:
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Credit").click()
    expect(page.get_by_role("heading", name="Your credit report")).to_be_visible()
    get_report(page, visit, "P01")
    expect(page).to_have_url(re.compile("/credit/$"))
    expect(page.get_by_role("main")).to_contain_text("782")
    expect(page.get_by_role("navigation", name="Main").locator("[aria-current=page]")).to_have_text("Credit")
    assert site_bureau.count_reports_made() == 1
    assert "666011001" not in page.content()
    page.reload()
    assert site_bureau.count_reports_made() == 1


@pytest.fixture
def tolerant_page(browser: Any) -> Iterator[Page]:
    """A tab in which a rejected form does not fail the test, although Chromium logs an error for it."""
    context = browser.new_context(reduced_motion="reduce")
    yield context.new_page()
    context.close()


def test_it_hides_the_number_during_and_after_typing(
    tolerant_page: Page, live_server: Any, alice: User, site_bureau: Bureau
) -> None:
    page = tolerant_page

    def visit(name: str) -> None:
        page.goto(live_server.url + reverse(name))

    sign_in(page, visit, alice)
    sign(page, visit, "P01")
    fill_in(page, "P01")
    number = page.get_by_label(LABELS["ssn"], exact=True)
    assert number.evaluate("field => getComputedStyle(field).webkitTextSecurity") == "disc"
    assert number.get_attribute("autocomplete") == "off"
    page.get_by_label("ZIP code").fill("nowhere")
    page.get_by_role("button", name="Get my report").click()
    expect(page).to_have_title("Error: Your details · Plumbline")
    expect(page.get_by_role("alert")).to_be_focused()
    expect(number).to_have_value("")
    expect(page.get_by_label("City")).to_have_value("Michigan City")
    page.get_by_role("link", name="ZIP code").click()
    expect(page.get_by_label("ZIP code")).to_be_focused()
    assert_accessible(page)


def test_it_pulls_once_for_a_double_click(page: Page, visit: OpenPage, signed_in: None, site_bureau: Bureau) -> None:
    sign(page, visit, "P01")
    fill_in(page, "P01")
    page.get_by_role("button", name="Get my report").dblclick()
    expect(page.get_by_role("main")).to_contain_text("782")
    assert site_bureau.count_reports_made() == 1


def test_it_works_by_keyboard(page: Page, visit: OpenPage, signed_in: None, site_bureau: Bureau) -> None:
    visit("credit_start")
    page.get_by_role("checkbox").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.type("Ada Mercer")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your details")).to_be_visible()
    details = get_details("P01")
    page.get_by_label("First name").focus()
    for name in ("first_name", "middle_name", "last_name", "suffix", "line1", "line2", "city", "state", "zip_code"):
        if name != "suffix":
            page.keyboard.type(details[name])
        page.keyboard.press("Tab")
    page.keyboard.type("01151971")
    page.get_by_label(LABELS["ssn"], exact=True).focus()
    page.keyboard.type(details["ssn"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_contain_text("782")
    assert site_bureau.count_reports_made() == 1


def test_it_works_without_scripts(browser: Any, live_server: Any, alice: User, site_bureau: Bureau) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()

    def open_page(name: str) -> None:
        page.goto(live_server.url + reverse(name))

    sign_in(page, open_page, alice)
    get_report(page, open_page, "P01")
    expect(page.get_by_role("main")).to_contain_text("782")
    open_page("credit_rights")
    page.get_by_role("link", name="Withdraw").click()
    page.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_text("We request no more reports")).to_be_visible()
    context.close()


# --- Special files ----------------------------------------------------------------------------------------


def test_it_explains_a_frozen_file(page: Page, visit: OpenPage, signed_in: None) -> None:
    get_report(page, visit, "P05")
    expect(page.get_by_role("heading", name="Your credit file is frozen")).to_be_visible()
    expect(page.get_by_text("Nothing is wrong")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    url = page.get_by_role("link", name="Freeze at Experian").get_attribute("href")
    assert url == "https://www.experian.com/freeze/center.html"
    expect(page.get_by_role("button", name="Request my report")).to_be_disabled()
    assert_accessible(page)


def test_it_links_to_the_details_if_no_file_was_found(page: Page, visit: OpenPage, signed_in: None) -> None:
    get_report(page, visit, "P04")
    expect(page.get_by_role("heading", name="Experian found no credit file")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("link", name="Check my details").click()
    expect(page.get_by_label("Street address")).to_have_value("104 Maple St")
    expect(page.get_by_label(LABELS["ssn"], exact=True)).to_have_value("")


def test_it_reloads_when_the_report_is_there(page: Page, visit: OpenPage, signed_in: None, alice: User) -> None:
    sign(page, visit, "P01")
    with tenant(alice.pk):
        enrollment = Enrollment.objects.create(owner=alice, identity="{}", pull_day=1, status=EnrollmentStatus.PULLING)
    visit("credit")
    expect(page.get_by_role("heading", name="Your report is on its way")).to_be_visible()
    assert_accessible(page)
    with tenant(alice.pk):
        Enrollment.objects.filter(pk=enrollment.pk).update(status=EnrollmentStatus.NO_HIT)
    expect(page.get_by_role("heading", name="Experian found no credit file")).to_be_visible(timeout=15_000)


# --- Withdrawing ------------------------------------------------------------------------------------------


def test_it_withdraws_with_one_button(page: Page, visit: OpenPage, signed_in: None) -> None:
    get_report(page, visit, "P01")
    visit("credit_rights")
    page.get_by_role("link", name="Withdraw").click()
    expect(page.get_by_role("button", name="Withdraw")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_role("status")).to_contain_text("We request no more reports")
    expect(page.get_by_role("link", name="Withdraw")).to_have_count(0)
    visit("credit")
    expect(page.get_by_text("We have no authorization from you")).to_be_visible()


# --- Layout -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible(page: Page, visit: OpenPage, signed_in: None, scheme: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    visit("credit_start")
    assert_accessible(page)
    page.get_by_role("button", name="Sign and continue").click()
    get_report(page, visit, "P01")
    for name in ("credit_details", "credit_rights", "credit_withdraw", "credit_raw"):
        visit(name)
        assert_accessible(page)
    page.get_by_text("Download unmasked report").first.click()
    assert_accessible(page)


def test_it_wraps_long_references_on_a_phone(page: Page, visit: OpenPage, signed_in: None) -> None:
    get_report(page, visit, "P01")
    page.set_viewport_size({"width": 320, "height": 800})
    visit("credit_rights")
    for row in page.locator(".facts > div").all():
        assert row.evaluate("element => element.scrollWidth <= element.clientWidth"), row.inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_it_has_room_for_five_menu_items_on_a_phone(page: Page, visit: OpenPage, signed_in: None) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    visit("credit")
    items = page.get_by_role("navigation", name="Main").get_by_role("listitem")
    items.last.evaluate("last => last.after(last.cloneNode(true))")
    expect(items).to_have_count(5)
    widths = [item.evaluate("element => [element.scrollWidth, element.clientWidth]") for item in items.all()]
    assert all(needed <= available for needed, available in widths)
    tops = {item.evaluate("element => element.getBoundingClientRect().top") for item in items.all()}
    assert len(tops) == 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
