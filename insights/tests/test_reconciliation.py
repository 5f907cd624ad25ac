"""The nightly check of figures, with the expected differences computed by hand."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from banking.models import Account, Item, Transaction
from banking.tests.factories import make_account, make_balance, make_transaction, mark_synced
from compliance.audit import Action
from compliance.audit.events import AuditEvent
from compliance.isolation import tenant
from insights.models import FigureCheck
from insights.reconciliation import figures
from insights.reconciliation.nightly import check_figures

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(datetime(2026, 11, 22, 12, tzinfo=UTC), tick=False) as time_travel:
        yield time_travel


@pytest.fixture
def checking(item: Item) -> Account:
    """An account with $100 a week ago, and $70 now."""
    mark_synced(item)
    account = make_account(item, current=Decimal(70))
    make_balance(account, 7, "100")
    make_balance(account, 0, "70")
    return account


def post(account: Account, amount: str, *, days_ago: int, **fields: object) -> Transaction:
    posted_on = timezone.localdate() - timedelta(days=days_ago)
    return make_transaction(account, amount, **{"day": posted_on, "date": posted_on, **fields})


def run_check(user: User, kind: str = "balance") -> list[tuple[str, Decimal]]:
    """Check all figures; return the currency and the difference of each check of a kind."""
    check_figures(owner_id=user.pk)
    with tenant(user.pk):
        return [(check.currency, check.difference) for check in FigureCheck.objects.filter(kind=kind)]


@pytest.mark.parametrize(
    ("rows", "difference"),
    [
        ([("-30", 3, {})], 0),
        ([("-30", 3, {"hidden": True})], 0),
        # A transaction is missing, is doubled, or was removed.
        ([], -30),
        ([("-30", 3, {}), ("-30", 3, {})], 30),
        ([("-30", 3, {"removed_at": datetime(2026, 11, 20, tzinfo=UTC)})], -30),
        ([("-29.99", 3, {})], Decimal("-0.01")),
        # The bank had it in the first balance already, or will have it in the next one.
        ([("-30", 3, {}), ("-11", 7, {}), ("-5", 0, {})], 0),
        ([("-30", 3, {}), ("-5", 0, {"pending": True})], 0),
        ([("-20", 3, {}), ("-10", 1, {"pending": True})], 0),
        # Another currency is no part of the balance.
        ([("-30", 3, {"currency": "EUR"})], -30),
        ([("-30", 12, {})], -30),
    ],
)
def test_it_compares_a_balance_with_its_transactions(
    alice: User, checking: Account, rows: list[tuple[str, int, dict[str, object]]], difference: Decimal
) -> None:
    for amount, days_ago, fields in rows:
        post(checking, amount, days_ago=days_ago, **fields)
    assert run_check(alice) == [("USD", difference)]


def test_it_counts_what_is_owed_the_other_way(alice: User, item: Item) -> None:
    mark_synced(item)
    card = make_account(item, type="credit", current=Decimal(130))
    make_balance(card, 7, "100")
    make_balance(card, 0, "130")
    post(card, "-50", days_ago=3)
    post(card, "20", days_ago=4)
    assert run_check(alice) == [("USD", 0)]
    post(card, "-1", days_ago=3)
    assert run_check(alice) == [("USD", -1)]


@pytest.mark.parametrize("case", ["loan", "one day", "stale"])
def test_it_checks_only_what_can_be_compared(alice: User, item: Item, clock: Any, case: str) -> None:
    mark_synced(item)
    account = make_account(item, type="loan" if case == "loan" else "depository", current=Decimal(70))
    make_balance(account, 0, "70")
    if case != "one day":
        make_balance(account, 7, "100")
    if case == "stale":
        clock.shift(timedelta(days=2))
    assert run_check(alice) == []


def test_it_tells_the_user_and_operators_once_until_it_agrees_again(
    alice: User, checking: Account, as_alice: Client, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert len(check_figures(owner_id=alice.pk)) == 1
    assert check_figures(owner_id=alice.pk) == []
    assert [record.getMessage().split(": ")[1] for record in caplog.records] == ["balance differs since 2026-11-15"]
    with tenant(alice.pk):
        event = AuditEvent.objects.get(action=Action.FIGURE_DIFFERS)
        assert event.resource_id == str(checking.pk)
    assert "Some figures don&#x27;t add up." in as_alice.get(reverse("overview")).content.decode()
    sentence = "the balance changed by −$30.00, and the transactions explain $0.00. The difference is −$30.00."
    for url in (reverse("figure_checks"), reverse("account", args=[checking.pk])):
        assert sentence in as_alice.get(url).content.decode()

    post(checking, "-30", days_ago=3)
    assert check_figures(owner_id=alice.pk) == []
    assert "add up" not in as_alice.get(reverse("overview")).content.decode()
    assert "the balance and the transactions agree." in as_alice.get(reverse("figure_checks")).content.decode()


def test_it_compares_categories_with_the_list(
    alice: User, checking: Account, as_alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(checking, "-30", days_ago=3, category="TRAVEL")
    post(checking, "45.5", days_ago=2, category="INCOME")
    post(checking, "-500", days_ago=2, category="TRANSFER_OUT")
    post(checking, "-7", days_ago=2, currency="EUR")
    assert sorted(run_check(alice, "cash_flow")) == [("EUR", 0), ("USD", 0)]
    totals = figures.sum_transactions
    monkeypatch.setattr(figures, "sum_transactions", lambda **arguments: totals(**arguments)[1:])
    assert sorted(currency for currency, difference in run_check(alice, "cash_flow") if difference) != []
    assert "This is a problem on our end" in as_alice.get(reverse("figure_checks")).content.decode()


def test_it_compares_the_chart_with_the_balance_beside_it(alice: User, checking: Account) -> None:
    assert run_check(alice, "chart") == [("USD", 0)]
    with tenant(alice.pk):
        Account.objects.update(current=Decimal(71))
        assert run_check(alice, "chart") == [("USD", -1)]
        Account.objects.update(current=None)
    assert run_check(alice, "chart") == []


def test_it_forgets_the_check_of_an_account_that_was_closed(alice: User, checking: Account) -> None:
    assert run_check(alice) == [("USD", -30)]
    with tenant(alice.pk):
        Account.objects.update(closed_at=timezone.now())
    assert run_check(alice) == []


def test_it_shows_the_checks_of_the_user_alone(as_mallory: Client, alice: User, checking: Account) -> None:
    check_figures(owner_id=alice.pk)
    page = as_mallory.get(reverse("figure_checks")).content.decode()
    assert "Nothing has been checked yet." in page
    assert "−$30.00" not in page


def test_it_compares_only_days_with_balances(alice: User, checking: Account) -> None:
    """The first balance of the period is a week old, so what was posted before it does not matter."""
    post(checking, "-30", days_ago=3)
    run_check(alice)
    with tenant(alice.pk):
        check = FigureCheck.objects.get(kind="balance")
    assert (check.since, check.until) == (date(2026, 11, 15), date(2026, 11, 22))
