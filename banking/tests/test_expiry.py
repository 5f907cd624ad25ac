"""The end of the access to a bank: announced, shown, reminded of, renewed."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Notification, User
from banking import tasks
from banking.connection_status import expiry
from banking.linking.update_mode import finish_update_mode, open_update_mode
from banking.models import Connection, ExpiryReason, Item
from banking.tests.factories import mark_synced, update_item
from banking.tests.scripted_provider import ScriptedProvider
from compliance.isolation import tenant
from ui.tests.page_text import page_text

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
CONSENT, MIGRATION = ExpiryReason.CONSENT, ExpiryReason.MIGRATION


@pytest.fixture
def expiring_item(item: Item) -> Item:
    """Alice's synced Item whose consent ends in three days."""
    return mark_synced(item, expires_at=timezone.now() + 3 * DAY, expiry_reason=CONSENT)


def list_titles(user: User) -> list[str]:
    with tenant(user.pk):
        return [row.title for row in Notification.objects.filter(in_app=True).order_by("id")]


# --- When it ends -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "consent_ends", "result"),
    [
        (("", None), None, ("", None)),
        (("", None), 300, (CONSENT, 300)),
        ((CONSENT, 3), 300, (CONSENT, 300)),
        ((CONSENT, 3), None, ("", None)),
        ((CONSENT, -1), -1, (CONSENT, -1)),
        ((MIGRATION, 3), None, (MIGRATION, 3)),
        ((MIGRATION, 3), 300, (MIGRATION, 3)),
        ((MIGRATION, 3), 2, (CONSENT, 2)),
        ((MIGRATION, -1), None, ("", None)),
        ((MIGRATION, -1), 300, (CONSENT, 300)),
    ],
)
@time_machine.travel(NOW, tick=False)
def test_it_takes_the_first_end_that_is_known(
    known: tuple[str, int | None], consent_ends: int | None, result: tuple[str, int | None]
) -> None:
    def in_days(days: int | None) -> datetime | None:
        return None if days is None else NOW + days * DAY

    item = Item(environment="embedded", expiry_reason=known[0], expires_at=in_days(known[1]))
    expiry.apply_consent_expiry(item, consent_expires_at=in_days(consent_ends))
    assert (item.expiry_reason, item.expires_at) == (result[0], in_days(result[1]))


@pytest.mark.parametrize(("days", "is_expiring", "is_overdue"), [(8, False, False), (7, True, False), (-1, True, True)])
@time_machine.travel(NOW, tick=False)
def test_it_warns_a_week_before(days: int, is_expiring: bool, is_overdue: bool) -> None:
    item = Item(environment="embedded", expires_at=NOW + days * DAY)
    assert (item.is_expiring, item.is_overdue) == (is_expiring, is_overdue)
    assert item.user_action == ("reconnect" if is_expiring else "none")
    assert item.state == "loading"
    assert not Item(connection=Connection.LOGIN_REQUIRED, expires_at=item.expires_at).is_expiring


def test_it_does_not_move_an_end_that_is_announced_again_without_a_time(item: Item) -> None:
    announced = {"owner_id": item.owner_id, "item_id": item.pk, "reason": MIGRATION}
    assert expiry.mark_expiring(**announced)
    first = update_item(item).expires_at
    assert abs(first - timezone.now() - 7 * DAY) < timedelta(minutes=1)
    assert expiry.mark_expiring(**announced)
    assert update_item(item).expires_at == first
    assert expiry.mark_expiring(**announced, expires_at=NOW)
    assert (update_item(item).expires_at, item.connection) == (NOW, Connection.ACTIVE)


def test_it_announces_nothing_of_an_item_without_access_or_of_another_user(item: Item, mallory: User) -> None:
    assert not expiry.mark_expiring(owner_id=mallory.pk, item_id=item.pk, reason=CONSENT)
    update_item(item, connection=Connection.LOGIN_REQUIRED)
    assert not expiry.mark_expiring(owner_id=item.owner_id, item_id=item.pk, reason=CONSENT)
    assert update_item(item).expires_at is None


# --- What the user sees -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "days", "sentence"),
    [
        (CONSENT, 3, "Your permission to share data from First Platypus Bank lasts until"),
        (MIGRATION, 3, "First Platypus Bank gives us access until"),
        (MIGRATION, -3, "Our access to First Platypus Bank was due to end."),
    ],
)
def test_it_shows_the_end_and_offers_to_reconnect(
    as_alice: Client, item: Item, reason: str, days: int, sentence: str
) -> None:
    mark_synced(item, expires_at=timezone.now() + days * DAY, expiry_reason=reason)
    page, reconnect = page_text(as_alice.get(reverse("accounts"))), reverse("reconnect", args=[item.pk])
    assert sentence in page
    assert f'href="{reconnect}"' in page
    assert "Up to date" in page
    assert sentence in page_text(as_alice.get(reconnect))
    assert "needs you to sign in again" not in page_text(as_alice.get(reconnect))
    assert f'href="{reconnect}"' in page_text(as_alice.get(reverse("overview")))


def test_it_is_renewed_by_update_mode(as_alice: Client, expiring_item: Item, provider: ScriptedProvider) -> None:
    owner = expiring_item.owner
    expiry.send_reminder(owner_id=owner.pk, item_id=expiring_item.pk)
    session = open_update_mode(user=owner, item_id=expiring_item.pk).session
    finish_update_mode(user=owner, session_id=session.pk)
    item = update_item(expiring_item)
    assert (item.expires_at, item.expiry_reason, item.expiry_reminder) == (None, "", None)
    assert list_titles(owner) == []
    assert "lasts until" not in page_text(as_alice.get(reverse("accounts")))


# --- Reminders --------------------------------------------------------------------------------------------


def run_reminders(*, at: datetime, of: UUID) -> bool:
    """Do what beat and its job do. Returns whether the Item was due."""
    with time_machine.travel(at, tick=False):
        due = expiry.list_due_reminders(limit=10)
        for owner_id, item_id in due:
            tasks.send_expiry_reminder(str(owner_id), str(item_id))
            tasks.send_expiry_reminder(str(owner_id), str(item_id))
    return of in {item_id for _, item_id in due}


def test_it_reminds_a_week_and_a_day_before_once_each(item: Item, alice: User) -> None:
    end = timezone.now() + 30 * DAY
    mark_synced(item, expires_at=end, expiry_reason=CONSENT)
    reminded = [days for days in (8, 7, 6, 2, 1, 0.5, 0, -1) if run_reminders(at=end - days * DAY, of=item.pk)]
    assert reminded == [7, 1]
    titles = list_titles(alice)
    assert len(titles) == 2
    assert titles[0] == titles[1]
    assert titles[0].startswith("Access to First Platypus Bank ends on ")
    with tenant(alice.pk):
        assert Notification.objects.filter(email_pending=True).count() == 2


def test_it_reminds_once_of_an_end_that_is_known_late(expiring_item: Item, alice: User) -> None:
    end = expiring_item.expires_at
    assert run_reminders(at=end - DAY / 2, of=expiring_item.pk)
    assert not run_reminders(at=end - DAY / 3, of=expiring_item.pk)
    assert len(list_titles(alice)) == 1


def test_it_reminds_anew_of_the_next_end(expiring_item: Item, alice: User) -> None:
    assert run_reminders(at=timezone.now(), of=expiring_item.pk)
    later = expiring_item.expires_at + 90 * DAY
    expiry.mark_expiring(owner_id=alice.pk, item_id=expiring_item.pk, reason=CONSENT, expires_at=later)
    assert run_reminders(at=later - 5 * DAY, of=expiring_item.pk)
    assert len(list_titles(alice)) == 2


@pytest.mark.parametrize(
    "columns", [{"connection": Connection.LOGIN_REQUIRED}, {"environment": "production"}, {"expires_at": None}]
)
def test_it_reminds_of_no_other_connection(expiring_item: Item, columns: dict[str, object]) -> None:
    update_item(expiring_item, **columns)
    assert not run_reminders(at=timezone.now(), of=expiring_item.pk)
    assert not expiry.send_reminder(owner_id=expiring_item.owner_id, item_id=expiring_item.pk)


def test_it_does_not_remind_a_user_who_deactivated_the_account(expiring_item: Item, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert not run_reminders(at=timezone.now(), of=expiring_item.pk)
    assert not expiry.send_reminder(owner_id=alice.pk, item_id=expiring_item.pk)
