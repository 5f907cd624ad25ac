"""Choosing how long data is kept, the notice seven days before, and the purge after it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from smtplib import SMTPDataError
from threading import Thread
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from msgspec.structs import replace

from accounts.emails import sending
from accounts.models import Notification, User
from accounts.privacy.retention import announcements
from accounts.privacy.retention.tasks import apply_retention, dispatch_due_retention
from banking.account_matching.locks import lock_accounts, try_to_lock_accounts
from banking.models import Account, Item, Transaction
from banking.retention.transaction_rule import RULE
from banking.tests.factories import make_account, make_transaction
from compliance.audit.events import AuditEvent
from compliance.isolation import tenant
from compliance.retention import RetentionRule, purging
from compliance.retention.choosing import UnknownPeriod, choose_period
from compliance.retention.models import RetentionSetting
from compliance.tests.threads import in_threads, is_blocking
from config.tests.processes import wait_until
from credit.enrollment.retention_rule import RAW_REPORTS
from credit.models import AttemptStatus, PullAttempt, RawReport, Report
from credit.report import ReportStatus
from credit.tests.experian_samples import parse_sample
from credit.tests.factories import store_report

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
WEEK = timedelta(days=7)
OLD_DAYS = (200, 100, 95)
ALERTS_GO_TOO = "Alerts about large transactions are deleted when they are as old."


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as time_traveller:
        yield time_traveller


@pytest.fixture(autouse=True)
def _jobs_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a job when it is queued, as a worker does a moment later."""
    monkeypatch.setattr(apply_retention, "apply_async", lambda arguments, queue: apply_retention(*arguments))


@pytest.fixture
def account(clock: Any, alice: User, make_item: Callable[..., Item]) -> Account:
    """An account with three rows that are older than 90 days, and one that is not."""
    account = make_account(make_item(alice))
    for days in (*OLD_DAYS, 10):
        make_transaction(account, "-5", day=(NOON - timedelta(days=days)).date(), name=f"{days} days old")
    return account


def run_beat(clock: Any = None, **passed: int) -> None:
    if clock:
        clock.shift(timedelta(**passed))
    dispatch_due_retention()


def count_rows(user: User) -> int:
    with tenant(user.pk):
        return Transaction.objects.for_user(user).count()


def get_setting(user: User) -> RetentionSetting:
    with tenant(user.pk):
        return RetentionSetting.objects.get(owner=user, data_type="transactions")


def list_events(user: User, action: str) -> list[dict[str, Any]]:
    with tenant(user.pk):
        return [event.details() for event in AuditEvent.objects.filter(subject=user.pk, action=action).order_by("pk")]


def choose(user: User, days: int | None, **options: bool) -> RetentionSetting:
    return choose_period(user=user, rule=RULE, days=days, **options)


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


# --- The pages --------------------------------------------------------------------------------------------


@pytest.fixture
def client(as_alice: Client, with_second_factor: Callable[..., Client], alice: User) -> Client:
    """Alice, who has just entered a code."""
    return with_second_factor(as_alice, alice)


def test_it_shows_what_the_next_purge_and_the_next_seven_days_take(
    client: Client, alice: User, account: Account, clock: Any
) -> None:
    choose(alice, 90)
    run_beat()
    text = client.get(reverse("retention")).content.decode()
    assert "3 entries" in text
    assert "95 days old" in text
    assert "10 days old" not in text
    assert "From Nov 29" in text


@pytest.mark.parametrize("period", ["90", "730"])
def test_it_says_in_the_preview_that_alerts_go_too(client: Client, account: Account, period: str) -> None:
    page = client.get(reverse("change_retention", args=["transactions"]), {"period": period}).content.decode()
    assert ALERTS_GO_TOO in page
    assert ("No entry that we keep now is deleted." in page) is (period == "730")


def test_it_previews_a_choice_and_stores_it_only_when_posted(
    client: Client, alice: User, account: Account, clock: Any
) -> None:
    url = reverse("change_retention", args=["transactions"])
    text = client.get(url, {"period": "90"}).content.decode()
    assert "3 entries" in text
    assert "Checking ••0000" in text
    with tenant(alice.pk):
        assert not RetentionSetting.objects.exists()
    assert client.post(url, {"period": "90"}).url == reverse("retention")
    assert get_setting(alice).days_to_retain == 90


def test_it_takes_until_deletion_as_a_choice(client: Client, alice: User, account: Account) -> None:
    client.post(reverse("change_retention", args=["transactions"]), {"period": "all"})
    setting = get_setting(alice)
    assert (setting.days_to_retain, setting.chosen_at is not None) == (None, True)


@pytest.mark.parametrize("period", ["", "31", "-1", "all ", "1e9", "NaN", "\u0000"])
def test_it_refuses_other_periods_beside_their_field(client: Client, alice: User, clock: Any, period: str) -> None:
    url = reverse("change_retention", args=["transactions"])
    for response in (client.get(url, {"period": period}), client.post(url, {"period": period})):
        assert response.status_code == 422
    with tenant(alice.pk):
        assert not RetentionSetting.objects.exists()


def test_it_says_what_keeping_nothing_means(client: Client, account: Account) -> None:
    response = client.get(reverse("change_retention", args=["transactions"]), {"period": "0"})
    text = response.content.decode()
    assert "stores only the totals" in text
    assert "4 entries" in text
    assert "We email you first" in text


def test_it_promises_no_email_where_nothing_is_stored(client: Client, alice: User) -> None:
    text = client.get(reverse("change_retention", args=["transactions"]), {"period": "0"}).content.decode()
    assert "This counts at once." in text
    assert "We email you first" not in text
    assert choose(alice, 0).effective_at is not None


@pytest.mark.parametrize("rule", [RULE, RAW_REPORTS])
@pytest.mark.parametrize("before", [None, 0, 730])
def test_it_says_on_the_page_when_each_choice_counts(
    client: Client, alice: User, account: Account, clock: Any, rule: RetentionRule, before: int | None
) -> None:
    store_report(alice, replace(parse_sample(), reported_on=NOON.date() - timedelta(days=500)))
    for days in [choice.days for choice in rule.choices if choice.days != before]:
        choose_period(user=alice, rule=rule, days=before, at_once=True)
        page = client.get(reverse("change_retention", args=[rule.data_type]), {"period": to_value(days)})
        text = page.content.decode()
        setting = choose_period(user=alice, rule=rule, days=days)
        assert ("We email you first" in text) == (setting.effective_at is None)
        assert ("This counts at once" in text) == (setting.effective_at == NOON)
        assert ("from your connected banks again" in text) == (before == 0 and rule is RULE)
        assert ("isn't restored" in text or "isn&#x27;t restored" in text) == (
            setting.effective_at == NOON and not (before == 0 and rule is RULE)
        )


def to_value(days: int | None) -> str:
    return "all" if days is None else str(days)


def test_it_says_on_the_page_that_keeping_nothing_counts_at_once_if_nothing_is_stored(
    client: Client, alice: User, clock: Any
) -> None:
    for rule in (RULE, RAW_REPORTS):
        page = client.get(reverse("change_retention", args=[rule.data_type]), {"period": "0"}).content.decode()
        assert "This counts at once" in page
        assert "We email you first" not in page


def test_it_shows_nothing_of_another_person(as_mallory: Client, alice: User, account: Account) -> None:
    choose(alice, 90)
    text = as_mallory.get(reverse("retention")).content.decode()
    assert "entries" not in text
    assert "90 days" not in text.split("The same for everyone")[0].split("Transactions</h2>")[1].split("</section>")[0]
