"""The notice seven days before data goes, the purge after it, and what interrupts either."""

from collections.abc import Callable
from smtplib import SMTPDataError
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from accounts.emails import sending
from accounts.models import Notification, User
from accounts.privacy.retention.tasks import dispatch_due_retention
from banking.account_matching.locks import lock_accounts
from banking.models import Account
from compliance.audit.events import AuditEvent
from compliance.isolation import tenant
from compliance.retention import purging
from compliance.retention.models import RetentionSetting
from compliance.tests.threads import in_threads
from config.tests.retention import (
    ALERTS_GO_TOO,
    WEEK,
    account,
    choose,
    clock,
    count_rows,
    get_setting,
    jobs_at_once,
    run_beat,
)

__all__ = ["account", "clock", "jobs_at_once"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("jobs_at_once")]


def list_events(user: User, action: str) -> list[dict[str, Any]]:
    with tenant(user.pk):
        return [event.details() for event in AuditEvent.objects.filter(subject=user.pk, action=action).order_by("pk")]


# --- Nothing goes before its person was told --------------------------------------------------------------


def test_it_deletes_nothing_of_people_who_never_chose(alice: User, account: Account, clock: Any) -> None:
    run_beat(clock, days=400)
    assert count_rows(alice) == 4
    assert mail.outbox == []


def test_it_deletes_nothing_until_seven_days_after_the_email(alice: User, account: Account, clock: Any) -> None:
    choose(alice, 90)
    run_beat()
    assert len(mail.outbox) == 1
    for _ in range(6):
        run_beat(clock, days=1)
        assert count_rows(alice) == 4
    run_beat(clock, days=1)
    assert count_rows(alice) == 1
    assert len(mail.outbox) == 1


def test_it_says_in_the_email_what_goes_when_and_nothing_private(alice: User, account: Account, clock: Any) -> None:
    choose(alice, 90)
    run_beat()
    (email,) = mail.outbox
    assert email.to == [alice.email]
    assert email.subject == "Old data will be deleted in 7 days"
    for words in ("Nov 29", "Transactions, kept for: 90 days", "takes 3 entries", ALERTS_GO_TOO, "/privacy/retention/"):
        assert words in str(email.body), words
    for private in ("Checking", "Platypus", "days old", "5.00"):
        assert private not in str(email.body)


def test_it_tells_in_the_inbox_too_without_a_second_email(alice: User, account: Account, clock: Any) -> None:
    choose(alice, 90)
    run_beat()
    with tenant(alice.pk):
        row = Notification.objects.get(owner=alice)
        assert (row.title, row.url) == ("Old data will be deleted on Nov 29, 2026", "/privacy/retention/")
        assert row.text.startswith("Transactions, kept for: 90 days. The first deletion takes 3 entries.")
        assert (row.in_app, row.email_pending, row.emailed_at) == (True, False, timezone.now())


def test_it_waits_with_the_notice_until_there_is_something_to_delete(alice: User, account: Account, clock: Any) -> None:
    choose(alice, 730)
    run_beat()
    assert mail.outbox == []
    # In seven days, the oldest row is older than two years.
    run_beat(clock, days=730 - 200 - 6)
    assert len(mail.outbox) == 1
    run_beat(clock, days=7)
    assert count_rows(alice) == 3


def test_it_does_not_count_an_email_that_no_server_accepted(
    alice: User, account: Account, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise SMTPDataError(451, b"later")

    choose(alice, 90)
    with monkeypatch.context() as context:
        context.setattr(sending, "send_email", refuse)
        run_beat()
        run_beat(clock, days=8)
    assert (count_rows(alice), get_setting(alice).announced_at) == (4, None)
    run_beat(clock, minutes=10)
    assert get_setting(alice).effective_at == timezone.now() + WEEK


def test_it_sends_the_same_email_again_if_the_worker_is_killed_after_it(
    alice: User, account: Account, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    choose(alice, 90)
    with monkeypatch.context() as context:
        context.setattr(RetentionSetting, "announce", kill)
        with pytest.raises(KeyboardInterrupt):
            run_beat()
    run_beat(clock, minutes=10)
    first, second = mail.outbox
    assert first.extra_headers["Message-ID"] == second.extra_headers["Message-ID"]
    assert get_setting(alice).announced_at == timezone.now()


def test_it_deletes_nothing_of_someone_whose_account_is_deactivated(alice: User, account: Account, clock: Any) -> None:
    choose(alice, 90)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    run_beat(clock, days=1)
    run_beat(clock, days=8)
    assert (count_rows(alice), mail.outbox) == (4, [])


# --- Interruptions ----------------------------------------------------------------------------------------


def test_it_goes_on_after_a_worker_was_killed_between_two_batches(
    alice: User, account: Account, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(alice, 90)
    run_beat()
    with monkeypatch.context() as context:
        context.setattr(purging.purge_expired, "__kwdefaults__", {"batch_rows": 1})
        context.setattr(RetentionSetting, "add_purged", kill_at_second_call())
        with pytest.raises(KeyboardInterrupt):
            run_beat(clock, days=7)
    # The second batch was rolled back with its count.
    assert count_rows(alice) == 3
    assert sum(event["rows"] for event in list_events(alice, "data_purged")) == 1
    run_beat(clock, minutes=10)
    assert count_rows(alice) == 1
    assert sum(event["rows"] for event in list_events(alice, "data_purged")) == 3
    assert get_setting(alice).last_purged_rows == 3


def kill_at_second_call() -> Callable[..., None]:
    """A method that works once, and at its second call acts like a killed worker."""
    original, calls = RetentionSetting.add_purged, []

    def add_purged(setting: RetentionSetting, rows: int, **options: Any) -> None:
        calls.append(rows)
        if len(calls) > 1:
            raise KeyboardInterrupt
        original(setting, rows, **options)

    return add_purged


def test_it_tries_again_in_ten_minutes_while_a_sync_stores_rows(alice: User, account: Account, clock: Any) -> None:
    choose(alice, 90)
    run_beat()
    clock.shift(WEEK)
    with tenant(alice.pk):
        lock_accounts(owner_id=alice.pk)
        in_threads(1, dispatch_due_retention)
    assert count_rows(alice) == 4
    run_beat(clock, minutes=9)
    assert count_rows(alice) == 4
    run_beat(clock, minutes=1)
    assert count_rows(alice) == 1


# --- The record -------------------------------------------------------------------------------------------


def test_it_records_choice_notice_and_purge_without_content(alice: User, account: Account, clock: Any) -> None:
    choose(alice, 90)
    run_beat()
    run_beat(clock, days=7)
    assert [event["days"] for event in list_events(alice, "retention_changed")] == [90]
    assert [event["rows"] for event in list_events(alice, "retention_announced")] == [3]
    assert [event["rows"] for event in list_events(alice, "data_purged")] == [3]
    setting = get_setting(alice)
    assert (setting.last_purge_date, setting.last_purged_rows) == (timezone.localdate(), 3)
