"""Rows that are stored twice appear once: in the list, its sums, its CSV file, the overview, and the monthly totals."""

import csv
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from banking.models import Item, Transaction, Transfer
from banking.provider import TransactionRow
from banking.tests.scripted_provider import CHECKING, ScriptedProvider, transaction_row, transactions_page
from banking.tests.sync_runs import run_sync
from banking.transactions.transfer_edits import join_transactions
from compliance.isolation import tenant
from config.tests.duplicate_connection import SAVINGS, TODAY, clock, copy_with_new_id, make_rows, second_item, sync_with

__all__ = ["clock", "second_item", "sync_with"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("clock")]

YESTERDAY = {"date": TODAY - timedelta(days=1), "authorized_date": TODAY - timedelta(days=1)}


class Figures(NamedTuple):
    """What every page says of a history: the number of rows in list and file, and the same spending everywhere."""

    rows: int
    spending: Decimal
    days: set[tuple[str, Decimal]]


def read_figures(client: Client) -> Figures:
    """Read all pages, and check that they agree."""
    listed = client.get(reverse("transactions") + "?size=100").context
    lines = csv.DictReader(
        line.decode()
        for line in client.get(reverse("transactions-csv")).streaming_content  # type: ignore[attr-defined]
    )
    cells = [(line["Date"], Decimal(line["Amount"])) for line in lines]
    (sums,), (flow,) = listed["sums"], client.get(reverse("overview")).context["flow"].totals
    months = client.get(reverse("monthly_totals")).context["months"]
    assert len(cells) == listed["count"] == sums.count
    assert sums.money_out == flow.spending == sum(month.money_out for month in months)
    assert sum(amount for _, amount in cells) == sums.net - sums.uncounted_out + sums.uncounted_in
    return Figures(len(cells), sums.money_out, set(cells))


def test_it_shows_a_posted_payment_once_however_late_the_pending_one_is_removed(
    as_alice: Client, item: Item, provider: ScriptedProvider
) -> None:
    """The amount changes when it is posted, as with a tip."""
    provider.pages = [
        transactions_page(added=[transaction_row("pending", "-50", pending=True, **YESTERDAY)], cursor="c1"),
        transactions_page(added=[transaction_row("posted", "-60", pending_id="pending", **YESTERDAY)], cursor="c2"),
        transactions_page(removed=["pending"], cursor="c3"),
    ]
    for spending in (50, 60, 60):
        run_sync(item)
        assert read_figures(as_alice)[:2] == (1, spending)


def make_transfer(suffix: str = "") -> list[TransactionRow]:
    """A transfer that looks like spending and income, for the user to join."""
    return [
        transaction_row("left" + suffix, "-500", account_id=CHECKING.provider_id + suffix, **YESTERDAY),
        transaction_row("arrived" + suffix, "500", account_id=SAVINGS.provider_id + suffix, **YESTERDAY),
    ]


def test_it_shows_one_history_while_two_connections_of_a_bank_are_synced(
    as_alice: Client, alice: User, item: Item, second_item: Item, sync_with: Callable[..., None]
) -> None:
    """What the user joined stays joined under the new ids, and when the old ones count again."""

    def list_transfers() -> list[tuple[str, ...]]:
        with tenant(alice.pk):
            return [
                tuple(Transaction.objects.get(pk=leg).provider_id for leg in (pair.money_out, pair.money_in))
                for pair in Transfer.objects.all()
            ]

    accounts = [CHECKING, SAVINGS]
    sync_with(item, accounts, [*make_rows(CHECKING, 20), *make_transfer()])
    with tenant(alice.pk):
        left, arrived = (Transaction.objects.get(provider_id=name) for name in ("left", "arrived"))
        join_transactions(user=alice, transaction_id=left.pk, other_id=arrived.pk)
    before = read_figures(as_alice)
    assert before.spending == sum(range(1, 21))

    new = [copy_with_new_id(account) for account in accounts]
    sync_with(second_item, new, [*make_rows(new[0], 20), *make_transfer("-new")])
    assert read_figures(as_alice) == before
    assert list_transfers() == [("left-new", "arrived-new")]
    # The old connection is still synced, and delivers what the new one has, too.
    late = {**YESTERDAY, "name": "LATE"}
    sync_with(item, accounts, [transaction_row("late", "-7", **late)], cursor="c2")
    assert read_figures(as_alice) == before
    sync_with(second_item, new, [transaction_row("late-new", "-7", account_id=new[0].provider_id, **late)], cursor="c2")
    after = read_figures(as_alice)
    assert (after.rows, after.spending) == (before.rows + 1, before.spending + 7)
    assert list_transfers() == [("left-new", "arrived-new")]

    response = as_alice.post(reverse("disconnect", args=[second_item.pk]), {"history": "delete"})
    assert response.status_code == 302
    assert read_figures(as_alice) == after
    assert list_transfers() == [("left", "arrived")]
