"""Totals of balances, with the expected values computed by hand."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from accounts.models import User
from banking import connections
from banking.models import Connection, Item
from banking.tests.factories import make_account, mark_synced
from compliance.isolation import tenant
from insights.balances.account_totals import BankTotal, CardTotal, bank_balance, cards

pytestmark = [pytest.mark.django_db, pytest.mark.dates]

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def load_connections(user: User) -> list[Item]:
    with tenant(user.pk):
        return connections.list_connections(user)


def add_depository(item: Item, current: str | None, **fields: object) -> None:
    make_account(item, current=current and Decimal(current), **fields)


def add_card(item: Item, current: str | None, limit: str | None, **fields: object) -> None:
    add_depository(item, current, limit=limit and Decimal(limit), type="credit", subtype="credit card", **fields)


# --- Money in the bank ------------------------------------------------------------------------------------


def test_it_sums_only_open_depository_accounts(alice: User, item: Item) -> None:
    add_depository(item, "1200.50", available=Decimal("1100.50"))
    add_depository(item, "210.005", available=Decimal("200"))
    add_depository(item, "-35", subtype="savings")
    add_depository(item, "23631.9805", type="investment")
    add_depository(item, "65262", type="loan")
    add_card(item, "410", "2000")
    add_depository(item, "9999", closed_at=timezone.now())
    balance = bank_balance(load_connections(alice))
    assert balance.totals == [
        BankTotal("USD", amount=Decimal("1375.505"), available=Decimal("1300.50"), count=3, available_count=2)
    ]
    assert len(balance.accounts) == 3


def test_it_excludes_unknown_balances(alice: User, item: Item) -> None:
    add_depository(item, None)
    add_depository(item, "100")
    assert bank_balance(load_connections(alice)).totals == [
        BankTotal("USD", amount=Decimal(100), available=None, count=2, unstated=1)
    ]


def test_it_has_no_total_if_all_balances_are_unknown(alice: User, item: Item) -> None:
    add_depository(item, None)
    (total,) = bank_balance(load_connections(alice)).totals
    assert (total.amount, total.unstated) == (None, 1)


def test_it_sums_per_currency_with_the_most_used_first(alice: User, item: Item) -> None:
    add_depository(item, "1000000", currency="JPY")
    add_depository(item, "1", currency="USD")
    add_depository(item, "2", currency="USD")
    totals = bank_balance(load_connections(alice)).totals
    assert [(total.currency, total.amount) for total in totals] == [("USD", Decimal(3)), ("JPY", Decimal(1000000))]


def test_it_has_no_total_without_an_account(alice: User, item: Item) -> None:
    add_card(item, "410", "2000")
    assert bank_balance(load_connections(alice)) is None
    assert bank_balance([]) is None


# --- Cards ------------------------------------------------------------------------------------------------


def test_it_computes_utilization_only_of_cards_with_a_limit(alice: User, item: Item) -> None:
    add_card(item, "410", "2000")
    add_card(item, "0", "1200")
    add_card(item, "500", None)
    add_card(item, "70", "0")
    card_totals = cards(load_connections(alice))
    # 410 of 3,200 is 12.8125 %; a balance on a card without a limit is counted separately.
    assert card_totals.totals == [
        CardTotal(
            "USD",
            balance=Decimal(410),
            limit=Decimal(3200),
            utilization=Decimal("12.8125"),
            balance_without_limit=Decimal(570),
            unlimited=2,
        )
    ]
    assert sorted((c.utilization is None, c.utilization or 0) for c in card_totals.cards) == [
        (False, Decimal(0)),
        (False, Decimal("20.5")),
        (True, 0),
        (True, 0),
    ]


def test_it_counts_an_overpaid_card_as_unused(alice: User, item: Item) -> None:
    add_card(item, "-50", "1000")
    add_card(item, "300", "1000")
    (total,) = cards(load_connections(alice)).totals
    # A credit balance of 50 reduces neither the balance of the other card nor its utilization.
    assert (total.balance, total.limit, total.utilization) == (Decimal(300), Decimal(2000), Decimal(15))
    assert (total.credit_balance, total.overpaid) == (Decimal(50), 1)


def test_it_computes_utilization_from_the_shown_balance_and_limit(alice: User, item: Item) -> None:
    add_card(item, "-250.13", "1000")
    add_card(item, "635.13", "2000")
    add_card(item, "900", None)
    add_card(item, None, "5000")
    (total,) = cards(load_connections(alice)).totals
    assert total.utilization == total.balance * 100 / total.limit == Decimal("21.171")
    assert total.unstated == 1


def test_it_returns_more_than_100_percent_above_the_limit(alice: User, item: Item) -> None:
    add_card(item, "2500", "2000")
    assert cards(load_connections(alice)).totals[0].utilization == Decimal(125)


def test_it_has_no_utilization_if_no_card_has_a_limit(alice: User, item: Item) -> None:
    add_card(item, "500", None)
    add_card(item, None, "1000")
    (total,) = cards(load_connections(alice)).totals
    assert (total.balance_without_limit, total.limit, total.utilization) == (Decimal(500), None, None)
    assert (total.unlimited, total.unstated) == (1, 1)


def test_it_computes_utilization_per_currency(alice: User, item: Item) -> None:
    add_card(item, "100", "1000")
    add_card(item, "100", "1000")
    add_card(item, "90000", "100000", currency="JPY")
    totals = cards(load_connections(alice)).totals
    assert [(total.currency, total.utilization) for total in totals] == [("USD", Decimal(10)), ("JPY", Decimal(90))]


def test_it_has_no_cards_without_a_card(alice: User, item: Item) -> None:
    add_depository(item, "1")
    assert cards(load_connections(alice)) is None


# --- Age --------------------------------------------------------------------------------------------------


@time_machine.travel(NOW, tick=False)
def test_it_has_the_age_of_the_oldest_fresh_bank_and_lists_late_ones(
    alice: User, make_item: Callable[..., Item]
) -> None:
    def make_item_with_balance(name: str, **fields: object) -> Item:
        item = mark_synced(make_item(alice, provider_item_id=name), institution_name=name, **fields)
        add_depository(item, "1")
        return item

    make_item_with_balance("now")
    make_item_with_balance("morning", data_as_of=NOW - 3 * HOUR)
    make_item_with_balance("checked", data_as_of=None, checked_at=NOW - HOUR)
    late_items = [
        make_item_with_balance("stale", checked_at=NOW - 25 * HOUR, data_as_of=NOW - 26 * HOUR),
        make_item_with_balance("reauth", connection=Connection.LOGIN_REQUIRED, data_as_of=NOW - 99 * HOUR),
        make_item_with_balance("error", failures=1),
        make_item_with_balance("gone", connection=Connection.REVOKED),
    ]
    card_item = mark_synced(make_item(alice, provider_item_id="cards only"), data_as_of=NOW - 9 * HOUR)
    add_card(card_item, "1", "2")
    age = bank_balance(load_connections(alice)).age
    assert age.as_of == NOW - 3 * HOUR
    assert age.late == late_items
    assert cards(load_connections(alice)).age.as_of == NOW - 9 * HOUR
