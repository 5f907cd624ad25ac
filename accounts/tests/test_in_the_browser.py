"""Passkeys and authenticator apps as a person meets them, in a real browser with a virtual authenticator."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import User
from accounts.sign_in import lockout
from accounts.tests.conftest import PASSWORD
from accounts.tests.totp import AuthenticatorApp, add_authenticator_app, add_recovery_codes

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("cheap_hash"),
]

OpenPage = Callable[[str], None]


class Key:
    """A platform authenticator: a fingerprint reader that always agrees, unless told otherwise."""

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

    def refuses(self) -> None:
        """From now on the finger is somebody else's."""
        self._session.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": False})

    def credentials(self) -> list[dict[str, Any]]:
        answer = self._session.send("WebAuthn.getCredentials", {"authenticatorId": self.id})
        credentials: list[dict[str, Any]] = answer["credentials"]
        return credentials


@pytest.fixture
def key(page: Page) -> Key:
    return Key(page)


@pytest.fixture
def visit(page: Page, live_server: Any) -> OpenPage:
    def go(name: str) -> None:
        page.goto(live_server.url + reverse(name))

    return go


@pytest.fixture
def signed_in(page: Page, visit: OpenPage, alice: User) -> None:
    """Alice has signed in by her password."""
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


def test_it_makes_a_passkey_and_signs_in_with_it_alone(page: Page, visit: OpenPage, signed_in: None, key: Key) -> None:
    add_passkey(page, visit)
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    (credential,) = key.credentials()
    assert credential["isResidentCredential"]
    page.get_by_role("link", name="I saved my codes").click()
    expect(page.get_by_role("main")).to_contain_text("Chrome on Linux")
    sign_out(page, visit)
    visit("account_login")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_title("Overview · Plumbline")
    visit("account_email")
    expect(page.get_by_role("heading", name="Email address", exact=True)).to_be_visible()


def test_it_takes_a_passkey_as_the_second_step_and_while_locked(
    page: Page, visit: OpenPage, signed_in: None, key: Key, alice: User
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


def test_it_lets_nobody_in_whose_finger_does_not_fit(page: Page, visit: OpenPage, signed_in: None, key: Key) -> None:
    add_passkey(page, visit)
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    sign_out(page, visit)
    key.refuses()
    visit("account_login")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_text("No passkey was used.")).to_be_visible()
    expect(page).to_have_title("Sign in · Plumbline")


def test_it_renames_and_removes_a_passkey(page: Page, visit: OpenPage, signed_in: None, key: Key, alice: User) -> None:
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


def test_it_proves_by_a_passkey_who_is_there(
    page: Page, visit: OpenPage, signed_in: None, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_passkey(page, visit)
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    monkeypatch.setattr("accounts.mfa.step_up.FRESH_SECONDS", -1)
    visit("account_change_password")
    expect(page.get_by_role("link", name="Use a verification code")).to_be_visible()
    monkeypatch.setattr("accounts.mfa.step_up.FRESH_SECONDS", 300)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Change your password")).to_be_visible()


def test_it_sets_an_app_up_and_hands_the_codes_over(
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
    """The words in the clipboard, pasted into another page: no page of the site may read it."""
    other = page.context.new_page()
    other.set_content("<textarea autofocus></textarea>")
    other.locator("textarea").press("ControlOrMeta+V")
    words = other.locator("textarea").input_value().split()
    other.close()
    return words


def test_it_ends_a_session_that_somebody_left_open_elsewhere(
    page: Page, visit: OpenPage, signed_in: None, browser: Any, live_server: Any, alice: User
) -> None:
    elsewhere = browser.new_context(user_agent="Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/150.0")
    left_open = elsewhere.new_page()
    left_open.goto(live_server.url + reverse("account_login"))
    fill_in(left_open, alice)
    expect(left_open).to_have_title("Overview · Plumbline")
    visit("security")
    page.get_by_role("button", name="Sign out Firefox on Windows").click()
    expect(page.get_by_text("Signed out: Firefox on Windows.")).to_be_visible()
    left_open.reload()
    expect(left_open).to_have_title("Sign in · Plumbline")
    visit("security")
    expect(page.get_by_role("heading", name="Security", level=1)).to_be_visible()
    elsewhere.close()


def test_it_signs_in_by_app_and_by_recovery_code_without_scripts(browser: Any, live_server: Any, alice: User) -> None:
    authenticator_app, (code, *_) = add_authenticator_app(alice), add_recovery_codes(alice)
    for answer in (authenticator_app.code(), code):
        context = browser.new_context(java_script_enabled=False)
        page = context.new_page()
        page.goto(live_server.url + reverse("account_login"))
        expect(page.get_by_role("button", name="Use a passkey")).to_be_hidden()
        fill_in(page, alice)
        page.get_by_label("Code").fill(answer)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_role("button", name="Don't trust this browser").click()
        expect(page).to_have_title("Overview · Plumbline")
        page.goto(live_server.url + reverse("security"))
        expect(page.get_by_role("heading", name="Devices")).to_be_visible()
        context.close()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_leaves_axe_nothing_to_say(
    page: Page, visit: OpenPage, signed_in: None, key: Key, alice: User, scheme: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    add_passkey(page, visit)
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    faults = [*Axe().run(page).response["violations"]]
    for name in ("security", "mfa_activate_totp", "mfa_add_webauthn", "mfa_generate_recovery_codes", "account_logout"):
        visit(name)
        faults += Axe().run(page).response["violations"]
    sign_out(page, visit)
    visit("account_login")
    faults += Axe().run(page).response["violations"]
    fill_in(page, alice)
    expect(page.get_by_role("heading", name="Two-step verification")).to_be_visible()
    faults += Axe().run(page).response["violations"]
    assert [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in faults] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
