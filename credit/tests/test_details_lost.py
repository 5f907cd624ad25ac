"""The sealed details of a person cannot be opened: nothing is asked, and the person gives them again."""

from datetime import timedelta

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from accounts.models import Notification
from compliance.isolation import tenant
from credit import tasks
from credit.enrollment.details import parse_details
from credit.enrollment.status import get_overview
from credit.models import Enrollment, PullAttempt
from credit.statuses import EnrollmentStatus
from credit.tests.pull_steps import count, enroll_user, get_enrollment

pytestmark = pytest.mark.django_db(transaction=True)

SPOIL = "UPDATE {0} SET {1} = set_byte({1}, length({1}) - 1, get_byte({1}, length({1}) - 1) # 7) WHERE owner_id = %s"


def spoil(user, model, column):
    with tenant(user.pk), connection.cursor() as cursor:
        cursor.execute(SPOIL.format(model._meta.db_table, column), [user.pk])


@pytest.fixture
def unreadable_enrollment(alice):
    """Alice's enrollment, whose next report is due and whose details cannot be opened."""
    enroll_user(alice)
    with tenant(alice.pk):
        Enrollment.objects.update(next_pull_at=timezone.now())
    spoil(alice, Enrollment, "identity")
    tasks.pull_report(str(alice.pk), "scheduled")
    return get_enrollment(alice)


def test_it_asks_nothing_and_tells_the_person(alice, unreadable_enrollment):
    assert (unreadable_enrollment.status, unreadable_enrollment.next_pull_at) == (EnrollmentStatus.DETAILS_LOST, None)
    assert count(PullAttempt, alice) == 0
    with tenant(alice.pk):
        assert Notification.objects.get().title == "Enter your details again"


@pytest.mark.django_db(transaction=True, databases=["default", "ops"])
def test_it_tells_a_person_whose_data_key_does_not_open(alice, damage_keys):
    enroll_user(alice)
    with tenant(alice.pk):
        Enrollment.objects.update(next_pull_at=timezone.now())
    damage_keys(alice.pk)
    for _ in range(2):
        tasks.pull_report(str(alice.pk), "scheduled")
    enrollment = get_enrollment(alice)
    assert (enrollment.status, enrollment.next_pull_at) == (EnrollmentStatus.DETAILS_LOST, None)
    with tenant(alice.pk):
        [notification] = Notification.objects.all()
    assert (notification.values, notification.text) == (None, "Cannot be read")


def test_it_leads_to_the_details(as_alice, unreadable_enrollment):
    page = as_alice.get(reverse("credit")).content.decode()
    assert "decrypt the details you gave us" in page
    assert reverse("credit_details") in page
    assert as_alice.get(reverse("credit_details")).status_code == 200


def test_it_goes_on_with_new_details_and_no_sooner(alice, unreadable_enrollment):
    later = timezone.now() + timedelta(days=20)
    with tenant(alice.pk):
        Enrollment.objects.update(eligible_at=later)
    enroll_user(alice)
    again = get_enrollment(alice)
    assert (again.status, again.eligible_at) == (EnrollmentStatus.NOT_PULLED, later)
    assert get_overview(owner=alice.pk).needs_details is False


def test_it_asks_with_the_last_four_where_only_the_kept_number_is_lost(alice):
    enroll_user(alice)
    spoil(alice, Enrollment, "ssn")
    with tenant(alice.pk):
        assert len(parse_details(Enrollment.objects.get()).ssn) == 4
