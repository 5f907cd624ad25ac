"""Scheduled pulls: which users are due, when they are due again, and how a task handles failures."""

import logging
from datetime import timedelta

import pytest
from celery import current_app as app
from django.utils import timezone

from accounts.deactivation import deactivate
from compliance.isolation import tenant
from credit import bureau_password, tasks
from credit.checks import check_password_age
from credit.enrollment import lifecycle
from credit.models import Enrollment, Trigger
from credit.pulls import due_pulls
from credit.tests.pull_steps import (
    count_raw_and_parsed_reports,
    enroll_user,
    get_enrollment,
    list_attempts,
    list_report_calls,
    pull,
)

pytestmark = pytest.mark.dates

# --- Due pulls ----------------------------------------------------------------------------------------------


def enroll_with_next_pull(user, next_pull_at):
    enroll_user(user)
    with tenant(user.pk):
        Enrollment.objects.update(next_pull_at=next_pull_at)


@pytest.mark.django_db
def test_it_claims_each_due_user_once(alice, mallory, make_user):
    now = timezone.now()
    enroll_with_next_pull(alice, now - timedelta(days=1))
    enroll_with_next_pull(mallory, now + timedelta(hours=1))
    enroll_with_next_pull(make_user("carol"), None)
    assert due_pulls.claim_due_pulls(limit=10) == [alice.pk]
    assert due_pulls.claim_due_pulls(limit=10) == []
    next_claim_at = get_enrollment(alice).next_pull_at
    assert timedelta(minutes=29) < next_claim_at - now <= timedelta(minutes=31)


@pytest.mark.django_db
def test_it_claims_no_user_who_withdrew(alice):
    enroll_with_next_pull(alice, timezone.now() - timedelta(days=1))
    lifecycle.withdraw_enrollment(user=alice)
    assert due_pulls.claim_due_pulls(limit=10) == []


@pytest.mark.django_db
def test_it_claims_no_user_whose_account_is_deactivated(alice):
    enroll_with_next_pull(alice, timezone.now() - timedelta(days=1))
    deactivate(user=alice, actor=None)
    assert due_pulls.claim_due_pulls(limit=10) == []


@pytest.mark.django_db
def test_it_claims_no_more_users_than_the_limit(make_user):
    users = [make_user(f"user{number}") for number in range(5)]
    for user in users:
        enroll_with_next_pull(user, timezone.now() - timedelta(days=1))
    batches = [due_pulls.claim_due_pulls(limit=2) for _ in range(4)]
    assert [len(batch) for batch in batches] == [2, 2, 1, 0]
    assert {owner for batch in batches for owner in batch} == {user.pk for user in users}


# --- Tasks --------------------------------------------------------------------------------------------------


@pytest.fixture
def eager_tasks():
    """Run tasks in this process as soon as they are queued."""
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


@pytest.mark.django_db(transaction=True)
def test_it_pulls_every_users_report_once_a_month(days, alice, mallory, site_bureau, eager_tasks):
    for user, persona in ((alice, "P01"), (mallory, "P02")):
        enroll_user(user, persona)
        pull(user)
    for month in range(2, 5):
        make_due(days, alice, mallory)
        tasks.dispatch_due_pulls()
        tasks.dispatch_due_pulls()
        assert (count_raw_and_parsed_reports(alice), count_raw_and_parsed_reports(mallory)) == (
            (month, month),
            (month, month),
        )
    assert len(list_report_calls(site_bureau)) == 8
    assert {attempt.trigger for attempt in list_attempts(alice)[1:]} == {Trigger.SCHEDULED}


def make_due(days, *users):
    """Advance the clock by a month, and make the pulls due for the database too, whose clock does not move."""
    days.advance(days=32)
    for user in users:
        assert get_enrollment(user).next_pull_at < timezone.now()
        with tenant(user.pk):
            Enrollment.objects.update(next_pull_at="2020-01-01T00:00Z")


@pytest.mark.django_db(transaction=True)
def test_it_handles_an_unavailable_bureau_and_a_repeated_task(site_bureau, alice, eager_tasks):
    enroll_user(alice)
    site_bureau.fault("error", name="unavailable")
    for _ in range(2):
        tasks.pull_report.delay(str(alice.pk), "user")
    assert len(list_report_calls(site_bureau)) == 1
    tasks.pull_report.delay(str(alice.pk), "scheduled")
    assert count_raw_and_parsed_reports(alice) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_it_pulls_nothing_when_the_bureau_is_off(site_bureau, alice, eager_tasks, settings):
    enroll_with_next_pull(alice, timezone.now() - timedelta(days=1))
    settings.CREDIT_ENV = "off"
    tasks.dispatch_due_pulls()
    assert (list_attempts(alice), list_report_calls(site_bureau)) == ([], [])


@pytest.mark.django_db
def test_it_deletes_idle_ssns(alice, eager_tasks, monkeypatch):
    enroll_user(alice)
    monkeypatch.setattr(due_pulls, "list_idle_ssns", lambda *, limit: [alice.pk])
    tasks.delete_idle_ssns()
    assert get_enrollment(alice).ssn is None


def test_it_schedules_the_periodic_tasks():
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert scheduled >= {
        f"credit.tasks.{name}" for name in ("dispatch_due_pulls", "delete_idle_ssns", "check_bureau_password")
    }


# --- The bureau's password ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("age", "warns"), [(None, False), (0, False), (75, False), (76, True), (200, True)])
def test_it_warns_of_a_password_that_expires_soon(settings, caplog, age, warns):
    today = timezone.now().date()
    settings.EXPERIAN_PASSWORD_SET_ON = None if age is None else today - timedelta(days=age)
    assert bureau_password.password_age() == age
    assert bool(check_password_age()) is warns
    with caplog.at_level(logging.WARNING):
        tasks.check_bureau_password()
    assert [f"{age} days old" in line.getMessage() for line in caplog.records] == [True] * warns
