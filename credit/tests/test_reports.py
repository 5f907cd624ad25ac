"""Stored reports: read back equal to what was written, in few queries, and only by their owner."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings

from compliance.isolation import tenant
from credit import models
from credit.experian.bureau import ExperianBureau
from credit.models import PullAttempt, RawReport, Report
from credit.report import ReportStatus
from credit.stored import reports
from credit.stored.documents import pack
from credit.tests.sandbox_bureau import PERSONAS_WITH_FILE
from credit.tests.strategies import REPORTS


def store_raw(user, response, **columns):
    """Store a response of the bureau as a pull does."""
    request = {"provider": response.provider, "inquiry_class": response.inquiry_class, "purpose": response.purpose}
    attempt = PullAttempt.objects.create(
        owner=user,
        status="made",
        trigger="user",
        finished_at=timezone.now(),
        reference_id=uuid4().hex,
        consent_id=uuid4(),
        environment="embedded",
        **request,
    )
    return RawReport.objects.create(
        owner=user,
        attempt=attempt,
        body=pack(response.body),
        sha256=response.sha256,
        size=len(response.body),
        http_status=response.http_status,
        reference_id=response.reference_id,
        endpoint=response.endpoint,
        is_sample=response.is_sample,
        **request,
        **{"fetched_at": response.fetched_at, **columns},
    )


def parse_response(bureau, response):
    return ExperianBureau().normalize(response.body, asof=response.fetched_at.date())


def store_persona_report(user, bureau, persona, **columns):
    response = bureau.pull(persona)
    with tenant(user.pk):
        return reports.store_report(raw=store_raw(user, response, **columns), report=parse_response(bureau, response))


@pytest.mark.parametrize("persona", PERSONAS_WITH_FILE)
def test_it_reads_back_what_it_stored(local_bureau, alice, persona):
    response = local_bureau.pull(persona)
    with tenant(alice.pk):
        row = reports.store_report(raw=store_raw(alice, response), report=parse_response(local_bureau, response))
        stored = reports.get_report(owner=alice.pk, report_id=row.pk)
        assert stored.report == parse_response(local_bureau, response)
        assert (stored.is_sample, stored.inquiry_class, stored.pulled_at) == (True, "soft", response.fetched_at)
        assert reports.get_raw_report(owner=alice.pk, report_id=row.pk) == response.body


@pytest.fixture
def bureau_response(local_bureau):
    return local_bureau.pull("P02")


@given(report=REPORTS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_it_reads_back_any_report(bureau_response, alice, report):
    with tenant(alice.pk):
        row = reports.store_report(raw=store_raw(alice, bureau_response), report=report)
        assert reports.get_report(owner=alice.pk, report_id=row.pk).report == report


def test_it_reads_the_largest_report_in_one_query(local_bureau, alice, django_assert_num_queries):
    row = store_persona_report(alice, local_bureau, "P13")
    with tenant(alice.pk):
        with django_assert_num_queries(1):
            stored = reports.get_latest_report(owner=alice.pk)
        assert stored.id == row.pk
        assert (len(stored.report.tradelines), len(stored.report.public_records)) == (60, 100)
        with django_assert_num_queries(1):
            assert len(reports.list_reports(owner=alice.pk)) == 1


def test_it_compresses_the_largest_response(local_bureau, alice):
    row = store_persona_report(alice, local_bureau, "P13")
    with tenant(alice.pk), connection.cursor() as cursor:
        cursor.execute("SELECT size, octet_length(body) FROM credit_rawreport WHERE id = %s", [row.raw_id])
        size, packed_size = cursor.fetchone()
    assert size > 80_000
    assert packed_size < size / 8


def test_it_stores_the_columns_that_pages_query(local_bureau, alice):
    row = store_persona_report(alice, local_bureau, "P01")
    answer_day = local_bureau.control("clock", method="GET")["now"][:10]
    assert (row.credit_score, str(row.report_date), row.state) == (782, answer_day, ReportStatus.READY)
    assert (row.reference_id, row.pk) == (row.raw.reference_id, row.raw.pk)


def test_it_returns_the_latest_report_that_can_be_shown(local_bureau, alice):
    ready = store_persona_report(alice, local_bureau, "P01")
    with tenant(alice.pk):
        later = ready.pulled_at + timedelta(days=30)
    frozen = store_persona_report(alice, local_bureau, "P05", fetched_at=later)
    with tenant(alice.pk):
        assert reports.get_latest_report(owner=alice.pk).id == ready.pk
        assert [listing.id for listing in reports.list_reports(owner=alice.pk)] == [frozen.pk, ready.pk]


def test_it_returns_no_report_before_the_first_pull(alice):
    with tenant(alice.pk):
        assert reports.get_latest_report(owner=alice.pk) is None
        assert reports.list_reports(owner=alice.pk) == reports.list_changes(owner=alice.pk) == []


@pytest.mark.parametrize(
    ("persona", "indicator", "value", "code"),
    [("P01", "V4", 782, ""), ("P10", "V4", None, "9002"), ("P05", "", None, "")],
)
def test_it_lists_the_first_score_of_each_report(local_bureau, alice, persona, indicator, value, code):
    store_persona_report(alice, local_bureau, persona)
    with tenant(alice.pk):
        [listing] = reports.list_reports(owner=alice.pk)
    assert (listing.indicator, listing.value, listing.exclusion_code) == (indicator, value, code)


def test_it_returns_no_report_of_another_user(local_bureau, alice, mallory):
    row = store_persona_report(alice, local_bureau, "P01")
    with tenant(mallory.pk):
        for get in (reports.get_report, reports.get_raw_report):
            with pytest.raises((Report.DoesNotExist, RawReport.DoesNotExist)):
                get(owner=mallory.pk, report_id=row.pk)
        assert reports.get_latest_report(owner=mallory.pk) is None
        assert reports.list_reports(owner=mallory.pk) == reports.list_changes(owner=mallory.pk, report_id=row.pk) == []


def test_it_stores_identity_and_accounts_encrypted(local_bureau, alice):
    row = store_persona_report(alice, local_bureau, "P08")
    with tenant(alice.pk), connection.cursor() as cursor:
        report = reports.get_report(owner=alice.pk, report_id=row.pk).report
        secrets = {account.creditor for account in report.tradelines} | {account.key for account in report.tradelines}
        assert len(secrets) > 2
        for model in (models.RawReport, models.Report):
            cursor.execute(f"SELECT t::text FROM {model._meta.db_table} AS t")
            text = " ".join(line for (line,) in cursor.fetchall())
            assert text
            for word in ("SENTRY", "MAPLE", "666081008", "FRAUD", *secrets):
                assert word not in text, (model, word)
