"""Documents that this version cannot decrypt or decode: parsed again for the page, rebuilt by the command, no 500."""

from io import StringIO

import msgspec
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse

from compliance.isolation import tenant
from credit.diffing import UNREADABLE_CHANGE
from credit.models import RawReport, Report
from credit.stored import reports
from credit.stored.documents import StaleDocument, decode_report, encode_changes, encode_report, pack
from credit.stored.parsing import UnreadableReport
from credit.tests.documents import load_changes, load_reports
from credit.tests.pull_steps import count, enroll_user, pull

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "ops"])

OLDER_SHAPE = pack(msgspec.json.encode({"provider": "experian", "parser_version": 1}))
RENAMED_FIELD = pack(b'[{"type": "score_changed", "entity": "score", "severity": "info", "earlier": 700, "after": 0}]')
NO_DOCUMENT = "no document"
PAGES = ("", "_accounts", "_inquiries", "_records", "_personal", "_changes", "_history", "_utilization", "_rights")


def rewrite(user, **columns):
    """Overwrite encrypted columns of all of a user's reports."""
    with tenant(user.pk):
        for row in Report.objects.all():
            for name, text in columns.items():
                setattr(row, name, text)
            row.save(update_fields=list(columns))


def damage(user, table, column):
    """Change the last byte of an encrypted column."""
    with tenant(user.pk), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {column} = set_byte({column}, length({column}) - 1,"
            f" get_byte({column}, length({column}) - 1) # 1)"
        )
        assert cursor.rowcount


def rebuild(*options):
    out = StringIO()
    call_command("credit_rebuild", *options, stdout=out)
    return out.getvalue()


@pytest.fixture
def report(site_bureau, alice):
    enroll_user(alice, "P11")
    pull(alice)
    [report] = load_reports(alice)
    return report


@pytest.fixture
def unreadable_document(request, report, alice):
    if request.param == "damaged":
        damage(alice, "credit_report", "document")
    else:
        rewrite(alice, document=request.param)


FOR_EVERY_UNREADABLE_DOCUMENT = pytest.mark.parametrize(
    "unreadable_document", [OLDER_SHAPE, NO_DOCUMENT, pack(b"{"), "damaged"], indirect=True
)


@FOR_EVERY_UNREADABLE_DOCUMENT
def test_it_parses_the_raw_report_instead_with_one_more_query(
    alice, report, unreadable_document, django_assert_num_queries
):
    with tenant(alice.pk), django_assert_num_queries(2):
        stored = reports.get_latest_report(owner=alice.pk)
    assert stored.report == report


@FOR_EVERY_UNREADABLE_DOCUMENT
def test_it_is_repaired_by_a_rebuild_without_options(alice, report, unreadable_document):
    assert rebuild() == f"{alice.pk}: 1 read, 0 unreadable\nRead 1 raw reports again.\n"
    assert load_reports(alice) == [report]
    assert rebuild() == "Read 0 raw reports again.\n"


@pytest.mark.parametrize("raw_body", ["damaged", "no report"])
def test_it_opens_every_page_when_the_raw_report_is_unreadable_too(as_alice, alice, report, raw_body, settings):
    rewrite(alice, document=OLDER_SHAPE)
    if raw_body == "damaged":
        damage(alice, "credit_rawreport", "body")
    else:
        with tenant(alice.pk):
            raw = RawReport.objects.get()
            raw.body = pack(b"no report")
            raw.save()
    for name in PAGES:
        assert as_alice.get(reverse(f"credit{name}")).status_code in (200, 302), name
    assert "open your report" in as_alice.get(reverse("credit")).content.decode()
    with tenant(alice.pk):
        [listing] = reports.list_reports(owner=alice.pk)
        assert listing.value == report.scores[0].value
        assert reports.get_latest_report(owner=alice.pk) is None
        assert reports.get_reports(owner=alice.pk, report_ids=[listing.id]) == {}
        with pytest.raises(UnreadableReport):
            reports.get_report(owner=alice.pk, report_id=listing.id)
    query = {"before": listing.id, "after": listing.id}
    page = as_alice.get(reverse("credit_changes"), query)
    assert (page.status_code, "open one of these reports" in page.content.decode()) == (422, True)
    with pytest.raises(CommandError):
        rebuild()


def test_it_compares_nothing_with_a_report_that_cannot_be_read(days, alice, report):
    damage(alice, "credit_report", "document")
    damage(alice, "credit_rawreport", "body")
    days.advance(days=60)
    pull(alice)
    with tenant(alice.pk):
        assert reports.list_changes(owner=alice.pk) == []
        assert reports.get_latest_report(owner=alice.pk) is not None
    assert count(Report, alice) == 2


@pytest.mark.parametrize("text", [pack(b'[{"entity": 1}]'), RENAMED_FIELD, NO_DOCUMENT])
def test_it_says_that_changes_are_unreadable_and_rebuilds_them(as_alice, days, alice, report, text):
    days.advance(days=60)
    pull(alice)
    before = load_changes(alice)
    assert len(before) > 1
    with tenant(alice.pk):
        row = Report.objects.get(changes__isnull=False)
        row.changes = text
        row.save(update_fields=["changes"])
        assert [stored.change for stored in reports.list_changes(owner=alice.pk)] == [UNREADABLE_CHANGE]
    as_alice.force_login(alice)
    assert "Cannot be read" in as_alice.get(reverse("credit_changes")).content.decode()
    assert as_alice.get(reverse("credit_history")).status_code == 200
    assert rebuild() == f"{alice.pk}: 1 read, 0 unreadable\nRead 1 raw reports again.\n"
    assert load_changes(alice) == before


def test_it_leaks_no_document_content_in_a_decoding_error(alice, report):
    with tenant(alice.pk):
        row = Report.objects.get()
        row.document = pack(b'{"provider": ["CANARY"]}')
        with pytest.raises(StaleDocument) as error:
            decode_report(row.document)
    assert "CANARY" not in repr(error.value)
    assert error.value.__context__ is None


def test_it_compresses_a_report(report):
    assert len(encode_report(report)) * 3 < len(msgspec.json.encode(report))
    assert len(encode_changes((UNREADABLE_CHANGE,) * 100)) < 1000
