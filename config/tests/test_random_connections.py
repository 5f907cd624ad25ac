"""Connections start, fail and end at random; each payment that a connection has stored counts once."""

import csv
import random
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from banking import connections
from banking.models import Item, Transaction
from banking.tests.scripted_provider import ScriptedProvider
from banking.transactions import totals
from compliance.isolation import tenant
from config.tests.bank_simulation import ACCOUNTS, STEPS, Bank, Payment, sum_last_month
from conftest import make_signed_in_client
from insights.balances import account_totals

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2026-09-20T12:00:00Z") as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def _no_rate_limit(settings) -> None:
    """The test downloads more files than a user may in a minute."""
    settings.RATELIMIT_ENABLE = False


def download_csv(client: Client, **query: str) -> Counter[tuple[str, str, Decimal]]:
    """The lines of the CSV file: day, description and amount."""
    response = client.get(reverse("transactions-csv"), query)
    assert response.status_code == 200, response.headers
    lines = csv.DictReader(b"".join(response.streaming_content).decode().splitlines())
    return Counter((line["Date"], line["Description"], Decimal(line["Amount"])) for line in lines)


def list_expected_lines(payments: list[Payment]) -> Counter[tuple[str, str, Decimal]]:
    return Counter((str(payment.day), payment.name, payment.amount) for payment in payments)


def check_rows(alice: User, payments: list[Payment]) -> None:
    with tenant(alice.pk):
        rows = Transaction.objects.for_user(alice).current()
        assert Counter(row.name for row in rows) == Counter(payment.name for payment in payments)
        sums = totals.totals_by_currency(rows, owner_id=alice.pk)
    net = sum(total.net + total.uncounted_in - total.uncounted_out for total in sums)
    assert net == sum(payment.amount for payment in payments)


def check_accounts(alice: User, client: Client, payments: list[Payment]) -> None:
    """Each real account is listed once, and its CSV file has exactly its own payments."""
    with tenant(alice.pk):
        balance = account_totals.bank_balance(connections.list_connections(alice))
    assert balance is not None
    assert Counter(account.mask for account in balance.accounts) == Counter(account.mask for account in ACCOUNTS)
    ids = {account.mask: account.provider_id for account in ACCOUNTS}
    for account in balance.accounts:
        own = [payment for payment in payments if payment.account_id == ids[account.mask]]
        assert download_csv(client, account=str(account.pk)) == list_expected_lines(own)


def check_charts(client: Client, payments: list[Payment]) -> None:
    """The overview shows the income, the spending and the net of the payments."""
    income, spent = sum_last_month(payments, timezone.localdate())
    context = client.get(reverse("overview")).context
    (flow,) = context["flow"].totals
    assert {part.category: part.amount for part in context["spending"].categories} == spent
    assert (flow.income, flow.spending, context["spending"].total) == (income, *[sum(spent.values())] * 2)
    assert flow.net == income - sum(spent.values())


@pytest.mark.parametrize("seed", [7, 11, 72])
def test_it_counts_each_stored_payment_once(
    seed: int, alice: User, make_item: Callable[..., Item], provider: ScriptedProvider, clock: time_machine.Traveller
) -> None:
    bank = Bank(random.Random(seed), provider, clock)  # noqa: S311  (picks steps, hides nothing)
    bank.step("link", alice, make_item)
    for _ in range(14):
        bank.step(bank.random.choice(STEPS), alice, make_item)
        bank.refresh_logins()
        payments, client = bank.list_stored_payments(), make_signed_in_client(alice)
        check_rows(alice, payments)
        assert download_csv(client) == list_expected_lines(payments)
        if any(login.is_linked and login.sync_count for login in bank.logins):
            check_accounts(alice, client, payments)
            check_charts(client, payments)
