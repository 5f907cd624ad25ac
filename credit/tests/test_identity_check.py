"""A report that does not match: hidden until the user answers correctly, and closed after three wrong answers."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from django.db import connection
from django.utils import timezone
from msgspec import structs

from accounts.models import Notification
from compliance.audit.events import AuditEvent
from compliance.isolation import tenant
from credit.enrollment import lifecycle
from credit.enrollment.details import NotEnrolled
from credit.enrollment.status import get_overview
from credit.experian.normalize import normalize
from credit.models import RawReport, Report, Trigger
from credit.provider import MalformedReport
from credit.pulls import identity_check, rebuilding
from credit.pulls.identity_check import ExpectedAnswers, IdentityAnswer
from credit.report import AccountKind, Detail, PartialDate, PersonalDetail, Precision, ReportStatus, Role
from credit.statuses import EnrollmentStatus
from credit.stored import reports
from credit.tests.documents import load_accounts, load_changes, rewrite_accounts, rewrite_reports
from credit.tests.pull_steps import count, enroll_user, get_enrollment, get_status, pull

pytestmark = pytest.mark.django_db(transaction=True)

JULY, MAY, MARCH = date(2014, 7, 1), date(2019, 5, 1), date(2021, 3, 1)
FILE_ZIP_CODE = "46360"
WRONG_ANSWER = IdentityAnswer(FILE_ZIP_CODE, frozenset({date(1999, 1, 1), date(1999, 2, 1)}))


def pull_mismatch(user, persona="P01", **changes):
    """Pull a report that does not match, because the user entered another ZIP code or the given details."""
    enroll_user(user, persona, **changes or {"zip_code": "46361"})
    assert pull(user).status is ReportStatus.MISMATCH


def get_right_answer(user):
    accounts = [account for account in load_accounts(user) if account.kind is not AccountKind.COLLECTION]
    return IdentityAnswer(
        FILE_ZIP_CODE, frozenset(sorted({account.opened.first.replace(day=1) for account in accounts})[:2])
    )


def summarize_visible(user):
    """Return the id of the newest shown report, the states of all reports, and the number of visible changes."""
    with tenant(user.pk):
        newest = reports.get_latest_report(owner=user.pk)
        listed = [summary.state for summary in reports.list_reports(owner=user.pk)]
        return newest and newest.id, listed, len(reports.list_changes(owner=user.pk))


def count_attempts_left(user):
    question = identity_check.get_question(owner=user.pk)
    return question and question.attempts_left


def list_events(user):
    with tenant(user.pk):
        events = AuditEvent.objects.filter(subject=user.pk, action="credit_confirmed").order_by("at")
        return [(event.outcome, event.details()) for event in events]


# --- Expected answers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zip_code", "opened", "is_match"),
    [
        ("10001", {JULY, MAY}, True),
        ("10002", {JULY, MARCH}, True),
        ("10003", {JULY, MAY}, False),
        ("", {JULY, MAY}, False),
        ("10001", {JULY}, False),
        ("10001", set(), False),
        ("10001", {JULY, date(2014, 8, 1)}, False),
        ("10001", {JULY, MAY, date(2014, 8, 1)}, False),
    ],
)
def test_it_accepts_only_a_completely_right_answer(zip_code, opened, is_match):
    expected = ExpectedAnswers(frozenset({"10001", "10002"}), frozenset({JULY, MAY, MARCH}))
    assert expected.matches(IdentityAnswer(zip_code, frozenset(opened))) is is_match


def test_it_requires_at_most_as_many_accounts_as_there_are():
    expected = ExpectedAnswers(frozenset({"10001"}), frozenset({JULY}))
    assert expected.matches(IdentityAnswer("10001", frozenset({JULY})))
    assert not expected.matches(IdentityAnswer("10001", frozenset({JULY, MAY})))
    assert not ExpectedAnswers(frozenset({"10001"}), frozenset()).is_answerable
    assert not ExpectedAnswers(frozenset(), frozenset({JULY})).is_answerable


def test_it_prints_no_answers():
    for secret in (
        IdentityAnswer("10001", frozenset({JULY})),
        ExpectedAnswers(frozenset({"10001"}), frozenset({JULY})),
    ):
        assert "10001" not in repr(secret)
        assert "2014" not in repr(secret)


@pytest.mark.parametrize(
    ("text", "zip_code"),
    [
        ("101 MAPLE ST, MICHIGAN CITY IN 46360", "46360"),
        ("101 MAPLE ST, MICHIGAN CITY IN 463601234", "46360"),
        ("101 MAPLE ST, MICHIGAN CITY IN 46360-1234", "46360"),
        ("12345 MAPLE ST UNIT 54321", None),
        ("101 MAPLE ST, MICHIGAN CITY IN", None),
        ("101 MAPLE ST, MICHIGAN CITY IN 4636", None),
        ("101 MAPLE ST, MICHIGAN CITY IN 463601", None),
    ],
)
def test_it_finds_the_zip_code_of_an_address(text, zip_code):
    match = identity_check.ZIP_OF_ADDRESS.search(text)
    assert (match and match[1]) == zip_code


# --- Answers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("persona", "changes"),
    [("P01", {"zip_code": "46361"}), ("P01", {"ssn": "666061006"}), ("P06", {"zip_code": "46360"})],
)
def test_it_shows_the_report_after_a_right_answer(site_bureau, alice, persona, changes):
    pull_mismatch(alice, persona, **changes)
    assert summarize_visible(alice) == (None, [ReportStatus.MISMATCH], 0)
    assert identity_check.check_answer(user=alice, answer=get_right_answer(alice))
    with tenant(alice.pk):
        assert summarize_visible(alice) == (Report.objects.get().pk, [ReportStatus.READY], 0)
        assert reports.list_reports(owner=alice.pk)[0].value == 782
    assert get_overview(owner=alice.pk).status is EnrollmentStatus.READY
    assert get_enrollment(alice).next_pull_at >= get_enrollment(alice).eligible_at > timezone.now()
    assert identity_check.get_question(owner=alice.pk) is None
    assert not identity_check.check_answer(user=alice, answer=get_right_answer(alice))
    assert [outcome for outcome, _ in list_events(alice)] == ["ok"]


def test_it_closes_after_three_wrong_answers(site_bureau, alice):
    pull_mismatch(alice)
    right = get_right_answer(alice)
    for left in (2, 1, 0):
        assert not identity_check.check_answer(user=alice, answer=WRONG_ANSWER)
        assert count_attempts_left(alice) == left
    assert not identity_check.check_answer(user=alice, answer=right)
    assert summarize_visible(alice) == (None, [ReportStatus.MISMATCH], 0)
    assert (get_status(alice), get_enrollment(alice).next_pull_at) == (EnrollmentStatus.MISMATCH, None)
    assert [(outcome, details["wrong_answers"]) for outcome, details in list_events(alice)] == [
        ("refused", 1),
        ("refused", 2),
        ("refused", 3),
    ]
    assert not any(FILE_ZIP_CODE in str(details) or "1999" in str(details) for _, details in list_events(alice))


def test_it_judges_only_three_of_eight_concurrent_wrong_answers(site_bureau, alice):
    pull_mismatch(alice)

    def submit(_):
        try:
            return identity_check.check_answer(user=alice, answer=WRONG_ANSWER)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(submit, range(8))) == [False] * 8
    with tenant(alice.pk):
        assert RawReport.objects.get().wrong_answers == 3
    assert len(list_events(alice)) == 3


def test_it_accepts_one_of_two_concurrent_right_answers(site_bureau, alice):
    pull_mismatch(alice)
    right = get_right_answer(alice)

    def submit(_):
        try:
            return identity_check.check_answer(user=alice, answer=right)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(submit, range(2))) == [False, True]
    assert [outcome for outcome, _ in list_events(alice)] == ["ok"]


def test_it_raises_inside_of_a_transaction(site_bureau, alice):
    pull_mismatch(alice)
    with tenant(alice.pk), pytest.raises(RuntimeError, match="durable"):
        identity_check.check_answer(user=alice, answer=WRONG_ANSWER)
    assert (count_attempts_left(alice), list_events(alice)) == (3, [])


def test_it_does_not_accept_the_entered_zip_code_if_the_file_has_others(site_bureau, alice):
    pull_mismatch(alice, ssn="666061006")
    right = get_right_answer(alice)
    other_address = PersonalDetail("x", Detail.ADDRESS, "27 OAK AVE, CHICAGO IL 60601")
    rewrite_reports(alice, lambda report: structs.replace(report, personal=(*report.personal, other_address)))
    assert not identity_check.check_answer(user=alice, answer=right)
    assert identity_check.check_answer(user=alice, answer=replace(right, zip_code="60601"))


def test_it_does_not_ask_without_suitable_accounts(site_bureau, alice):
    pull_mismatch(alice)
    right = get_right_answer(alice)
    rewrite_accounts(alice, role=Role.AUTHORIZED_USER)
    assert count_attempts_left(alice) == 0
    assert not identity_check.check_answer(user=alice, answer=right)
    rewrite_accounts(alice, role=Role.INDIVIDUAL, opened=PartialDate(date(2014, 1, 1), Precision.YEAR))
    assert count_attempts_left(alice) == 0


def test_it_does_not_ask_without_a_mismatched_report(site_bureau, alice, mallory):
    enroll_user(alice)
    assert identity_check.get_question(owner=alice.pk) is None
    pull(alice)
    assert identity_check.get_question(owner=alice.pk) is None
    assert identity_check.get_question(owner=mallory.pk) is None
    with pytest.raises(NotEnrolled):
        identity_check.check_answer(user=mallory, answer=WRONG_ANSWER)


def test_it_does_not_confirm_another_users_report(site_bureau, alice, mallory):
    pull_mismatch(alice)
    right = get_right_answer(alice)
    enroll_user(mallory, "P02")
    pull(mallory)
    assert not identity_check.check_answer(user=mallory, answer=right)
    assert (summarize_visible(alice)[1], count_attempts_left(alice)) == ([ReportStatus.MISMATCH], 3)
    assert list_events(mallory) == []


@pytest.mark.parametrize("meanwhile", ["withdrawn", "other details"])
def test_it_accepts_no_answer_after_a_withdrawal_or_new_details(site_bureau, alice, meanwhile):
    pull_mismatch(alice)
    right = get_right_answer(alice)
    if meanwhile == "withdrawn":
        lifecycle.withdraw_enrollment(user=alice)
    else:
        enroll_user(alice, zip_code="46362")
    assert identity_check.get_question(owner=alice.pk) is None
    assert not identity_check.check_answer(user=alice, answer=right)
    assert summarize_visible(alice) == (None, [ReportStatus.MISMATCH], 0)


# --- Later reports ------------------------------------------------------------------------------------------


def pull_next(days, user):
    """Pull the scheduled report of the next month."""
    days.advance(days=31)
    return pull(user, Trigger.SCHEDULED).status


def test_it_asks_once_per_credit_file(days, alice):
    pull_mismatch(alice)
    identity_check.check_answer(user=alice, answer=get_right_answer(alice))
    assert pull_next(days, alice) is ReportStatus.READY
    assert pull_next(days, alice) is ReportStatus.READY
    assert summarize_visible(alice)[1] == [ReportStatus.READY] * 3
    with tenant(alice.pk):
        assert RawReport.objects.values("confirmed_at").distinct().count() == 1
        Report.objects.update(consumer_hash="of somebody else")
    assert pull_next(days, alice) is ReportStatus.MISMATCH
    assert summarize_visible(alice)[1] == [ReportStatus.MISMATCH, *[ReportStatus.READY] * 3]
    assert (get_status(alice), count_attempts_left(alice)) == (EnrollmentStatus.MISMATCH, 3)


@pytest.mark.parametrize("difference", ["no subject", "other flags", "other details"])
def test_it_asks_again_if_the_confirmation_does_not_apply(days, alice, monkeypatch, difference):
    pull_mismatch(alice)
    identity_check.check_answer(user=alice, answer=get_right_answer(alice))
    if difference == "no subject":
        with tenant(alice.pk):
            Report.objects.update(consumer_hash="")
        monkeypatch.setattr("credit.experian.normalize.normalize", normalize_without_subject)
    elif difference == "other flags":
        with tenant(alice.pk):
            Report.objects.update(ssn_variation=False)
    else:
        enroll_user(alice, zip_code="46362")
    assert pull_next(days, alice) is ReportStatus.MISMATCH
    assert (get_status(alice), count_attempts_left(alice)) == (EnrollmentStatus.MISMATCH, 3)


def normalize_without_subject(*args, **options):
    return structs.replace(normalize(*args, **options), consumer_hash="")


def test_it_applies_no_confirmation_of_another_user(days, alice, mallory):
    pull_mismatch(alice)
    identity_check.check_answer(user=alice, answer=get_right_answer(alice))
    pull_mismatch(mallory)
    assert (get_status(mallory), summarize_visible(mallory)) == (
        EnrollmentStatus.MISMATCH,
        (None, [ReportStatus.MISMATCH], 0),
    )


def test_it_hides_changes_until_the_answer_is_right(days, alice):
    enroll_user(alice, "P11")
    pull(alice)
    days.advance(days=60)
    pull_mismatch(alice, "P11", zip_code="46361")
    # The changes of the newest hidden report are stored, but not notified.
    assert len(load_changes(alice)) > 0
    assert (count(Notification, alice), summarize_visible(alice)[2]) == (0, 0)
    assert summarize_visible(alice)[1] == [ReportStatus.MISMATCH, ReportStatus.READY]
    assert identity_check.check_answer(user=alice, answer=get_right_answer(alice))
    assert (count(Notification, alice), summarize_visible(alice)[2]) == (0, len(load_changes(alice)))
    assert pull_next(days, alice) is ReportStatus.READY
    assert count(Notification, alice) > 0


def test_it_does_not_compare_with_a_hidden_report(days, alice):
    pull_mismatch(alice, "P11", zip_code="46361")
    days.advance(days=60)
    enroll_user(alice, "P11")
    assert pull(alice).status is ReportStatus.READY
    assert (len(load_changes(alice)), count(Notification, alice)) == (0, 0)


def test_it_keeps_confirmations_and_wrong_answers_in_a_rebuild(days, alice, mallory):
    for user in (alice, mallory):
        pull_mismatch(user)
        identity_check.check_answer(user=user, answer=WRONG_ANSWER)
    identity_check.check_answer(user=alice, answer=get_right_answer(alice))
    pull_next(days, alice)
    before = summarize_visible(alice), summarize_visible(mallory)
    for user in (alice, mallory):
        assert rebuilding.rebuild(owner_id=user.pk, everything=True).unreadable == 0
    assert (summarize_visible(alice), summarize_visible(mallory)) == before
    assert (get_status(alice), count_attempts_left(alice)) == (EnrollmentStatus.READY, None)
    assert (get_status(mallory), count_attempts_left(mallory)) == (EnrollmentStatus.MISMATCH, 2)


def test_it_applies_a_confirmation_to_a_report_that_is_parsed_later(days, alice, monkeypatch):
    pull_mismatch(alice)
    identity_check.check_answer(user=alice, answer=get_right_answer(alice))
    with monkeypatch.context() as patch:

        def fail(*_, **__):
            raise MalformedReport("NO_PROFILE")

        patch.setattr("credit.experian.normalize.normalize", fail)
        with pytest.raises(MalformedReport):
            pull_next(days, alice)
    rebuilding.rebuild(owner_id=alice.pk, everything=False)
    assert (summarize_visible(alice)[1], get_status(alice)) == ([ReportStatus.READY] * 2, EnrollmentStatus.READY)


def test_it_schedules_the_next_report_on_the_pull_day(days, alice):
    pull_mismatch(alice)
    days.advance(days=3)
    identity_check.check_answer(user=alice, answer=get_right_answer(alice))
    enrollment = get_enrollment(alice)
    with tenant(alice.pk):
        fetched_at = RawReport.objects.get().fetched_at
    assert (enrollment.succeeded_at, enrollment.pull_day) == (fetched_at, fetched_at.day)
    assert 30 <= (enrollment.next_pull_at - fetched_at).days <= 32
    assert datetime.now(UTC) < enrollment.next_pull_at
