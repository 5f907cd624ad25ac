"""What may notify a user of their credit file locks the user's row before the enrollment, as the erasure does."""

import pytest
from django.utils import timezone

from accounts.deletion import erasure, requests
from accounts.models import User
from compliance.isolation import tenant
from compliance.tests.threads import Contender
from credit.models import Enrollment, Trigger
from credit.provider import BureauInputError
from credit.pulls import attempts
from credit.report import ReportStatus
from credit.tests.pull_steps import enroll_user, pull

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "ops"])


@pytest.fixture
def eraser(alice):
    """The erasure of Alice's account."""

    def erase():
        requests.request_deletion(user=alice, at_once=True)
        erasure.erase_account(owner_id=alice.pk)

    return Contender(erase)


def enroll_for_scheduled_pulls(user, **changes):
    enroll_user(user, **changes)
    with tenant(user.pk):
        Enrollment.objects.update(next_pull_at=timezone.now())


def lose_consent(user):
    attempts.stop_scheduled_pulls(owner_id=user.pk)


def lose_details(user):
    attempts.stop_without_details(owner_id=user.pk)


def refuse_details(user):
    attempt = attempts.begin_attempt(owner_id=user.pk, trigger=Trigger.SCHEDULED).attempt
    attempts.record_failure(attempt=attempt, error=BureauInputError("REFUSED"))


@pytest.mark.parametrize("stop", [lose_consent, lose_details, refuse_details])
def test_pulls_stop_while_the_account_is_erased(alice, eraser, monkeypatch, stop):
    enroll_for_scheduled_pulls(alice)
    eraser.come_before(monkeypatch, attempts, "notify")
    stop(alice)
    eraser.finish()
    assert not User.objects.exists()


def test_a_mismatch_is_stored_while_the_account_is_erased(alice, eraser, site_bureau, monkeypatch):
    enroll_for_scheduled_pulls(alice, zip_code="46361")
    eraser.come_before(monkeypatch, attempts, "notify")
    assert pull(alice, Trigger.SCHEDULED).status is ReportStatus.MISMATCH
    eraser.finish()
    assert not User.objects.exists()
