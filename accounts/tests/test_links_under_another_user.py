"""The links of emails need no sign-in, so they work too while another user is signed in in the same browser."""

from collections.abc import Callable
from uuid import UUID

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.deletion import requests
from accounts.deletion.cancel_links import make_cancel_url
from accounts.deletion.models import DeletionRequest
from accounts.models import User
from accounts.sign_in import lockout
from accounts.tests.pages import is_signed_in, link_from_email
from compliance.consent import Purpose, withdraw
from compliance.isolation import tenant
from conftest import make_signed_in_client

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("cheap_hash")]

NEW_PASSWORD = "a new correct horse battery"
RESTRICTIONS = ["nothing", "agree", "set up a second factor", "cancel the deletion"]
Trail = Callable[[UUID], list[str]]


@pytest.fixture(params=RESTRICTIONS)
def as_mallory(request: pytest.FixtureRequest, mallory: User) -> Client:
    """The client of Mallory, who may have to do something else before they can use the pages about themselves."""
    if request.param == "agree":
        withdraw(user=mallory, purpose=Purpose.TERMS)
    elif request.param == "set up a second factor":
        User.objects.filter(pk=mallory.pk).update(is_staff=True)
    client = make_signed_in_client(mallory)
    if request.param == "cancel the deletion":
        User.objects.filter(pk=mallory.pk).update(deleted_at=timezone.now())
    return client


def test_it_cancels_the_deletion_of_the_links_account(alice: User, as_mallory: Client, trail: Trail) -> None:
    url = make_cancel_url(requests.request_deletion(user=alice))
    assert "Keep your account?" in as_mallory.get(url).content.decode()
    mail.outbox.clear()
    assert "<h1>Your account stays</h1>" in as_mallory.post(url).content.decode()
    alice.refresh_from_db()
    assert not alice.is_deletion_pending
    assert trail(alice.pk)[-1] == "deletion_canceled"
    assert [(email.to, email.subject) for email in mail.outbox] == [([alice.email], "Your account stays")]


def test_it_keeps_the_other_user_signed_in_and_their_account_as_it_is(alice: User, mallory: User) -> None:
    url = make_cancel_url(requests.request_deletion(user=alice))
    requests.request_deletion(user=mallory)
    client = make_signed_in_client(mallory)
    client.post(url)
    with tenant(mallory.pk):
        assert DeletionRequest.objects.get().canceled_at is None
    requests.cancel_deletion(owner_id=mallory.pk)
    assert is_signed_in(client)


def test_it_ends_the_lockout_of_the_links_account(alice: User, as_mallory: Client, trail: Trail) -> None:
    for _ in range(lockout.FAILURES_BEFORE_LOCKOUT):
        lockout.record_failure(alice.email)
    url = reverse("unlock", args=[lockout.make_unlock_token(alice)])
    assert "Unlock" in as_mallory.get(url).content.decode()
    as_mallory.post(url)
    assert lockout.locked_until(alice.email) is None
    assert trail(alice.pk)[-1] == "unlocked"


def test_it_resets_the_password_of_the_links_account(
    alice: User, mallory: User, as_mallory: Client, anonymous: Client, trail: Trail
) -> None:
    anonymous.post(reverse("account_reset_password"), {"email": alice.email})
    form_url = as_mallory.get(link_from_email(mail.outbox[-1])).url
    assert "password1" in as_mallory.get(form_url).content.decode()
    response = as_mallory.post(form_url, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    assert as_mallory.get(response.url).status_code == 200
    alice.refresh_from_db()
    mallory.refresh_from_db()
    assert (alice.check_password(NEW_PASSWORD), mallory.check_password(NEW_PASSWORD)) == (True, False)
    assert "password_reset" in trail(alice.pk)
