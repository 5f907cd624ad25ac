"""What pages say of the stored history to people who keep no transactions: monthly totals, and no transactions."""

from collections.abc import Callable
from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from banking.models import Account, Item
from banking.provider import Readiness
from banking.retention.transaction_rule import RULE
from banking.tests.scripted_provider import ScriptedProvider, transaction_row, transactions_page
from banking.tests.sync_runs import run_sync
from compliance.isolation import tenant
from compliance.retention.choosing import choose_period
from ui.tests.page_text import visible_text

pytestmark = pytest.mark.django_db(transaction=True)

# Three rows in two months.
ROWS = [transaction_row(f"t{day}", date=day, authorized_date=None) for day in map(date.fromisoformat, (
    "2026-09-03", "2026-10-03", "2026-10-04"))]  # fmt: skip


def import_rows(item: Item, provider: ScriptedProvider, readiness: Readiness) -> None:
    provider.pages = [transactions_page(added=ROWS, readiness=readiness)]
    run_sync(item)


@pytest.fixture
def counted_item(alice: User, item: Item, provider: ScriptedProvider) -> Item:
    """An imported Item of Alice's, who keeps no transactions."""
    choose_period(user=alice, rule=RULE, days=0)
    import_rows(item, provider, Readiness.HISTORICAL)
    return item


def test_the_import_page_counts_months_of_totals(as_alice: Client, counted_item: Item) -> None:
    text = visible_text(as_alice.get(reverse("importing", args=[counted_item.pk])))
    assert "2 accounts · 2 months of totals" in text
    assert "transactions" not in text.split("Imported")[1].split("Go to overview")[0]


def test_the_import_page_does_not_say_that_transactions_are_in(
    as_alice: Client, alice: User, item: Item, provider: ScriptedProvider
) -> None:
    choose_period(user=alice, rule=RULE, days=0)
    import_rows(item, provider, Readiness.INITIAL)
    text = visible_text(as_alice.get(reverse("importing", args=[item.pk])))
    assert "Totals of recent transactions are in. Older ones are still importing." in text
    assert "2 accounts · 2 months of totals" in text


@pytest.mark.parametrize("name", ["disconnect", "withdraw_bank_data"])
def test_the_choice_of_the_history_is_about_monthly_totals(as_alice: Client, counted_item: Item, name: str) -> None:
    url = reverse(name, args=[counted_item.pk] if name == "disconnect" else [])
    text = visible_text(as_alice.get(url))
    assert "2 accounts · 2 months of totals" in text
    assert "Monthly totals stay. Current balances no longer count." in text
    deleted = "These accounts, their monthly totals, balances, terms, and alerts about large transactions are deleted."
    assert deleted in text
    assert "ransactions stay in your lists" not in text


@pytest.mark.parametrize("name", ["disconnect", "withdraw_bank_data"])
def test_the_choice_of_the_history_is_about_transactions_if_they_are_kept(
    as_alice: Client, item: Item, provider: ScriptedProvider, name: str
) -> None:
    import_rows(item, provider, Readiness.HISTORICAL)
    text = visible_text(as_alice.get(reverse(name, args=[item.pk] if name == "disconnect" else [])))
    assert "2 accounts · 3 transactions" in text
    assert "Transactions stay in your lists. Balances leave your totals." in text
    assert "These accounts, their transactions, monthly totals, balances, terms, recurring" in text


def test_the_choice_of_the_history_of_one_account_is_about_monthly_totals(
    as_alice: Client, alice: User, counted_item: Item, with_second_factor: Callable[..., Client]
) -> None:
    with tenant(alice.pk):
        account = Account.objects.get(item=counted_item, name="Checking")
    url = reverse("remove_account", args=[account.pk])
    text = visible_text(with_second_factor(as_alice, alice).get(url))
    assert "1 account · 2 months of totals" in text
    assert "Its monthly totals, balances, terms, and all alerts about large transactions at First Platypus" in text
    assert "your notes" not in text
