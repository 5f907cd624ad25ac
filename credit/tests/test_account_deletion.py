"""What the deletion of an account does to a credit report that is being requested."""

import pytest

from accounts.deletion import erasure, requests
from accounts.models import User
from compliance.personal_data.processors import ErasureDelayed
from credit.experian.client import ExperianClient
from credit.models import AttemptStatus
from credit.pulls import pulling
from credit.report import ReportStatus
from credit.statuses import ATTEMPT_TIMEOUT
from credit.tests.pull_steps import count_raw_and_parsed_reports, enroll_user, list_attempts, list_report_calls, pull

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def during_call(monkeypatch):
    """A function that makes the next call of the bureau run another function first."""

    def set_function(function):
        fetch = ExperianClient.fetch

        def fetch_after(self, *args, **options):
            function()
            return fetch(self, *args, **options)

        monkeypatch.setattr(ExperianClient, "fetch", fetch_after)

    return set_function


def test_an_erasure_waits_for_a_report_that_is_being_requested(site_bureau, alice, during_call):
    def erase():
        requests.request_deletion(user=alice, at_once=True)
        with pytest.raises(ErasureDelayed):
            erasure.erase_account(owner_id=alice.pk)

    enroll_user(alice)
    during_call(erase)
    assert pull(alice).status is ReportStatus.READY
    assert erasure.erase_account(owner_id=alice.pk) is not None
    assert not User.objects.filter(pk=alice.pk).exists()


def test_an_erasure_does_not_wait_for_a_worker_that_died(days, alice, during_call):
    enroll_user(alice)

    def die():
        raise SystemExit

    during_call(die)
    with pytest.raises(SystemExit):
        pull(alice)
    assert [attempt.status for attempt in list_attempts(alice)] == [AttemptStatus.PENDING]
    days.advance(seconds=ATTEMPT_TIMEOUT.total_seconds() + 1)
    requests.request_deletion(user=alice, at_once=True)
    assert erasure.erase_account(owner_id=alice.pk) is not None


def test_a_report_that_arrives_after_the_request_is_kept_for_the_thirty_days(site_bureau, alice, during_call):
    enroll_user(alice)
    during_call(lambda: requests.request_deletion(user=alice))
    assert pull(alice).status is ReportStatus.READY
    assert count_raw_and_parsed_reports(alice) == (1, 1)
    with pytest.raises(pulling.ProcessingStopped):
        pull(alice)
    assert len(list_report_calls(site_bureau)) == 1


def test_a_report_that_arrives_after_the_erasure_is_not_stored(days, alice, during_call):
    """The call took longer than any should, so the erasure did not wait for it."""
    enroll_user(alice)

    def erase():
        days.advance(seconds=ATTEMPT_TIMEOUT.total_seconds() + 1)
        requests.request_deletion(user=alice, at_once=True)
        assert erasure.erase_account(owner_id=alice.pk) is not None

    during_call(erase)
    with pytest.raises(pulling.NotEnrolled):
        pull(alice)
    assert count_raw_and_parsed_reports(alice) == (0, 0)
