"""The mailbox in a real browser, under the site's own path."""

from email.message import EmailMessage

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from sandbox.mailbox import mails

pytestmark = pytest.mark.browser

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture
def mailbox_page(new_context, host):
    """A tab without JavaScript; the test fails if the page logged an error or left the site."""
    page = new_context(java_script_enabled=False).new_page()
    problems = []
    page.on("console", lambda line: line.type == "error" and problems.append(line.text))
    page.on("request", lambda sent: sent.url.startswith(host.url) or problems.append(sent.url))
    yield page
    assert problems == []


@pytest.fixture
def stored_mails(host):
    """Two mails: a plain one with a link to the site, and one with an HTML part that loads a remote image."""
    plain = EmailMessage()
    plain["Subject"] = "Confirm your address"
    plain["From"] = "Plumbline <no-reply@plumbline.example>"
    plain.set_content(f"Hello Alice,\n\nconfirm here: {host.url}/confirm/abc/\n\nThe Plumbline team")
    rich = EmailMessage()
    rich["Subject"] = "Averyveryverylongsubjectwithoutanyspace" * 4
    rich.set_content("Plain words " * 40)
    rich.add_alternative('<img src="https://tracker.example/x.png"><script>alert(1)</script>', subtype="html")
    for message in (plain, rich):
        mails.keep(
            host.context, sender="no-reply@plumbline.example", recipients=["alice@example.com"], raw=bytes(message)
        )


def test_it_links_from_the_list_to_a_mail_and_to_the_site(mailbox_page, host, stored_mails):
    mailbox_page.goto(f"{host.url}/_sandbox/mailbox/")
    mailbox_page.get_by_role("link", name="Confirm your address").click()
    expect(mailbox_page.get_by_role("heading", name="Confirm your address")).to_be_visible()
    mailbox_page.get_by_role("link", name=f"{host.url}/confirm/abc/").click()

    expect(mailbox_page).to_have_url(f"{host.url}/confirm/abc/")


def test_it_filters_mail_by_recipient_without_javascript(mailbox_page, host, stored_mails):
    mailbox_page.goto(f"{host.url}/_sandbox/mailbox/")
    mailbox_page.get_by_label("Recipient").fill("mallory@example.com")
    mailbox_page.get_by_role("button", name="Show").click()
    expect(mailbox_page.get_by_text("No mail to mallory@example.com here.")).to_be_visible()
    mailbox_page.get_by_role("link", name="Show all mail").click()

    expect(mailbox_page.get_by_role("listitem")).to_have_count(2)


def test_it_never_loads_resources_of_an_html_part(mailbox_page, host, stored_mails):
    mailbox_page.goto(f"{host.url}/_sandbox/mailbox/messages/2/")
    mailbox_page.get_by_text("HTML part, as source").click()

    expect(mailbox_page.get_by_text("https://tracker.example/x.png")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
def test_it_has_no_accessibility_violations(new_context, host, stored_mails, width, scheme):
    page = new_context(color_scheme=scheme, viewport={"width": width, "height": 800}).new_page()
    for path in ("", "?to=nobody@example.com", "messages/1/", "messages/2/", "messages/9/"):
        page.goto(f"{host.url}/_sandbox/mailbox/{path}")
        for summary in page.locator("summary").all():
            summary.click()

        results = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}})
        assert [(rule["id"], rule["nodes"]) for rule in results.response["violations"]] == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
