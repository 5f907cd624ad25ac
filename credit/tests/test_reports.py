"""Reports as they are stored: read back equal to what was written, in few statements, and by their owner alone."""

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


def kept_raw(user, answer, **facts):
    """Keep an answer of the bureau as a pull would."""
    asked = {"provider": answer.provider, "inquiry_class": answer.inquiry_class, "purpose": answer.purpose}
    attempt = PullAttempt.objects.create(
        owner=user,
        status="made",
        trigger="user",
        finished_at=timezone.now(),
        reference_id=uuid4().hex,
        consent_id=uuid4(),
        environment="embedded",
        **asked,
    )
    return RawReport.objects.create(
        owner=user,
        attempt=attempt,
        body=pack(answer.body),
        sha256=answer.sha256,
        size=len(answer.body),
        http_status=answer.http_status,
        reference_id=answer.reference_id,
        endpoint=answer.endpoint,
        is_sample=answer.is_sample,
        **asked,
        **{"fetched_at": answer.fetched_at, **facts},
    )


def parse_response(bureau, answer):
    return ExperianBureau().normalize(answer.body, asof=answer.fetched_at.date())


def store_persona_report(user, bureau, persona, **facts):
    answer = bureau.pull(persona)
    with tenant(user.pk):
        return reports.store_report(raw=kept_raw(user, answer, **facts), report=parse_response(bureau, answer))


@pytest.mark.parametrize("persona", PERSONAS_WITH_FILE)
def test_it_reads_back_what_it_stored(local_bureau, alice, persona):
    answer = local_bureau.pull(persona)
    with tenant(alice.pk):
        row = reports.store_report(raw=kept_raw(alice, answer), report=parse_response(local_bureau, answer))
        found = reports.get_report(owner=alice.pk, report_id=row.pk)
        assert found.report == parse_response(local_bureau, answer)
        assert (found.is_sample, found.inquiry_class, found.pulled_at) == (True, "soft", answer.fetched_at)
        assert reports.get_raw_report(owner=alice.pk, report_id=row.pk) == answer.body


@pytest.fixture
def an_answer(local_bureau):
    return local_bureau.pull("P02")


@given(report=REPORTS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_it_reads_back_whatever_a_report_may_hold(an_answer, alice, report):
    with tenant(alice.pk):
        row = reports.store_report(raw=kept_raw(alice, an_answer), report=report)
        assert reports.get_report(owner=alice.pk, report_id=row.pk).report == report


def test_it_reads_the_largest_report_in_one_statement(local_bureau, alice, django_assert_num_queries):
    row = store_persona_report(alice, local_bureau, "P13")
    with tenant(alice.pk):
        with django_assert_num_queries(1):
            found = reports.get_latest_report(owner=alice.pk)
        assert found.id == row.pk
        assert (len(found.report.tradelines), len(found.report.public_records)) == (60, 100)
        with django_assert_num_queries(1):
            assert len(reports.list_reports(owner=alice.pk)) == 1


def test_it_packs_the_largest_answer_into_a_tenth(local_bureau, alice):
    row = store_persona_report(alice, local_bureau, "P13")
    with tenant(alice.pk), connection.cursor() as cursor:
        cursor.execute("SELECT size, octet_length(body) FROM credit_rawreport WHERE id = %s", [row.raw_id])
        size, sealed = cursor.fetchone()
    assert size > 80_000
    assert sealed < size / 8


def test_it_keeps_the_columns_that_everybody_asks_for(local_bureau, alice):
    row = store_persona_report(alice, local_bureau, "P01")
    answer_day = local_bureau.control("clock", method="GET")["now"][:10]
    assert (row.credit_score, str(row.report_date), row.state) == (782, answer_day, ReportStatus.READY)
    assert (row.reference_id, row.pk) == (row.raw.reference_id, row.raw.pk)


def test_it_shows_the_newest_report_that_can_be_shown(local_bureau, alice):
    ready = store_persona_report(alice, local_bureau, "P01")
    with tenant(alice.pk):
        later = ready.pulled_at + timedelta(days=30)
    frozen = store_persona_report(alice, local_bureau, "P05", fetched_at=later)
    with tenant(alice.pk):
        assert reports.get_latest_report(owner=alice.pk).id == ready.pk
        assert [each.id for each in reports.list_reports(owner=alice.pk)] == [frozen.pk, ready.pk]


def test_it_has_no_report_to_show_at_first(alice):
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
        [line] = reports.list_reports(owner=alice.pk)
    assert (line.indicator, line.value, line.exclusion_code) == (indicator, value, code)


def test_it_shows_nobody_somebody_elses_report(local_bureau, alice, mallory):
    row = store_persona_report(alice, local_bureau, "P01")
    with tenant(mallory.pk):
        for read_it in (reports.get_report, reports.get_raw_report):
            with pytest.raises((Report.DoesNotExist, RawReport.DoesNotExist)):
                read_it(owner=mallory.pk, report_id=row.pk)
        assert reports.get_latest_report(owner=mallory.pk) is None
        assert reports.list_reports(owner=mallory.pk) == reports.list_changes(owner=mallory.pk, report_id=row.pk) == []


def test_it_leaves_neither_who_a_person_is_nor_their_accounts_in_the_open(local_bureau, alice):
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
