"""The secrets of a credit file are in clear text in no table, cache, queue, log, mail or page."""

import json
import logging
import re

import pytest
from django.core import mail
from django.urls import reverse

from accounts.notifications import digest
from compliance.isolation import tenant
from config.tests.stored_data import read_all_tables, read_redis
from credit.models import RawReport, Report, Trigger
from credit.stored import reports
from credit.tests.documents import load_accounts, load_changes, load_reports
from credit.tests.pull_steps import enroll_user, pull

pytestmark = pytest.mark.django_db(transaction=True)

SSN = "666111011"
PAGES = ("", "_accounts", "_inquiries", "_records", "_personal", "_changes", "_history", "_utilization", "_rights")


@pytest.fixture
def secrets(days, alice, caplog) -> set[str]:
    """Give Alice a stored SSN, two reports, changes and a mail about them, and return the secrets in them."""
    caplog.set_level(logging.DEBUG)
    enroll_user(alice, "P11", keep_ssn=True)
    pull(alice)
    days.advance(days=30)
    pull(alice, Trigger.SCHEDULED)
    days.advance(days=2)
    until, user_ids = digest.claim_due_digests(limit=10)
    assert user_ids == [alice.pk]
    assert digest.send_digest(user_id=alice.pk, claimed_until=until)
    with tenant(alice.pk):
        report_ids = list(Report.objects.values_list("pk", flat=True))
        raw_reports = [reports.get_raw_report(owner=alice.pk, report_id=report_id) for report_id in report_ids]
        assert RawReport.objects.count() == len(raw_reports) == 2
    profiles = [json.loads(raw_report)["creditProfile"][0] for raw_report in raw_reports]
    accounts = {line["accountNumber"] for profile in profiles for line in profile["tradeline"]}
    return {SSN, "666-11-1011", "revolvingOrInstallment", "RIVERA", "MAPLE"} | accounts


def list_names_on_file(user) -> set[str]:
    """The names and keys of accounts, lenders and changes in a user's reports."""
    accounts, changes = load_accounts(user), load_changes(user)
    inquiries = [inquiry.subscriber for report in load_reports(user) for inquiry in report.inquiries]
    names = {name for account in accounts for name in (account.creditor, account.key)} | set(inquiries)
    return names | {change.name for change in changes if change.name} - {""}


def find_secrets(secrets: set[str], text: str) -> set[str]:
    return {secret for secret in secrets if secret in text}


def test_it_stores_no_secret_in_clear_text(secrets):
    rows = list(read_all_tables())
    assert find_secrets(secrets, "\n".join(row for _table, row in rows)) == set()


def test_it_stores_no_account_name_of_a_report_in_clear_text(secrets, alice):
    names = list_names_on_file(alice)
    assert {"BEACON CARD"} < names
    rows = list(read_all_tables())
    assert sum(table == "public.credit_report" for table, _row in rows) == 2
    assert any(table == "public.accounts_notification" for table, _row in rows)
    assert {table for table, row in rows if find_secrets(names, row)} == set()


def test_it_puts_no_secret_into_the_cache_or_a_queue(secrets):
    contents = " ".join(content for _key, content in read_redis())
    assert contents
    assert find_secrets(secrets, contents) == set()


def test_it_writes_no_secret_to_the_log_or_a_mail(secrets, caplog):
    [message] = mail.outbox
    text = f"{message.subject} {message.body} {message.extra_headers} {message.alternatives}"
    assert "Sign in to view them:" in text
    assert find_secrets(secrets, caplog.text) == find_secrets(secrets, text) == set()
    # A mail names kinds of changes, and neither amounts nor creditors.
    assert not re.search(r"[$%]|BEACON|NORTHFIELD|HARBOR|PRAIRIE|\b\d{3}\b", message.body)


def test_it_shows_secrets_only_on_the_personal_data_page(secrets, as_alice):
    for name in PAGES:
        page = as_alice.get(reverse(f"credit{name}")).content.decode()
        allowed = {"RIVERA", "MAPLE"} if name == "_personal" else set()
        assert find_secrets(secrets - allowed, page) == set(), name
