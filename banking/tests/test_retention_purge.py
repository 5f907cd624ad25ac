"""Purging transactions: what goes, what stays, and the totals that stay for what went."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import astuple
from datetime import date, timedelta
from decimal import Decimal
from itertools import count

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from banking.account_matching.locks import lock_accounts
from banking.account_matching.succession import update_succession
from banking.models import Account, Item, RecurringStream, Transaction, TransactionTag, TransactionTotal, Transfer
from banking.retention.purging import preview_purge, purge_transactions
from banking.splits.splitting import PartValues, split_transaction
from banking.tests.factories import (
    build_transaction,
    make_account,
    make_stream,
    make_transaction,
    make_transactions,
    mark_synced,
)
from banking.transactions.transfers import update_transfers
from compliance.isolation import tenant
from compliance.retention import OwnerIsBusy
from compliance.retention.rules import EVERYTHING
from compliance.tests.threads import in_threads

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 22)
CUTOFF = TODAY - timedelta(days=90)
OLD = CUTOFF - timedelta(days=1)

MonthKey = tuple[str, date, str, str]


@pytest.fixture
def checking(item: Item) -> Account:
    return make_account(item)


@pytest.fixture
def savings(item: Item) -> Account:
    return make_account(item, name="Savings", mask="1111")


def purge(user: User, *, before: date = CUTOFF, limit: int = 1000) -> int:
    """Purge until nothing is left, and return how many rows went."""
    purged = 0
    while batch := purge_transactions(owner_id=user.pk, before=before, limit=limit):
        purged += batch
    return purged


def find_transfers(user: User) -> None:
    with tenant(user.pk):
        update_transfers(owner_id=user.pk)


def list_totals(user: User) -> dict[MonthKey, tuple[Decimal, Decimal, int]]:
    """The totals by account, month, currency and category."""
    with tenant(user.pk):
        return {
            (str(row.account_id), row.starts_on, row.currency, row.category): (row.money_in, row.money_out, row.count)
            for row in TransactionTotal.objects.for_user(user).filter(period="month")
        }


def list_names(user: User) -> set[str]:
    with tenant(user.pk):
        return set(Transaction.objects.for_user(user).values_list("name", flat=True))


def recount(user: User) -> dict[MonthKey, tuple[Decimal, Decimal, int]]:
    """Add up the stored rows that count in cash flow, in Python, as the pages define it."""
    sums: dict[MonthKey, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0), Decimal(0)])
    with tenant(user.pk):
        legs = {pk for pair in Transfer.objects.for_user(user).values_list("money_out", "money_in") for pk in pair}
        rows = list(Transaction.objects.for_user(user).current().select_related("account"))
    for row in rows:
        if not counts_in_cash_flow(row, legs):
            continue
        key = (str(row.account_id), row.day.replace(day=1), row.currency, row.user_category or row.category)
        sums[key][0] += max(row.amount, Decimal(0))
        sums[key][1] += max(-row.amount, Decimal(0))
        sums[key][2] += 1
    return {key: (money_in, money_out, int(rows)) for key, (money_in, money_out, rows) in sums.items()}


def counts_in_cash_flow(row: Transaction, legs: set[object]) -> bool:
    if row.account.type not in ("depository", "credit"):
        return False
    uncounted = {"TRANSFER_IN", "TRANSFER_OUT", "LOAN_DISBURSEMENTS"}
    if row.user_category:
        return row.user_category not in uncounted
    is_card_payment = row.category_detail == "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT"
    return row.category not in uncounted and not is_card_payment and row.pk not in legs


def add_up(*parts: dict[MonthKey, tuple[Decimal, Decimal, int]]) -> dict[MonthKey, tuple[Decimal, Decimal, int]]:
    result: dict[MonthKey, tuple[Decimal, Decimal, int]] = {}
    for part in parts:
        for key, (money_in, money_out, rows) in part.items():
            old = result.get(key, (Decimal(0), Decimal(0), 0))
            result[key] = (old[0] + money_in, old[1] + money_out, old[2] + rows)
    return result


# --- What goes and what stays -----------------------------------------------------------------------------


def test_it_deletes_rows_before_the_day_and_keeps_the_day_itself(alice: User, checking: Account) -> None:
    make_transaction(checking, "-5", day=OLD, name="old")
    make_transaction(checking, "-5", day=CUTOFF, name="kept")
    assert purge(alice) == 1
    assert list_names(alice) == {"kept"}


def test_it_deletes_no_row_of_another_person(
    alice: User, mallory: User, checking: Account, make_item: Callable[..., Item]
) -> None:
    make_transaction(make_account(make_item(mallory)), "-5", day=OLD, name="mallory's")
    make_transaction(checking, "-5", day=OLD)
    assert purge(alice) == 1
    assert list_names(mallory) == {"mallory's"}
    assert list_totals(mallory) == {}


def test_it_keeps_a_pending_row_that_counts_and_deletes_one_that_the_bank_removed(
    alice: User, checking: Account
) -> None:
    make_transaction(checking, "-5", day=OLD, name="pending", pending=True)
    make_transaction(checking, "-5", day=OLD, name="gone", pending=True, removed_at="2026-08-01T00:00Z")
    purge(alice)
    assert list_names(alice) == {"pending"}
    assert list_totals(alice) == {}


def test_it_deletes_a_replaced_pending_row_with_its_posted_row(alice: User, checking: Account) -> None:
    make_transaction(checking, "-5", day=OLD, name="posted", provider_id="p2", pending_id="p1")
    replaced = {"pending": True, "replaced_by": "posted", "removed_at": "2026-08-24T00:00Z"}
    make_transaction(checking, "-5", day=CUTOFF + timedelta(days=1), name="pending", provider_id="p1", **replaced)
    purge(alice)
    assert list_names(alice) == set()


def test_parts_go_with_their_whole_and_count_once_in_the_totals(alice: User, checking: Account) -> None:
    rows = [make_transaction(checking, "-50", day=OLD - timedelta(days=ago), category="SHOPS") for ago in range(3)]
    for row in rows[:2]:
        food = PartValues(amount=Decimal("-20.01"), category="FOOD_AND_DRINK", tags=("trip",))
        split_transaction(
            user=alice, transaction_id=row.pk, parts=[food, PartValues(amount=Decimal("-29.99"), note="rest")]
        )
    with tenant(alice.pk):
        # As if the second one had been posted after its split: the whole is newer than its parts.
        posted = make_transaction(
            checking, "-50", day=rows[1].day, category="SHOPS", removed_at=timezone.now(), replaced_by="split"
        )
        Transaction.objects.filter(part_of=rows[1].pk).update(part_of=posted.pk)
        Transaction.objects.get(pk=rows[1].pk).delete()
    expected = recount(alice)
    # The whole and both parts are one, also if a batch has room for one row.
    assert [purge_transactions(owner_id=alice.pk, before=CUTOFF, limit=1) for _ in range(4)] == [1, 3, 3, 0]
    assert list_totals(alice) == expected
    with tenant(alice.pk):
        assert not TransactionTag.objects.exists()


def test_a_pending_row_with_parts_waits_for_its_posted_one(alice: User, checking: Account) -> None:
    row = make_transaction(checking, "-50", day=OLD, pending=True)
    parts = [PartValues(amount=Decimal(-20)), PartValues(amount=Decimal(-30))]
    split_transaction(user=alice, transaction_id=row.pk, parts=parts)
    with tenant(alice.pk):
        assert sum(group.count for group in preview_purge(owner_id=alice.pk, before=CUTOFF).groups) == 0
    assert purge(alice) == 0
    assert purge(alice, before=EVERYTHING) == 3


def test_it_keeps_both_legs_of_a_transfer_until_both_are_old(alice: User, checking: Account, savings: Account) -> None:
    make_transaction(checking, "-500", day=OLD, name="out")
    make_transaction(savings, "500", day=OLD + timedelta(days=3), name="in")
    find_transfers(alice)
    assert purge(alice) == 0
    assert purge(alice, before=OLD + timedelta(days=4)) == 2
    assert list_totals(alice) == {}
    with tenant(alice.pk):
        assert not Transfer.objects.for_user(alice).exists()


def test_it_keeps_a_transfer_of_which_one_leg_is_pending(alice: User, checking: Account, savings: Account) -> None:
    make_transaction(checking, "-500", day=OLD - timedelta(days=30), name="out")
    make_transaction(savings, "500", day=OLD - timedelta(days=29), name="in", pending=True)
    find_transfers(alice)
    assert purge(alice) == 0


def test_it_takes_both_legs_of_a_transfer_in_one_batch(alice: User, checking: Account, savings: Account) -> None:
    make_transaction(checking, "-500", day=OLD - timedelta(days=3))
    make_transaction(savings, "500", day=OLD)
    for days in (1, 2):
        make_transaction(checking, "-5", day=OLD - timedelta(days=days), category="TRAVEL")
    find_transfers(alice)
    assert purge_transactions(owner_id=alice.pk, before=CUTOFF, limit=1) == 2
    # A sync between two batches pairs the rows that are left.
    find_transfers(alice)
    assert purge(alice, limit=1) == 2
    assert {key[3]: total for key, total in list_totals(alice).items()} == {"TRAVEL": (0, 10, 2)}


def test_it_deletes_pending_rows_too_when_nothing_is_kept(alice: User, checking: Account) -> None:
    make_transaction(checking, "-5", day=TODAY, pending=True)
    make_transaction(checking, "-7", day=TODAY, category="TRAVEL")
    assert purge(alice, before=EVERYTHING) == 2
    with tenant(alice.pk):
        assert {row.period for row in TransactionTotal.objects.for_user(alice)} == {"day"}


def test_it_remembers_up_to_which_day_an_account_was_purged(alice: User, checking: Account) -> None:
    make_transaction(checking, "-5", day=OLD, date=OLD + timedelta(days=1))
    purge(alice)
    purge(alice, before=OLD)
    with tenant(alice.pk):
        checking.refresh_from_db()
    assert (checking.purged_before, checking.purged_since) == (CUTOFF, OLD + timedelta(days=1))


@pytest.mark.django_db(transaction=True)
def test_it_does_not_wait_while_rows_of_the_person_are_stored(alice: User, checking: Account) -> None:
    make_transaction(checking, "-5", day=OLD)

    def purge_meanwhile() -> int:
        return purge_transactions(owner_id=alice.pk, before=CUTOFF, limit=10)

    with tenant(alice.pk):
        lock_accounts(owner_id=alice.pk)
        (error,) = in_threads(1, purge_meanwhile)
    assert isinstance(error, OwnerIsBusy)
    assert purge(alice) == 1


# --- The totals -------------------------------------------------------------------------------------------


def test_it_keeps_totals_by_account_month_currency_and_category(
    alice: User, checking: Account, savings: Account
) -> None:
    make_transaction(checking, "-5.25", day=OLD, category="TRAVEL")
    make_transaction(checking, "2.00", day=OLD, category="TRAVEL")
    make_transaction(checking, "-7", day=OLD, category="TRAVEL", user_category="MEDICAL")
    make_transaction(checking, "-9", day=OLD, category="TRAVEL", currency="EUR")
    make_transaction(savings, "-11", day=OLD - timedelta(days=40), category="TRAVEL")
    purge(alice)
    month, earlier = OLD.replace(day=1), (OLD - timedelta(days=40)).replace(day=1)
    assert list_totals(alice) == {
        (str(checking.pk), month, "USD", "TRAVEL"): (Decimal("2"), Decimal("5.25"), 2),
        (str(checking.pk), month, "USD", "MEDICAL"): (Decimal(0), Decimal(7), 1),
        (str(checking.pk), month, "EUR", "TRAVEL"): (Decimal(0), Decimal(9), 1),
        (str(savings.pk), earlier, "USD", "TRAVEL"): (Decimal(0), Decimal(11), 1),
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"category": "TRANSFER_OUT"},
        {"category": "LOAN_DISBURSEMENTS"},
        {"category": "LOAN_PAYMENTS", "category_detail": "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT"},
        {"category": "TRAVEL", "user_category": "TRANSFER_OUT"},
        {"category": "TRAVEL", "hidden": True},
        {"category": "TRAVEL", "removed_at": "2026-08-01T00:00Z"},
        {"category": "TRAVEL", "removed_at": "2026-08-01T00:00Z", "replaced_by": "successor"},
    ],
)
def test_it_keeps_no_total_of_what_does_not_count(alice: User, checking: Account, fields: dict[str, object]) -> None:
    make_transaction(checking, "-5", day=OLD, **fields)
    assert purge(alice) == 1
    assert list_totals(alice) == {}


def test_it_keeps_no_total_of_a_loan(alice: User, item: Item) -> None:
    make_transaction(make_account(item, type="loan"), "-5", day=OLD, category="TRAVEL")
    assert purge(alice) == 1
    assert list_totals(alice) == {}


AMOUNTS = st.decimals("-600", "600", places=2).filter(bool)
CATEGORIES = st.sampled_from(["", "OTHER", "TRAVEL", "INCOME", "TRANSFER_OUT", "LOAN_DISBURSEMENTS"])
ROWS = st.lists(
    st.tuples(
        st.integers(0, 1),
        # Few amounts, so that transfers are common.
        st.one_of(AMOUNTS, st.sampled_from([Decimal(500), Decimal(-500)])),
        st.integers(0, 130),
        CATEGORIES,
        st.booleans(),
    ),
    max_size=25,
)
CUTS = st.lists(st.tuples(st.integers(0, 130), st.integers(1, 7)), min_size=1, max_size=4)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, cuts=CUTS)
def test_it_never_changes_what_rows_and_totals_are_together(
    alice: User, checking: Account, savings: Account, rows: Iterable[tuple[int, Decimal, int, str, bool]], cuts: object
) -> None:
    accounts, numbers = (checking, savings), count()
    with tenant(alice.pk):
        Transaction.objects.all().delete()
        TransactionTotal.objects.all().delete()
    make_transactions(
        checking,
        [
            build_transaction(
                accounts[index],
                str(amount),
                day=TODAY - timedelta(days=days),
                category=category,
                pending=pending,
                provider_id=str(next(numbers)),
            )
            for index, amount, days, category, pending in rows
        ],
    )
    find_transfers(alice)
    before = recount(alice)
    for days, limit in cuts:
        day = TODAY - timedelta(days=days)
        while purge_transactions(owner_id=alice.pk, before=day, limit=limit):
            find_transfers(alice)
            assert add_up(recount(alice), list_totals(alice)) == before


# --- The preview ------------------------------------------------------------------------------------------


def test_it_previews_rows_by_account_with_a_sample(alice: User, checking: Account, savings: Account) -> None:
    for days in range(7):
        make_transaction(checking, "-5", day=OLD - timedelta(days=days), name=f"row {days}")
    make_transaction(savings, "-5", day=OLD - timedelta(days=30))
    make_transaction(savings, "-5", day=CUTOFF)
    make_transaction(savings, "-5", day=OLD, pending=True)
    with tenant(alice.pk):
        preview = preview_purge(owner_id=alice.pk, before=CUTOFF)
    assert [astuple(group) for group in preview.groups] == [
        ("Checking ••0000", 7, OLD - timedelta(days=6), OLD),
        ("Savings ••1111", 1, OLD - timedelta(days=30), OLD - timedelta(days=30)),
    ]
    assert (preview.count, preview.oldest, preview.newest) == (8, OLD - timedelta(days=30), OLD)
    assert [row.label for row in preview.sample] == [f"row {days}" for days in range(5)]
    assert purge(alice) == preview.count


def test_it_previews_nothing_where_nothing_is_old(alice: User, checking: Account) -> None:
    make_transaction(checking, "-5", day=CUTOFF)
    with tenant(alice.pk):
        preview = preview_purge(owner_id=alice.pk, before=CUTOFF)
    assert (preview.count, preview.oldest, preview.newest, list(preview.sample)) == (0, None, None, [])


# --- Accounts that another connection replaced ------------------------------------------------------------


def test_it_lets_no_replaced_row_count_again_when_its_successors_first_rows_are_gone(
    alice: User, item: Item, make_item: Callable[..., Item]
) -> None:
    newer = make_item(alice, provider_item_id="newer")
    front, former = (
        make_account(connection, persistent_id="same", provider_id=connection.provider_item_id)
        for connection in (mark_synced(newer), mark_synced(item, connection="removed"))
    )
    for account, days in ((front, 100), (former, 100), (former, 85), (front, 80)):
        day = TODAY - timedelta(days=days)
        make_transaction(account, "-5", day=day, date=day, category="TRAVEL", name=f"{days} of {account.item_id}")
    with tenant(alice.pk):
        update_succession(item=newer)
        former.refresh_from_db()
    assert former.successor_id == front.pk
    counted = recount(alice)
    purge(alice)
    with tenant(alice.pk):
        update_succession(item=newer)
    assert add_up(recount(alice), list_totals(alice)) == counted


@pytest.mark.parametrize(("before", "left"), [(CUTOFF, {"new"}), (EVERYTHING, set())])
def test_it_deletes_recurring_payments_whose_last_payment_goes(
    alice: User, checking: Account, before: date, left: set[str]
) -> None:
    make_stream(checking, "-5", last_date=OLD, merchant_name="old")
    make_stream(checking, "-5", last_date=CUTOFF, merchant_name="new")
    assert purge(alice, before=before) == 0
    with tenant(alice.pk):
        assert set(RecurringStream.objects.values_list("merchant_name", flat=True)) == left
