"""What a credit file is secret about stands nowhere in clear: no table, cache, queue, log, mail or page shows it."""

import json
import logging
import re
from collections.abc import Iterator

import pytest
from django.core import mail
from django.core.cache import cache
from django.urls import reverse

from accounts.notifications import digest
from compliance.isolation import tenant
from conftest import signed_in_as
from credit.models import RawReport, Report, Trigger
from credit.stored import reports
from credit.tests.documents import load_accounts, load_changes, load_reports
from credit.tests.pull_steps import enroll_user, pull

pytestmark = pytest.mark.django_db(transaction=True)

NUMBER = "666111011"
PAGES = ("", "_accounts", "_inquiries", "_records", "_personal", "_changes", "_history", "_utilization", "_rights")


@pytest.fixture
def secrets(days, alice, caplog) -> set[str]:
    """A person with a kept number, two reports, changes and a mail about them; returns what must stand nowhere."""
    caplog.set_level(logging.DEBUG)
    enroll_user(alice, "P11", keep_ssn=True)
    pull(alice)
    days.advance(days=30)
    pull(alice, Trigger.SCHEDULED)
    days.advance(days=2)
    until, people = digest.claim_due_digests(limit=10)
    assert people == [alice.pk]
    assert digest.send_digest(user_id=alice.pk, claimed_until=until)
    with tenant(alice.pk):
        report_ids = list(Report.objects.values_list("pk", flat=True))
        answers = [reports.get_raw_report(owner=alice.pk, report_id=report_id) for report_id in report_ids]
        assert RawReport.objects.count() == len(answers) == 2
    profiles = [json.loads(answer)["creditProfile"][0] for answer in answers]
    accounts = {line["accountNumber"] for profile in profiles for line in profile["tradeline"]}
    return {NUMBER, "666-11-1011", "revolvingOrInstallment", "RIVERA", "MAPLE"} | accounts


def names_on_file(user) -> set[str]:
    """What names accounts, lenders and balances in a person's reports, as they are sealed."""
    accounts, changes = load_accounts(user), load_changes(user)
    inquiries = [inquiry.subscriber for report in load_reports(user) for inquiry in report.inquiries]
    names = {name for account in accounts for name in (account.creditor, account.key)} | set(inquiries)
    return names | {change.name for change in changes if change.name} - {""}


def find_shown(secrets: set[str], text: str) -> set[str]:
    return {secret for secret in secrets if secret in text}


def rows_of_all_tables() -> Iterator[tuple[str, str]]:
    """Every table's name and row as text, as somebody with a copy of the database would read it."""
    with signed_in_as("ops") as operator:
        tables = operator.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'public'"
            " AND has_table_privilege(format('%I.%I', schemaname, tablename), 'SELECT')"
        ).fetchall()
        assert len(tables) > 40
        for (table,) in tables:
            for (row,) in operator.execute(f"SELECT row_::text FROM {table} AS row_"):
                yield table, row


def test_it_stands_in_no_table(secrets):
    rows = list(rows_of_all_tables())
    assert find_shown(secrets, "\n".join(row for _table, row in rows)) == set()


def test_a_report_says_nothing_of_its_accounts_to_who_has_a_copy_of_the_database(secrets, alice):
    names = names_on_file(alice)
    assert {"BEACON CARD"} < names
    rows = list(rows_of_all_tables())
    assert sum(table == "public.credit_report" for table, _row in rows) == 2
    assert any(table == "public.accounts_notification" for table, _row in rows)
    assert {table for table, row in rows if find_shown(names, row)} == set()


def test_it_stands_in_no_cache_and_no_queue(secrets):
    redis = cache.client.get_client()  # type: ignore[attr-defined]
    told = b" ".join(redis.dump(key) or b"" for key in redis.scan_iter())
    assert told
    assert find_shown(secrets, told.decode("latin-1")) == set()


def test_it_stands_in_no_log_and_no_mail(secrets, caplog):
    [letter] = mail.outbox
    text = f"{letter.subject} {letter.body} {letter.extra_headers} {letter.alternatives}"
    assert "Sign in to view them:" in text
    assert find_shown(secrets, caplog.text) == find_shown(secrets, text) == set()
    # Neither figures nor names of creditors: a mail says what kind of thing happened.
    assert not re.search(r"[$%]|BEACON|NORTHFIELD|HARBOR|PRAIRIE|\b\d{3}\b", letter.body)


def test_it_stands_on_no_page_but_that_of_personal_data(secrets, as_alice):
    for name in PAGES:
        page = as_alice.get(reverse(f"credit{name}")).content.decode()
        known = {"RIVERA", "MAPLE"} if name == "_personal" else set()
        assert find_shown(secrets - known, page) == set(), name
