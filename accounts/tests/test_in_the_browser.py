"""Passkeys and authenticator apps in a real browser with a virtual authenticator."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import User
from accounts.sign_in import lockout
from accounts.tests.conftest import PASSWORD
from accounts.tests.totp import AuthenticatorApp, add_authenticator_app, add_recovery_codes
from ui.tests.accessibility import list_violations

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("cheap_hash"),
]

OpenPage = Callable[[str], None]


class VirtualAuthenticator:
    """A virtual platform authenticator, which verifies the user until ``reject_user`` is called."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        self.id = self._session.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def reject_user(self) -> None:
        """Fail every verification of the user from now on."""
        self._session.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": False})

    def list_credentials(self) -> list[dict[str, Any]]:
        result = self._session.send("WebAuthn.getCredentials", {"authenticatorId": self.id})
        credentials: list[dict[str, Any]] = result["credentials"]
        return credentials


@pytest.fixture
def virtual_authenticator(page: Page) -> VirtualAuthenticator:
    return VirtualAuthenticator(page)


@pytest.fixture
def visit(page: Page, live_server: Any) -> OpenPage:
    def open_page(name: str) -> None:
        page.goto(live_server.url + reverse(name))

    return open_page


@pytest.fixture
def signed_in(page: Page, visit: OpenPage, alice: User) -> None:
    """Alice has signed in with her password."""
    visit("account_login")
    fill_in(page, alice)
    expect(page).to_have_title("Overview · Plumbline")


def fill_in(page: Page, user: User) -> None:
    page.get_by_label("Email").fill(user.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page: Page, visit: OpenPage) -> None:
    visit("account_logout")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()


def add_passkey(page: Page, visit: OpenPage) -> None:
    visit("security")
    page.get_by_role("link", name="Create a passkey").click()
    page.get_by_role("button", name="Create passkey").click()


def test_it_creates_a_passkey_and_signs_in_with_only_that(
    page: Page, visit: OpenPage, signed_in: None, virtual_authenticator: VirtualAuthenticator
) -> None:
    add_passkey(page, visit)
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    (credential,) = virtual_authenticator.list_credentials()
    assert credential["isResidentCredential"]
    page.get_by_role("link", name="I saved my codes").click()
    expect(page.get_by_role("main")).to_contain_text("Chrome on Linux")
    sign_out(page, visit)
    visit("account_login")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_title("Overview · Plumbline")
    visit("account_email")
    expect(page.get_by_role("heading", name="Email address", exact=True)).to_be_visible()


def test_it_accepts_a_passkey_as_second_step_also_while_locked(
    page: Page, visit: OpenPage, signed_in: None, virtual_authenticator: VirtualAuthenticator, alice: User
) -> None:
    add_passkey(page, visit)
    page.get_by_role("link", name="I saved my codes").click()
    sign_out(page, visit)
    visit("account_login")
    fill_in(page, alice)
    expect(page.get_by_role("heading", name="Two-step verification")).to_be_visible()
    for _ in range(10):
        lockout.record_failure(alice.email)
    page.get_by_label("Code").fill("123456")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Password sign-in is paused")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Trust this browser?")).to_be_visible()
    page.get_by_role("button", name="Don't trust this browser").click()
    expect(page).to_have_title("Overview · Plumbline")


def test_it_rejects_a_passkey_if_the_user_is_not_verified(
    page: Page, visit: OpenPage, signed_in: None, virtual_authenticator: VirtualAuthenticator
) -> None:
    add_passkey(page, visit)
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    sign_out(page, visit)
    virtual_authenticator.reject_user()
    visit("account_login")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_text("No passkey was used.")).to_be_visible()
    expect(page).to_have_title("Sign in · Plumbline")


def test_it_renames_and_removes_a_passkey(
    page: Page, visit: OpenPage, signed_in: None, virtual_authenticator: VirtualAuthenticator, alice: User
) -> None:
    add_passkey(page, visit)
    page.get_by_role("link", name="I saved my codes").click()
    page.get_by_role("link", name="Rename").click()
    page.get_by_label("Name").fill("My <b>laptop</b>")
    page.get_by_role("button", name="Rename passkey").click()
    expect(page.get_by_text("My <b>laptop</b>", exact=False).first).to_be_visible()
    page.get_by_role("link", name="Remove My <b>laptop</b>").click()
    page.get_by_role("button", name="Remove passkey").click()
    expect(page.get_by_role("status")).to_contain_text("Your passkey was removed.")
    assert not Authenticator.objects.filter(user=alice).exists()


def test_it_confirms_the_identity_with_a_passkey(
    page: Page,
    visit: OpenPage,
    signed_in: None,
    virtual_authenticator: VirtualAuthenticator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add_passkey(page, visit)
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    monkeypatch.setattr("accounts.mfa.step_up.FRESH_SECONDS", -1)
    visit("account_change_password")
    expect(page.get_by_role("link", name="Use a verification code")).to_be_visible()
    monkeypatch.setattr("accounts.mfa.step_up.FRESH_SECONDS", 300)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Change your password")).to_be_visible()


def test_it_sets_up_an_app_and_lets_the_codes_be_copied_and_downloaded(
    page: Page, visit: OpenPage, signed_in: None, tmp_path: Path
) -> None:
    page.context.grant_permissions(["clipboard-write"])
    visit("security")
    page.get_by_role("link", name="Set up authenticator app").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    page.get_by_text("Enter a setup key instead").click()
    authenticator_app = AuthenticatorApp(Authenticator(), page.locator("details code").inner_text())
    page.get_by_role("textbox", name="Code").fill(authenticator_app.code())
    page.get_by_role("button", name="Add authenticator app").click()
    codes = page.get_by_label("Recovery codes").inner_text().split()
    assert len(codes) == 10
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert read_clipboard(page) == codes
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    download.value.save_as(tmp_path / "codes.txt")
    assert (tmp_path / "codes.txt").read_text().split() == codes


def read_clipboard(page: Page) -> list[str]:
    """Return the words in the clipboard, pasted into another page because the site's pages may not read it."""
    other_page = page.context.new_page()
    other_page.set_content("<textarea autofocus></textarea>")
    other_page.locator("textarea").press("ControlOrMeta+V")
    words = other_page.locator("textarea").input_value().split()
    other_page.close()
    return words


def test_it_ends_a_session_of_another_browser(
    page: Page, visit: OpenPage, signed_in: None, browser: Any, live_server: Any, alice: User
) -> None:
    other_browser = browser.new_context(user_agent="Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/150.0")
    other_page = other_browser.new_page()
    other_page.goto(live_server.url + reverse("account_login"))
    fill_in(other_page, alice)
    expect(other_page).to_have_title("Overview · Plumbline")
    visit("security")
    page.get_by_role("button", name="Sign out Firefox on Windows").click()
    expect(page.get_by_text("Signed out: Firefox on Windows.")).to_be_visible()
    other_page.reload()
    expect(other_page).to_have_title("Sign in · Plumbline")
    visit("security")
    expect(page.get_by_role("heading", name="Security", level=1)).to_be_visible()
    other_browser.close()


def test_it_signs_in_with_app_and_recovery_code_without_scripts(browser: Any, live_server: Any, alice: User) -> None:
    authenticator_app, (recovery_code, *_) = add_authenticator_app(alice), add_recovery_codes(alice)
    for code in (authenticator_app.code(), recovery_code):
        context = browser.new_context(java_script_enabled=False)
        page = context.new_page()
        page.goto(live_server.url + reverse("account_login"))
        expect(page.get_by_role("button", name="Use a passkey")).to_be_hidden()
        fill_in(page, alice)
        page.get_by_label("Code").fill(code)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_role("button", name="Don't trust this browser").click()
        expect(page).to_have_title("Overview · Plumbline")
        page.goto(live_server.url + reverse("security"))
        expect(page.get_by_role("heading", name="Devices")).to_be_visible()
        context.close()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible(
    page: Page,
    visit: OpenPage,
    signed_in: None,
    virtual_authenticator: VirtualAuthenticator,
    alice: User,
    scheme: str,
    width: int,
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    add_passkey(page, visit)
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    violations = list_violations(page)
    for name in ("security", "mfa_activate_totp", "mfa_add_webauthn", "mfa_generate_recovery_codes", "account_logout"):
        visit(name)
        violations += list_violations(page)
    sign_out(page, visit)
    visit("account_login")
    violations += list_violations(page)
    fill_in(page, alice)
    expect(page.get_by_role("heading", name="Two-step verification")).to_be_visible()
    violations += list_violations(page)
    assert violations == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
