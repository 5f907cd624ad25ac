"""Hosted Link: the pages of a session, with forms only."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urljoin

import pytest
import urllib3

from sandbox.bank import outages
from sandbox.personas import PASSWORD
from sandbox.tests.sandbox_client import SandboxClient, WebhookReceiver, wait_for

FIELDS = {"client_name": "Plumbline", "language": "en", "country_codes": ["US"], "user": {"client_user_id": "1"}}
SITE = "https://site.example/done"


class Browser:
    """A browser without JavaScript: it follows redirects on the sandbox and sends forms."""

    def __init__(self, plaid: SandboxClient, url: str) -> None:
        self.plaid = plaid
        self.url = url
        self.response: urllib3.BaseHTTPResponse = plaid.http.request("GET", url)

    @property
    def page(self) -> str:
        return self.response.data.decode()

    def submit(self, **fields: Any) -> None:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode(fields, doseq=True)
        self.response = self.plaid.http.request("POST", self.url, body=body, headers=headers, redirect=False)
        if self.response.status == 303:
            self.url = urljoin(self.url, self.response.headers["Location"])
            if self.url.startswith(self.plaid.url):
                self.response = self.plaid.http.request("GET", self.url)


@pytest.fixture
def open_link(plaid: SandboxClient) -> Callable[..., Browser]:
    def open_page(**fields: Any) -> Browser:
        products = {} if "access_token" in fields else {"products": ["transactions"]}
        made = plaid.ok("/link/token/create", **FIELDS, **products, **{"hosted_link": {}, **fields})
        return Browser(plaid, made["hosted_link_url"])

    return open_page


def sign_in(browser: Browser, password: str = PASSWORD, username: str = "user_good") -> None:
    browser.submit()
    browser.submit(step="institution", institution_id="ins_109508")
    browser.submit(step="credentials", username=username, password=password)


def test_it_links_accounts_without_a_script(
    plaid: SandboxClient, open_link: Callable[..., Browser], receiver: WebhookReceiver
) -> None:
    browser = open_link(webhook=receiver.url, hosted_link={"completion_redirect_uri": SITE})
    assert "Connect a bank to Plumbline" in browser.page
    assert "<script" not in browser.page
    assert f"form-action 'self' {SITE.removesuffix('/done')};" in browser.response.headers["Content-Security-Policy"]
    browser.submit()
    assert "First Platypus Bank" in browser.page
    browser.submit(step="institution", institution_id="ins_109508")
    assert "Sign in to First Platypus Bank" in browser.page
    browser.submit(step="credentials", username="user_good", password="wrong")
    assert "Wrong username or password" in browser.page
    browser.submit(step="credentials", username="user_good", password=PASSWORD)
    ids = re.findall(r'name="account_id" value="([^"]+)"', browser.page)
    assert len(ids) == 12
    browser.submit(step="accounts", account_id=ids[:2])
    assert (browser.response.status, browser.url) == (303, SITE)
    [sent] = wait_for(receiver.bodies)
    assert (sent["webhook_type"], sent["webhook_code"], sent["status"]) == ("LINK", "SESSION_FINISHED", "SUCCESS")
    linked = plaid.ok("/item/public_token/exchange", public_token=sent["public_tokens"][0])
    assert len(plaid.ok("/accounts/get", access_token=linked["access_token"])["accounts"]) == 2
    [session] = plaid.ok("/link/token/get", link_token=sent["link_token"])["link_sessions"]
    assert session["link_session_id"] == sent["link_session_id"]


def test_it_finishes_on_its_own_page_without_an_address(open_link: Callable[..., Browser]) -> None:
    browser = open_link()
    sign_in(browser)
    browser.submit(step="accounts")
    assert "No accounts found" in browser.page
    browser.submit(step="accounts", account_id=re.findall(r'name="account_id" value="([^"]+)"', browser.page)[0])
    assert "Your bank is connected" in browser.page
    browser.submit(step="exit")
    assert "Your bank is connected" in browser.page


def test_it_announces_that_the_user_canceled(open_link: Callable[..., Browser], receiver: WebhookReceiver) -> None:
    browser = open_link(webhook=receiver.url)
    sign_in(browser)
    browser.submit(step="exit")
    assert "No bank was connected" in browser.page
    [sent] = wait_for(receiver.bodies)
    assert (sent["status"], sent["public_tokens"]) == ("EXITED", [])
    browser.submit(step="accounts", account_id="x")
    assert "No bank was connected" in browser.page


def test_it_asks_for_the_second_factor(open_link: Callable[..., Browser]) -> None:
    browser = open_link()
    sign_in(browser, "mfa_device")
    browser.submit(step="mfa", answer_0="Phone ending in 4321")
    browser.submit(step="mfa", answer_0="9999")
    assert "Wrong answer" in browser.page
    browser.submit(step="mfa", answer_0="1234")
    assert "Choose accounts" in browser.page


def test_it_searches_banks(open_link: Callable[..., Browser]) -> None:
    browser = open_link()
    browser.submit()
    page = browser.plaid.http.request("GET", browser.url + "?q=kestrel&choose=yes").data.decode()
    assert re.findall(r'name="institution_id" value="([^"]+)"', page) == ["ins_900125"]


@pytest.mark.parametrize("selects", [True, False])
def test_it_updates_an_item_and_adds_consent(
    plaid: SandboxClient, open_link: Callable[..., Browser], selects: bool
) -> None:
    access = {"access_token": plaid.link()["access_token"]}
    plaid.ok("/sandbox/item/reset_login", **access)
    update = {"update": {"account_selection_enabled": selects}, "additional_consented_products": ["liabilities"]}
    browser = open_link(**access, **update)
    browser.submit()
    browser.submit(step="credentials", username="user_good", password=PASSWORD)
    if selects:
        ids = re.findall(r'name="account_id" value="([^"]+)" checked', browser.page)
        browser.submit(step="accounts", account_id=ids[2:])
    assert "Your bank is connected" in browser.page
    assert len(plaid.ok("/accounts/get", **access)["accounts"]) == (10 if selects else 12)
    assert plaid.ok("/liabilities/get", **access)["liabilities"]["credit"]


def test_it_shows_that_a_bank_is_down(own_plaid: SandboxClient) -> None:
    made = own_plaid.ok("/link/token/create", **FIELDS, products=["transactions"], hosted_link={})
    outages.declare(own_plaid.context, "ins_109508", "INSTITUTION_DOWN", "DOWN")
    browser = Browser(own_plaid, made["hosted_link_url"])
    sign_in(browser)
    assert "The bank is down" in browser.page


def test_it_refuses_tokens_that_are_unknown_expired_or_not_of_hosted_link(own_plaid: SandboxClient) -> None:
    short = own_plaid.ok(
        "/link/token/create", **FIELDS, products=["transactions"], hosted_link={"url_lifetime_seconds": 60}
    )
    usual = own_plaid.ok("/link/token/create", **FIELDS, products=["transactions"])
    assert "hosted_link_url" not in usual
    assert Browser(own_plaid, short["hosted_link_url"]).response.status == 200
    own_plaid.admin("POST", "clock", {"advance_seconds": 61})
    for token in (short["link_token"], usual["link_token"], "link-sandbox-nobody"):
        browser = Browser(own_plaid, f"{own_plaid.url}/link/hosted/{token}/")
        assert (browser.response.status, "out of date" in browser.page) == (404, True)


@pytest.mark.parametrize("uri", ["javascript:alert(1)", "http://evil.example/", "no address"])
def test_it_refuses_an_unsafe_address_to_return_to(plaid: SandboxClient, uri: str) -> None:
    hosted = {"completion_redirect_uri": uri}
    code = plaid.expect_error("/link/token/create", **FIELDS, products=["transactions"], hosted_link=hosted)
    assert code == "INVALID_FIELD"
