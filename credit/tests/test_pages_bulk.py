"""The largest file of the sandbox's bureau: 60 accounts of 84 months, 100 public records. Its pages stay small."""

import gzip

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from credit.tests.factories import store_reports
from credit.tests.fixtures import persona_reports

pytestmark = pytest.mark.django_db

__all__ = ["persona_reports"]

MAX_STATEMENTS = 12
MAX_BYTES = 60 * 1024


@pytest.fixture
def pages(alice, sandbox_program, persona_reports):
    """The URLs of all pages about two reports of P13, a month apart."""
    sandbox_program.control("clock", {"advance_days": 30})
    newer = sandbox_program.pull_report("P13")
    before, after = store_reports(alice, [persona_reports["P13"], newer])
    names = ("", "_history", "_changes", "_accounts", "_utilization", "_inquiries", "_records", "_personal")
    urls = {f"credit{name}": reverse(f"credit{name}") for name in names}
    urls["credit_account"] = reverse("credit_account", args=[newer.tradelines[0].key])
    urls["compared"] = f"{reverse('credit_changes')}?before={before}&after={after}"
    urls["last records"] = f"{reverse('credit_records')}?page=4"
    return urls


def test_it_uses_the_largest_file(persona_reports):
    report = persona_reports["P13"]
    assert (len(report.tradelines), len(report.public_records)) == (60, 100)
    assert sum(len(line.history.codes) == 84 for line in report.tradelines) > 40


def test_it_needs_few_queries_and_sends_small_pages(as_alice, pages):
    weights = {}
    for name, url in pages.items():
        with CaptureQueriesContext(connection) as captured:
            response = as_alice.get(url, headers={"Accept-Encoding": "gzip"})
        assert response.status_code == 200, name
        queries = [query["sql"] for query in captured if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))]
        weights[name] = (len(queries), len(response.content), len(gzip.decompress(response.content)))
    # A page is not even larger without compression than it may be with it.
    assert {name: weight for name, weight in weights.items() if weight[0] > MAX_STATEMENTS} == {}
    assert {name: weight for name, weight in weights.items() if weight[2] > MAX_BYTES} == {}
    assert all(compressed < 10 * 1024 for _queries, compressed, _size in weights.values()), weights


def test_it_shows_every_account_and_every_record_once(as_alice, pages, persona_reports):
    accounts = as_alice.get(pages["credit_accounts"]).content.decode()
    assert {
        accounts.count(reverse("credit_account", args=[line.key])) for line in persona_reports["P13"].tradelines
    } == {1}
    records = [as_alice.get(f"{pages['credit_records']}?page={page}").content.decode() for page in range(1, 5)]
    counts = [
        sum(f"reference: {record.reference}" in page for page in records)
        for record in persona_reports["P13"].public_records
    ]
    assert counts == [1] * 100
