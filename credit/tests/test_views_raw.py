"""The raw report: reauthenticated, masked, complete on request, audited, and only for its owner."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from compliance.audit import Action
from compliance.audit.events import AuditEvent
from compliance.isolation import tenant
from credit.models import Report
from credit.stored import reports
from credit.tests.page_steps import enroll_through_pages
from credit.tests.sandbox_bureau import Bureau
from ui.tests.page_text import page_text

pytestmark = pytest.mark.django_db

KIB = 1024
SSN = "666011001"


@pytest.fixture
def report_id(as_alice: Client, alice: User, site_bureau: Bureau) -> UUID:
    """Alice's report of Ada Mercer."""
    enroll_through_pages(as_alice)
    with tenant(alice.pk):
        return reports.list_reports(owner=alice.pk)[0].id


def get_url(report_id: UUID, name: str = "credit_raw_page") -> str:
    return reverse(name, args=[report_id])


def list_raw_views(user: User) -> list[str]:
    """The forms in which the raw report was viewed, the latest first."""
    with tenant(user.pk):
        events = AuditEvent.objects.filter(subject=user.pk, action=Action.CREDIT_RAW_VIEWED)
        return [event.details()["form"] for event in events]


def test_it_shows_the_latest_report_masked(as_alice: Client, alice: User, report_id: UUID) -> None:
    assert as_alice.get(reverse("credit_raw")).url == get_url(report_id)
    page = as_alice.get(get_url(report_id))
    assert page.headers["Cache-Control"] == "no-store"
    assert "headerRecord" in page_text(page)
    section = page_text(as_alice.get(get_url(report_id), {"section": "ssn"}))
    assert "•••••1001" in section
    assert SSN not in section
    assert list_raw_views(alice) == ["page", "page"]


def test_it_masks_the_download_unless_the_user_asks_for_the_complete_report(
    as_alice: Client, alice: User, report_id: UUID
) -> None:
    masked = as_alice.get(get_url(report_id, "credit_raw_download"))
    assert masked.headers["Content-Disposition"].startswith('attachment; filename="experian-')
    assert masked.headers["Cache-Control"] == "no-store"
    assert json.loads(masked.content)["creditProfile"][0]["ssn"][0]["number"] == "•••••1001"
    complete = as_alice.post(get_url(report_id, "credit_raw_download"), {"complete": "on"})
    assert complete.headers["Content-Disposition"].endswith('-complete.json"')
    assert complete.headers["Cache-Control"] == "no-store"
    with tenant(alice.pk):
        assert complete.content == reports.get_raw_report(owner=alice.pk, report_id=report_id)
    assert SSN in complete.content.decode()
    assert list_raw_views(alice) == ["complete file", "redacted file"]


def test_it_refuses_the_complete_download_without_confirmation(as_alice: Client, alice: User, report_id: UUID) -> None:
    refused = as_alice.post(get_url(report_id, "credit_raw_download"))
    assert refused.status_code == 422
    assert "Check the box" in page_text(refused)
    assert SSN not in page_text(refused)
    assert "complete file" not in list_raw_views(alice)


def test_it_asks_for_reauthentication(
    as_alice: Client, alice: User, report_id: UUID, with_second_factor: Callable[..., Client]
) -> None:
    with_second_factor(as_alice, alice)
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        for response in (
            as_alice.get(get_url(report_id)),
            as_alice.get(get_url(report_id, "credit_raw_download")),
            as_alice.post(get_url(report_id, "credit_raw_download"), {"complete": "on"}),
        ):
            assert response.url.startswith(reverse("mfa_reauthenticate"))
    assert list_raw_views(alice) == []


def test_it_returns_404_for_another_users_report(
    as_mallory: Client, mallory: User, alice: User, report_id: UUID
) -> None:
    for unavailable_id in (report_id, uuid4()):
        assert as_mallory.get(get_url(unavailable_id)).status_code == 404
        assert as_mallory.get(get_url(unavailable_id, "credit_raw_download")).status_code == 404
        assert as_mallory.post(get_url(unavailable_id, "credit_raw_download"), {"complete": "on"}).status_code == 404
    assert as_mallory.get(reverse("credit_raw")).url == reverse("credit")
    assert list_raw_views(alice) == list_raw_views(mallory) == []


def test_it_returns_404_for_a_mismatched_report(as_alice: Client, alice: User, report_id: UUID) -> None:
    with tenant(alice.pk):
        Report.objects.filter(pk=report_id).update(state="mismatch")
    assert as_alice.get(get_url(report_id)).status_code == 404
    assert as_alice.post(get_url(report_id, "credit_raw_download"), {"complete": "on"}).status_code == 404
    assert as_alice.get(reverse("credit_raw")).url == reverse("credit")


@pytest.mark.parametrize("query", ["?section=nothing", "?page=0", "?page=-1", "?page=x", "?page=99999999", "?page=²"])
def test_it_opens_a_page_for_an_invalid_query(as_alice: Client, report_id: UUID, query: str) -> None:
    assert as_alice.get(get_url(report_id) + query).status_code == 200


def test_it_keeps_pages_of_a_huge_report_small_with_few_queries(
    as_alice: Client, alice: User, site_bureau: Bureau, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    enroll_through_pages(as_alice, "P13")
    with tenant(alice.pk):
        url = get_url(reports.list_reports(owner=alice.pk)[0].id)
    sizes = [
        len(page.content) for section in ("tradeline", "publicRecord") for page in get_pages(as_alice, url, section)
    ]
    assert len(sizes) > 4
    assert max(sizes) <= 60 * KIB
    for page_url in (url, reverse("credit_rights")):
        with django_assert_max_num_queries(12):
            as_alice.get(page_url)


def get_pages(client: Client, url: str, section: str) -> list[HttpResponse]:
    """All pages of a section, in order."""
    pages = [client.get(url, {"section": section, "page": 1})]
    while 'rel="next"' in page_text(pages[-1]):
        pages.append(client.get(url, {"section": section, "page": len(pages) + 1}))
    return pages
