"""The digest email: one per user, at the right time, with the types of notifications and nothing private."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from smtplib import SMTPDataError
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.core import mail
from kombu.exceptions import OperationalError

from accounts.deactivation import deactivate, reactivate
from accounts.deletion import requests
from accounts.emails import sending
from accounts.models import Notification, NotificationSettings, User
from accounts.notifications import digest
from accounts.notifications.delivery_schedule import Frequency
from accounts.notifications.inbox import change_settings, notify
from accounts.notifications.notification_types import TEXTS, NotificationType
from accounts.notifications.tasks import dispatch_due_digests, send_due_digest
from accounts.tests.messages import PlainMessage
from compliance.audit.events import AuditEvent
from compliance.isolation import tenant
from compliance.tests.threads import in_threads

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NIGHT = {"quiet_hours_start": time(22), "quiet_hours_end": time(7)}


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as time_traveller:
        yield time_traveller


@pytest.fixture(autouse=True)
def _jobs_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a job when it is queued, as a worker does a moment later."""
    monkeypatch.setattr(send_due_digest, "delay", send_due_digest)


def notify_user(user: User, fingerprint: str = "1", kind: NotificationType = NotificationType.CREDIT_SCORE) -> None:
    message = PlainMessage(title=f"Chase took $1,234 ({fingerprint})")
    notify(user_id=user.pk, type=kind, message=message, url="/overview/", fingerprint=fingerprint)


def run_beat(clock: Any = None, **passed: int) -> list[list[str]]:
    """Let time pass, run the job of Celery beat, and return the recipients of all emails so far."""
    if clock:
        clock.shift(timedelta(**passed))
    dispatch_due_digests()
    return [message.to for message in mail.outbox]


def kill_worker(*_: object) -> None:
    raise KeyboardInterrupt


def due_time(user: User) -> datetime | None:
    with tenant(user.pk):
        return NotificationSettings.for_user(user.pk).digest_due_at


def count_pending(user: User) -> int:
    with tenant(user.pk):
        return Notification.objects.filter(email_pending=True).count()


# --- Content ----------------------------------------------------------------------------------------------


def test_it_contains_only_types_and_a_link(alice: User, clock: Any) -> None:
    for kind in NotificationType:
        notify_user(alice, kind, kind)
    run_beat()
    (message,) = mail.outbox
    assert message.to == [alice.email]
    lines = [line[2:] for line in message.body.splitlines() if line.startswith("- ")]
    assert lines == [texts.email_line for texts in TEXTS.values()]
    assert "https://plumbline.test/notifications/" in message.body
    for private in ("Chase", "1,234", "$", "Alice", alice.email):
        assert private not in message.body + message.subject


def test_it_describes_types_without_digits_and_amounts() -> None:
    for texts in TEXTS.values():
        assert not any(letter.isdigit() or letter == "$" for letter in texts.email_line)


def test_it_sends_one_email_for_many_notifications(alice: User, mallory: User, clock: Any) -> None:
    for fingerprint in "abc":
        notify_user(alice, fingerprint)
    notify_user(mallory)
    assert sorted(run_beat()) == [[alice.email], [mallory.email]]
    assert run_beat() == run_beat()
    assert (count_pending(alice), due_time(alice)) == (0, None)


def test_it_records_the_digest_in_the_audit_trail(alice: User, trail: Callable[[UUID], list[str]], clock: Any) -> None:
    notify_user(alice, "a")
    notify_user(alice, "b", NotificationType.LOW_RUNWAY)
    run_beat()
    assert trail(alice.pk) == ["digest_sent"]
    with tenant(alice.pk):
        assert AuditEvent.objects.get().details() == {"types": ["credit_score", "low_runway"], "count": 2}


# --- Time -------------------------------------------------------------------------------------------------


def test_it_waits_for_the_end_of_the_quiet_hours(alice: User, clock: Any) -> None:
    change_settings(user_id=alice.pk, time_zone="America/New_York", **NIGHT)
    clock.move_to(datetime(2026, 11, 24, 4, tzinfo=UTC))
    notify_user(alice)
    assert run_beat(clock, hours=7, minutes=59) == []
    assert run_beat(clock, minutes=1) == [[alice.email]]


def test_it_sends_a_daily_digest_the_next_morning(alice: User, clock: Any) -> None:
    change_settings(user_id=alice.pk, frequency=Frequency.DAILY)
    notify_user(alice, "a")
    assert run_beat(clock, hours=10) == []
    notify_user(alice, "b")
    assert run_beat(clock, hours=9, minutes=59) == []
    assert run_beat(clock, minutes=1) == [[alice.email]]


def test_it_sends_a_weekly_digest_on_monday_morning(alice: User, clock: Any) -> None:
    change_settings(user_id=alice.pk, frequency=Frequency.WEEKLY)
    notify_user(alice)
    # From Monday noon to the next Monday, 8 a.m.
    assert run_beat(clock, days=6, hours=19) == []
    assert run_beat(clock, hours=1) == [[alice.email]]


def test_it_follows_settings_that_change_while_an_email_is_pending(alice: User, clock: Any) -> None:
    change_settings(user_id=alice.pk, frequency=Frequency.WEEKLY)
    notify_user(alice)
    change_settings(user_id=alice.pk, frequency=Frequency.IMMEDIATE)
    assert run_beat() == [[alice.email]]


def test_it_waits_for_the_end_of_quiet_hours_even_if_it_is_late(alice: User, clock: Any) -> None:
    change_settings(user_id=alice.pk, **NIGHT)
    notify_user(alice)
    # No worker ran until night.
    assert run_beat(clock, hours=11) == []
    assert run_beat(clock, hours=8) == [[alice.email]]


def test_it_sends_nothing_to_a_deactivated_user(alice: User, clock: Any) -> None:
    notify_user(alice)
    deactivate(user=alice, actor=None)
    assert run_beat() == []
    assert due_time(alice) is None


def test_it_sends_what_waited_while_the_account_was_scheduled_for_deletion(alice: User, clock: Any) -> None:
    notify_user(alice)
    requests.request_deletion(user=alice)
    assert run_beat() == []
    requests.cancel_deletion(owner_id=alice.pk)
    assert run_beat() == [[alice.email]]
    assert (count_pending(alice), due_time(alice)) == (0, None)


def test_it_sends_what_waited_while_the_account_was_deactivated(alice: User, clock: Any) -> None:
    notify_user(alice)
    deactivate(user=alice, actor=None)
    assert run_beat() == []
    reactivate(user=alice, actor=None)
    assert run_beat() == [[alice.email]]


def test_it_has_no_email_to_send_after_a_cancellation_without_notifications(alice: User, clock: Any) -> None:
    requests.request_deletion(user=alice)
    requests.cancel_deletion(owner_id=alice.pk)
    assert due_time(alice) is None


def test_it_uses_utc_for_an_unknown_time_zone(alice: User, clock: Any) -> None:
    change_settings(user_id=alice.pk, time_zone="Mars/Olympus_Mons", **NIGHT)
    notify_user(alice)
    assert run_beat() == [[alice.email]]


# --- Failures ---------------------------------------------------------------------------------------------


def test_it_retries_if_the_mail_server_fails(
    alice: User, clock: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    send_email = sending.send_email

    def fail(*_: object) -> None:
        raise SMTPDataError(554, f"No mail for <{alice.email}>".encode())

    notify_user(alice)
    monkeypatch.setattr(sending, "send_email", fail)
    assert run_beat() == []
    assert alice.email not in caplog.text
    monkeypatch.setattr(sending, "send_email", send_email)
    assert run_beat(clock, minutes=10) == []
    assert run_beat(clock, minutes=1) == [[alice.email]]
    assert run_beat(clock, minutes=11) == [[alice.email]]


def test_it_retries_if_the_queue_is_unavailable(alice: User, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def raise_queue_error(*_: object) -> None:
        raise OperationalError("Error 2 connecting to redis.sock")

    notify_user(alice)
    with monkeypatch.context() as patch:
        patch.setattr(send_due_digest, "delay", raise_queue_error)
        with pytest.raises(OperationalError):
            run_beat()
    assert run_beat(clock, minutes=10) == [[alice.email]]


def test_it_retries_if_a_worker_was_killed_before_the_email(alice: User, clock: Any) -> None:
    notify_user(alice)
    digest.claim_due_digests(limit=1)
    assert run_beat() == []
    assert run_beat(clock, minutes=10) == [[alice.email]]


def test_it_repeats_the_email_with_the_same_id_if_a_worker_was_killed_after_it(
    alice: User, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    notify_user(alice)
    with monkeypatch.context() as patch:
        patch.setattr(digest, "_mark_sent", kill_worker)
        with pytest.raises(KeyboardInterrupt):
            run_beat()
    assert run_beat(clock, minutes=11) == [[alice.email]] * 2
    first, second = (message.extra_headers["Message-ID"] for message in mail.outbox)
    assert first == second
    assert run_beat(clock, minutes=11) == [[alice.email]] * 2


def test_it_sends_one_email_from_many_workers(alice: User) -> None:
    notify_user(alice)
    in_threads(4, dispatch_due_digests)
    assert [message.to for message in mail.outbox] == [[alice.email]]


def test_it_sends_one_email_for_a_job_that_is_delivered_three_times(alice: User, clock: Any) -> None:
    notify_user(alice)
    claimed_until, (user_id,) = digest.claim_due_digests(limit=1)
    results = in_threads(3, lambda: digest.send_digest(user_id=user_id, claimed_until=claimed_until))
    assert sorted(results) == [False, False, True]
    assert len(mail.outbox) == 1


def test_it_sends_notifications_that_arrive_while_an_email_is_sent(
    alice: User, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = sending.send_email

    def notify_after_sending(*arguments: Any) -> None:
        send(*arguments)
        if len(mail.outbox) == 1:
            notify_user(alice, "later")
            assert digest.claim_due_digests(limit=1)[1] == []

    monkeypatch.setattr(sending, "send_email", notify_after_sending)
    notify_user(alice)
    assert run_beat() == [[alice.email]] * 2
    assert count_pending(alice) == 0
