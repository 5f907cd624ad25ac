"""Deleting an account in a real browser: request, cancel in two ways, and erase."""

from typing import Any

import pytest
from django.core import mail
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import User
from accounts.tests.conftest import PASSWORD
from accounts.tests.pages import link_from_email
from ui.tests.accessibility import list_violations

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("cheap_hash", "run_deletion_tasks_at_once"),
]


def sign_in(page: Page, live_server: Any, user: User) -> None:
    page.goto(live_server.url + reverse("account_login"))
    page.get_by_label("Email").fill(user.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def request_deletion(page: Page, live_server: Any, user: User) -> None:
    page.goto(live_server.url + reverse("delete_account"))
    page.get_by_label("Your email address").fill(user.email)
    page.get_by_role("button", name="Delete your account").click()
    expect(page.get_by_role("heading", name="Your account is scheduled for deletion")).to_be_visible()


def test_it_schedules_the_deletion_and_the_user_cancels_it_twice_and_then_erases(
    page: Page, live_server: Any, alice: User
) -> None:
    sign_in(page, live_server, alice)
    page.goto(live_server.url + reverse("delete_account"))
    assert list_violations(page) == []
    page.get_by_label("Your email address").fill("somebody@example.com")
    page.get_by_role("button", name="Delete your account").click()
    expect(page.get_by_role("main")).to_contain_text("Enter alice@example.com to confirm.")
    request_deletion(page, live_server, alice)

    # By signing in.
    sign_in(page, live_server, alice)
    expect(page.get_by_role("heading", name="Your account is scheduled for deletion")).to_be_visible()
    assert list_violations(page) == []
    page.get_by_role("button", name="Keep my account").click()
    expect(page.get_by_role("main")).to_contain_text("Your account stays.")

    # By the link of the email, in a browser that is not signed in.
    mail.outbox.clear()
    request_deletion(page, live_server, alice)
    page.goto(live_server.url + link_from_email(mail.outbox[0]))
    assert list_violations(page) == []
    page.get_by_role("button", name="Keep my account").click()
    expect(page.get_by_role("main")).to_contain_text("You canceled the deletion.")
    page.goto(live_server.url + link_from_email(mail.outbox[0]))
    expect(page.get_by_role("heading", name="Your account stays")).to_be_visible()

    sign_in(page, live_server, alice)
    page.goto(live_server.url + reverse("delete_account"))
    page.get_by_role("link", name="Delete everything now").click()
    expect(page.get_by_role("button", name="Delete everything now")).to_be_visible()
    assert list_violations(page) == []
    mail.outbox.clear()
    page.get_by_label("Your email address").fill(alice.email)
    page.get_by_role("button", name="Delete everything now").click()
    expect(page.get_by_role("heading", name="Your account is being deleted")).to_be_visible()
    assert not User.objects.filter(pk=alice.pk).exists()
    assert [message.subject for message in mail.outbox] == ["Your account was deleted"]
    sign_in(page, live_server, alice)
    expect(page.get_by_role("main")).to_contain_text("That email and password don't match.")
