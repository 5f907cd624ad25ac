"""Connections start, fail and end at random, and each payment that one of them has stored counts once."""

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
from insights.balances import account_totals

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2026-09-20T12:00:00Z") as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def _as_often_as_it_takes(settings) -> None:
    """More files than a person may ask for in a minute are read here."""
    settings.RATELIMIT_ENABLE = False


def signed_in(user: User) -> Client:
    """A browser of today: a session that is days old has ended."""
    client = Client()
    client.force_login(user)
    return client


def file_of(client: Client, **asked: str) -> Counter[tuple[str, str, Decimal]]:
    """The lines of the CSV file: day, words and amount."""
    answer = client.get(reverse("transactions-csv"), asked)
    assert answer.status_code == 200, answer.headers
    lines = csv.DictReader(b"".join(answer.streaming_content).decode().splitlines())
    return Counter((line["Date"], line["Description"], Decimal(line["Amount"])) for line in lines)


def lines_of(known: list[Payment]) -> Counter[tuple[str, str, Decimal]]:
    return Counter((str(each.day), each.name, each.amount) for each in known)


def check_rows(alice: User, known: list[Payment]) -> None:
    with tenant(alice.pk):
        rows = Transaction.objects.for_user(alice).current()
        assert Counter(each.name for each in rows) == Counter(each.name for each in known)
        sums = totals.totals_by_currency(rows, owner_id=alice.pk)
    net = sum(total.net + total.uncounted_in - total.uncounted_out for total in sums)
    assert net == sum(each.amount for each in known)


def check_accounts(alice: User, client: Client, known: list[Payment]) -> None:
    """Each real account is there once, and its file holds its own payments."""
    with tenant(alice.pk):
        found = account_totals.bank_balance(connections.list_connections(alice))
    assert found is not None
    assert Counter(each.mask for each in found.accounts) == Counter(each.mask for each in ACCOUNTS)
    ids = {each.mask: each.provider_id for each in ACCOUNTS}
    for account in found.accounts:
        own = [each for each in known if each.account_id == ids[account.mask]]
        assert file_of(client, account=str(account.pk)) == lines_of(own)


def check_charts(client: Client, known: list[Payment]) -> None:
    """The overview's income, spending and what is left of both."""
    income, spent = sum_last_month(known, timezone.localdate())
    shown = client.get(reverse("overview")).context
    (flow,) = shown["flow"].totals
    assert {part.category: part.amount for part in shown["spending"].categories} == spent
    assert (flow.income, flow.spending, shown["spending"].total) == (income, *[sum(spent.values())] * 2)
    assert flow.net == income - sum(spent.values())


@pytest.mark.parametrize("seed", [7, 11, 72])
def test_it_counts_each_payment_once_that_a_connection_still_knows(
    seed: int, alice: User, make_item: Callable[..., Item], provider: ScriptedProvider, clock: time_machine.Traveller
) -> None:
    bank = Bank(random.Random(seed), provider, clock)  # noqa: S311  (picks steps, hides nothing)
    bank.step("link", alice, make_item)
    for _ in range(14):
        bank.step(bank.chance.choice(STEPS), alice, make_item)
        bank.refresh_logins()
        known, client = bank.known_payments(), signed_in(alice)
        check_rows(alice, known)
        assert file_of(client) == lines_of(known)
        if any(login.is_linked and login.readings for login in bank.logins):
            check_accounts(alice, client, known)
            check_charts(client, known)
