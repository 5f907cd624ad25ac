"""Requesting a report: one call to the bureau, however many clicks, workers and crashes there are."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import User
from accounts.users.processing import ProcessingStopped
from compliance import consent
from compliance.audit import Action
from compliance.consent import Purpose
from compliance.isolation import tenant
from credit.enrollment import authorization
from credit.enrollment.lifecycle import withdraw_enrollment
from credit.models import Enrollment, Trigger
from credit.provider import BureauConfigError, BureauTimeout
from credit.pulls import attempts, due_pulls, processing, pulling
from credit.report import ReportStatus
from credit.statuses import EnrollmentStatus
from credit.tests.pull_steps import (
    count_raw_and_parsed_reports,
    enroll_user,
    get_enrollment,
    get_status,
    give_consent,
    list_attempts,
    list_audit_actions,
    list_report_calls,
    pull,
)
from credit.tests.sandbox_bureau import make_applicant

pytestmark = pytest.mark.django_db(transaction=True)


# --- One call -----------------------------------------------------------------------------------------------


def test_it_makes_one_call_and_records_the_attempt_and_its_consent(site_bureau, alice):
    enroll_user(alice, keep_ssn=False)
    applicant = make_applicant("P01")
    pulled = pull(alice, applicant=applicant)
    [call], [attempt] = list_report_calls(site_bureau), list_attempts(alice)
    assert (pulled.status, call["reference"], call["ssn"]) == (ReportStatus.READY, attempt.reference_id, "full")
    assert not call["leaked"]
    assert (attempt.status, attempt.trigger, attempt.inquiry_class, attempt.purpose) == ("made", "user", "soft", "3F")
    active_consent = consent.get_active_consent(user_id=alice.pk, purpose=Purpose.CREDIT_REPORT)
    assert (attempt.consent_id, attempt.consent_version) == (active_consent.pk, authorization.VERSION)
    assert get_status(alice) is EnrollmentStatus.READY
    assert count_raw_and_parsed_reports(alice) == (1, 1)


def test_it_sends_the_last_four_digits_when_the_ssn_is_not_stored(site_bureau, alice):
    enroll_user(alice, keep_ssn=False)
    pull(alice)
    assert list_report_calls(site_bureau)[0]["ssn"] == "last four"


def test_it_decrypts_the_stored_ssn_only_when_none_was_entered_and_audits_it(days, alice):
    enroll_user(alice)
    pull(alice, applicant=make_applicant("P01"))
    assert Action.CREDENTIAL_ACCESS not in list_audit_actions(alice)
    days.advance(days=31)
    pull(alice)
    assert list_audit_actions(alice).count(Action.CREDENTIAL_ACCESS) == 1
    assert list_audit_actions(alice).count(Action.CREDIT_PULL) == 2


def test_it_makes_one_call_for_eight_simultaneous_clicks(site_bureau, alice):
    enroll_user(alice)
    site_bureau.fault("latency", ms=1000)

    def click(_):
        try:
            return pull(alice)
        except (pulling.PullInProgress, pulling.NotDue) as error:
            return type(error)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as clicks:
        outcomes = list(clicks.map(click, range(8)))
    assert sum(isinstance(outcome, pulling.PullResult) for outcome in outcomes) == 1
    assert len(list_report_calls(site_bureau)) == site_bureau.count_reports_made() == 1
    assert len(list_attempts(alice)) == 1


def test_it_requests_one_report_in_thirty_days(days, alice, site_bureau):
    enroll_user(alice)
    pull(alice)
    days.advance(days=29)
    with pytest.raises(pulling.NotDue) as error:
        pull(alice)
    assert error.value.next_pull_at == get_enrollment(alice).eligible_at
    with pytest.raises(pulling.NotDue):
        pull(alice, Trigger.SCHEDULED)
    days.advance(days=1)
    pull(alice, Trigger.SCHEDULED)
    assert site_bureau.count_reports_made() == 2
    assert count_raw_and_parsed_reports(alice) == (2, 2)


def test_it_pulls_separately_for_a_second_user(site_bureau, alice, mallory):
    enroll_user(alice)
    enroll_user(mallory, "P02")
    first, second = pull(alice), pull(mallory)
    assert first.report_id != second.report_id
    assert (count_raw_and_parsed_reports(alice), count_raw_and_parsed_reports(mallory)) == ((1, 1), (1, 1))


def test_it_makes_no_call_when_the_bureau_is_off(site_bureau, alice, settings):
    enroll_user(alice)
    settings.CREDIT_ENV = "off"
    with pytest.raises(BureauConfigError):
        pull(alice)
    assert (list_report_calls(site_bureau), list_attempts(alice), get_status(alice)) == ([], [], EnrollmentStatus.OFF)


# --- Consent ------------------------------------------------------------------------------------------------


def test_it_makes_no_call_without_details(site_bureau, alice):
    give_consent(alice)
    with pytest.raises(pulling.NotEnrolled):
        pull(alice)


@pytest.mark.parametrize("problem", ["withdrawn", "expired", "outdated"])
def test_it_makes_no_call_without_an_active_consent(days, alice, site_bureau, monkeypatch, problem):
    enroll_user(alice)
    if problem == "withdrawn":
        consent.withdraw(user=alice, purpose=Purpose.CREDIT_REPORT)
    elif problem == "expired":
        days.advance(days=366)
    else:
        monkeypatch.setattr(authorization, "VERSION", "2031-01")
    with pytest.raises(pulling.NoConsent):
        pull(alice)
    assert (list_report_calls(site_bureau), list_attempts(alice)) == ([], [])
    assert get_status(alice) is (
        EnrollmentStatus.CONSENT_OUTDATED if problem == "outdated" else EnrollmentStatus.NO_CONSENT
    )


def test_it_checks_the_consent_again_right_before_the_call(site_bureau, alice, monkeypatch):
    enroll_user(alice)
    begin_attempt = attempts.begin_attempt

    def begin_and_withdraw(**options):
        attempt = begin_attempt(**options)
        consent.withdraw(user=alice, purpose=Purpose.CREDIT_REPORT)
        return attempt

    monkeypatch.setattr(attempts, "begin_attempt", begin_and_withdraw)
    with pytest.raises(pulling.NoConsent):
        pull(alice)
    assert list_report_calls(site_bureau) == []
    assert [(attempt.status, attempt.code) for attempt in list_attempts(alice)] == [("not_made", "NO_ACTIVE_CONSENT")]


def test_it_discards_the_response_when_the_consent_is_withdrawn_during_the_call(site_bureau, alice, monkeypatch):
    enroll_user(alice)
    call_bureau = pulling.call_bureau

    def call_and_withdraw(**options):
        response = call_bureau(**options)
        withdraw_enrollment(user=alice)
        return response

    monkeypatch.setattr(pulling, "call_bureau", call_and_withdraw)
    with pytest.raises(pulling.NoConsent):
        pull(alice)
    assert count_raw_and_parsed_reports(alice) == (0, 0)
    assert [(attempt.status, attempt.code) for attempt in list_attempts(alice)] == [("made", "WITHDRAWN")]


def test_it_schedules_no_pull_when_the_consent_is_withdrawn_before_parsing(site_bureau, alice, monkeypatch):
    enroll_user(alice)
    process_report = processing.process_report

    def withdraw_and_process(**options):
        withdraw_enrollment(user=alice)
        return process_report(**options)

    monkeypatch.setattr(processing, "process_report", withdraw_and_process)
    pull(alice)
    assert count_raw_and_parsed_reports(alice) == (1, 1)
    assert (get_enrollment(alice).next_pull_at, get_status(alice)) == (None, EnrollmentStatus.NO_CONSENT)


def test_it_stops_the_schedule_deletes_the_ssn_and_notifies_when_a_consent_expires(days, alice):
    enroll_user(alice)
    pull(alice)
    days.advance(days=366)
    for _ in range(2):
        with pytest.raises(pulling.NoConsent):
            pull(alice, Trigger.SCHEDULED)
    assert (get_enrollment(alice).next_pull_at, get_enrollment(alice).ssn) == (None, None)
    alice.refresh_from_db()
    assert alice.unread == 1


# --- Killed workers -----------------------------------------------------------------------------------------


class WorkerKilled(BaseException):
    """Stands for SIGKILL: no handler of the worker catches it."""


@pytest.fixture
def kill_worker_in(monkeypatch):
    def kill(module, name):
        def raise_killed(**_):
            raise WorkerKilled

        monkeypatch.setattr(module, name, raise_killed)
        return monkeypatch.undo

    return kill


def test_it_records_an_unknown_outcome_when_the_worker_is_killed_during_the_call(
    days, alice, site_bureau, kill_worker_in
):
    enroll_user(alice)
    undo_kill = kill_worker_in(pulling, "store_raw_report")
    with pytest.raises(WorkerKilled):
        pull(alice)
    undo_kill()
    assert site_bureau.count_reports_made() == 1
    with pytest.raises(pulling.PullInProgress):
        pull(alice)
    assert get_status(alice) is EnrollmentStatus.PULLING
    days.advance(minutes=15)
    assert get_status(alice) is EnrollmentStatus.OUTCOME_UNKNOWN
    days.advance(minutes=5)
    pull(alice, Trigger.SCHEDULED)
    first, second = list_attempts(alice)
    assert (first.status, first.code, second.status) == ("unknown", "WORKER_LOST", "made")
    assert first.reference_id != second.reference_id
    assert count_raw_and_parsed_reports(alice) == (1, 1)


def test_it_parses_the_stored_response_of_a_killed_worker_without_a_second_call(
    days, alice, site_bureau, kill_worker_in
):
    enroll_user(alice)
    undo_kill = kill_worker_in(processing, "process_report")
    with pytest.raises(WorkerKilled):
        pull(alice)
    undo_kill()
    assert (count_raw_and_parsed_reports(alice), get_status(alice)) == ((1, 0), EnrollmentStatus.UNPARSED)
    days.advance(minutes=15)
    assert get_enrollment(alice).next_pull_at < timezone.now()
    with pytest.raises(pulling.NotDue):
        pull(alice, Trigger.SCHEDULED)
    assert (count_raw_and_parsed_reports(alice), get_status(alice), site_bureau.count_reports_made()) == (
        (1, 1),
        EnrollmentStatus.READY,
        1,
    )


def test_it_stores_a_response_that_arrives_after_its_attempt_expired(days, alice, monkeypatch):
    enroll_user(alice)
    call_bureau = pulling.call_bureau

    def call_and_expire(**options):
        response = call_bureau(**options)
        days.advance(minutes=20)
        attempts.expire_lost_attempt(owner_id=alice.pk)
        assert get_status(alice) is EnrollmentStatus.OUTCOME_UNKNOWN
        return response

    monkeypatch.setattr(pulling, "call_bureau", call_and_expire)
    pull(alice)
    assert (count_raw_and_parsed_reports(alice), get_status(alice)) == ((1, 1), EnrollmentStatus.READY)
    assert [attempt.status for attempt in list_attempts(alice)] == ["made"]


def test_it_counts_a_lost_call_once_when_its_failure_arrives_late(days, alice):
    enroll_user(alice)
    attempt, _subject = attempts.begin_attempt(owner_id=alice.pk, trigger=Trigger.USER)
    days.advance(minutes=20)
    attempts.expire_lost_attempt(owner_id=alice.pk)
    before = get_enrollment(alice).__dict__
    attempts.record_failure(attempt=attempt, error=BureauTimeout("LATE"))
    after = get_enrollment(alice).__dict__
    assert {name: after[name] for name in after if name != "_state"} == {
        name: before[name] for name in before if name != "_state"
    }


def test_it_makes_no_third_call_after_two_killed_workers(days, alice, site_bureau, kill_worker_in):
    enroll_user(alice)
    kill_worker_in(pulling, "store_raw_report")
    for _ in range(2):
        with pytest.raises(WorkerKilled):
            pull(alice)
        days.advance(minutes=20)
    for trigger in Trigger:
        with pytest.raises(pulling.NotDue):
            pull(alice, trigger)
    assert site_bureau.count_reports_made() == 2
    assert get_enrollment(alice).eligible_at > timezone.now() + timedelta(days=29)


# --- Accounts for which nothing is requested ----------------------------------------------------------------


@pytest.mark.parametrize("change", [{"is_active": False}, {"deleted_at": timezone.now()}])
def test_it_makes_no_call_for_an_account_that_is_deactivated_or_scheduled_for_deletion(site_bureau, alice, change):
    enroll_user(alice)
    User.objects.filter(pk=alice.pk).update(**change)
    with pytest.raises(ProcessingStopped):
        pull(alice)
    assert (list_report_calls(site_bureau), list_attempts(alice)) == ([], [])
    User.objects.filter(pk=alice.pk).update(is_active=True, deleted_at=None)
    assert pull(alice).status is ReportStatus.READY


def test_it_claims_no_due_pull_of_an_account_that_is_scheduled_for_deletion(site_bureau, alice):
    enroll_user(alice)
    with tenant(alice.pk):
        Enrollment.objects.update(next_pull_at=timezone.now() - timedelta(minutes=1))
    User.objects.filter(pk=alice.pk).update(deleted_at=timezone.now())
    assert due_pulls.claim_due_pulls(limit=10) == []
    User.objects.filter(pk=alice.pk).update(deleted_at=None)
    assert due_pulls.claim_due_pulls(limit=10) == [alice.pk]
