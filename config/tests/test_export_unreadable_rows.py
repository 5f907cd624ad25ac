"""One unreadable value does not keep an export from being written: its row is named, and everything else is there."""

import tracemalloc

import pytest

from accounts.models import User
from compliance.export.rows import unreadable_rows
from compliance.export.rows.unreadable_rows import UnreadableRow, UnreadableRows
from compliance.export.verify_export import verify
from config.tests.exports import export_data
from conftest import connect_as_role
from credit.tests.experian_samples import parse_sample
from credit.tests.factories import store_full_report, store_report

pytestmark = pytest.mark.django_db(transaction=True)


def damage(statement: str, *values: object) -> None:
    with connect_as_role("ops") as operator:
        assert operator.execute(statement, values).rowcount == 1


def test_it_names_an_unreadable_row_and_exports_the_rest(alice: User) -> None:
    damaged, whole = store_report(alice, parse_sample()), store_full_report(alice)
    damage("UPDATE credit_rawreport SET body = set_byte(body, 40, 255 - get_byte(body, 40)) WHERE id = %s", damaged)
    damage("UPDATE credit_report SET document = '\\x00' WHERE id = %s", damaged)
    export = export_data(alice)
    assert [(row["file"], row["row"], row["columns"]) for row in export.manifest["unreadable_rows"]] == [
        (f"credit/raw_reports/{damaged}.json", str(damaged), ["body"]),
        ("credit/reports.jsonl", str(damaged), ["document"]),
    ]
    assert export.read_rows("unreadable_rows.jsonl") == export.manifest["unreadable_rows"]
    assert (export.manifest["unreadable_count"], export.manifest["unreadable_file"]) == (2, "unreadable_rows.jsonl")
    assert export.count_rows()["unreadable_rows.jsonl"] == 2
    assert "unreadable_rows.jsonl lists the rows" in export.read_text("README.txt")
    rows = {row["id"]: row for row in export.read_rows("credit/reports.jsonl")}
    assert rows[str(damaged)]["document"] is None
    assert rows[str(damaged)]["credit_score"] == rows[str(whole)]["credit_score"]
    assert f"credit/raw_reports/{whole}.json" in export.archive.namelist()


def test_it_names_some_of_many_unreadable_rows_in_its_manifest_and_all_in_a_file(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are, programs can read the manifest as a whole."""
    monkeypatch.setattr(unreadable_rows, "MAX_NAMED", 1)
    damaged = {str(store_report(alice, parse_sample())) for _ in range(3)}
    with connect_as_role("ops") as operator:
        operator.execute("UPDATE credit_rawreport SET body = set_byte(body, 40, 255 - get_byte(body, 40))")
    export = export_data(alice)
    listed = export.read_rows("unreadable_rows.jsonl")
    assert ({row["row"] for row in listed}, len(listed)) == (damaged, 3)
    assert (export.manifest["unreadable_rows"], export.manifest["unreadable_count"]) == (listed[:1], 3)
    assert verify(export.archive)[1] == []


def test_it_remembers_any_number_of_unreadable_rows_in_flat_memory() -> None:
    rows = UnreadableRows()
    tracemalloc.start()
    for number in range(100_000):
        rows.append(UnreadableRow("credit/reports.jsonl", str(number), ("document",)))
    lines = sum(1 for _ in rows.iterate_lines())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    rows.close()
    assert (rows.count, lines, len(rows.first)) == (100_000, 100_000, unreadable_rows.MAX_NAMED)
    assert peak < 4 << 20


def test_it_has_no_list_of_unreadable_rows_without_any(alice: User) -> None:
    export = export_data(alice)
    assert "unreadable_rows.jsonl" not in export.archive.namelist()
    assert "unreadable_rows.jsonl" not in export.read_text("README.txt")
    assert (export.manifest["unreadable_count"], export.manifest["unreadable_file"]) == (0, None)


def test_it_reads_a_stale_document_from_its_raw_report(alice: User, site_bureau) -> None:
    from credit.tests.pull_steps import enroll_user, pull

    enroll_user(alice)
    pull(alice)
    before = export_data(alice).read_rows("credit/reports.jsonl")
    damage("UPDATE credit_report SET document = '\\x00'")
    assert export_data(alice).read_rows("credit/reports.jsonl") == before
