"""A report that does not fit: kept back until its person answers right, and closed after three wrong answers."""

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
ON_FILE = "46360"
WRONG = IdentityAnswer(ON_FILE, frozenset({date(1999, 1, 1), date(1999, 2, 1)}))


def came(user, persona="P01", **changes):
    """Let a report come that does not fit: the person gave another ZIP code, or what a test says."""
    enroll_user(user, persona, **changes or {"zip_code": "46361"})
    assert pull(user).status is ReportStatus.MISMATCH


def answered_right(user):
    accounts = [account for account in load_accounts(user) if account.kind is not AccountKind.COLLECTION]
    return IdentityAnswer(ON_FILE, frozenset(sorted({account.opened.first.replace(day=1) for account in accounts})[:2]))


def summarize_visible(user):
    """The newest report that is shown, the states of all, and how many changes can be read."""
    with tenant(user.pk):
        newest = reports.get_latest_report(owner=user.pk)
        listed = [each.state for each in reports.list_reports(owner=user.pk)]
        return newest and newest.id, listed, len(reports.list_changes(owner=user.pk))


def attempts_left(user):
    found = identity_check.get_question(owner=user.pk)
    return found and found.attempts_left


def trail(user):
    with tenant(user.pk):
        events = AuditEvent.objects.filter(subject=user.pk, action="credit_confirmed").order_by("at")
        return [(event.outcome, event.details()) for event in events]


# --- What is right ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zip_code", "opened", "fits"),
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
def test_it_takes_only_an_answer_that_is_right_in_every_part(zip_code, opened, fits):
    facts = ExpectedAnswers(frozenset({"10001", "10002"}), frozenset({JULY, MAY, MARCH}))
    assert facts.matches(IdentityAnswer(zip_code, frozenset(opened))) is fits


def test_it_asks_for_as_many_accounts_as_there_are():
    facts = ExpectedAnswers(frozenset({"10001"}), frozenset({JULY}))
    assert facts.matches(IdentityAnswer("10001", frozenset({JULY})))
    assert not facts.matches(IdentityAnswer("10001", frozenset({JULY, MAY})))
    assert not ExpectedAnswers(frozenset({"10001"}), frozenset()).is_answerable
    assert not ExpectedAnswers(frozenset(), frozenset({JULY})).is_answerable


def test_it_prints_nothing_of_what_is_right():
    for secret in (
        IdentityAnswer("10001", frozenset({JULY})),
        ExpectedAnswers(frozenset({"10001"}), frozenset({JULY})),
    ):
        assert "10001" not in repr(secret)
        assert "2014" not in repr(secret)


@pytest.mark.parametrize(
    ("text", "found"),
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
def test_it_finds_the_zip_code_of_an_address(text, found):
    match = identity_check.ZIP_OF_ADDRESS.search(text)
    assert (match and match[1]) == found


# --- Answers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("persona", "changes"),
    [("P01", {"zip_code": "46361"}), ("P01", {"ssn": "666061006"}), ("P06", {"zip_code": "46360"})],
)
def test_it_shows_the_report_everywhere_after_a_right_answer(site_bureau, alice, persona, changes):
    came(alice, persona, **changes)
    assert summarize_visible(alice) == (None, [ReportStatus.MISMATCH], 0)
    assert identity_check.check_answer(user=alice, answer=answered_right(alice))
    with tenant(alice.pk):
        assert summarize_visible(alice) == (Report.objects.get().pk, [ReportStatus.READY], 0)
        assert reports.list_reports(owner=alice.pk)[0].value == 782
    assert get_overview(owner=alice.pk).status is EnrollmentStatus.READY
    assert get_enrollment(alice).next_pull_at >= get_enrollment(alice).eligible_at > timezone.now()
    assert identity_check.get_question(owner=alice.pk) is None
    assert not identity_check.check_answer(user=alice, answer=answered_right(alice))
    assert [outcome for outcome, _ in trail(alice)] == ["ok"]


def test_it_closes_after_three_wrong_answers(site_bureau, alice):
    came(alice)
    right = answered_right(alice)
    for left in (2, 1, 0):
        assert not identity_check.check_answer(user=alice, answer=WRONG)
        assert attempts_left(alice) == left
    assert not identity_check.check_answer(user=alice, answer=right)
    assert summarize_visible(alice) == (None, [ReportStatus.MISMATCH], 0)
    assert (get_status(alice), get_enrollment(alice).next_pull_at) == (EnrollmentStatus.MISMATCH, None)
    assert [(outcome, facts["wrong_answers"]) for outcome, facts in trail(alice)] == [
        ("refused", 1),
        ("refused", 2),
        ("refused", 3),
    ]
    assert not any(ON_FILE in str(facts) or "1999" in str(facts) for _, facts in trail(alice))


def test_it_judges_eight_answers_at_once_one_after_the_other(site_bureau, alice):
    came(alice)

    def answer(_):
        try:
            return identity_check.check_answer(user=alice, answer=WRONG)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as answers:
        assert list(answers.map(answer, range(8))) == [False] * 8
    with tenant(alice.pk):
        assert RawReport.objects.get().wrong_answers == 3
    assert len(trail(alice)) == 3


def test_it_takes_one_of_two_right_answers_at_once(site_bureau, alice):
    came(alice)
    right = answered_right(alice)

    def answer(_):
        try:
            return identity_check.check_answer(user=alice, answer=right)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as answers:
        assert sorted(answers.map(answer, range(2))) == [False, True]
    assert [outcome for outcome, _ in trail(alice)] == ["ok"]


def test_it_judges_nothing_in_a_transaction_that_may_be_rolled_back(site_bureau, alice):
    came(alice)
    with tenant(alice.pk), pytest.raises(RuntimeError, match="durable"):
        identity_check.check_answer(user=alice, answer=WRONG)
    assert (attempts_left(alice), trail(alice)) == (3, [])


def test_it_does_not_count_the_zip_code_of_the_details_where_the_file_has_others(site_bureau, alice):
    came(alice, ssn="666061006")
    right = answered_right(alice)
    other = PersonalDetail("x", Detail.ADDRESS, "27 OAK AVE, CHICAGO IL 60601")
    rewrite_reports(alice, lambda report: structs.replace(report, personal=(*report.personal, other)))
    assert not identity_check.check_answer(user=alice, answer=right)
    assert identity_check.check_answer(user=alice, answer=replace(right, zip_code="60601"))


def test_it_does_not_ask_what_the_file_cannot_answer(site_bureau, alice):
    came(alice)
    right = answered_right(alice)
    rewrite_accounts(alice, role=Role.AUTHORIZED_USER)
    assert attempts_left(alice) == 0
    assert not identity_check.check_answer(user=alice, answer=right)
    rewrite_accounts(alice, role=Role.INDIVIDUAL, opened=PartialDate(date(2014, 1, 1), Precision.YEAR))
    assert attempts_left(alice) == 0


def test_it_asks_nobody_whose_report_fits_and_nobody_without_one(site_bureau, alice, mallory):
    enroll_user(alice)
    assert identity_check.get_question(owner=alice.pk) is None
    pull(alice)
    assert identity_check.get_question(owner=alice.pk) is None
    assert identity_check.get_question(owner=mallory.pk) is None
    with pytest.raises(NotEnrolled):
        identity_check.check_answer(user=mallory, answer=WRONG)


def test_it_opens_nobody_elses_report(site_bureau, alice, mallory):
    came(alice)
    right = answered_right(alice)
    enroll_user(mallory, "P02")
    pull(mallory)
    assert not identity_check.check_answer(user=mallory, answer=right)
    assert (summarize_visible(alice)[1], attempts_left(alice)) == ([ReportStatus.MISMATCH], 3)
    assert trail(mallory) == []


@pytest.mark.parametrize("meanwhile", ["withdrawn", "other details"])
def test_it_takes_no_answer_once_something_has_changed(site_bureau, alice, meanwhile):
    came(alice)
    right = answered_right(alice)
    if meanwhile == "withdrawn":
        lifecycle.withdraw_enrollment(user=alice)
    else:
        enroll_user(alice, zip_code="46362")
    assert identity_check.get_question(owner=alice.pk) is None
    assert not identity_check.check_answer(user=alice, answer=right)
    assert summarize_visible(alice) == (None, [ReportStatus.MISMATCH], 0)


# --- Reports that follow ------------------------------------------------------------------------------------


def following(days, user):
    """Let the next month's report come by the clock."""
    days.advance(days=31)
    return pull(user, Trigger.SCHEDULED).status


def test_it_asks_once_for_the_same_file_and_again_for_another(days, alice):
    came(alice)
    identity_check.check_answer(user=alice, answer=answered_right(alice))
    assert following(days, alice) is ReportStatus.READY
    assert following(days, alice) is ReportStatus.READY
    assert summarize_visible(alice)[1] == [ReportStatus.READY] * 3
    with tenant(alice.pk):
        assert RawReport.objects.values("confirmed_at").distinct().count() == 1
        Report.objects.update(consumer_hash="of somebody else")
    assert following(days, alice) is ReportStatus.MISMATCH
    assert summarize_visible(alice)[1] == [ReportStatus.MISMATCH, *[ReportStatus.READY] * 3]
    assert (get_status(alice), attempts_left(alice)) == (EnrollmentStatus.MISMATCH, 3)


@pytest.mark.parametrize("difference", ["no subject", "other flags", "other details"])
def test_it_asks_again_where_the_confirmed_report_says_nothing_of_this_one(days, alice, monkeypatch, difference):
    came(alice)
    identity_check.check_answer(user=alice, answer=answered_right(alice))
    if difference == "no subject":
        with tenant(alice.pk):
            Report.objects.update(consumer_hash="")
        monkeypatch.setattr("credit.experian.normalize.normalize", without_subject)
    elif difference == "other flags":
        with tenant(alice.pk):
            Report.objects.update(ssn_variation=False)
    else:
        enroll_user(alice, zip_code="46362")
    assert following(days, alice) is ReportStatus.MISMATCH
    assert (get_status(alice), attempts_left(alice)) == (EnrollmentStatus.MISMATCH, 3)


def without_subject(*args, **options):
    return structs.replace(normalize(*args, **options), consumer_hash="")


def test_it_carries_no_confirmation_over_to_another_person(days, alice, mallory):
    came(alice)
    identity_check.check_answer(user=alice, answer=answered_right(alice))
    came(mallory)
    assert (get_status(mallory), summarize_visible(mallory)) == (
        EnrollmentStatus.MISMATCH,
        (None, [ReportStatus.MISMATCH], 0),
    )


def test_it_keeps_changes_and_alerts_back_until_the_answer_is_right(days, alice):
    enroll_user(alice, "P11")
    pull(alice)
    days.advance(days=60)
    came(alice, "P11", zip_code="46361")
    # What the newest of the hidden reports would tell is written down, and nothing of it said.
    assert len(load_changes(alice)) > 0
    assert (count(Notification, alice), summarize_visible(alice)[2]) == (0, 0)
    assert summarize_visible(alice)[1] == [ReportStatus.MISMATCH, ReportStatus.READY]
    assert identity_check.check_answer(user=alice, answer=answered_right(alice))
    assert (count(Notification, alice), summarize_visible(alice)[2]) == (0, len(load_changes(alice)))
    assert following(days, alice) is ReportStatus.READY
    assert count(Notification, alice) > 0


def test_it_compares_nothing_with_a_report_that_is_kept_back(days, alice):
    came(alice, "P11", zip_code="46361")
    days.advance(days=60)
    enroll_user(alice, "P11")
    assert pull(alice).status is ReportStatus.READY
    assert (len(load_changes(alice)), count(Notification, alice)) == (0, 0)


def test_it_keeps_a_confirmation_and_wrong_answers_through_a_rebuild(days, alice, mallory):
    for user in (alice, mallory):
        came(user)
        identity_check.check_answer(user=user, answer=WRONG)
    identity_check.check_answer(user=alice, answer=answered_right(alice))
    following(days, alice)
    before = summarize_visible(alice), summarize_visible(mallory)
    for user in (alice, mallory):
        assert rebuilding.rebuild(owner_id=user.pk, everything=True).unreadable == 0
    assert (summarize_visible(alice), summarize_visible(mallory)) == before
    assert (get_status(alice), attempts_left(alice)) == (EnrollmentStatus.READY, None)
    assert (get_status(mallory), attempts_left(mallory)) == (EnrollmentStatus.MISMATCH, 2)


def test_it_carries_a_confirmation_over_to_a_report_that_is_read_late(days, alice, monkeypatch):
    came(alice)
    identity_check.check_answer(user=alice, answer=answered_right(alice))
    with monkeypatch.context() as patch:

        def cannot(*_, **__):
            raise MalformedReport("NO_PROFILE")

        patch.setattr("credit.experian.normalize.normalize", cannot)
        with pytest.raises(MalformedReport):
            following(days, alice)
    rebuilding.rebuild(owner_id=alice.pk, everything=False)
    assert (summarize_visible(alice)[1], get_status(alice)) == ([ReportStatus.READY] * 2, EnrollmentStatus.READY)


def test_it_asks_for_the_next_report_on_the_persons_day(days, alice):
    came(alice)
    days.advance(days=3)
    identity_check.check_answer(user=alice, answer=answered_right(alice))
    enrollment = get_enrollment(alice)
    with tenant(alice.pk):
        fetched_at = RawReport.objects.get().fetched_at
    assert (enrollment.succeeded_at, enrollment.pull_day) == (fetched_at, fetched_at.day)
    assert 30 <= (enrollment.next_pull_at - fetched_at).days <= 32
    assert datetime.now(UTC) < enrollment.next_pull_at
