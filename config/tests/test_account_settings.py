"""What a person sets on an account survives whatever the bank does, and all figures leave out the same accounts.

The figures are compared with the bank's own ledger, which ``independent_totals`` sums up without the site's code.
"""

import csv
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from io import StringIO

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from banking import connections
from banking.account_settings.editing import AccountEdit, edit_account
from banking.account_settings.removing import add_account_again, remove_account
from banking.linking import disconnecting
from banking.linking.exchange import finish_link
from banking.linking.sessions import LinkMetadata, open_link
from banking.models import Account, Item
from banking.retention.monthly_totals import list_monthly_totals
from banking.sync import sync_item
from banking.tests.sandbox_process import Sandbox
from banking.tests.scripted_provider import CHECKING
from compliance.isolation import tenant
from config.tests.duplicate_connection import clock, copy_with_new_id, make_rows, second_item, sync_with
from config.tests.independent_totals import (
    Ledger,
    Totals,
    compute_totals,
    dollars,
    find_transfers,
    is_transfer,
    money,
    transaction_day,
)
from insights.balances import history
from insights.cash_flow.sums import runway_months
from insights.models import FigureCheck
from insights.overview import build_overview
from insights.reconciliation.nightly import check_figures
from ui.tests.page_text import visible_text

__all__ = ["clock", "second_item", "sync_with"]
pytestmark = pytest.mark.django_db(transaction=True)

LISTED, HIDDEN = Account.Inclusion.LISTED, Account.Inclusion.HIDDEN
MINE = AccountEdit(user_name="Rent money", inclusion=LISTED)


# --- What survives ----------------------------------------------------------------------------------------


def describe_open_accounts(user: User) -> list[tuple[str, str, bool]]:
    """The bank's name, the shown name, and whether it counts, of each open account."""
    with tenant(user.pk):
        items = connections.list_connections(user)
        return [(a.name, a.display_name, a.counts) for item in items for a in item.open_accounts]


def find_account(user: User) -> Account:
    with tenant(user.pk):
        [account] = [account for item in connections.list_connections(user) for account in item.open_accounts]
        return account


@pytest.mark.usefixtures("clock")
def test_a_sync_keeps_what_the_person_set_while_the_bank_renames_the_account(
    alice: User, item: Item, sync_with: Callable[..., None]
) -> None:
    sync_with(item, [CHECKING], make_rows(CHECKING, 5))
    edit_account(user=alice, account_id=find_account(alice).pk, edit=MINE)
    sync_with(item, [CHECKING._replace(name="Total Checking")], cursor="c2")
    assert describe_open_accounts(alice) == [("Total Checking", "Rent money", False)]


@pytest.mark.usefixtures("clock")
def test_an_account_that_comes_back_under_a_new_id_keeps_what_the_person_set(
    alice: User, item: Item, second_item: Item, sync_with: Callable[..., None]
) -> None:
    sync_with(item, [CHECKING], make_rows(CHECKING, 20))
    edit_account(user=alice, account_id=find_account(alice).pk, edit=MINE)
    disconnecting.disconnect_bank(user=alice, item_id=item.pk, keep_history=True)
    new = copy_with_new_id(CHECKING)
    sync_with(second_item, [new], make_rows(new, 20))
    assert describe_open_accounts(alice) == [("Checking", "Rent money", False)]


@pytest.mark.usefixtures("clock")
def test_the_older_connection_has_what_was_set_on_the_newer_one_when_it_counts_again(
    alice: User, item: Item, second_item: Item, sync_with: Callable[..., None]
) -> None:
    sync_with(item, [CHECKING], make_rows(CHECKING, 20))
    edit_account(user=alice, account_id=find_account(alice).pk, edit=MINE)
    new = copy_with_new_id(CHECKING)
    sync_with(second_item, [new], make_rows(new, 20))
    later = AccountEdit(user_name="", inclusion=Account.Inclusion.COUNTED)
    edit_account(user=alice, account_id=find_account(alice).pk, edit=later)
    disconnecting.disconnect_bank(user=alice, item_id=second_item.pk, keep_history=False)
    assert describe_open_accounts(alice) == [("Checking", "Checking", True)]


# --- Figures ----------------------------------------------------------------------------------------------


@pytest.fixture
def bank(sandbox: Sandbox, settings) -> Sandbox:
    """The sandbox as the site's provider."""
    settings.PLAID_URL = sandbox.url
    settings.PLAID_CLIENT_ID, settings.PLAID_SECRET = sandbox.client_id, sandbox.secret
    settings.PLAID_WEBHOOK_URL = ""
    return sandbox


@pytest.fixture
def linked_item(alice: User, bank: Sandbox) -> Item:
    """Alice's bank with a checking and a savings account, a card and a loan, completely synced."""
    opened = open_link(user=alice)
    item = finish_link(
        user=alice,
        session_id=opened.session.pk,
        public_token=bank.complete_link(opened.token.value, username="user_living"),
        metadata=LinkMetadata("ins_109508", "First Platypus Bank", frozenset()),
    )
    assert sync_item(owner_id=alice.pk, item_id=item.pk, trigger="test").ran
    return item


def get_ledger(bank: Sandbox, item: Item) -> Ledger:
    return bank.admin(f"ledger/{item.provider_item_id}", method="GET")


def leave_out(ledger: Ledger, account_ids: set[str]) -> Ledger:
    """The ledger without some accounts, in which a transfer with one of them is still a transfer."""
    transfers = find_transfers(ledger)
    return {
        "accounts": [account for account in ledger["accounts"] if account["account_id"] not in account_ids],
        "transactions": [
            line | ({"category": "TRANSFER_OUT_ACCOUNT_TRANSFER"} if line["transaction_id"] in transfers else {})
            for line in ledger["transactions"]
            if line["account_id"] not in account_ids
        ],
    }


def recount_months(ledger: Ledger) -> dict[date, tuple[Decimal, Decimal]]:
    sums: dict[date, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    kinds = {account["account_id"]: account["type"] for account in ledger["accounts"]}
    transfers = find_transfers(ledger)
    for line in ledger["transactions"]:
        if kinds[line["account_id"]] in ("depository", "credit") and not is_transfer(line, transfers):
            amount = -money(line["amount"])
            sums[transaction_day(line).replace(day=1)][amount < 0] += abs(amount)
    return {month: (money_in, money_out) for month, (money_in, money_out) in sums.items()}


def expect_figures(user: User, expected: Totals, months: dict[date, tuple[Decimal, Decimal]]) -> None:
    """Each figure of the overview, the months and the checks is that of the ledger."""
    with tenant(user.pk):
        items = connections.list_connections(user)
        page = build_overview(user=user, items=items, days=history.days_in_range(""))
        stored_months = {
            month.month: (month.money_in, month.money_out) for month in list_monthly_totals(owner_id=user.pk)
        }
    [balance], [cards], [flow] = page["balance"].totals, page["cards"].totals, page["flow"].totals
    assert (balance.amount, balance.available) == (expected.in_bank, expected.available)
    assert (cards.balance, cards.limit or Decimal(0)) == (expected.card_balance, expected.limit)
    assert (flow.income, flow.spending, flow.net) == (expected.income, expected.spending, expected.net)
    assert flow.runway_months == runway_months(liquid=expected.in_bank, net=expected.net)
    assert {part.category: part.amount for part in page["spending"].categories} == {
        category: amount for category, amount in expected.spent.items() if amount
    }
    assert page["history"] is None or page["history"].chart.facts.last.value == expected.in_bank
    assert stored_months == months
    check_figures(owner_id=user.pk)
    with tenant(user.pk):
        checks = {check.kind: check for check in FigureCheck.objects.filter(account=None)}
    assert not any(check.differs_since for check in checks.values())
    assert checks["cash_flow"].actual == expected.net


def expect_list(client: Client, *, shown: Totals, counted: Totals) -> None:
    """The list has the rows of ``shown`` and the totals of ``counted``, and so has the CSV file."""
    page = visible_text(client.get(reverse("transactions")))
    assert f"{shown.rows:,} transactions" in page
    assert f"Money in {dollars(counted.money_in)} Money out {dollars(counted.money_out)}" in page
    file = b"".join(client.get(reverse("transactions-csv")).streaming_content).decode()
    lines = list(csv.DictReader(StringIO(file)))
    assert len(lines) == shown.rows
    assert sum(line["In totals"] == "yes" for line in lines) == counted.rows


@pytest.mark.parametrize("subtype", ["checking", "savings", "credit card"])
def test_all_figures_leave_out_the_same_account(
    alice: User,
    as_alice: Client,
    bank: Sandbox,
    linked_item: Item,
    subtype: str,
    with_second_factor: Callable[..., Client],
) -> None:
    client, today = with_second_factor(as_alice, alice), timezone.localdate()
    ledger = get_ledger(bank, linked_item)
    everything = compute_totals(ledger, today)
    expect_figures(alice, everything, recount_months(ledger))
    [left_out] = [account for account in ledger["accounts"] if account["subtype"] == subtype][:1]
    with tenant(alice.pk):
        account = Account.objects.get(provider_id=left_out["account_id"])
    rest = leave_out(ledger, {account.provider_id})
    expected = compute_totals(rest, today)
    assert expected.rows < everything.rows
    for inclusion, shown in ((LISTED, everything), (HIDDEN, expected)):
        edit_account(user=alice, account_id=account.pk, edit=AccountEdit(user_name="", inclusion=inclusion))
        expect_figures(alice, expected, recount_months(rest))
        expect_list(client, shown=shown, counted=expected)
    counted = AccountEdit(user_name="", inclusion=Account.Inclusion.COUNTED)
    edit_account(user=alice, account_id=account.pk, edit=counted)
    expect_figures(alice, everything, recount_months(ledger))


def test_all_figures_are_right_after_an_account_was_removed_and_added_again(
    alice: User, bank: Sandbox, linked_item: Item
) -> None:
    ledger, today = get_ledger(bank, linked_item), timezone.localdate()
    [savings] = [account for account in ledger["accounts"] if account["subtype"] == "savings"]
    with tenant(alice.pk):
        account = Account.objects.get(provider_id=savings["account_id"])
    remove_account(user=alice, account_id=account.pk, keep_history=False)
    rest = {
        "accounts": [row for row in ledger["accounts"] if row is not savings],
        "transactions": [row for row in ledger["transactions"] if row["account_id"] != account.provider_id],
    }
    expect_figures(alice, compute_totals(rest, today), recount_months(rest))
    assert sync_item(owner_id=alice.pk, item_id=linked_item.pk, trigger="test").ran
    expect_figures(alice, compute_totals(rest, today), recount_months(rest))
    add_account_again(user=alice, account_id=account.pk)
    assert sync_item(owner_id=alice.pk, item_id=linked_item.pk, trigger="test").ran
    expect_figures(alice, compute_totals(ledger, today), recount_months(ledger))
