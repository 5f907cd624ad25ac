"""Deleting an account: the request, and the thirty days in which it can be canceled."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.deactivation import deactivate
from accounts.deletion import cancel_links, erasure, requests
from accounts.deletion.models import DeletionRequest
from accounts.models import User
from accounts.tests.conftest import AFTER_GRACE_PERIOD, PASSWORD, Trail
from accounts.tests.pages import is_signed_in, link_from_email, sign_in
from compliance.isolation import tenant
from compliance.tests.threads import in_threads
from ui.tests.page_text import visible_text

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("run_deletion_tasks_at_once")]


def get_requests(user: User) -> list[DeletionRequest]:
    with tenant(user.pk):
        return list(DeletionRequest.objects.for_user(user).order_by("requested_at"))


def request_on_page(client: Client, user: User) -> None:
    assert client.post(reverse("delete_account"), {"email": user.email.upper()}).status_code == 200


# --- The request ------------------------------------------------------------------------------------------


def test_it_signs_out_everywhere_and_emails_a_link(as_alice: Client, alice: User, trail: Trail) -> None:
    other_client = Client()
    other_client.force_login(alice)
    now = timezone.now()
    request_on_page(as_alice, alice)
    [deletion] = get_requests(alice)
    alice.refresh_from_db()
    assert not is_signed_in(as_alice)
    assert not is_signed_in(other_client)
    assert abs(deletion.due_at - now - timedelta(days=30)) < timedelta(seconds=5)
    assert (alice.is_deletion_pending, alice.deleted_at) == (True, deletion.requested_at)
    assert "deletion_requested" in trail(alice.pk)
    [email] = mail.outbox
    assert (email.to, email.subject) == (["alice@example.com"], "Your account is scheduled for deletion")
    assert link_from_email(email).startswith("/privacy/delete-account/cancel/")


@pytest.mark.parametrize("typed", ["", "mallory@example.com", "alice@example.co", "\0"])
def test_it_needs_the_users_own_address(as_alice: Client, alice: User, typed: str) -> None:
    response = as_alice.post(reverse("delete_account"), {"email": typed})
    assert response.status_code in (200, 400)
    assert get_requests(alice) == []
    assert is_signed_in(as_alice)


def test_it_needs_a_recent_proof_of_identity(as_alice: Client, alice: User) -> None:
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        for name in ("delete_account", "erase_account"):
            response = as_alice.post(reverse(name), {"email": alice.email})
            assert response["Location"].startswith(reverse("account_reauthenticate"))
    assert get_requests(alice) == []


def test_the_page_lists_what_is_deleted_and_what_stays(as_alice: Client) -> None:
    page = as_alice.get(reverse("delete_account")).content.decode()
    assert "Your name, email address, and account" in page
    assert "The audit trail stays for 365 days." in page
    for sentence in (
        "If the provider of a bank connection hasn&#x27;t confirmed yet that our access ended, the access token stays "
        "until it does, encrypted with a key of this site.",
        "If the mail server is down, your email address stays until the receipt is sent, at most 7 days, encrypted "
        "with a key of this site.",
    ):
        assert sentence in page


def test_two_requests_at_once_make_one(alice: User) -> None:
    in_threads(4, lambda: requests.request_deletion(user=alice))
    assert len(get_requests(alice)) == 1


# --- The thirty days --------------------------------------------------------------------------------------


def test_a_sign_in_shows_only_how_to_cancel(pending: DeletionRequest, alice: User) -> None:
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    pending_url = reverse("deletion_pending")
    for name in ("overview", "security", "transactions", "transactions-csv", "delete_account", "account_email"):
        assert client.get(reverse(name))["Location"] == pending_url, name
    assert client.post(reverse("refresh_all"))["Location"] == pending_url
    page = client.get(pending_url).content.decode()
    assert "Keep my account" in page
    assert client.get(reverse("help")).status_code == 200
    assert client.post(reverse("account_logout")).status_code == 302


def test_the_user_cancels_after_a_sign_in(pending: DeletionRequest, alice: User, trail: Trail) -> None:
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    mail.outbox.clear()
    client.post(reverse("cancel_deletion"))
    assert is_signed_in(client)
    alice.refresh_from_db()
    assert alice.deleted_at is None
    assert trail(alice.pk)[-1] == "deletion_canceled"
    assert [email.subject for email in mail.outbox] == ["Your account stays"]
    with time_machine.travel(timezone.now() + AFTER_GRACE_PERIOD):
        assert erasure.erase_account(owner_id=alice.pk) is None
    assert User.objects.filter(pk=alice.pk).exists()


def test_the_link_works_once(pending: DeletionRequest, alice: User, anonymous: Client) -> None:
    url = cancel_links.make_cancel_url(pending)
    assert "Keep your account?" in anonymous.get(url).content.decode()
    assert "<h1>Your account stays</h1>" in anonymous.post(url).content.decode()
    alice.refresh_from_db()
    assert alice.deleted_at is None
    new_request = requests.request_deletion(user=alice)
    assert "This link no longer works" in anonymous.post(url).content.decode()
    assert [request.canceled_at is None for request in get_requests(alice)] == [False, True]
    assert new_request.pk != pending.pk


def test_it_cancels_the_open_request_after_the_clock_was_set_back(pending: DeletionRequest, alice: User) -> None:
    """The canceled request then is the newest one."""
    requests.cancel_deletion(owner_id=alice.pk)
    with time_machine.travel(timezone.now() - timedelta(hours=1)):
        requests.request_deletion(user=alice)
        requests.cancel_deletion(owner_id=alice.pk)
    alice.refresh_from_db()
    assert alice.deleted_at is None
    assert [request.canceled_at is None for request in get_requests(alice)] == [False, False]


def test_a_second_click_on_keep_my_account_says_that_it_stays(pending: DeletionRequest, alice: User) -> None:
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    mail.outbox.clear()
    client.post(reverse("cancel_deletion"))
    response = client.post(reverse("cancel_deletion"), follow=True)
    assert response.redirect_chain == [(reverse("overview"), 302)]
    assert "Your account stays." in response.content.decode()
    assert client.get(reverse("deletion_pending"))["Location"] == reverse("overview")
    assert [email.subject for email in mail.outbox] == ["Your account stays"]


def test_a_second_click_on_the_links_button_says_that_the_account_stays(
    pending: DeletionRequest, alice: User, anonymous: Client
) -> None:
    url = cancel_links.make_cancel_url(pending)
    mail.outbox.clear()
    anonymous.post(url)
    for page in (anonymous.post(url).content.decode(), anonymous.get(url).content.decode()):
        assert "<h1>Your account stays</h1>" in page
        assert f'href="{reverse("account_login")}"' in page
    assert [email.subject for email in mail.outbox] == ["Your account stays"]


def test_the_link_of_a_deactivated_account_does_not_say_to_sign_in(
    pending: DeletionRequest, alice: User, anonymous: Client
) -> None:
    deactivate(user=alice, actor=None)
    url = cancel_links.make_cancel_url(pending)
    sentence = "Your account is deactivated. You can sign in once the administrator has reactivated it."
    mail.outbox.clear()
    pages = [anonymous.get(url), anonymous.post(url), anonymous.get(url)]
    for page in pages:
        assert sentence in page.content.decode()
        assert "connect them again" not in visible_text(page)
    assert [email.subject for email in mail.outbox] == ["Your account stays"]
    assert sentence in mail.outbox[0].body
    assert "Connect them again" not in mail.outbox[0].body


def test_opening_the_link_changes_nothing(pending: DeletionRequest, alice: User, anonymous: Client) -> None:
    anonymous.get(cancel_links.make_cancel_url(pending))
    anonymous.head(cancel_links.make_cancel_url(pending))
    alice.refresh_from_db()
    assert alice.is_deletion_pending


@pytest.mark.parametrize("token", ["forged", "a:b:c", "x" * 2000])
def test_a_forged_link_says_that_it_does_not_work(db: None, anonymous: Client, token: str) -> None:
    response = anonymous.post(reverse("cancel_deletion_by_link", args=[token]))
    assert "This link no longer works" in response.content.decode()


def test_it_is_too_late_after_thirty_days(pending: DeletionRequest, alice: User, anonymous: Client) -> None:
    url = cancel_links.make_cancel_url(pending)
    with time_machine.travel(timezone.now() + AFTER_GRACE_PERIOD):
        assert "The time to cancel is over" in anonymous.post(url).content.decode()
        client = Client()
        sign_in(client, alice.email, PASSWORD)
        assert "The time to cancel is over." in client.post(reverse("cancel_deletion"), follow=True).content.decode()
        assert erasure.erase_account(owner_id=alice.pk) is not None
        assert "The time to cancel is over" in anonymous.post(url).content.decode()


def test_a_cancellation_and_the_erasure_at_once_have_one_winner(pending: DeletionRequest, alice: User) -> None:
    """Either the account stays, or it is gone; never a half of both."""
    with tenant(alice.pk):
        DeletionRequest.objects.update(due_at=timezone.now() + timedelta(milliseconds=150))
    outcomes: list[str] = []

    def cancel() -> None:
        try:
            requests.cancel_deletion(owner_id=alice.pk)
            outcomes.append("stays")
        except requests.TooLate:
            outcomes.append("too late")

    def erase() -> None:
        while erasure.erase_account(owner_id=alice.pk) is None and "stays" not in outcomes:
            pass

    work = [cancel, erase]
    in_threads(2, lambda: work.pop()())
    assert User.objects.filter(pk=alice.pk).exists() is ("stays" in outcomes)


def test_another_user_cannot_cancel_or_see_a_request(
    pending: DeletionRequest, alice: User, as_mallory: Client, mallory: User
) -> None:
    assert as_mallory.post(reverse("cancel_deletion"))["Location"] == reverse("deletion_pending")
    assert as_mallory.get(reverse("deletion_pending"))["Location"] == reverse("overview")
    alice.refresh_from_db()
    assert alice.is_deletion_pending
    with tenant(mallory.pk):
        assert not DeletionRequest.objects.exists()
