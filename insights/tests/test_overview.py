"""The figures of the overview, with the expected values computed by hand, and its number of queries."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
import time_machine
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from banking import connections
from banking.models import Account, Item, Transaction
from banking.tests.factories import (
    build_transaction,
    make_account,
    make_balance,
    make_transaction,
    make_transactions,
    mark_synced,
)
from banking.transactions import totals
from banking.transactions.listing import querystrings, transaction_list
from banking.transactions.listing.filters import TransactionFilter
from banking.transactions.transfers import update_transfers
from compliance.isolation import tenant
from insights.overview import build_overview

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TODAY = NOW.date()
CARD_PAYMENT = {"category": "LOAN_PAYMENTS", "category_detail": "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT"}


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def checking(item: Item) -> Account:
    mark_synced(item)
    return make_account(item, current=Decimal("3000"), available=Decimal("2900"))


@pytest.fixture
def card(item: Item) -> Account:
    return make_account(item, type="credit", name="Card", mask="3333", current=Decimal(500), limit=Decimal(2000))


def load_overview(user: User) -> dict[str, object]:
    with tenant(user.pk):
        return build_overview(user=user, items=connections.list_connections(user), days=30)


def test_it_computes_all_figures_of_a_month(alice: User, checking: Account, card: Account) -> None:
    make_transaction(checking, "1000", category="INCOME")
    make_transaction(checking, "-1600", category="RENT_AND_UTILITIES")
    make_transaction(card, "-500", category="GENERAL_MERCHANDISE")
    make_transaction(card, "100", category="GENERAL_MERCHANDISE")
    make_transaction(checking, "-400", **CARD_PAYMENT)
    make_transaction(card, "400", **CARD_PAYMENT)
    make_transaction(checking, "-700", category="TRANSFER_OUT")
    make_transaction(checking, "-9999", category="TRAVEL", day=TODAY - timedelta(days=30))
    overview = load_overview(alice)
    (flow,) = overview["flow"].totals
    # 1,000 in; 1,600 + 500 - 100 = 2,000 out; 3,000 in the bank last three months at a loss of 1,000.
    assert (flow.income, flow.spending, flow.net, flow.runway_months) == (
        Decimal(1000),
        Decimal(2000),
        Decimal(-1000),
        Decimal(3),
    )
    assert (overview["flow"].since, overview["flow"].until) == (date(2026, 10, 24), TODAY)
    assert [(c.category, c.amount, c.bar.share) for c in overview["spending"].categories] == [
        ("RENT_AND_UTILITIES", Decimal(1600), 80),
        ("GENERAL_MERCHANDISE", Decimal(400), 20),
    ]
    assert overview["balance"].totals[0].amount == Decimal(3000)
    assert overview["cards"].totals[0].utilization == Decimal(25)


def test_it_shows_categories_that_add_up_to_the_total(alice: User, checking: Account) -> None:
    make_transaction(checking, "-100", category="TRAVEL")
    make_transaction(checking, "30", category="MEDICAL")
    make_transaction(checking, "-12", category="")
    make_transaction(checking, "-5", category="FOOD_AND_DRINK")
    make_transaction(checking, "5", category="FOOD_AND_DRINK")
    spending = load_overview(alice)["spending"]
    assert [(category.category, category.amount) for category in spending.categories] == [
        ("TRAVEL", Decimal(100)),
        ("", Decimal(12)),
        ("MEDICAL", Decimal(-30)),
    ]
    assert spending.total == sum(category.amount for category in spending.categories) == Decimal(82)
    assert (spending.total_spent, spending.total_refunded) == (Decimal(112), Decimal(30))
    assert [category.bar.share for category in spending.categories] == [89, 11, 0]


def test_it_draws_the_net_cash_flow_up_to_the_shown_figure(alice: User, checking: Account) -> None:
    make_transaction(checking, "-45.50", category="TRAVEL", day=TODAY - timedelta(days=29))
    make_transaction(checking, "1017.42", category="INCOME")
    (flow,) = load_overview(alice)["flow"].totals
    assert flow.chart.facts.change == flow.chart.facts.last.value == flow.net == Decimal("971.92")


def test_it_counts_and_lists_transactions_of_tomorrow(alice: User, checking: Account) -> None:
    """A purchase at UTC+13, dated on a day that has not begun in London."""
    make_transaction(checking, "-60", category="TRAVEL", day=TODAY + timedelta(days=1))
    overview = load_overview(alice)
    (category,) = overview["spending"].categories
    assert (
        overview["flow"].totals[0].spending
        == category.amount
        == -sum_linked_transactions(alice, category.url)
        == Decimal(60)
    )
    for preset in querystrings.date_range_presets(QueryDict(), TODAY):
        assert sum_linked_transactions(alice, preset.url) == Decimal(-60)


def test_it_has_no_runway_without_a_bank_balance(alice: User, item: Item) -> None:
    mark_synced(item)
    make_transaction(make_account(item, type="credit", current=Decimal(500)), "-100", category="TRAVEL")
    assert load_overview(alice)["flow"].totals[0].runway_months is None


def test_it_links_each_category_to_its_transactions(alice: User, checking: Account) -> None:
    make_transaction(checking, "-100", category="TRAVEL")
    make_transaction(checking, "30", category="TRAVEL")
    make_transaction(checking, "-12", category="")
    make_transaction(checking, "500", category="")
    make_transaction(checking, "-7", category="SPACE_TRAVEL")
    make_transaction(checking, "-8", category="TRAVEL", user_category="Bees & honey")
    make_transaction(checking, "-9999", category="TRAVEL", day=TODAY - timedelta(days=30))
    categories = load_overview(alice)["spending"].categories
    assert {category.category: category.amount for category in categories} == {
        "TRAVEL": Decimal(70),
        "": Decimal(12),
        "SPACE_TRAVEL": Decimal(7),
        "Bees & honey": Decimal(8),
    }
    for category in categories:
        assert sum_linked_transactions(alice, category.url) == -category.amount


def sum_linked_transactions(user: User, url: str) -> Decimal:
    """Sum the transactions that a URL of the transaction list shows."""
    with tenant(user.pk):
        rows = Transaction.objects.for_user(user).current()
        query = QueryDict(url.partition("?")[2])
        transaction_filter = TransactionFilter(query, queryset=rows, request=SimpleNamespace(user=user))
        assert transaction_filter.is_valid()
        return sum((row.amount for row in transaction_filter.qs), Decimal(0))


def test_it_counts_the_same_transactions_as_the_list(alice: User, item: Item, checking: Account, card: Account) -> None:
    """Our own SQL, the ORM and the list agree about every kind of row that does not count."""
    savings, loan = make_account(item, name="Savings"), make_account(item, type="loan", name="Loan")
    legs = [
        build_transaction(checking, "-500"),
        build_transaction(savings, "500"),
        build_transaction(checking, "-60"),
        build_transaction(savings, "60"),
    ]
    for row in legs:
        make_transactions(row.account, [row])
    with tenant(alice.pk):
        update_transfers(owner_id=alice.pk)
        Transaction.objects.filter(pk=legs[2].pk).update(user_category="Bees")
    for amount, category in (("1000", "INCOME"), ("-100", "TRAVEL"), ("30", "TRAVEL"), ("-12", ""), ("7", "")):
        make_transaction(checking, amount, category=category)
    for category in ("TRANSFER_IN", "TRANSFER_OUT", "LOAN_DISBURSEMENTS"):
        make_transaction(checking, "-7000", category=category)
        make_transaction(checking, "-11", category=category, user_category="MEDICAL")
    make_transaction(checking, "-90", category="TRAVEL", user_category="TRANSFER_OUT")
    make_transaction(checking, "-400", **CARD_PAYMENT)
    make_transaction(card, "400", **CARD_PAYMENT)
    make_transaction(card, "5", **CARD_PAYMENT, user_category="TRAVEL")
    make_transaction(loan, "8000", category="LOAN_PAYMENTS")
    overview = load_overview(alice)
    (flow,) = overview["flow"].totals
    assert flow.net == Decimal(1000 - 100 + 30 - 12 + 7 - 33 + 5 - 60)
    month = f"?since={overview['flow'].since}&until={overview['flow'].until}"
    assert sum_linked_transactions(alice, f"{month}&counted=yes") == flow.net
    with tenant(alice.pk):
        rows = Transaction.objects.for_user(alice).current()
        (total,) = totals.totals_by_currency(rows, owner_id=alice.pk)
        listed = transaction_list.recent_transactions(owner_id=alice.pk, limit=50)
        assert listed == transaction_list.read_rows(rows.newest_first(), owner_id=alice.pk)
    assert total.net == flow.net == sum(row.amount for row in listed if row.counts)
    assert sum_linked_transactions(alice, f"{month}&counted=no") == total.uncounted_in - total.uncounted_out
    for part in overview["spending"].categories:
        assert sum_linked_transactions(alice, part.url) == -part.amount


def test_it_computes_the_runway_per_currency(alice: User, item: Item, checking: Account) -> None:
    yen = make_account(item, currency="JPY", current=Decimal(100_000))
    make_transaction(yen, "-50000", category="TRAVEL")
    for day in (20, 21):
        make_transaction(checking, "-1", category="TRAVEL", day=date(2026, 11, day))
    totals = load_overview(alice)["flow"].totals
    assert [(total.currency, total.net, total.runway_months) for total in totals] == [
        ("USD", Decimal(-2), Decimal(1500)),
        ("JPY", Decimal(-50_000), Decimal(2)),
    ]
    assert load_overview(alice)["spending"].currency == "USD"


def test_it_counts_no_transactions_of_investments_and_loans(alice: User, item: Item) -> None:
    for type_ in ("investment", "loan"):
        make_transaction(make_account(mark_synced(item), type=type_), "-100", category="TRAVEL")
    assert (load_overview(alice)["flow"], load_overview(alice)["spending"]) == (None, None)


def test_it_has_no_figures_without_a_bank(alice: User) -> None:
    overview = load_overview(alice)
    assert overview["recent"] == []
    assert {overview[name] for name in ("importing", "balance", "history", "cards", "flow", "spending")} == {None}


def test_it_has_no_figures_of_a_disconnected_bank(alice: User, item: Item, checking: Account) -> None:
    make_transaction(checking, "-100", category="TRAVEL")
    mark_synced(item, connection="removed")
    overview = load_overview(alice)
    assert (overview["balance"], overview["flow"]) == (None, None)
    assert len(overview["recent"]) == 1


def test_it_returns_the_bank_that_is_being_imported(alice: User, item: Item, checking: Account, make_item) -> None:
    assert load_overview(alice)["importing"] is None
    loading = make_item(alice, provider_item_id="second")
    assert load_overview(alice)["importing"] == loading


def test_it_lists_the_newest_transactions_with_the_users_categories(alice: User, checking: Account) -> None:
    make_transactions(checking, [build_transaction(checking, "-1", day=date(2026, 1, 1)) for _ in range(9)])
    make_transaction(
        checking, "-2", day=date(2026, 2, 1), merchant_name="Kiosk", category="TRAVEL", user_category="MEDICAL"
    )
    make_transaction(checking, "-3", day=date(2026, 1, 15), name="")
    make_transaction(checking, "-4", removed_at=timezone.now())
    make_transaction(checking, "-5", hidden=True)
    recent = load_overview(alice)["recent"]
    assert len(recent) == 10
    assert [(row.label, row.category, row.account, row.amount) for row in recent[:3]] == [
        ("Kiosk", "MEDICAL", "Checking ••0000", Decimal(-2)),
        ("Unknown", "", "Checking ••0000", Decimal(-3)),
        ("STARBUCKS 123", "", "Checking ••0000", Decimal(-1)),
    ]


# --- Number of queries ------------------------------------------------------------------------------------


def capture_queries(client: Client, url: str) -> list[str]:
    """Return the SQL of a page's queries, without savepoints."""
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    return [query["sql"] for query in queries if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))]


# One of them counts the view, at most once in a minute; the tests' transaction, which never commits, does so each time.
QUERIES = 9


def test_it_needs_few_queries_including_session_and_user(as_alice: Client, checking: Account, card: Account) -> None:
    make_transaction(checking, "-100", category="TRAVEL")
    for days in range(3):
        make_balance(checking, days, "100")
    assert len(capture_queries(as_alice, reverse("overview"))) == QUERIES


def test_it_needs_no_more_queries_for_many_banks_and_rows(
    as_alice: Client, alice: User, make_item: Callable[..., Item]
) -> None:
    for number in range(5):
        item = mark_synced(make_item(alice, provider_item_id=f"bank-{number}"))
        for kind in ("depository", "depository", "credit", "loan"):
            account = make_account(item, type=kind, current=Decimal(100), limit=Decimal(1000))
            make_transactions(
                account, [build_transaction(account, "-1", category=code) for code in ("TRAVEL", "MEDICAL", "")]
            )
            for days in range(4):
                make_balance(account, days, "100")
    assert len(capture_queries(as_alice, reverse("overview"))) == QUERIES


def test_it_needs_no_more_queries_without_a_bank(as_alice: Client) -> None:
    assert len(capture_queries(as_alice, reverse("overview"))) <= 7
