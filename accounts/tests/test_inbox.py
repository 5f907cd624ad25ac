"""Users are notified of an event once, and their unread notifications are counted."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction

from accounts.models import Notification, NotificationSettings, User
from accounts.notifications import inbox
from accounts.notifications.inbox import change_settings, list_notifications, mark_all_read, mark_read, notify
from accounts.notifications.notification_types import TEXTS, Channel, NotificationType, preference_key
from accounts.tests.messages import PlainMessage
from compliance.isolation import NoTenant, tenant
from compliance.tests.threads import in_threads

pytestmark = pytest.mark.django_db(transaction=True)


def notify_user(user: User, fingerprint: str = "score 2026-11", **options: Any) -> bool:
    title, text = options.pop("title", "Your score went from 700 to 712"), options.pop("text", "")
    defaults = {"type": NotificationType.CREDIT_SCORE, "url": "/credit/"}
    return notify(
        user_id=user.pk, fingerprint=fingerprint, message=PlainMessage(title=title, text=text), **(defaults | options)
    )


def list_inbox(user: User, page: int = 0) -> list[Notification]:
    with tenant(user.pk):
        return list_notifications(user_id=user.pk, page=page)


def get_unread_count(user: User) -> int:
    return User.objects.get(pk=user.pk).unread


def get_settings(user: User) -> NotificationSettings:
    with tenant(user.pk):
        return NotificationSettings.for_user(user.pk)


# --- Notifying --------------------------------------------------------------------------------------------


def test_it_stores_and_counts_a_notification(alice: User) -> None:
    assert notify_user(alice, text="VantageScore 4.0 by Experian")
    (row,) = list_inbox(alice)
    assert (row.type, row.title, row.url) == ("credit_score", "Your score went from 700 to 712", "/credit/")
    assert (row.text, row.read_at) == ("VantageScore 4.0 by Experian", None)
    assert get_unread_count(alice) == 1


def test_it_notifies_of_an_event_once(alice: User) -> None:
    assert notify_user(alice)
    assert not notify_user(alice)
    assert notify_user(alice, "score 2026-12")
    assert (len(list_inbox(alice)), get_unread_count(alice)) == (2, 2)


def test_it_notifies_two_users_of_the_same_event(alice: User, mallory: User) -> None:
    assert notify_user(alice)
    assert notify_user(mallory)
    assert (get_unread_count(alice), get_unread_count(mallory)) == (1, 1)


def test_it_hashes_fingerprints_of_any_length(alice: User) -> None:
    assert notify_user(alice, "First Platypus " * 1000)
    assert "Platypus" not in list_inbox(alice)[0].fingerprint


def test_it_is_rolled_back_with_its_transaction(alice: User) -> None:
    with transaction.atomic():
        notify_user(alice)
        transaction.set_rollback(True)
    assert (list_inbox(alice), get_unread_count(alice), get_settings(alice).digest_due_at) == ([], 0, None)


@pytest.mark.parametrize(
    "url", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "x"]
)
def test_it_rejects_urls_of_other_sites(alice: User, url: str) -> None:
    with pytest.raises(ValueError, match="a path of this site"):
        notify_user(alice, url=url)


def test_it_raises_for_an_unknown_user() -> None:
    with pytest.raises(User.DoesNotExist):
        notify(user_id=uuid4(), type=NotificationType.LOW_RUNWAY, message=PlainMessage(title="x"), fingerprint="x")


def test_it_notifies_once_for_concurrent_calls(alice: User) -> None:
    assert sorted(in_threads(6, lambda: notify_user(alice))) == [False] * 5 + [True]
    assert get_unread_count(alice) == 1


def test_it_counts_concurrent_notifications(alice: User) -> None:
    names = iter(range(8))
    assert in_threads(8, lambda: notify_user(alice, f"thing {next(names)}")) == [True] * 8
    assert get_unread_count(alice) == 8


# --- Settings ---------------------------------------------------------------------------------------------


def test_it_has_texts_for_every_type() -> None:
    assert list(TEXTS) == list(NotificationType)


def test_it_neither_lists_nor_counts_types_that_are_off_in_the_app(alice: User) -> None:
    change_settings(user_id=alice.pk, disabled=[preference_key(NotificationType.CREDIT_SCORE, Channel.APP)])
    assert not notify_user(alice)
    assert (list_inbox(alice), get_unread_count(alice)) == ([], 0)
    assert get_settings(alice).digest_due_at is not None
    # If it is switched on later, the event is not new any more.
    change_settings(user_id=alice.pk, disabled=[])
    assert not notify_user(alice)


def test_it_emails_no_types_that_are_off_by_email(alice: User) -> None:
    change_settings(user_id=alice.pk, disabled=[preference_key(NotificationType.CREDIT_SCORE, Channel.MAIL)])
    assert notify_user(alice)
    assert get_settings(alice).digest_due_at is None
    assert not list_inbox(alice)[0].email_pending


def test_it_cancels_a_pending_email_when_its_type_is_switched_off(alice: User) -> None:
    notify_user(alice)
    assert get_settings(alice).digest_due_at is not None
    change_settings(user_id=alice.pk, disabled=[preference_key(NotificationType.CREDIT_SCORE, Channel.MAIL)])
    assert get_settings(alice).digest_due_at is None


# --- Reading ----------------------------------------------------------------------------------------------


def test_it_lists_unread_notifications_first_and_then_the_newest(alice: User) -> None:
    for number in range(4):
        notify_user(alice, f"{number}", title=f"Thing {number}")
    newest, _, second, _ = list_inbox(alice)
    mark_read(user_id=alice.pk, notification_id=newest.pk)
    mark_read(user_id=alice.pk, notification_id=second.pk)
    assert [row.title for row in list_inbox(alice)] == ["Thing 2", "Thing 0", "Thing 3", "Thing 1"]
    assert get_unread_count(alice) == 2


def test_it_gives_one_row_more_than_a_page_shows(alice: User) -> None:
    for number in range(inbox.PAGE_SIZE + 2):
        notify_user(alice, f"{number}")
    first, second = list_inbox(alice), list_inbox(alice, page=1)
    assert (len(first), len(second)) == (inbox.PAGE_SIZE + 1, 2)
    assert first[-1] == second[0]


def test_it_marks_a_notification_as_read_once(alice: User) -> None:
    notify_user(alice)
    (row,) = list_inbox(alice)
    read_at = mark_read(user_id=alice.pk, notification_id=row.pk).read_at
    assert mark_read(user_id=alice.pk, notification_id=row.pk).read_at == read_at
    assert get_unread_count(alice) == 0


def test_it_does_not_mark_notifications_that_are_newer_than_the_page(alice: User) -> None:
    notify_user(alice, "seen")
    until = list_inbox(alice)[0].created_at
    notify_user(alice, "not seen", title="Newer")
    assert mark_all_read(user_id=alice.pk, until=until) == 1
    assert get_unread_count(alice) == 1
    assert list_inbox(alice)[0].title == "Newer"


def test_it_does_not_mark_another_users_notifications(alice: User, mallory: User) -> None:
    notify_user(alice)
    (row,) = list_inbox(alice)
    with pytest.raises(Notification.DoesNotExist):
        mark_read(user_id=mallory.pk, notification_id=row.pk)
    assert mark_all_read(user_id=mallory.pk, until=row.created_at) == 0
    assert (get_unread_count(alice), list_inbox(mallory)) == (1, [])


def test_it_shows_no_rows_without_a_tenant(alice: User) -> None:
    notify_user(alice)
    with pytest.raises(NoTenant):
        Notification.objects.count()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM accounts_notification")
        assert cursor.fetchone() == (0,)


# --- The count on the user's row --------------------------------------------------------------------------


def test_it_does_not_restore_an_old_count_when_a_user_is_saved(alice: User) -> None:
    stored = User.objects.get(pk=alice.pk)
    notify_user(alice)
    stored.first_name = "Alicia"
    stored.save()
    alice.refresh_from_db()
    assert (alice.first_name, alice.unread) == ("Alicia", 1)


def test_it_saves_only_loaded_fields_of_a_user(alice: User) -> None:
    stored = User.objects.defer("last_name").get(pk=alice.pk)
    User.objects.filter(pk=alice.pk).update(last_name="Newer")
    stored.first_name = "Alicia"
    stored.save()
    alice.refresh_from_db()
    assert (alice.first_name, alice.last_name) == ("Alicia", "Newer")
