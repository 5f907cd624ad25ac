"""Signing up with consents, a changed text, and withdrawing a consent, in a real browser."""

from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import User
from accounts.tests.conftest import PASSWORD
from compliance.consent import ConsentText, Purpose, grant, list_consent_events
from ui.tests.accessibility import list_violations

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("cheap_hash"),
]

EMAIL = "new@example.com"
REQUIRED = ("I agree to the terms", "I have read the privacy notice", "I am 18 or older")


def list_purposes(user: User) -> list[tuple[str, str]]:
    """Purpose and kind of all of a user's events, the oldest first."""
    return [(event.purpose, event.kind) for event in list_consent_events(user_id=user.pk)[::-1]]


def sign_in(page: Page, site: str) -> None:
    page.goto(site + reverse("account_login"))
    page.get_by_label("Email").fill("alice@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()


def test_it_signs_up_with_consents(page: Page, live_server: Any) -> None:
    page.goto(live_server.url + reverse("account_signup"))
    boxes = page.get_by_role("checkbox")
    expect(boxes).to_have_count(5)
    assert not any(box.is_checked() for box in boxes.all())
    assert list_violations(page) == []
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    with page.expect_popup() as popup:
        page.get_by_role("link", name="Read the terms of service").click()
    expect(popup.value.get_by_role("heading", name="Terms of service", level=1)).to_be_visible()
    assert list_violations(popup.value) == []
    popup.value.close()

    # Without the browser's own check, as for a browser that has none.
    page.locator("form.form").evaluate("form => { form.noValidate = true; }")
    create = page.get_by_role("main").get_by_role("button", name="Create an account")
    create.click()
    expect(page.get_by_role("alert").get_by_role("link", name="Check the box to continue.")).to_have_count(3)
    assert list_violations(page) == []
    assert not User.objects.exists()

    page.get_by_label("Password").fill(PASSWORD)
    for label in (*REQUIRED, "Send me news"):
        page.get_by_label(label).check()
    create.click()
    expect(page.get_by_role("heading", name="Check your email")).to_be_visible()
    assert list_purposes(User.objects.get()) == [
        ("terms", "granted"),
        ("privacy_notice", "granted"),
        ("marketing", "granted"),
    ]


def test_it_asks_to_agree_to_a_changed_text_and_goes_on(page: Page, live_server: Any, alice: User) -> None:
    grant(user=alice, consent_text=ConsentText(Purpose.PRIVACY_NOTICE, "2020-01-01", "Older words."))
    sign_in(page, live_server.url)
    expect(page).to_have_title("Your agreement · Plumbline")
    assert list_violations(page) == []
    page.get_by_label("I have read the privacy notice").check()
    page.get_by_role("button", name="Agree and continue").click()
    expect(page).to_have_title("Overview · Plumbline")


def test_it_withdraws_a_consent_without_scripts(browser: Any, live_server: Any, alice: User) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, live_server.url)
    page.goto(live_server.url + reverse("consents"))
    page.get_by_role("button", name="Agree: Marketing email").click()
    page.get_by_role("button", name="Withdraw: Marketing email").click()
    expect(page.get_by_text("Your consent is withdrawn.")).to_be_visible()
    page.get_by_role("link", name="Change your opt-out").or_(page.get_by_role("link", name="Opt out")).click()
    page.get_by_role("button", name="Opt out").click()
    expect(page.get_by_text("Your opt-out is on record.")).to_be_visible()
    context.close()
    assert list_purposes(alice)[-3:] == [
        ("marketing", "granted"),
        ("marketing", "withdrawn"),
        ("do_not_sell", "granted"),
    ]


@pytest.mark.parametrize("name", ["consents", "do_not_sell", "terms", "privacy_notice", "security_overview"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_has_accessible_pages(page: Page, live_server: Any, alice: User, name: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    sign_in(page, live_server.url)
    expect(page).to_have_title("Overview · Plumbline")
    page.goto(live_server.url + reverse(name))
    assert list_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
