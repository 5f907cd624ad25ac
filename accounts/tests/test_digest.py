"""The mail that says there is news: one a person, at the right time, and nothing in it but kinds."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from smtplib import SMTPDataError
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.core import mail
from kombu.exceptions import OperationalError

from accounts.deactivation import deactivate
from accounts.emails import sending
from accounts.models import Notification, NotificationSettings, User
from accounts.notifications import digest
from accounts.notifications.delivery_schedule import Frequency
from accounts.notifications.inbox import change_settings, notify
from accounts.notifications.notification_types import TEXTS, NotificationType
from accounts.notifications.tasks import dispatch_due_digests, send_due_digest
from compliance.audit.events import AuditEvent
from compliance.isolation import tenant
from compliance.tests.threads import in_threads

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NIGHT = {"quiet_hours_start": time(22), "quiet_hours_end": time(7)}


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def _jobs_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a job where it is queued, as a worker would a moment later."""
    monkeypatch.setattr(send_due_digest, "delay", send_due_digest)


def tell(person: User, thing: str = "1", kind: NotificationType = NotificationType.CREDIT_SCORE) -> None:
    notify(user_id=person.pk, type=kind, title=f"Chase took $1,234 ({thing})", url="/overview/", fingerprint=thing)


def beat(clock: Any = None, **passed: int) -> list[list[str]]:
    """Let time pass and the clock strike; returns to whom all mails so far went."""
    if clock:
        clock.shift(timedelta(**passed))
    dispatch_due_digests()
    return [message.to for message in mail.outbox]


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def due(person: User) -> datetime | None:
    with tenant(person.pk):
        return NotificationSettings.for_user(person.pk).digest_due_at


def waiting(person: User) -> int:
    with tenant(person.pk):
        return Notification.objects.filter(email_pending=True).count()


# --- What it says -----------------------------------------------------------------------------------------


def test_it_names_kinds_and_where_to_sign_in_and_nothing_else(alice: User, clock: Any) -> None:
    for kind in NotificationType:
        tell(alice, kind, kind)
    beat()
    (message,) = mail.outbox
    assert message.to == [alice.email]
    named = [line[2:] for line in message.body.splitlines() if line.startswith("- ")]
    assert named == [words.email_line for words in TEXTS.values()]
    assert "https://plumbline.test/notifications/" in message.body
    for private in ("Chase", "1,234", "$", "Alice", alice.email):
        assert private not in message.body + message.subject


def test_it_puts_no_digit_and_no_name_into_the_words_of_a_kind() -> None:
    for words in TEXTS.values():
        assert not any(letter.isdigit() or letter == "$" for letter in words.email_line)


def test_it_sends_one_mail_for_many_things(alice: User, mallory: User, clock: Any) -> None:
    for thing in "abc":
        tell(alice, thing)
    tell(mallory)
    assert sorted(beat()) == [[alice.email], [mallory.email]]
    assert beat() == beat()
    assert (waiting(alice), due(alice)) == (0, None)


def test_it_stands_in_the_trail(alice: User, trail: Callable[[UUID], list[str]], clock: Any) -> None:
    tell(alice, "a")
    tell(alice, "b", NotificationType.LOW_RUNWAY)
    beat()
    assert trail(alice.pk) == ["digest_sent"]
    with tenant(alice.pk):
        assert AuditEvent.objects.get().details() == {"types": ["credit_score", "low_runway"], "count": 2}


# --- When it goes -----------------------------------------------------------------------------------------


def test_it_waits_for_the_end_of_the_quiet_hours(alice: User, clock: Any) -> None:
    change_settings(user_id=alice.pk, time_zone="America/New_York", **NIGHT)
    clock.move_to(datetime(2026, 11, 24, 4, tzinfo=UTC))
    tell(alice)
    assert beat(clock, hours=7, minutes=59) == []
    assert beat(clock, minutes=1) == [[alice.email]]


def test_it_collects_a_day(alice: User, clock: Any) -> None:
    change_settings(user_id=alice.pk, frequency=Frequency.DAILY)
    tell(alice, "a")
    assert beat(clock, hours=10) == []
    tell(alice, "b")
    assert beat(clock, hours=9, minutes=59) == []
    assert beat(clock, minutes=1) == [[alice.email]]


def test_it_collects_a_week(alice: User, clock: Any) -> None:
    change_settings(user_id=alice.pk, frequency=Frequency.WEEKLY)
    tell(alice)
    # From Monday noon to the next Monday, 8 a.m.
    assert beat(clock, days=6, hours=19) == []
    assert beat(clock, hours=1) == [[alice.email]]


def test_it_follows_wishes_that_change_while_a_mail_waits(alice: User, clock: Any) -> None:
    change_settings(user_id=alice.pk, frequency=Frequency.WEEKLY)
    tell(alice)
    change_settings(user_id=alice.pk, frequency=Frequency.IMMEDIATE)
    assert beat() == [[alice.email]]


def test_it_keeps_quiet_even_when_it_is_late(alice: User, clock: Any) -> None:
    change_settings(user_id=alice.pk, **NIGHT)
    tell(alice)
    # No worker ran until night.
    assert beat(clock, hours=11) == []
    assert beat(clock, hours=8) == [[alice.email]]


def test_it_writes_to_nobody_whose_account_is_closed(alice: User, clock: Any) -> None:
    tell(alice)
    deactivate(user=alice, actor=None)
    assert beat() == []
    assert due(alice) is None


def test_it_goes_by_utc_where_a_zone_is_not_known(alice: User, clock: Any) -> None:
    change_settings(user_id=alice.pk, time_zone="Mars/Olympus_Mons", **NIGHT)
    tell(alice)
    assert beat() == [[alice.email]]


# --- When something is away, or dies ----------------------------------------------------------------------


def test_it_tries_again_when_the_mail_server_is_away(
    alice: User, clock: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    there = sending.send_email

    def away(*_: object) -> None:
        raise SMTPDataError(554, f"No mail for <{alice.email}>".encode())

    tell(alice)
    monkeypatch.setattr(sending, "send_email", away)
    assert beat() == []
    assert alice.email not in caplog.text
    monkeypatch.setattr(sending, "send_email", there)
    assert beat(clock, minutes=10) == []
    assert beat(clock, minutes=1) == [[alice.email]]
    assert beat(clock, minutes=11) == [[alice.email]]


def test_it_tries_again_when_the_queue_is_away(alice: User, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OperationalError("Error 2 connecting to redis.sock")

    tell(alice)
    with monkeypatch.context() as away:
        away.setattr(send_due_digest, "delay", refused)
        with pytest.raises(OperationalError):
            beat()
    assert beat(clock, minutes=10) == [[alice.email]]


def test_it_goes_on_when_a_worker_was_killed_before_the_mail(alice: User, clock: Any) -> None:
    tell(alice)
    digest.claim_due_digests(limit=1)
    assert beat() == []
    assert beat(clock, minutes=10) == [[alice.email]]


def test_it_mails_twice_rather_than_never_when_a_worker_was_killed_after_the_mail(
    alice: User, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(alice)
    with monkeypatch.context() as killing:
        killing.setattr(digest, "_mark_sent", killed)
        with pytest.raises(KeyboardInterrupt):
            beat()
    assert beat(clock, minutes=11) == [[alice.email]] * 2
    first, second = (message.extra_headers["Message-ID"] for message in mail.outbox)
    assert first == second
    assert beat(clock, minutes=11) == [[alice.email]] * 2


def test_it_sends_one_mail_from_many_workers(alice: User) -> None:
    tell(alice)
    in_threads(4, dispatch_due_digests)
    assert [message.to for message in mail.outbox] == [[alice.email]]


def test_it_sends_one_mail_for_a_job_that_is_delivered_twice(alice: User, clock: Any) -> None:
    tell(alice)
    claimed_until, (user_id,) = digest.claim_due_digests(limit=1)
    done = in_threads(3, lambda: digest.send_digest(user_id=user_id, claimed_until=claimed_until))
    assert sorted(done) == [False, False, True]
    assert len(mail.outbox) == 1


def test_it_mails_what_comes_while_a_mail_is_on_its_way(
    alice: User, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = sending.send_email

    def interrupted(*arguments: Any) -> None:
        send(*arguments)
        if len(mail.outbox) == 1:
            tell(alice, "later")
            assert digest.claim_due_digests(limit=1)[1] == []

    monkeypatch.setattr(sending, "send_email", interrupted)
    tell(alice)
    assert beat() == [[alice.email]] * 2
    assert waiting(alice) == 0
