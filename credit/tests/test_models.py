"""The constraints of credit's tables."""

from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from compliance.isolation import NoTenant, tenant
from credit.models import Enrollment, PullAttempt, RawReport, Report

NOW = timezone.now()
REQUEST = {"provider": "experian", "inquiry_class": "soft", "purpose": "3F"}


def create_attempt(user, **fields):
    return PullAttempt.objects.create(
        owner=user,
        trigger="user",
        reference_id=uuid4().hex,
        consent_id=uuid4(),
        environment="embedded",
        **REQUEST,
        **fields,
    )


def create_raw_report(user, attempt):
    return RawReport.objects.create(
        owner=user,
        attempt=attempt,
        body="packed",
        sha256="0" * 64,
        size=6,
        http_status=200,
        reference_id="r",
        fetched_at="2026-11-22T12:00Z",
        endpoint="/",
        is_sample=True,
        **REQUEST,
    )


def test_it_allows_one_pending_attempt_per_user(alice, mallory):
    with tenant(alice.pk):
        create_attempt(alice, status="made", finished_at=timezone.now())
        create_attempt(alice, status="unknown", finished_at=timezone.now())
        create_attempt(alice)
        with pytest.raises(IntegrityError, match="one_pending_attempt"), transaction.atomic():
            create_attempt(alice)
    with tenant(mallory.pk):
        create_attempt(mallory)


def test_it_allows_one_enrollment_per_user(alice):
    with tenant(alice.pk):
        Enrollment.objects.create(owner=alice, pull_day=1)
        with pytest.raises(IntegrityError, match="one_enrollment_per_person"), transaction.atomic():
            Enrollment.objects.create(owner=alice, pull_day=1)


@pytest.mark.parametrize(
    ("constraint", "columns"),
    [
        ("withdrawn_stores_no_details", {"withdrawn_at": NOW, "identity": "{}"}),
        ("withdrawn_stores_no_details", {"withdrawn_at": NOW, "ssn": "666011001"}),
        ("withdrawn_stores_no_details", {"withdrawn_at": NOW, "next_pull_at": NOW}),
        ("no_pull_before_new_details", {"status": "no_hit", "next_pull_at": NOW}),
        ("no_pull_before_new_details", {"status": "details_refused", "next_pull_at": NOW}),
        ("no_pull_before_new_details", {"status": "details_lost", "next_pull_at": NOW}),
        ("report_has_its_date", {"status": "ready"}),
        ("report_has_its_date", {"status": "mismatch"}),
        ("refused_field_with_refused_details", {"rejected_field": "ssn"}),
        ("unknown_outcomes_are_failures", {"unknown_outcomes": 1}),
        ("pull_day_of_a_month", {"pull_day": 0}),
        ("pull_day_of_a_month", {"pull_day": 32}),
    ],
)
def test_it_rejects_a_contradictory_enrollment(alice, constraint, columns):
    with tenant(alice.pk), pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Enrollment.objects.create(**{"owner": alice, "pull_day": 1} | columns)


@pytest.mark.parametrize("columns", [{"finished_at": NOW}, {"status": "made"}, {"status": "unknown"}])
def test_it_rejects_an_attempt_that_is_finished_and_pending(alice, columns):
    with tenant(alice.pk), pytest.raises(IntegrityError, match="finished_unless_pending"), transaction.atomic():
        create_attempt(alice, **columns)


def test_it_hides_rows_of_other_users(alice, mallory):
    with tenant(alice.pk):
        row = create_raw_report(alice, create_attempt(alice))
    with tenant(mallory.pk):
        assert not RawReport.objects.filter(pk=row.pk).exists()
        assert not RawReport.objects.filter(pk=row.pk).update(size=0)
        assert not PullAttempt.objects.exists()
    with pytest.raises(NoTenant):
        RawReport.objects.count()


@pytest.mark.django_db(transaction=True)
def test_it_rejects_references_to_other_users_rows(alice, mallory):
    with tenant(alice.pk):
        alices_attempt = create_attempt(alice)
    with pytest.raises(IntegrityError, match="same_owner"), tenant(mallory.pk):
        create_raw_report(mallory, alices_attempt)


def test_it_keeps_raw_reports_in_a_separate_table():
    assert "body" not in {field.name for field in Report._meta.get_fields()}


def test_it_seals_details_and_number(alice):
    with tenant(alice.pk):
        row = Enrollment.objects.create(owner=alice, pull_day=1, identity="CANARY", ssn="666011001")
        with connection.cursor() as cursor:
            cursor.execute("SELECT e::text FROM credit_enrollment AS e")
            [(text,)] = cursor.fetchall()
        assert "CANARY" not in text
        assert b"666011001".hex() not in text
        reloaded = Enrollment.objects.get(pk=row.pk)
        assert (reloaded.identity.reveal(), reloaded.ssn.reveal()) == ("CANARY", "666011001")
        assert "666011001" not in f"{reloaded.ssn!r} {reloaded.__dict__}"
