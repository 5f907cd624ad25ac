"""Hosted Link and the console in a browser whose scripts are off."""

import pytest
from playwright.sync_api import Browser

from sandbox.tests.sandbox_client import SandboxClient

pytestmark = pytest.mark.browser

FIELDS = {"client_name": "Plumbline", "language": "en", "country_codes": ["US"], "user": {"client_user_id": "1"}}


def test_it_works_without_javascript(plaid: SandboxClient, browser: Browser) -> None:
    site = plaid.url.replace("127.0.0.1", "localhost") + "/healthz"
    hosted = {"completion_redirect_uri": site}
    made = plaid.ok("/link/token/create", **FIELDS, products=["transactions"], hosted_link=hosted)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(made["hosted_link_url"])
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Bank", exact=True).fill("tartan")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("button", name="Tartan Bank").click()
    page.get_by_label("User name").fill("user_good")
    page.get_by_label("Password").fill("pass_good")
    page.get_by_label("Password").press("Enter")
    page.get_by_label("Plaid Checking").check()
    page.get_by_role("button", name="Share these accounts").click()
    page.wait_for_url(site)
    [session] = plaid.ok("/link/token/get", link_token=made["link_token"])["link_sessions"]
    linked = plaid.ok("/item/public_token/exchange", public_token=session["on_success"]["public_token"])

    page.goto(f"{plaid.url}/console/items/{linked['item_id']}/")
    page.get_by_role("button", name="The bank wants a new login").click()
    assert page.get_by_role("status").inner_text() == "Done: The bank wants a new login"
    assert plaid.expect_error("/accounts/get", access_token=linked["access_token"]) == "ITEM_LOGIN_REQUIRED"
    context.close()
