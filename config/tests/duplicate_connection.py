"""Fixtures for a bank that is connected twice, and the totals that Alice sees."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from accounts.models import User
from banking import connections
from banking.models import Connection, Item
from banking.provider import AccountRow, TransactionRow
from banking.tests.scripted_provider import CHECKING, ScriptedProvider, transaction_row, transactions_page
from banking.tests.sync_runs import run_sync
from compliance.isolation import tenant
from insights.balances import account_totals
from insights.cash_flow.sums import Window, sum_transactions

TODAY = date(2026, 11, 20)
SAVINGS = CHECKING._replace(provider_id="acc-savings", name="Savings", mask="1111", subtype="savings")


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2026-11-20T12:00:00Z") as traveller:
        yield traveller


def copy_with_new_id(row: AccountRow, suffix: str = "-new", **changes: object) -> AccountRow:
    """The same account as another connection lists it, under another id."""
    return row._replace(provider_id=row.provider_id + suffix, **changes)


def make_rows(
    account: AccountRow, days: int, *, first: int = 0, prefix: str = "", step: str = "1.00"
) -> list[TransactionRow]:
    """One transaction a day, each with a different amount; the latest is ``first`` days ago."""
    return [
        transaction_row(
            f"{prefix}{account.provider_id}-{ago}",
            str(-Decimal(ago + 1) * Decimal(step)),
            account_id=account.provider_id,
            date=TODAY - timedelta(days=ago),
            authorized_date=TODAY - timedelta(days=ago),
            name=f"SHOP {ago}",
        )
        for ago in range(first, first + days)
    ]


@pytest.fixture
def sync_with(provider: ScriptedProvider) -> Callable[..., None]:
    """Sync an Item from a bank that lists the given accounts and new transactions."""

    def sync(item: Item, accounts: list[AccountRow], added: list[TransactionRow] = (), *, cursor: str = "c1") -> None:  # type: ignore[assignment]
        provider.listed_accounts = accounts
        provider.pages = [transactions_page(added=added, cursor=cursor)]
        run_sync(item)

    return sync


@pytest.fixture
def second_item(make_item: Callable[..., Item], alice: User) -> Item:
    """Alice's second connection to the same bank."""
    return make_item(alice, provider_item_id="item-again", connected_at=timezone.now() + timedelta(seconds=1))


def revoke(item: Item) -> None:
    with tenant(item.owner_id):
        Item.objects.filter(pk=item.pk).update(connection=Connection.REVOKED)


def get_bank_balance(user: User) -> Decimal:
    with tenant(user.pk):
        balance = account_totals.bank_balance(connections.list_connections(user))
    assert balance is not None
    return balance.totals[0].amount


def get_total_spending(user: User) -> Decimal:
    with tenant(user.pk):
        items = connections.list_connections(user)
        ids = account_totals.list_row_account_ids(account_totals.list_shown_accounts(items))
        return sum(
            (m.money_out for m in sum_transactions(user=user, window=Window.ending(TODAY), accounts=ids)), Decimal(0)
        )
