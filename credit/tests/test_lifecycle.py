"""Details: sealed, kept on a living consent, and gone when their owner says so."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import uuid4

import pytest

from compliance import consent
from compliance.audit import Action
from compliance.consent import Purpose
from compliance.isolation import tenant
from credit.enrollment import authorization, details, lifecycle
from credit.enrollment.details import NotEnrolled
from credit.enrollment.lifecycle import NoConsent
from credit.enrollment.status import get_overview
from credit.models import Enrollment
from credit.pulls import due_pulls
from credit.statuses import EnrollmentStatus
from credit.tests.pull_steps import count, enroll_user, get_enrollment, give_consent, list_audit_actions
from credit.tests.sandbox_bureau import build_applicant

pytestmark = pytest.mark.django_db


def applicant(user):
    with tenant(user.pk):
        return details.parse_details(Enrollment.objects.get())


def field_values(applicant):
    return {name: getattr(applicant, name) for name in applicant.__slots__}


@pytest.mark.parametrize("birth", [date(1971, 1, 15), 1971, None])
def test_it_keeps_the_details_and_the_last_four(alice, birth):
    enroll_user(alice, keep_ssn=False, middle_name="B", suffix="Jr", line2="Apt 2", birth=birth)
    told = replace(build_applicant("P01"), middle_name="B", suffix="Jr", line2="Apt 2", birth=birth, ssn="1001")
    assert field_values(applicant(alice)) == field_values(told)


def test_it_keeps_the_whole_number_only_where_its_owner_wants_that(alice):
    enroll_user(alice, ssn="666-01-1001")
    assert applicant(alice).ssn == "666011001"
    enroll_user(alice, keep_ssn=False)
    assert applicant(alice).ssn == "1001"
    enroll_user(alice, ssn="1001")
    assert (applicant(alice).ssn, get_enrollment(alice).ssn) == ("1001", None)
    enroll_user(alice, ssn="")
    assert applicant(alice).ssn == ""


def test_it_gives_pages_no_more_than_the_last_four(alice, mallory):
    enroll_user(alice)
    with tenant(alice.pk):
        assert details.get_details(owner=alice.pk).ssn == "1001"
    with tenant(mallory.pk):
        assert details.get_details(owner=mallory.pk) is None


def test_it_keeps_one_row_of_a_person(alice):
    enroll_user(alice)
    enroll_user(alice, "P02")
    assert count(Enrollment, alice) == 1
    assert applicant(alice).last_name == "BRIGHT"


def test_it_writes_nothing_without_the_consent_that_it_is_named(alice, mallory):
    with pytest.raises(NoConsent):
        lifecycle.enroll(user=alice, applicant=build_applicant("P01"), keep_ssn=True, consent_id=uuid4())
    theirs = give_consent(mallory)
    with pytest.raises(NoConsent):
        lifecycle.enroll(user=alice, applicant=build_applicant("P01"), keep_ssn=True, consent_id=theirs.pk)
    old, _new = give_consent(alice), give_consent(alice)
    with pytest.raises(NoConsent):
        lifecycle.enroll(user=alice, applicant=build_applicant("P01"), keep_ssn=True, consent_id=old.pk)
    assert count(Enrollment, alice) == 0


def test_it_forgets_details_and_number_and_keeps_the_evidence(alice):
    enroll_user(alice)
    lifecycle.withdraw_enrollment(user=alice)
    lifecycle.withdraw_enrollment(user=alice)
    row = get_enrollment(alice)
    assert (row.identity, row.ssn, row.next_pull_at) == (None, None, None)
    with tenant(alice.pk), pytest.raises(NotEnrolled):
        details.parse_details(row)
    assert [event.kind for event in consent.list_consent_events(user_id=alice.pk)] == ["withdrawn", "granted"]
    assert consent.get_active_consent(user_id=alice.pk, purpose=Purpose.CREDIT_REPORT) is None
    assert get_overview(owner=alice.pk).status is EnrollmentStatus.NO_CONSENT
    assert list_audit_actions(alice).count(Action.CREDIT_FORGOTTEN) == 1


def test_it_begins_again_after_a_withdrawal(alice):
    enroll_user(alice)
    lifecycle.withdraw_enrollment(user=alice)
    give_consent(alice)
    assert get_overview(owner=alice.pk).status is EnrollmentStatus.NOT_PULLED
    enroll_user(alice, keep_ssn=False)
    assert applicant(alice).ssn == "1001"
    assert get_enrollment(alice).withdrawn_at is None


def test_it_says_how_things_stand_before_the_first_report(alice, settings, monkeypatch, django_assert_num_queries):
    assert get_overview(owner=alice.pk).status is EnrollmentStatus.NO_CONSENT
    given = give_consent(alice)
    found = get_overview(owner=alice.pk)
    assert (found.status, found.consent_ends_at) == (EnrollmentStatus.NOT_PULLED, given.expires_at)
    enroll_user(alice)
    with tenant(alice.pk), django_assert_num_queries(2):
        assert get_overview(owner=alice.pk).status is EnrollmentStatus.NOT_PULLED
    monkeypatch.setattr(authorization, "VERSION", "2031-01")
    assert get_overview(owner=alice.pk).status is EnrollmentStatus.CONSENT_OUTDATED
    settings.CREDIT_ENV = "off"
    assert get_overview(owner=alice.pk).status is EnrollmentStatus.OFF


def test_it_forgets_the_number_of_who_stays_away(alice, mallory, make_user):
    carol = make_user("carol")
    for user, days_away in ((alice, 91), (mallory, 89), (carol, 91)):
        enroll_user(user, keep_ssn=user != carol)
        away(user, days_away)
    assert due_pulls.list_idle_ssns(limit=10) == [alice.pk]
    lifecycle.delete_ssn(owner_id=alice.pk)
    lifecycle.delete_ssn(owner_id=alice.pk)
    assert due_pulls.list_idle_ssns(limit=10) == []
    assert (applicant(alice).ssn, applicant(mallory).ssn) == ("1001", "666011001")
    assert list_audit_actions(alice).count(Action.CREDENTIAL_DELETE) == 1


def away(user, days):
    """Let a person have enrolled and signed in so many days ago."""
    user.last_login = get_enrollment(user).enrolled_at - timedelta(days=days)
    user.save()
    with tenant(user.pk):
        Enrollment.objects.update(enrolled_at=user.last_login)
