"""What an export contains: everything that the registry claims, exactly, and nothing of anybody else."""

import csv
import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from unicodedata import category

import pytest
from allauth.account.models import EmailAddress
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from hypothesis import HealthCheck, given, settings, strategies
from msgspec.structs import replace as replace_struct

from accounts.models import User
from accounts.notifications.models import NotificationSettings
from banking.models import Account, BalanceSnapshot, Item, Transaction
from banking.tests.factories import make_account, make_balance, make_transaction
from banking.tests.scripted_provider import ScriptedProvider
from compliance.audit import Action, record
from compliance.export.rows.column_sql import get_base_type
from compliance.export.rows.table_rows import FileRows, select_rows
from compliance.isolation import tenant
from compliance.isolation.snapshot import snapshot
from compliance.personal_data import ExportFile
from compliance.personal_data.registry import list_columns, list_holders
from compliance.vault.fields import SealedTextField
from config.tests.exports import export_data
from credit.models import RawReport, Report
from credit.report import CreditReport
from credit.tests.experian_samples import parse_sample
from credit.tests.factories import store_full_report, store_report
from formats.spreadsheets import FORMULA_STARTS, escape_formula

pytestmark = pytest.mark.django_db(transaction=True)

HOSTILE = (
    "=1+1",
    "Shop;=1+1;",
    "Shop\t@A1",
    ';"=1',
    "+1",
    "-1",
    "@SUM(A1)",
    "\tx",
    "\rx",
    "＝1",
    "＋1",
    "－1",
    "＠x",
    "\u202e=1",
    "\u200f=1",
    " =1",
    "\u2028=1",
    "\u3164=1",
    "\u034f\ufe0f\xa0=1",
    '"=1',
    "a,b",
    "\\.",
)


@pytest.fixture
def account(alice: User, make_item: Callable[..., Item], provider: ScriptedProvider) -> Account:
    return make_account(make_item(alice))


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


# --- Completeness -----------------------------------------------------------------------------------------


def test_every_exported_column_is_in_a_json_file() -> None:
    for holder in list_holders():
        written = {
            name
            for file in holder.export_files
            if file.name.endswith(".jsonl")
            for name in (*list_columns(holder, file), *file.computed)
        }
        attached = {holder.attached.attribute} if holder.attached else set()
        missing = set(holder.exported) - written - attached - {holder.owner}
        assert missing == set(), holder.model


def test_every_file_has_its_own_name() -> None:
    names = [file.name for holder in list_holders() for file in holder.export_files]
    assert len(names) == len(set(names))


def test_it_can_write_every_type_of_column() -> None:
    known = {"uuid", "date", "time without time zone", "time", "bytea", "inet", "boolean", "numeric", "jsonb"}
    known |= {"timestamp with time zone", "varchar", "text", "smallint", "integer", "bigint"}
    types = {
        get_base_type(column)
        for holder in list_holders()
        for column in holder.model._meta.concrete_fields
        if column.attname in holder.exported and not isinstance(column, SealedTextField)
    }
    assert types <= known


def test_large_tables_are_written_by_the_database(alice: User) -> None:
    files = {
        file.name
        for holder in list_holders()
        for file in holder.export_files
        if FileRows(holder, file, alice.pk).is_written_by_database
    }
    assert {"bank/transactions.csv", "bank/transactions.jsonl", "bank/balances.jsonl", "bank/syncs.jsonl"} <= files
    assert not {"notifications/alerts.jsonl", "credit/reports.jsonl", "activity/events.jsonl"} & files


def test_it_contains_nothing_of_another_user(alice: User, mallory: User, make_item, provider) -> None:
    make_transaction(make_account(make_item(mallory), name="Mallory's account"), "-1", note="mallory's note")
    store_full_report(mallory)
    record(Action.USER_LOGIN, subject=mallory, actor=mallory)
    everything = "".join(
        export_data(alice).read_text(entry["name"]) for entry in export_data(alice).manifest["files"] if entry["rows"]
    )
    assert str(alice.pk) in everything
    assert "mallory" not in everything.lower()
    assert str(mallory.pk) not in everything


def test_it_contains_no_secret_of_sign_in_or_of_a_bank(alice: User, account: Account) -> None:
    export = export_data(alice)
    content = "".join(export.read_text(entry["name"]) for entry in export.manifest["files"])
    with tenant(alice.pk):
        token = Item.objects.get().access_token.reveal()
    assert token not in content
    reasons = {(field["model"], field["field"]): field["reason"] for field in export.manifest["withheld_fields"]}
    assert reasons["banking.item", "access_token"]
    assert reasons["accounts.user", "password"]


# --- Values -----------------------------------------------------------------------------------------------


def test_it_writes_amounts_and_times_exactly(alice: User, account: Account) -> None:
    amount = Decimal("123456789012345678.0123456789")
    row = make_transaction(account, str(amount), day=date(2024, 2, 29), removed_at="2026-11-30T01:02:03.000004+05:30")
    make_transaction(account, "-100")
    rows = {line["id"]: line for line in export_data(alice).read_rows("bank/transactions.jsonl")}
    line = rows.pop(str(row.pk))
    assert (line["amount"], line["day"], line["removed_at"]) == (
        str(amount), "2024-02-29", "2026-11-29T19:32:03.000004Z",
    )  # fmt: skip
    [other] = rows.values()
    assert (other["amount"], other["removed_at"]) == ("-100", None)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_spreadsheet_runs_no_formula(alice: User, account: Account, text: str) -> None:
    make_transaction(account, "-4.33", name=text, note=f"{text}\r\n{text}")
    export = export_data(alice)
    [cells] = read_csv(export.read_text("bank/transactions.csv"))
    assert (cells["name"], cells["note"]) == (escape_formula(text), escape_formula(f"{text}\r\n{text}"))
    assert cells["name"].startswith("'") or text[0] not in FORMULA_STARTS
    assert cells["amount"] == "-4.33"
    [line] = export.read_rows("bank/transactions.jsonl")
    assert (line["name"], line["note"]) == (text, f"{text}\r\n{text}")


TEXT = strategies.text(strategies.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
# Control characters, and whatever a reader may drop in front of a formula.
SKIPPED = [
    char
    for char in map(chr, range(1, sys.maxunicode + 1))
    if category(char)[0] in "ZM" or category(char) in ("Cc", "Cf")
]
STARTS = strategies.builds(
    "".join,
    strategies.tuples(
        strategies.text(strategies.sampled_from([*SKIPPED, *"\u115f\u1160\u3164\uffa0"]), max_size=3),
        strategies.sampled_from([*FORMULA_STARTS, "", "x", "é"]),
    ),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=strategies.lists(strategies.tuples(STARTS, TEXT), min_size=1, max_size=20))
def test_the_database_writes_what_python_writes(alice: User, account: Account, texts: list[tuple[str, str]]) -> None:
    """COPY and Python give equal values in JSON, and equal cells in a spreadsheet."""
    with tenant(alice.pk):
        Transaction.objects.all().delete()
    for start, text in texts:
        make_transaction(account, "-1.50", name=start + text, note=text, authorized_date=date(2026, 1, 2))
    holder = next(holder for holder in list_holders() if holder.model is Transaction)
    for file in holder.export_files:
        by_copy, by_python = FileRows(holder, file, alice.pk), InPython(holder, file, alice.pk)
        with snapshot(alice.pk):
            copied, written = join_lines(by_copy), join_lines(by_python)
        if file.name.endswith(".csv"):
            assert list(csv.reader(io.StringIO(copied.decode(), newline=""))) == list(
                csv.reader(io.StringIO(written.decode(), newline=""))
            )
        else:
            assert [json.loads(line) for line in copied.split(b"\n") if line] == [
                json.loads(line) for line in written.split(b"\n") if line
            ]


def join_lines(rows: FileRows) -> bytes:
    return b"".join(block.content for block in rows.iterate_blocks())


class InPython(FileRows):
    """Rows that Python writes, although the database could."""

    is_written_by_database = False


@pytest.mark.parametrize("model", [Account, BalanceSnapshot, NotificationSettings, EmailAddress, User])
def test_the_database_writes_every_table_as_python_does(alice: User, account: Account, model: type[Any]) -> None:
    make_balance(account, 1, None)
    with tenant(alice.pk):
        NotificationSettings.objects.create(owner=alice, disabled=["a", 'b"'], quiet_hours_start="22:00")
    holder = next(holder for holder in list_holders() if holder.model is model)
    for file in holder.export_files:
        with snapshot(alice.pk):
            rows = FileRows(holder, file, alice.pk)
            assert rows.is_written_by_database
            copied = join_lines(rows).splitlines(keepends=True)
            written = join_lines(InPython(holder, file, alice.pk)).splitlines(keepends=True)
        if file.name.endswith(".jsonl"):
            assert copied
            assert [json.loads(line) for line in copied] == [json.loads(line) for line in written]
        else:
            assert list(csv.reader(line.decode() for line in copied)) == list(
                csv.reader(line.decode() for line in written)
            )


# --- Reports ----------------------------------------------------------------------------------------------


def test_it_contains_raw_reports_byte_by_byte_and_read_ones(alice: User) -> None:
    report_id = store_full_report(alice)
    export = export_data(alice)
    assert export.archive.read(f"credit/raw_reports/{report_id}.json") == b"{}"
    read = next(row for row in export.read_rows("credit/reports.jsonl") if row["id"] == str(report_id))
    assert read["document"]["scores"][0]["value"] == read["credit_score"]
    assert {change["type"] for change in read["changes"]} >= {"public_record_added"}


def build_mismatch() -> CreditReport:
    report = parse_sample()
    return replace_struct(report, flags=replace_struct(report.flags, ssn_variation=True))


def test_it_withholds_reports_that_may_be_another_persons(alice: User) -> None:
    shown = store_report(alice, parse_sample())
    other = store_report(alice, build_mismatch())
    with tenant(alice.pk):
        unread = RawReport.objects.get(pk=other)
    export = export_data(alice)
    assert [row["id"] for row in export.read_rows("credit/reports.jsonl")] == [str(shown)]
    assert [row["id"] for row in export.read_rows("credit/raw_reports.jsonl")] == [str(shown)]
    assert [row["id"] for row in read_csv(export.read_text("credit/scores.csv"))] == [str(shown)]
    assert f"credit/raw_reports/{other}.json" not in export.archive.namelist()
    withheld = [(row["model"], row["row"]) for row in export.manifest["withheld_rows"]]
    assert withheld == [("credit.rawreport", str(other)), ("credit.report", str(other))]
    with tenant(alice.pk):
        RawReport.objects.filter(pk=unread.pk).update(confirmed_at="2026-11-30T00:00Z")
    assert len(export_data(alice).read_rows("credit/reports.jsonl")) == 2


def test_it_withholds_a_raw_report_that_nobody_could_read(alice: User) -> None:
    report_id = store_report(alice, parse_sample())
    with tenant(alice.pk):
        Report.objects.all().delete()
    export = export_data(alice)
    assert [row["row"] for row in export.manifest["withheld_rows"]] == [str(report_id)]
    assert "check that it's about you" in export.manifest["withheld_rows"][0]["reason"]


# --- Activity ---------------------------------------------------------------------------------------------


def test_it_contains_activity_with_its_details(alice: User, root: User) -> None:
    record(Action.USER_LOGIN, subject=alice, actor=alice, ip="192.0.2.1", user_agent="=cmd")
    access = {"what": "banking.item", "role": "Support", "reason": "ticket"}
    record(Action.OPERATOR_VIEW, subject=alice, actor=root, ip="203.0.113.9", **access)
    record(Action.CONNECT, subject=alice, actor=alice)
    export = export_data(alice)
    events = export.read_rows("activity/events.jsonl")
    assert [(event["action"], event["alias"]) for event in events] == [
        ("user_login", None),
        ("operator_view", None),
        ("connect", "plaid_account_connected"),
    ]
    assert events[0]["details"]["ip"] == "192.0.2.1"
    assert events[1]["details"] == access
    [sign_in] = read_csv(export.read_text("sign_in/sign_ins.csv"))
    assert (sign_in["action"], sign_in["ip"], sign_in["user_agent"]) == ("user_login", "192.0.2.1", "'=cmd")
    [access_row] = export.read_rows("activity/data_accesses.jsonl")
    assert access_row.items() >= access.items()
    assert len(export.read_rows("activity/hashes.jsonl")) == 3


def test_a_model_without_files_has_one(alice: User) -> None:
    holder = next(holder for holder in list_holders() if holder.model is Transaction)
    assert replace(holder, files=()).export_files == (ExportFile(name="bank/transaction.jsonl"),)
    assert replace(holder, files=(), exported=()).export_files == ()


def test_a_selection_needs_its_owner(alice: User, mallory: User, account: Account) -> None:
    holder = next(holder for holder in list_holders() if holder.model is Account)
    with tenant(mallory.pk):
        assert not select_rows(holder, alice.pk).exists()


def test_it_has_no_texts_of_an_administrator_about_others(alice: User, mallory: User) -> None:
    content_type = ContentType.objects.get_for_model(User)
    LogEntry.objects.create(
        user=alice,
        content_type=content_type,
        object_id=str(mallory.pk),
        object_repr=str(mallory),
        action_flag=CHANGE,
        change_message=f"Changed {mallory.email}",
    )
    export = export_data(alice)
    [row] = export.read_rows("activity/administration.jsonl")
    assert (row["object_id"], row["action_flag"]) == (str(mallory.pk), CHANGE)
    assert mallory.email not in json.dumps(row)
    withheld = [entry["field"] for entry in export.manifest["withheld_fields"] if entry["model"] == "admin.logentry"]
    assert withheld == ["object_repr", "change_message"]
