"""What follows from a pull that brought no report, or none that can be read or shown."""

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


def fails(user, error, trigger=Trigger.SCHEDULED):
    with pytest.raises(error) as failed:
        pull(user, trigger)
    return failed.value


def waits(user):
    """In how many minutes the clock asks again, and in how many anybody may."""
    enrollment, now = get_enrollment(user), timezone.now()
    return tuple((when - now).total_seconds() / 60 for when in (enrollment.next_pull_at, enrollment.eligible_at))


# --- The bureau does not answer -----------------------------------------------------------------------------


def test_it_asks_again_after_a_quarter_of_an_hour_an_hour_and_six_and_then_in_a_month(days, alice, site_bureau):
    enroll_user(alice)
    for number, minutes in enumerate((15, 60, 360)):
        site_bureau.fault("error", name="unavailable")
        fails(alice, BureauUnavailable, Trigger.SCHEDULED if number else Trigger.USER)
        again, allowed = waits(alice)
        assert minutes - 1 < again == allowed <= minutes * 1.2
        assert (get_status(alice), get_overview(owner=alice.pk).retry_at) == (
            EnrollmentStatus.RETRYING,
            get_enrollment(alice).next_pull_at,
        )
        fails(alice, pulling.NotDue)
        days.advance_to(get_enrollment(alice).next_pull_at)
    site_bureau.fault("error", name="unavailable")
    fails(alice, BureauUnavailable)
    assert get_status(alice) is EnrollmentStatus.UNAVAILABLE
    assert waits(alice)[0] > 24 * 60
    days.advance(minutes=15)
    assert pull(alice).status is ReportStatus.READY
    assert len(list_attempts(alice)) == len(list_report_calls(site_bureau)) == 5
    assert site_bureau.count_reports_made() == 1


def test_it_begins_the_table_anew_after_a_report(days, alice, site_bureau):
    enroll_user(alice)
    site_bureau.fault("error", name="unavailable")
    fails(alice, BureauUnavailable, Trigger.USER)
    days.advance_to(get_enrollment(alice).next_pull_at)
    pull(alice, Trigger.SCHEDULED)
    days.advance_to(get_enrollment(alice).next_pull_at)
    site_bureau.fault("error", name="unavailable")
    fails(alice, BureauUnavailable)
    assert 14 < waits(alice)[0] <= 18
    assert get_status(alice) is EnrollmentStatus.RETRYING


def test_it_waits_as_long_as_the_bureau_asks(site_bureau, alice):
    enroll_user(alice)
    site_bureau.fault("error", name="rate_limit", retry_after=7200)
    fails(alice, BureauRateLimited, Trigger.USER)
    assert 119 < waits(alice)[0] <= 144
    assert get_status(alice) is EnrollmentStatus.RETRYING


@pytest.mark.parametrize("fault", [{"kind": "drop", "when": "after"}, {"kind": "error", "name": "timeout"}])
def test_it_asks_once_more_after_an_unknown_outcome_and_no_oftener(days, alice, site_bureau, fault):
    enroll_user(alice)
    for number in range(2):
        site_bureau.fault(**fault)
        fails(alice, (BureauTimeout, BureauUnavailable), Trigger.SCHEDULED if number else Trigger.USER)
        assert get_status(alice) is EnrollmentStatus.OUTCOME_UNKNOWN
        if not number:
            assert 14 < waits(alice)[0] <= 18
            fails(alice, pulling.NotDue, Trigger.USER)
            days.advance_to(get_enrollment(alice).next_pull_at)
    assert get_overview(owner=alice.pk).eligible_at > timezone.now() + timedelta(days=29)
    fails(alice, pulling.NotDue, Trigger.USER)
    first, second = list_attempts(alice)
    assert (first.status, second.status) == ("unknown", "unknown")
    assert first.reference_id != second.reference_id
    assert len(list_report_calls(site_bureau)) == 2


def test_it_decides_by_the_outcome_and_not_by_the_kind_of_error(days, alice, site_bureau):
    """A page in the place of a report may hide one that was made, unlike a plain refusal of the same class."""
    enroll_user(alice)
    site_bureau.fault("malformed", how="html")
    assert type(fails(alice, BureauUnavailable, Trigger.USER)) is BureauUnavailable
    assert (get_status(alice), list_attempts(alice)[0].status) == (EnrollmentStatus.OUTCOME_UNKNOWN, "unknown")


# --- The bureau says no -------------------------------------------------------------------------------------


def set_persona_mode(bureau, persona, mode):
    bureau.control(f"bureau/personas/{persona}", {"mode": mode})


@pytest.mark.parametrize(
    ("mode", "error", "state"),
    [
        ("frozen_422", FileFrozen, EnrollmentStatus.FROZEN),
        ("alert_list", FileRestricted, EnrollmentStatus.RESTRICTED),
        ("no_hit", NoHit, EnrollmentStatus.NO_HIT),
    ],
)
def test_it_waits_for_the_person_where_only_the_person_can_help(days, alice, site_bureau, mode, error, state):
    enroll_user(alice)
    set_persona_mode(site_bureau, "P01", mode)
    fails(alice, error, Trigger.USER)
    assert (get_status(alice), get_enrollment(alice).next_pull_at) == (state, None)
    days.advance(hours=1)
    fails(alice, pulling.NotDue, Trigger.SCHEDULED)
    assert len(list_report_calls(site_bureau)) == 1


def test_it_asks_once_in_a_quarter_of_an_hour_about_a_frozen_file(days, alice, site_bureau):
    enroll_user(alice)
    set_persona_mode(site_bureau, "P01", "frozen")
    assert pull(alice).status is ReportStatus.FROZEN
    for _ in range(3):
        fails(alice, pulling.NotDue, Trigger.USER)
    set_persona_mode(site_bureau, "P01", "usual")
    days.advance(minutes=15)
    assert pull(alice).status is ReportStatus.READY
    assert site_bureau.count_reports_made() == 2
    assert (get_status(alice), count_raw_and_parsed_reports(alice)) == (EnrollmentStatus.READY, (2, 2))


def test_it_asks_again_where_no_file_was_found_only_by_other_details(site_bureau, alice):
    enroll_user(alice, "P04")
    fails(alice, NoHit, Trigger.USER)
    fails(alice, pulling.NotDue, Trigger.USER)
    assert get_overview(owner=alice.pk).needs_details
    enroll_user(alice, "P01")
    assert get_status(alice) is EnrollmentStatus.NOT_PULLED
    assert pull(alice).status is ReportStatus.READY
    assert len(list_report_calls(site_bureau)) == 2


def test_it_takes_an_empty_answer_for_no_file(site_bureau, alice):
    enroll_user(alice)
    set_persona_mode(site_bureau, "P01", "empty")
    assert pull(alice).status is ReportStatus.NO_HIT
    assert get_status(alice) is EnrollmentStatus.NO_HIT


def test_it_names_the_detail_that_was_refused_and_sends_none_that_cannot_be_right(site_bureau, alice):
    enroll_user(alice, last_name="M3rcer")
    fails(alice, BureauInputError, Trigger.USER)
    found = get_overview(owner=alice.pk)
    assert (found.status, found.rejected_field, list_report_calls(site_bureau)) == (
        EnrollmentStatus.DETAILS_REFUSED,
        "last_name",
        [],
    )
    enroll_user(alice)
    assert pull(alice).status is ReportStatus.READY


def test_it_allows_one_correction_of_details_that_do_not_fit(site_bureau, alice):
    enroll_user(alice, zip_code="10001")
    assert pull(alice).status is ReportStatus.MISMATCH
    assert (get_status(alice), get_enrollment(alice).next_pull_at) == (EnrollmentStatus.MISMATCH, None)
    fails(alice, pulling.NotDue, Trigger.USER)
    enroll_user(alice, zip_code="10002")
    assert pull(alice).status is ReportStatus.MISMATCH
    enroll_user(alice)
    fails(alice, pulling.NotDue, Trigger.USER)
    assert site_bureau.count_reports_made() == 2


def test_it_keeps_a_file_of_somebody_deceased_from_being_asked_for_again(site_bureau, alice):
    enroll_user(alice, "P07")
    assert pull(alice).status is ReportStatus.RESTRICTED
    assert get_status(alice) is EnrollmentStatus.RESTRICTED
    fails(alice, pulling.NotDue, Trigger.USER)


@pytest.mark.parametrize(("name", "error"), [("not_allowed", BureauConfigError), ("bad_password", BureauAuthError)])
def test_it_calls_an_operator_where_our_contract_is_refused(site_bureau, alice, caplog, name, error):
    enroll_user(alice)
    site_bureau.fault("error", name=name)
    if name == "bad_password":
        site_bureau.fault("error", name=name, endpoint="token")
    with caplog.at_level(logging.CRITICAL):
        raised = fails(alice, error, Trigger.USER)
    [line] = [each.getMessage() for each in caplog.records if each.levelno == logging.CRITICAL]
    assert raised.code in line
    assert not any(word in line for word in ("ADA", "MERCER", "1001", "Maple", alice.email))
    assert get_status(alice) is EnrollmentStatus.UNAVAILABLE
    assert waits(alice)[0] > 24 * 60


def test_it_tells_a_person_whose_file_the_clock_finds_frozen(days, alice, site_bureau):
    enroll_user(alice)
    pull(alice)
    days.advance_to(get_enrollment(alice).next_pull_at)
    set_persona_mode(site_bureau, "P01", "frozen_422")
    fails(alice, FileFrozen)
    alice.refresh_from_db()
    assert (get_status(alice), alice.unread) == (EnrollmentStatus.FROZEN, 1)


# --- The bureau answers nonsense ----------------------------------------------------------------------------


def test_it_keeps_an_answer_that_it_cannot_read_until_it_can(site_bureau, alice, monkeypatch):
    enroll_user(alice)
    site_bureau.fault("merge", fields={"creditProfile": None})

    def cannot(raw, **_):
        raise MalformedReport("NO_PROFILE")

    with monkeypatch.context() as patch:
        patch.setattr("credit.experian.normalize.normalize", cannot)
        fails(alice, MalformedReport, Trigger.USER)
        assert (get_status(alice), count_raw_and_parsed_reports(alice)) == (EnrollmentStatus.UNPARSED, (1, 0))
        fails(alice, pulling.NotDue, Trigger.USER)
    assert waits(alice)[0] > 24 * 60
    fails(alice, pulling.NotDue, Trigger.USER)
    assert count_raw_and_parsed_reports(alice) == (1, 0)
    monkeypatch.setattr(ExperianBureau, "parser_version", 99)
    fails(alice, pulling.NotDue, Trigger.USER)
    assert count_raw_and_parsed_reports(alice) == (1, 1)
    assert site_bureau.count_reports_made() == 1


def test_it_keeps_a_report_that_does_not_fit_the_tables(site_bureau, alice, monkeypatch):
    enroll_user(alice)

    def overflowing(*args, **options):
        report = normalize(*args, **options)
        return replace(report, scores=(replace(report.scores[0], value=10**9),))

    monkeypatch.setattr("credit.experian.normalize.normalize", overflowing)
    assert fails(alice, MalformedReport, Trigger.USER).code == "DOES_NOT_FIT"
    assert (get_status(alice), count_raw_and_parsed_reports(alice)) == (EnrollmentStatus.UNPARSED, (1, 0))
