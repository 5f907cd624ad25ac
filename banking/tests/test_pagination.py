"""Keyset pagination of transactions, for any rows and any page size."""

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from banking.models import Account, Item, Transaction
from banking.tests.factories import build_transaction, make_account, make_transaction, make_transactions
from banking.transactions.listing import pagination
from banking.transactions.listing.pagination import InvalidPosition, Position, RowsPage
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db

FIRST = date(2026, 11, 1)
# More than any test needs, so that every loop ends.
MAX_PAGES = 30


@pytest.fixture
def account(item: Item) -> Account:
    return make_account(item)


def get_page(user: User, size: int, **position: str) -> RowsPage:
    return pagination.get_page(Transaction.objects.for_user(user), read=list, size=size, **position)


def replace_rows(account: Account, days: list[int]) -> list[UUID]:
    """Replace all rows by one for each day offset; return their ids, newest day first and highest id first."""
    rows = [build_transaction(account, "-1", id=uuid4(), day=FIRST + timedelta(days=offset)) for offset in days]
    with tenant(account.owner_id):
        Transaction.objects.filter(account=account).delete()
        make_transactions(account, rows)
    return [row.id for row in sorted(rows, key=lambda row: (row.day, row.id.int), reverse=True)]


def walk_pages(user: User, size: int) -> tuple[list[UUID], list[UUID]]:
    """Return the ids on the pages from newest to oldest, and on the pages back from there."""
    older_pages = [get_page(user, size)]
    while older_pages[-1].older is not None and len(older_pages) < MAX_PAGES:
        older_pages.append(get_page(user, size, before=str(older_pages[-1].older)))
    newer_pages = [older_pages[-1]]
    while newer_pages[-1].newer is not None and len(newer_pages) < MAX_PAGES:
        newer_pages.append(get_page(user, size, after=str(newer_pages[-1].newer)))
    return [row for page in older_pages for row in list_ids(page)], [
        row for page in reversed(newer_pages) for row in list_ids(page)
    ]


def list_ids(page: RowsPage) -> list[UUID]:
    return [row.id for row in page.rows]


# Few days and many rows, so that most rows share their day with others.
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days=st.lists(st.integers(0, 3), max_size=24), size=st.integers(1, 26))
def test_it_returns_every_row_once_and_in_order_in_both_directions(
    alice: User, account: Account, days: list[int], size: int
) -> None:
    expected = replace_rows(account, days)
    with tenant(alice.pk):
        assert walk_pages(alice, size) == (expected, expected)


@pytest.mark.parametrize(("rows", "pages"), [(0, [0]), (4, [4]), (5, [5]), (6, [5, 1]), (10, [5, 5]), (11, [5, 5, 1])])
def test_it_returns_no_page_too_many(alice: User, account: Account, rows: int, pages: list[int]) -> None:
    replace_rows(account, [0] * rows)
    with tenant(alice.pk):
        all_pages = [get_page(alice, 5)]
        while all_pages[-1].older is not None and len(all_pages) < MAX_PAGES:
            all_pages.append(get_page(alice, 5, before=str(all_pages[-1].older)))
    assert [len(page.rows) for page in all_pages] == pages


def test_it_neither_repeats_nor_skips_rows_when_newer_ones_arrive(alice: User, account: Account) -> None:
    expected = replace_rows(account, [0, 0, 1, 1, 2])
    with tenant(alice.pk):
        first = get_page(alice, 2)
        make_transaction(account, "-1", day=FIRST + timedelta(days=9))
        make_transaction(account, "-1", day=FIRST + timedelta(days=2), id=UUID(int=2**128 - 1))
        second = get_page(alice, 2, before=str(first.older))
        third = get_page(alice, 2, before=str(second.older))
    assert list_ids(first) + list_ids(second) + list_ids(third) == expected


def test_it_continues_after_a_deleted_row(alice: User, account: Account) -> None:
    expected = replace_rows(account, [0, 0, 1, 1, 2])
    with tenant(alice.pk):
        first = get_page(alice, 2)
        Transaction.objects.filter(pk=first.rows[-1].pk).delete()
        assert list_ids(get_page(alice, 2, before=str(first.older))) == expected[2:4]


def test_it_returns_no_rows_of_another_user(alice: User, mallory: User, account: Account) -> None:
    replace_rows(account, [0, 1])
    with tenant(alice.pk):
        position = str(get_page(alice, 1).older)
    with tenant(mallory.pk):
        assert get_page(mallory, 1, before=position).rows == []
        assert get_page(mallory, 1, after=position).rows == []


def test_it_parses_its_own_positions() -> None:
    position = Position(date(2026, 11, 10), uuid4())
    assert Position.parse(str(position)) == position


@pytest.mark.parametrize(
    "text",
    [
        "_",
        "junk",
        "2026-11-10",
        "2026-11-10_",
        f"_{UUID(int=1)}",
        f"2026-13-10_{UUID(int=1)}",
        f"10000-01-01_{UUID(int=1)}",
        "2026-11-10_not-a-uuid",
        f"2026-11-10_{UUID(int=1)}\0",
        f"2026-11-10_{UUID(int=1)}_{UUID(int=2)}",
        "2026-11-10_\ud800",
        "9" * 10_000,
    ],
)
def test_it_rejects_invalid_positions(text: str) -> None:
    with pytest.raises(InvalidPosition):
        Position.parse(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("25", 25), ("100", 100), ("", 50), ("0", 50), ("1e9", 50), ("-25", 50)]
)
def test_it_parses_page_sizes_and_falls_back_to_the_default(text: str, expected: int) -> None:
    assert pagination.parse_page_size(text) == expected
