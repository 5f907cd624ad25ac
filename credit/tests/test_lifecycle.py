"""Enrollments: details are stored sealed and with an active consent, and deleted on withdrawal."""

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
from credit.tests.sandbox_bureau import make_applicant

pytestmark = pytest.mark.django_db


def load_applicant(user):
    with tenant(user.pk):
        return details.parse_details(Enrollment.objects.get())


def get_field_values(stored):
    return {name: getattr(stored, name) for name in stored.__slots__}


@pytest.mark.parametrize("birth", [date(1971, 1, 15), 1971, None])
def test_it_stores_the_details_and_the_last_four_digits(alice, birth):
    enroll_user(alice, keep_ssn=False, middle_name="B", suffix="Jr", line2="Apt 2", birth=birth)
    expected = replace(make_applicant("P01"), middle_name="B", suffix="Jr", line2="Apt 2", birth=birth, ssn="1001")
    assert get_field_values(load_applicant(alice)) == get_field_values(expected)


def test_it_stores_the_full_number_only_if_the_user_wants_that(alice):
    enroll_user(alice, ssn="666-01-1001")
    assert load_applicant(alice).ssn == "666011001"
    enroll_user(alice, keep_ssn=False)
    assert load_applicant(alice).ssn == "1001"
    enroll_user(alice, ssn="1001")
    assert (load_applicant(alice).ssn, get_enrollment(alice).ssn) == ("1001", None)
    enroll_user(alice, ssn="")
    assert load_applicant(alice).ssn == ""


def test_it_returns_only_the_last_four_digits_for_pages(alice, mallory):
    enroll_user(alice)
    with tenant(alice.pk):
        assert details.get_details(owner=alice.pk).ssn == "1001"
    with tenant(mallory.pk):
        assert details.get_details(owner=mallory.pk) is None


def test_it_stores_one_enrollment_per_user(alice):
    enroll_user(alice)
    enroll_user(alice, "P02")
    assert count(Enrollment, alice) == 1
    assert load_applicant(alice).last_name == "BRIGHT"


def test_it_stores_nothing_without_the_given_active_consent(alice, mallory):
    with pytest.raises(NoConsent):
        lifecycle.enroll(user=alice, applicant=make_applicant("P01"), keep_ssn=True, consent_id=uuid4())
    mallorys_consent = give_consent(mallory)
    with pytest.raises(NoConsent):
        lifecycle.enroll(user=alice, applicant=make_applicant("P01"), keep_ssn=True, consent_id=mallorys_consent.pk)
    old_consent, _new_consent = give_consent(alice), give_consent(alice)
    with pytest.raises(NoConsent):
        lifecycle.enroll(user=alice, applicant=make_applicant("P01"), keep_ssn=True, consent_id=old_consent.pk)
    assert count(Enrollment, alice) == 0


def test_it_deletes_details_but_keeps_consent_events(alice):
    enroll_user(alice)
    lifecycle.withdraw_enrollment(user=alice)
    lifecycle.withdraw_enrollment(user=alice)
    row = get_enrollment(alice)
    assert (row.identity, row.ssn, row.next_pull_at) == (None, None, None)
    with tenant(alice.pk), pytest.raises(NotEnrolled):
        details.parse_details(row)
    assert [
        event.kind for event in consent.list_consent_events(user_id=alice.pk, purpose=consent.Purpose.CREDIT_REPORT)
    ] == ["withdrawn", "granted"]
    assert consent.get_active_consent(user_id=alice.pk, purpose=Purpose.CREDIT_REPORT) is None
    assert get_overview(owner=alice.pk).status is EnrollmentStatus.NO_CONSENT
    assert list_audit_actions(alice).count(Action.CREDIT_FORGOTTEN) == 1


def test_it_enrolls_again_after_a_withdrawal(alice):
    enroll_user(alice)
    lifecycle.withdraw_enrollment(user=alice)
    give_consent(alice)
    assert get_overview(owner=alice.pk).status is EnrollmentStatus.NOT_PULLED
    enroll_user(alice, keep_ssn=False)
    assert load_applicant(alice).ssn == "1001"
    assert get_enrollment(alice).withdrawn_at is None


def test_it_returns_the_status_before_the_first_report(alice, settings, monkeypatch, django_assert_num_queries):
    assert get_overview(owner=alice.pk).status is EnrollmentStatus.NO_CONSENT
    event = give_consent(alice)
    overview = get_overview(owner=alice.pk)
    assert (overview.status, overview.consent_ends_at) == (EnrollmentStatus.NOT_PULLED, event.expires_at)
    enroll_user(alice)
    with tenant(alice.pk), django_assert_num_queries(2):
        assert get_overview(owner=alice.pk).status is EnrollmentStatus.NOT_PULLED
    monkeypatch.setattr(authorization, "VERSION", "2031-01")
    assert get_overview(owner=alice.pk).status is EnrollmentStatus.CONSENT_OUTDATED
    settings.CREDIT_ENV = "off"
    assert get_overview(owner=alice.pk).status is EnrollmentStatus.OFF


def test_it_deletes_the_number_of_users_who_stay_away(alice, mallory, make_user):
    carol = make_user("carol")
    for user, days_away in ((alice, 91), (mallory, 89), (carol, 91)):
        enroll_user(user, keep_ssn=user != carol)
        set_days_away(user, days_away)
    assert due_pulls.list_idle_ssns(limit=10) == [alice.pk]
    lifecycle.delete_ssn(owner_id=alice.pk)
    lifecycle.delete_ssn(owner_id=alice.pk)
    assert due_pulls.list_idle_ssns(limit=10) == []
    assert (load_applicant(alice).ssn, load_applicant(mallory).ssn) == ("1001", "666011001")
    assert list_audit_actions(alice).count(Action.CREDENTIAL_DELETE) == 1


def set_days_away(user, days):
    """Make a user's enrollment and last sign-in this many days old."""
    user.last_login = get_enrollment(user).enrolled_at - timedelta(days=days)
    user.save()
    with tenant(user.pk):
        Enrollment.objects.update(enrolled_at=user.last_login)
