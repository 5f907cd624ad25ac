"""Choosing how long data is kept: when a choice counts, also if it changes or a worker is at work."""

from collections.abc import Callable
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone
from msgspec.structs import replace

from accounts.emails import sending
from accounts.models import User
from accounts.privacy.retention import announcements
from banking.account_matching.locks import lock_accounts, try_to_lock_accounts
from banking.models import Account, Transaction
from banking.retention.transaction_rule import RULE
from banking.tests.factories import make_transaction
from compliance.isolation import tenant
from compliance.retention import purging
from compliance.retention.choosing import UnknownPeriod, choose_period
from compliance.retention.models import RetentionSetting
from compliance.tests.threads import in_threads, is_blocking
from config.tests.processes import wait_until
from config.tests.retention import NOON, WEEK, account, choose, clock, count_rows, get_setting, jobs_at_once, run_beat
from credit.enrollment.retention_rule import RAW_REPORTS
from credit.models import AttemptStatus, PullAttempt, RawReport, Report
from credit.report import ReportStatus
from credit.tests.experian_samples import parse_sample
from credit.tests.factories import store_report

__all__ = ["account", "clock", "jobs_at_once"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("jobs_at_once")]


# --- Changing one's mind ----------------------------------------------------------------------------------


def test_it_deletes_nothing_if_the_person_keeps_everything_in_time(alice: User, account: Account, clock: Any) -> None:
    choose(alice, 90)
    run_beat()
    choose(alice, None)
    run_beat(clock, days=30)
    assert count_rows(alice) == 4


def test_it_announces_again_when_a_period_becomes_shorter(alice: User, account: Account, clock: Any) -> None:
    choose(alice, 90)
    run_beat()
    run_beat(clock, days=7)
    choose(alice, 30)
    make_transaction(account, "-5", day=timezone.localdate() - timedelta(days=40))
    run_beat()
    assert len(mail.outbox) == 2
    # The former period still counts.
    make_transaction(account, "-5", day=timezone.localdate() - timedelta(days=91))
    run_beat(clock, days=1)
    assert count_rows(alice) == 2
    run_beat(clock, days=6)
    assert count_rows(alice) == 1


def test_it_lets_a_longer_period_count_at_once_without_a_notice(alice: User, account: Account, clock: Any) -> None:
    choose(alice, 30)
    run_beat()
    run_beat(clock, days=7)
    assert count_rows(alice) == 1
    make_transaction(account, "-5", day=timezone.localdate() - timedelta(days=40))
    choose(alice, 90)
    run_beat(clock, days=1)
    assert (count_rows(alice), len(mail.outbox)) == (2, 1)


def test_it_starts_the_seven_days_anew_for_another_choice_in_between(alice: User, account: Account, clock: Any) -> None:
    choose(alice, 90)
    run_beat()
    clock.shift(timedelta(days=6))
    choose(alice, 30)
    run_beat()
    run_beat(clock, days=2)
    assert count_rows(alice) == 4
    run_beat(clock, days=5)
    assert count_rows(alice) == 1


def test_it_does_not_start_anew_for_the_same_choice(alice: User, account: Account, clock: Any) -> None:
    choose(alice, 90)
    run_beat()
    clock.shift(timedelta(days=6))
    assert choose(alice, 90).effective_at == NOON + WEEK


def test_it_deletes_at_once_if_the_person_confirms_that(alice: User, account: Account, clock: Any) -> None:
    choose(alice, 0, at_once=True)
    run_beat()
    assert (count_rows(alice), mail.outbox) == (0, [])


def test_it_refuses_a_period_that_the_rule_does_not_offer(alice: User) -> None:
    with pytest.raises(UnknownPeriod):
        choose(alice, 31)


# --- Keeping nothing --------------------------------------------------------------------------------------


def test_it_keeps_nothing_at_once_if_nothing_is_stored(alice: User, clock: Any) -> None:
    for rule in (RULE, RAW_REPORTS):
        assert choose_period(user=alice, rule=rule, days=0).effective_at == NOON


def test_it_announces_that_an_original_goes_which_still_waits_for_answers(alice: User, clock: Any) -> None:
    report_id = store_report(alice, replace(parse_sample(), reported_on=NOON.date()))
    with tenant(alice.pk):
        Report.objects.filter(pk=report_id).update(state=ReportStatus.MISMATCH)
    assert choose_period(user=alice, rule=RAW_REPORTS, days=0).effective_at is None
    with tenant(alice.pk):
        RawReport.objects.update(confirmed_at=timezone.now())
    run_beat(clock, minutes=1)
    with tenant(alice.pk):
        assert RawReport.objects.count() == 1
    assert len(mail.outbox) == 1


def test_it_waits_for_the_notice_while_the_bureau_is_asked(alice: User, clock: Any) -> None:
    store_report(alice, replace(parse_sample(), reported_on=NOON.date()))
    with tenant(alice.pk):
        Report.objects.all().delete()
        RawReport.objects.all().delete()
        PullAttempt.objects.update(status=AttemptStatus.PENDING, finished_at=None)
    assert choose_period(user=alice, rule=RAW_REPORTS, days=0).effective_at is None


def test_it_waits_for_the_notice_while_a_first_import_is_stored(alice: User, account: Account, clock: Any) -> None:
    with tenant(alice.pk):
        Transaction.objects.all().delete()
    with tenant(alice.pk):
        lock_accounts(owner_id=alice.pk)
        in_threads(1, lambda: choose(alice, 0))
    assert get_setting(alice).effective_at is None


def test_it_lets_no_import_begin_before_the_choice_is_stored(alice: User, account: Account, clock: Any) -> None:
    with tenant(alice.pk):
        Transaction.objects.all().delete()
    with tenant(alice.pk):
        choose(alice, 0)

        def try_lock() -> bool:
            with tenant(alice.pk):
                return try_to_lock_accounts(owner_id=alice.pk)

        assert in_threads(1, try_lock) == [False]


def delete_rows(user: User) -> None:
    with tenant(user.pk):
        Transaction.objects.all().delete()


def test_it_keeps_nothing_once_nothing_is_stored_any_more(alice: User, account: Account, clock: Any) -> None:
    """The bank was disconnected before the email was sent: there is nothing that an email could be about."""
    choose(alice, 0)
    delete_rows(alice)
    run_beat(clock, minutes=1)
    assert (get_setting(alice).effective_at, mail.outbox) == (NOON + timedelta(minutes=1), [])


def test_it_looks_again_in_ten_minutes_whether_anything_is_stored(alice: User, account: Account, clock: Any) -> None:
    choose(alice, 0)
    delete_rows(alice)
    with tenant(alice.pk):
        lock_accounts(owner_id=alice.pk)
        [result] = in_threads(1, lambda: run_beat(clock, minutes=1))
    assert (result, get_setting(alice).effective_at) == (None, None)
    run_beat(clock, minutes=11)
    assert get_setting(alice).effective_at == NOON + timedelta(minutes=12)


def test_it_keeps_nothing_when_that_is_chosen_again(alice: User, account: Account, clock: Any) -> None:
    choose(alice, 0)
    delete_rows(alice)
    assert choose(alice, 0).effective_at == NOON


def test_it_does_not_forget_the_notice_when_keeping_nothing_is_chosen_again(
    alice: User, account: Account, clock: Any
) -> None:
    choose(alice, 0)
    assert choose(alice, 0).effective_at is None
    assert count_rows(alice) == 4


# --- A choice while a worker is at work -------------------------------------------------------------------


def run_while_choosing(user: User, days: int | None, work: Callable[[], object]) -> None:
    """Run a worker's step in a thread between the moment a choice is written and the moment it is committed."""
    thread = Thread(target=lambda: in_threads(1, work))
    with tenant(user.pk):
        choose(user, days)
        thread.start()
        wait_until(lambda: is_blocking() or not thread.is_alive())
    thread.join()


def test_it_lets_no_other_period_count_than_the_email_said(alice: User, account: Account, clock: Any) -> None:
    choose(alice, 90)
    [claim] = purging.claim_due_settings(limit=1)
    send_email = sending.send_email

    def choose_meanwhile(*arguments: Any) -> None:
        send_email(*arguments)
        choose(alice, 30)
        with tenant(alice.pk):
            RetentionSetting.objects.update(due_at=claim.until)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sending, "send_email", choose_meanwhile)
        assert not announcements.send_notice(claim)
    assert (get_setting(alice).days_to_retain, get_setting(alice).effective_at) == (30, None)


def test_it_counts_no_email_for_a_choice_that_is_being_stored(alice: User, account: Account, clock: Any) -> None:
    choose(alice, 90)
    [claim] = purging.claim_due_settings(limit=1)
    with tenant(alice.pk):
        notice = announcements._prepare_notice(claim)
    assert notice is not None

    def mark_sent() -> bool:
        with tenant(alice.pk):
            return announcements._mark_sent(claim, notice)

    run_while_choosing(alice, 30, mark_sent)
    assert (get_setting(alice).days_to_retain, get_setting(alice).effective_at) == (30, None)


def test_it_deletes_no_batch_after_a_choice_to_keep_everything(alice: User, account: Account, clock: Any) -> None:
    choose(alice, 90, at_once=True)
    [claim] = purging.claim_due_settings(limit=1)
    run_while_choosing(alice, None, lambda: purging.purge_expired(claim))
    assert count_rows(alice) == 4


def test_it_puts_no_choice_off_that_is_being_stored(alice: User, account: Account, clock: Any) -> None:
    choose(alice, 90)
    [claim] = purging.claim_due_settings(limit=1)
    run_while_choosing(alice, 30, lambda: purging.finish(claim))
    assert get_setting(alice).due_at == NOON
