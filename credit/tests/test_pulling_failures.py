"""Pulls that return no report, or a report that cannot be parsed or shown: the status and the time of the next pull."""

import logging
from datetime import timedelta

import pytest
from django.utils import timezone
from msgspec.structs import replace

from credit.enrollment.status import get_overview
from credit.experian.bureau import ExperianBureau
from credit.experian.normalize import normalize
from credit.models import Trigger
from credit.provider import (
    BureauAuthError,
    BureauConfigError,
    BureauInputError,
    BureauRateLimited,
    BureauTimeout,
    BureauUnavailable,
    FileFrozen,
    FileRestricted,
    MalformedReport,
    NoHit,
)
from credit.pulls import pulling
from credit.report import ReportStatus
from credit.statuses import EnrollmentStatus
from credit.tests.pull_steps import (
    count_raw_and_parsed_reports,
    enroll_user,
    get_enrollment,
    get_status,
    list_attempts,
    list_report_calls,
    pull,
)

pytestmark = pytest.mark.django_db(transaction=True)


def pull_with_error(user, error, trigger=Trigger.SCHEDULED):
    """Pull, expect the error, and return it."""
    with pytest.raises(error) as raised:
        pull(user, trigger)
    return raised.value


def get_waits(user):
    """The minutes until the next scheduled pull and until the user may request a report."""
    enrollment, now = get_enrollment(user), timezone.now()
    return tuple((time - now).total_seconds() / 60 for time in (enrollment.next_pull_at, enrollment.eligible_at))


# --- No response --------------------------------------------------------------------------------------------


def test_it_retries_after_15_minutes_1_hour_and_6_hours_and_then_next_month(days, alice, site_bureau):
    enroll_user(alice)
    for number, minutes in enumerate((15, 60, 360)):
        site_bureau.fault("error", name="unavailable")
        pull_with_error(alice, BureauUnavailable, Trigger.SCHEDULED if number else Trigger.USER)
        until_retry, until_allowed = get_waits(alice)
        assert minutes - 1 < until_retry == until_allowed <= minutes * 1.2
        assert (get_status(alice), get_overview(owner=alice.pk).retry_at) == (
            EnrollmentStatus.RETRYING,
            get_enrollment(alice).next_pull_at,
        )
        pull_with_error(alice, pulling.NotDue)
        days.advance_to(get_enrollment(alice).next_pull_at)
    site_bureau.fault("error", name="unavailable")
    pull_with_error(alice, BureauUnavailable)
    assert get_status(alice) is EnrollmentStatus.UNAVAILABLE
    assert get_waits(alice)[0] > 24 * 60
    days.advance(minutes=15)
    assert pull(alice).status is ReportStatus.READY
    assert len(list_attempts(alice)) == len(list_report_calls(site_bureau)) == 5
    assert site_bureau.count_reports_made() == 1


def test_it_restarts_the_retry_delays_after_a_report(days, alice, site_bureau):
    enroll_user(alice)
    site_bureau.fault("error", name="unavailable")
    pull_with_error(alice, BureauUnavailable, Trigger.USER)
    days.advance_to(get_enrollment(alice).next_pull_at)
    pull(alice, Trigger.SCHEDULED)
    days.advance_to(get_enrollment(alice).next_pull_at)
    site_bureau.fault("error", name="unavailable")
    pull_with_error(alice, BureauUnavailable)
    assert 14 < get_waits(alice)[0] <= 18
    assert get_status(alice) is EnrollmentStatus.RETRYING


def test_it_waits_as_long_as_the_bureaus_retry_after_says(site_bureau, alice):
    enroll_user(alice)
    site_bureau.fault("error", name="rate_limit", retry_after=7200)
    pull_with_error(alice, BureauRateLimited, Trigger.USER)
    assert 119 < get_waits(alice)[0] <= 144
    assert get_status(alice) is EnrollmentStatus.RETRYING


@pytest.mark.parametrize("fault", [{"kind": "drop", "when": "after"}, {"kind": "error", "name": "timeout"}])
def test_it_retries_once_after_an_unknown_outcome(days, alice, site_bureau, fault):
    enroll_user(alice)
    for number in range(2):
        site_bureau.fault(**fault)
        pull_with_error(alice, (BureauTimeout, BureauUnavailable), Trigger.SCHEDULED if number else Trigger.USER)
        assert get_status(alice) is EnrollmentStatus.OUTCOME_UNKNOWN
        if not number:
            assert 14 < get_waits(alice)[0] <= 18
            pull_with_error(alice, pulling.NotDue, Trigger.USER)
            days.advance_to(get_enrollment(alice).next_pull_at)
    assert get_overview(owner=alice.pk).eligible_at > timezone.now() + timedelta(days=29)
    pull_with_error(alice, pulling.NotDue, Trigger.USER)
    first, second = list_attempts(alice)
    assert (first.status, second.status) == ("unknown", "unknown")
    assert first.reference_id != second.reference_id
    assert len(list_report_calls(site_bureau)) == 2


def test_it_decides_by_the_outcome_and_not_by_the_error_class(days, alice, site_bureau):
    """An HTML page instead of a report may mean that one was made, unlike another error of the same class."""
    enroll_user(alice)
    site_bureau.fault("malformed", how="html")
    assert type(pull_with_error(alice, BureauUnavailable, Trigger.USER)) is BureauUnavailable
    assert (get_status(alice), list_attempts(alice)[0].status) == (EnrollmentStatus.OUTCOME_UNKNOWN, "unknown")


# --- Refused or withheld reports ----------------------------------------------------------------------------


def set_persona_mode(bureau, persona, mode):
    bureau.control(f"bureau/personas/{persona}", {"mode": mode})


@pytest.mark.parametrize(
    ("mode", "error", "status"),
    [
        ("frozen_422", FileFrozen, EnrollmentStatus.FROZEN),
        ("alert_list", FileRestricted, EnrollmentStatus.RESTRICTED),
        ("no_hit", NoHit, EnrollmentStatus.NO_HIT),
    ],
)
def test_it_schedules_no_retry_when_only_the_user_can_fix_the_problem(days, alice, site_bureau, mode, error, status):
    enroll_user(alice)
    set_persona_mode(site_bureau, "P01", mode)
    pull_with_error(alice, error, Trigger.USER)
    assert (get_status(alice), get_enrollment(alice).next_pull_at) == (status, None)
    days.advance(hours=1)
    pull_with_error(alice, pulling.NotDue, Trigger.SCHEDULED)
    assert len(list_report_calls(site_bureau)) == 1


def test_it_allows_one_request_in_15_minutes_for_a_frozen_file(days, alice, site_bureau):
    enroll_user(alice)
    set_persona_mode(site_bureau, "P01", "frozen")
    assert pull(alice).status is ReportStatus.FROZEN
    for _ in range(3):
        pull_with_error(alice, pulling.NotDue, Trigger.USER)
    set_persona_mode(site_bureau, "P01", "usual")
    days.advance(minutes=15)
    assert pull(alice).status is ReportStatus.READY
    assert site_bureau.count_reports_made() == 2
    assert (get_status(alice), count_raw_and_parsed_reports(alice)) == (EnrollmentStatus.READY, (2, 2))


def test_it_requests_again_after_no_hit_only_with_other_details(site_bureau, alice):
    enroll_user(alice, "P04")
    pull_with_error(alice, NoHit, Trigger.USER)
    pull_with_error(alice, pulling.NotDue, Trigger.USER)
    assert get_overview(owner=alice.pk).needs_details
    enroll_user(alice, "P01")
    assert get_status(alice) is EnrollmentStatus.NOT_PULLED
    assert pull(alice).status is ReportStatus.READY
    assert len(list_report_calls(site_bureau)) == 2


def test_it_treats_an_empty_response_as_no_hit(site_bureau, alice):
    enroll_user(alice)
    set_persona_mode(site_bureau, "P01", "empty")
    assert pull(alice).status is ReportStatus.NO_HIT
    assert get_status(alice) is EnrollmentStatus.NO_HIT


def test_it_names_the_rejected_field_and_sends_no_invalid_details(site_bureau, alice):
    enroll_user(alice, last_name="M3rcer")
    pull_with_error(alice, BureauInputError, Trigger.USER)
    overview = get_overview(owner=alice.pk)
    assert (overview.status, overview.rejected_field, list_report_calls(site_bureau)) == (
        EnrollmentStatus.DETAILS_REFUSED,
        "last_name",
        [],
    )
    enroll_user(alice)
    assert pull(alice).status is ReportStatus.READY


def test_it_allows_one_correction_of_mismatched_details(site_bureau, alice):
    enroll_user(alice, zip_code="10001")
    assert pull(alice).status is ReportStatus.MISMATCH
    assert (get_status(alice), get_enrollment(alice).next_pull_at) == (EnrollmentStatus.MISMATCH, None)
    pull_with_error(alice, pulling.NotDue, Trigger.USER)
    enroll_user(alice, zip_code="10002")
    assert pull(alice).status is ReportStatus.MISMATCH
    enroll_user(alice)
    pull_with_error(alice, pulling.NotDue, Trigger.USER)
    assert site_bureau.count_reports_made() == 2


def test_it_does_not_request_the_file_of_a_deceased_consumer_again(site_bureau, alice):
    enroll_user(alice, "P07")
    assert pull(alice).status is ReportStatus.RESTRICTED
    assert get_status(alice) is EnrollmentStatus.RESTRICTED
    pull_with_error(alice, pulling.NotDue, Trigger.USER)


@pytest.mark.parametrize(("name", "error"), [("not_allowed", BureauConfigError), ("bad_password", BureauAuthError)])
def test_it_logs_a_critical_error_when_the_bureau_refuses_our_account(site_bureau, alice, caplog, name, error):
    enroll_user(alice)
    site_bureau.fault("error", name=name)
    if name == "bad_password":
        site_bureau.fault("error", name=name, endpoint="token")
    with caplog.at_level(logging.CRITICAL):
        raised = pull_with_error(alice, error, Trigger.USER)
    [line] = [record.getMessage() for record in caplog.records if record.levelno == logging.CRITICAL]
    assert raised.code in line
    assert not any(word in line for word in ("ADA", "MERCER", "1001", "Maple", alice.email))
    assert get_status(alice) is EnrollmentStatus.UNAVAILABLE
    assert get_waits(alice)[0] > 24 * 60


def test_it_notifies_the_user_when_a_scheduled_pull_finds_a_frozen_file(days, alice, site_bureau):
    enroll_user(alice)
    pull(alice)
    days.advance_to(get_enrollment(alice).next_pull_at)
    set_persona_mode(site_bureau, "P01", "frozen_422")
    pull_with_error(alice, FileFrozen)
    alice.refresh_from_db()
    assert (get_status(alice), alice.unread) == (EnrollmentStatus.FROZEN, 1)


# --- Unreadable reports -------------------------------------------------------------------------------------


def test_it_stores_an_unreadable_response_until_a_newer_parser_reads_it(site_bureau, alice, monkeypatch):
    enroll_user(alice)
    site_bureau.fault("merge", fields={"creditProfile": None})

    def raise_malformed(raw, **_):
        raise MalformedReport("NO_PROFILE")

    with monkeypatch.context() as patch:
        patch.setattr("credit.experian.normalize.normalize", raise_malformed)
        pull_with_error(alice, MalformedReport, Trigger.USER)
        assert (get_status(alice), count_raw_and_parsed_reports(alice)) == (EnrollmentStatus.UNPARSED, (1, 0))
        pull_with_error(alice, pulling.NotDue, Trigger.USER)
    assert get_waits(alice)[0] > 24 * 60
    pull_with_error(alice, pulling.NotDue, Trigger.USER)
    assert count_raw_and_parsed_reports(alice) == (1, 0)
    monkeypatch.setattr(ExperianBureau, "parser_version", 99)
    pull_with_error(alice, pulling.NotDue, Trigger.USER)
    assert count_raw_and_parsed_reports(alice) == (1, 1)
    assert site_bureau.count_reports_made() == 1


def test_it_stores_the_raw_report_when_a_value_exceeds_its_column(site_bureau, alice, monkeypatch):
    enroll_user(alice)

    def normalize_with_huge_score(*args, **options):
        report = normalize(*args, **options)
        return replace(report, scores=(replace(report.scores[0], value=10**9),))

    monkeypatch.setattr("credit.experian.normalize.normalize", normalize_with_huge_score)
    assert pull_with_error(alice, MalformedReport, Trigger.USER).code == "DOES_NOT_FIT"
    assert (get_status(alice), count_raw_and_parsed_reports(alice)) == (EnrollmentStatus.UNPARSED, (1, 0))
