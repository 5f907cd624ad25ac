"""The connection to the database breaks while the bureau answers: what was made is paid for, and must not be lost."""

import pytest

from conftest import cut_off_from_database
from credit.experian.bureau import ExperianBureau
from credit.provider import BureauUnavailable
from credit.tests.pull_steps import count_raw_and_parsed_reports, enroll_user, list_attempts, pull

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_keeps_a_report_though_its_connection_to_the_database_broke(site_bureau, alice, monkeypatch):
    enroll_user(alice)
    bureau = ExperianBureau().connect()

    class Answering:
        def fetch(self, *asked):
            answer = bureau.fetch(*asked)
            cut_off_from_database()
            return answer

    monkeypatch.setattr(ExperianBureau, "connect", lambda self: Answering())
    pull(alice)
    assert count_raw_and_parsed_reports(alice) == (1, 1)


def test_it_writes_down_a_failure_though_its_connection_to_the_database_broke(site_bureau, alice, monkeypatch):
    enroll_user(alice)

    class Failing:
        def fetch(self, *asked):
            cut_off_from_database()
            raise BureauUnavailable("503")

    monkeypatch.setattr(ExperianBureau, "connect", lambda self: Failing())
    with pytest.raises(BureauUnavailable):
        pull(alice)
    assert [attempt.status for attempt in list_attempts(alice)] == ["not_made"]
