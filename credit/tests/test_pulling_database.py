"""The database connection breaks during the bureau's call: a report that was made is paid for and must not be lost."""

import pytest

from conftest import terminate_database_connection
from credit.experian.bureau import ExperianBureau
from credit.provider import BureauUnavailable
from credit.tests.pull_steps import count_raw_and_parsed_reports, enroll_user, list_attempts, pull

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_stores_a_report_after_the_database_connection_broke(site_bureau, alice, monkeypatch):
    enroll_user(alice)
    bureau = ExperianBureau().connect()

    class RespondingClient:
        def fetch(self, *args):
            response = bureau.fetch(*args)
            terminate_database_connection()
            return response

    monkeypatch.setattr(ExperianBureau, "connect", lambda self: RespondingClient())
    pull(alice)
    assert count_raw_and_parsed_reports(alice) == (1, 1)


def test_it_records_a_failure_after_the_database_connection_broke(site_bureau, alice, monkeypatch):
    enroll_user(alice)

    class FailingClient:
        def fetch(self, *args):
            terminate_database_connection()
            raise BureauUnavailable("503")

    monkeypatch.setattr(ExperianBureau, "connect", lambda self: FailingClient())
    with pytest.raises(BureauUnavailable):
        pull(alice)
    assert [attempt.status for attempt in list_attempts(alice)] == ["not_made"]
