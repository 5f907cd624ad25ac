"""The clock: whose turn it is, when it comes again, and what a job does with what it meets."""

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

# --- Whose turn it is ---------------------------------------------------------------------------------------


def due_at(user, moment):
    enroll_user(user)
    with tenant(user.pk):
        Enrollment.objects.update(next_pull_at=moment)


@pytest.mark.django_db
def test_it_names_each_person_whose_time_has_come_once(alice, mallory, make_user):
    now = timezone.now()
    due_at(alice, now - timedelta(days=1))
    due_at(mallory, now + timedelta(hours=1))
    due_at(make_user("carol"), None)
    assert due_pulls.claim_due_pulls(limit=10) == [alice.pk]
    assert due_pulls.claim_due_pulls(limit=10) == []
    again = get_enrollment(alice).next_pull_at
    assert timedelta(minutes=29) < again - now <= timedelta(minutes=31)


@pytest.mark.django_db
def test_it_names_nobody_who_withdrew(alice):
    due_at(alice, timezone.now() - timedelta(days=1))
    lifecycle.withdraw_enrollment(user=alice)
    assert due_pulls.claim_due_pulls(limit=10) == []


@pytest.mark.django_db
def test_it_names_nobody_whose_account_is_closed(alice):
    due_at(alice, timezone.now() - timedelta(days=1))
    deactivate(user=alice, actor=None)
    assert due_pulls.claim_due_pulls(limit=10) == []


@pytest.mark.django_db
def test_it_names_no_more_at_a_time_than_it_is_asked_for(make_user):
    people = [make_user(f"person{number}") for number in range(5)]
    for user in people:
        due_at(user, timezone.now() - timedelta(days=1))
    named = [due_pulls.claim_due_pulls(limit=2) for _ in range(4)]
    assert [len(each) for each in named] == [2, 2, 1, 0]
    assert {owner for each in named for owner in each} == {user.pk for user in people}


# --- Jobs ---------------------------------------------------------------------------------------------------


@pytest.fixture
def at_once():
    """Jobs that run where they are queued."""
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


@pytest.mark.django_db(transaction=True)
def test_it_pulls_everybodys_report_month_after_month(days, alice, mallory, site_bureau, at_once):
    for user, persona in ((alice, "P01"), (mallory, "P02")):
        enroll_user(user, persona)
        pull(user)
    for month in range(2, 5):
        made_due(days, alice, mallory)
        tasks.dispatch_due_pulls()
        tasks.dispatch_due_pulls()
        assert (count_raw_and_parsed_reports(alice), count_raw_and_parsed_reports(mallory)) == (
            (month, month),
            (month, month),
        )
    assert len(list_report_calls(site_bureau)) == 8
    assert {attempt.trigger for attempt in list_attempts(alice)[1:]} == {Trigger.SCHEDULED}


def made_due(days, *users):
    """Let a month go by. The database keeps its own time, so what is due there is told by ours."""
    days.advance(days=32)
    for user in users:
        assert get_enrollment(user).next_pull_at < timezone.now()
        with tenant(user.pk):
            Enrollment.objects.update(next_pull_at="2020-01-01T00:00Z")


@pytest.mark.django_db(transaction=True)
def test_it_gets_over_a_bureau_that_fails_and_a_job_that_comes_twice(site_bureau, alice, at_once):
    enroll_user(alice)
    site_bureau.fault("error", name="unavailable")
    for _ in range(2):
        tasks.pull_report.delay(str(alice.pk), "user")
    assert len(list_report_calls(site_bureau)) == 1
    tasks.pull_report.delay(str(alice.pk), "scheduled")
    assert count_raw_and_parsed_reports(alice) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_it_asks_nobody_with_the_bureau_off(site_bureau, alice, at_once, settings):
    due_at(alice, timezone.now() - timedelta(days=1))
    settings.CREDIT_ENV = "off"
    tasks.dispatch_due_pulls()
    assert (list_attempts(alice), list_report_calls(site_bureau)) == ([], [])


@pytest.mark.django_db
def test_it_drops_numbers_that_nobody_uses(alice, at_once, monkeypatch):
    enroll_user(alice)
    monkeypatch.setattr(due_pulls, "list_idle_ssns", lambda *, limit: [alice.pk])
    tasks.delete_idle_ssns()
    assert get_enrollment(alice).ssn is None


def test_it_stands_in_the_clocks_list():
    listed = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert listed >= {
        f"credit.tasks.{name}" for name in ("dispatch_due_pulls", "delete_idle_ssns", "check_bureau_password")
    }


# --- The bureau's password ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("age", "warns"), [(None, False), (0, False), (75, False), (76, True), (200, True)])
def test_it_warns_of_a_password_that_is_about_to_end(settings, caplog, age, warns):
    today = timezone.now().date()
    settings.EXPERIAN_PASSWORD_SET_ON = None if age is None else today - timedelta(days=age)
    assert bureau_password.password_age() == age
    assert bool(check_password_age()) is warns
    with caplog.at_level(logging.WARNING):
        tasks.check_bureau_password()
    assert [f"{age} days old" in line.getMessage() for line in caplog.records] == [True] * warns
