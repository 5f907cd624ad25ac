"""From the authorization to the report and back, in a real browser, with the sandbox's bureau behind the site."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import User
from compliance.isolation import tenant
from credit.models import Enrollment
from credit.statuses import EnrollmentStatus
from credit.tests.page_steps import get_details
from credit.tests.sandbox_bureau import Bureau

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
    def go(name: str) -> None:
        page.goto(live_server.url + reverse(name))

    return go


@pytest.fixture
def signed_in(page: Page, visit: OpenPage, alice: User, site_bureau: Bureau) -> None:
    """Alice has signed in by her password, at a site that asks the sandbox's bureau."""
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


def without_faults(page: Page) -> None:
    faults = Axe().run(page).response["violations"]
    assert [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in faults] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# --- The way in -------------------------------------------------------------------------------------------


def test_it_shows_the_report_that_was_signed_for(
    page: Page, visit: OpenPage, signed_in: None, site_bureau: Bureau
) -> None:
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
    """A tab in which a refused form is no failure, although Chromium writes an error into its console."""
    context = browser.new_context(reduced_motion="reduce")
    yield context.new_page()
    context.close()


def test_it_hides_the_number_while_it_is_typed_and_after(
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
    without_faults(page)


def test_it_asks_once_for_two_clicks(page: Page, visit: OpenPage, signed_in: None, site_bureau: Bureau) -> None:
    sign(page, visit, "P01")
    fill_in(page, "P01")
    page.get_by_role("button", name="Get my report").dblclick()
    expect(page.get_by_role("main")).to_contain_text("782")
    assert site_bureau.count_reports_made() == 1


def test_it_goes_the_whole_way_by_keyboard(page: Page, visit: OpenPage, signed_in: None, site_bureau: Bureau) -> None:
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


def test_it_needs_no_scripts(browser: Any, live_server: Any, alice: User, site_bureau: Bureau) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()

    def go(name: str) -> None:
        page.goto(live_server.url + reverse(name))

    sign_in(page, go, alice)
    get_report(page, go, "P01")
    expect(page.get_by_role("main")).to_contain_text("782")
    go("credit_rights")
    page.get_by_role("link", name="Withdraw").click()
    page.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_text("We request no more reports")).to_be_visible()
    context.close()


# --- Files that are not as usual --------------------------------------------------------------------------


def test_it_explains_a_frozen_file(page: Page, visit: OpenPage, signed_in: None) -> None:
    get_report(page, visit, "P05")
    expect(page.get_by_role("heading", name="Your credit file is frozen")).to_be_visible()
    expect(page.get_by_text("Nothing is wrong")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    leads_to = page.get_by_role("link", name="Freeze at Experian").get_attribute("href")
    assert leads_to == "https://www.experian.com/freeze/center.html"
    expect(page.get_by_role("button", name="Request my report")).to_be_disabled()
    without_faults(page)


def test_it_leads_back_to_the_details_that_found_nothing(page: Page, visit: OpenPage, signed_in: None) -> None:
    get_report(page, visit, "P04")
    expect(page.get_by_role("heading", name="Experian found no credit file")).to_be_visible()
    without_faults(page)
    page.get_by_role("link", name="Check my details").click()
    expect(page.get_by_label("Street address")).to_have_value("104 Maple St")
    expect(page.get_by_label(LABELS["ssn"], exact=True)).to_have_value("")


def test_it_goes_on_by_itself_when_the_answer_is_there(
    page: Page, visit: OpenPage, signed_in: None, alice: User
) -> None:
    sign(page, visit, "P01")
    with tenant(alice.pk):
        waiting = Enrollment.objects.create(owner=alice, identity="{}", pull_day=1, status=EnrollmentStatus.PULLING)
    visit("credit")
    expect(page.get_by_role("heading", name="Your report is on its way")).to_be_visible()
    without_faults(page)
    with tenant(alice.pk):
        Enrollment.objects.filter(pk=waiting.pk).update(status=EnrollmentStatus.NO_HIT)
    expect(page.get_by_role("heading", name="Experian found no credit file")).to_be_visible(timeout=15_000)


# --- The way out ------------------------------------------------------------------------------------------


def test_it_withdraws_with_one_button(page: Page, visit: OpenPage, signed_in: None) -> None:
    get_report(page, visit, "P01")
    visit("credit_rights")
    page.get_by_role("link", name="Withdraw").click()
    without_faults(page)
    page.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_role("status")).to_contain_text("We request no more reports")
    expect(page.get_by_role("link", name="Withdraw")).to_have_count(0)
    visit("credit")
    expect(page.get_by_text("We have no authorization from you")).to_be_visible()


# --- Looks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_leaves_axe_nothing_to_say(page: Page, visit: OpenPage, signed_in: None, scheme: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    visit("credit_start")
    without_faults(page)
    page.get_by_role("button", name="Sign and continue").click()
    get_report(page, visit, "P01")
    for name in ("credit_details", "credit_rights", "credit_withdraw", "credit_raw"):
        visit(name)
        without_faults(page)
    page.get_by_text("Download unmasked report").first.click()
    without_faults(page)


def test_it_keeps_long_references_inside_a_small_window(page: Page, visit: OpenPage, signed_in: None) -> None:
    get_report(page, visit, "P01")
    page.set_viewport_size({"width": 320, "height": 800})
    visit("credit_rights")
    for row in page.locator(".facts > div").all():
        assert row.evaluate("each => each.scrollWidth <= each.clientWidth"), row.inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_it_has_room_for_five_places_on_a_phone(page: Page, visit: OpenPage, signed_in: None) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    visit("credit")
    places = page.get_by_role("navigation", name="Main").get_by_role("listitem")
    places.last.evaluate("last => last.after(last.cloneNode(true))")
    expect(places).to_have_count(5)
    widths = [place.evaluate("each => [each.scrollWidth, each.clientWidth]") for place in places.all()]
    assert all(needed <= given for needed, given in widths)
    tops = {place.evaluate("each => each.getBoundingClientRect().top") for place in places.all()}
    assert len(tops) == 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
