"""What the provider reports about an Item beside its data."""

from datetime import timedelta

import pytest
import time_machine
from django.core.mail import EmailMessage
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Notification, User
from accounts.notifications import digest
from banking.connection_status import events
from banking.models import Account, Connection, Item
from banking.sync import notifications
from banking.tests.factories import make_account, mark_synced, update_item
from compliance.audit.events import AuditEvent
from compliance.isolation import tenant
from ui.tests.page_text import page_text

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


# --- Accounts ---------------------------------------------------------------------------------------------


def test_it_offers_to_add_new_accounts(as_alice: Client, item: Item) -> None:
    mark_synced(item)
    hint, url = "has new accounts that you can add", f'href="{reverse("choose_accounts", args=[item.pk])}"'
    page = page_text(as_alice.get(reverse("item", args=[item.pk])))
    assert (hint in page, url in page) == (False, True)
    assert events.mark_new_accounts(owner_id=item.owner_id, item_id=item.pk)
    page = page_text(as_alice.get(reverse("item", args=[item.pk])))
    assert (hint in page, url in page) == (True, True)


def test_it_closes_an_account_that_is_no_longer_shared(item: Item) -> None:
    account, other = make_account(item, provider_id="a"), make_account(item, provider_id="b", mask="1")
    revoke = {"owner_id": item.owner_id, "item_id": item.pk, "account_id": "a"}
    assert [events.mark_account_revoked(**revoke), events.mark_account_revoked(**revoke)] == [True, False]
    with tenant(item.owner_id):
        assert list(Account.objects.filter(closed_at=None)) == [other]
        assert Account.objects.get(pk=account.pk).closed_at is not None
        event = AuditEvent.objects.get(action="access_revoked")
    assert (event.resource, event.resource_id, event.actor) == ("account", str(account.pk), None)
    assert update_item(item).connection == Connection.ACTIVE


def test_it_ignores_events_of_unknown_rows(item: Item, mallory: User) -> None:
    make_account(item, provider_id="a")
    update_item(item, connection=Connection.LOGIN_REQUIRED)
    for owner_id in (mallory.pk, item.owner_id):
        assert not events.mark_account_revoked(owner_id=owner_id, item_id=item.pk, account_id="unknown")
    assert not events.mark_account_revoked(owner_id=mallory.pk, item_id=item.pk, account_id="a")
    assert not events.mark_new_accounts(owner_id=mallory.pk, item_id=item.pk)
    assert (update_item(item).new_accounts_at, item.connection) == (None, Connection.LOGIN_REQUIRED)


# --- Repairs ----------------------------------------------------------------------------------------------


def lose(item: Item, *, connection: Connection = Connection.LOGIN_REQUIRED) -> None:
    update_item(item, connection=connection, error_code="ITEM_LOGIN_REQUIRED")
    with tenant(item.owner_id):
        notifications.notify_connection_lost(item=item)


def repair(item: Item) -> None:
    with tenant(item.owner_id):
        Item.objects.filter(pk=item.pk).mark_active()
        events.resolve_access(owner_id=item.owner_id, item_id=item.pk)


def send_emails() -> None:
    until, owners = digest.claim_due_digests(limit=10)
    for owner_id in owners:
        digest.send_digest(user_id=owner_id, claimed_until=until)


def count_unread(user: User) -> int:
    user.refresh_from_db(fields=["unread"])
    return user.unread


def test_it_hides_the_notification_after_a_repair(item: Item, alice: User, mailoutbox: list[EmailMessage]) -> None:
    lose(item)
    assert count_unread(alice) == 1
    repair(item)
    send_emails()
    assert (count_unread(alice), mailoutbox) == (0, [])


def test_it_sends_one_email_a_day_about_a_bank_that_loses_and_regains_access(
    item: Item, alice: User, mailoutbox: list[EmailMessage]
) -> None:
    emails, start = [], timezone.now()
    for hours in (0, 1, 13, 23, 25, 26, 48, 50):
        with time_machine.travel(start + hours * HOUR, tick=False):
            lose(item)
            assert count_unread(alice) == 1
            send_emails()
            emails.append(len(mailoutbox))
            repair(item)
    assert emails == [1, 1, 1, 1, 2, 2, 2, 3]


def test_it_sends_an_email_about_each_state(item: Item, alice: User, mailoutbox: list[EmailMessage]) -> None:
    for connection in (Connection.LOGIN_REQUIRED, Connection.REVOKED, Connection.LOGIN_REQUIRED):
        lose(item, connection=connection)
        send_emails()
    assert len(mailoutbox) == 2
    with tenant(alice.pk):
        assert Notification.objects.get(in_app=True).title == "First Platypus Bank needs you to sign in again"


def test_it_does_not_lose_an_email_that_was_not_sent_before_the_repair(
    item: Item, alice: User, mailoutbox: list[EmailMessage]
) -> None:
    lose(item)
    repair(item)
    lose(item)
    send_emails()
    assert len(mailoutbox) == 1
