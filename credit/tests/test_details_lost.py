"""An enrollment whose sealed details cannot be decrypted: nothing is pulled, and the user enters them again."""

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

CORRUPT_LAST_BYTE = (
    "UPDATE {0} SET {1} = set_byte({1}, length({1}) - 1, get_byte({1}, length({1}) - 1) # 7) WHERE owner_id = %s"
)


def corrupt_column(user, model, column):
    with tenant(user.pk), connection.cursor() as cursor:
        cursor.execute(CORRUPT_LAST_BYTE.format(model._meta.db_table, column), [user.pk])


@pytest.fixture
def unreadable_enrollment(alice):
    """Alice's enrollment, whose next report is due and whose details cannot be decrypted."""
    enroll_user(alice)
    with tenant(alice.pk):
        Enrollment.objects.update(next_pull_at=timezone.now())
    corrupt_column(alice, Enrollment, "identity")
    tasks.pull_report(str(alice.pk), "scheduled")
    return get_enrollment(alice)


def test_it_pulls_nothing_and_notifies_the_user(alice, unreadable_enrollment):
    assert (unreadable_enrollment.status, unreadable_enrollment.next_pull_at) == (EnrollmentStatus.DETAILS_LOST, None)
    assert count(PullAttempt, alice) == 0
    with tenant(alice.pk):
        assert Notification.objects.get().title == "Enter your details again"


@pytest.mark.django_db(transaction=True, databases=["default", "ops"])
def test_it_notifies_a_user_whose_data_key_is_unreadable(alice, damage_keys):
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


def test_it_links_to_the_details_form(as_alice, unreadable_enrollment):
    page = as_alice.get(reverse("credit")).content.decode()
    assert "decrypt the details you gave us" in page
    assert reverse("credit_details") in page
    assert as_alice.get(reverse("credit_details")).status_code == 200


def test_it_continues_with_new_details_but_not_earlier(alice, unreadable_enrollment):
    eligible_at = timezone.now() + timedelta(days=20)
    with tenant(alice.pk):
        Enrollment.objects.update(eligible_at=eligible_at)
    enroll_user(alice)
    enrollment = get_enrollment(alice)
    assert (enrollment.status, enrollment.eligible_at) == (EnrollmentStatus.NOT_PULLED, eligible_at)
    assert get_overview(owner=alice.pk).needs_details is False


def test_it_uses_the_last_four_digits_if_only_the_stored_number_is_unreadable(alice):
    enroll_user(alice)
    corrupt_column(alice, Enrollment, "ssn")
    with tenant(alice.pk):
        assert len(parse_details(Enrollment.objects.get()).ssn) == 4
