"""Retention with the sandbox's streams: purged rows stay away, totals stay right, and who keeps nothing has no text.

The sandbox is a program of its own that responds over HTTP. Its ledger says what the site's rows and totals should be.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from banking import connections
from banking.linking.exchange import finish_link
from banking.linking.sessions import LinkMetadata, open_link
from banking.models import Item, Transaction
from banking.retention.monthly_totals import list_monthly_totals
from banking.retention.purging import purge_transactions
from banking.retention.transaction_rule import RULE
from banking.sync import sync_item
from banking.tests.factories import update_item
from banking.tests.sandbox_process import Sandbox
from compliance.isolation import tenant
from compliance.retention.choosing import choose_period
from compliance.retention.rules import EVERYTHING
from config.tests.independent_totals import (
    Ledger,
    compute_totals,
    expected_rows,
    find_transfers,
    is_transfer,
    money,
    primary_category,
    transaction_day,
)
from conftest import connect_as_role
from insights.overview import build_overview

pytestmark = pytest.mark.django_db(transaction=True)

PERSONAS = ("user_living", "user_good", "user_messy", "user_transactions_dynamic")
# Shorter texts may occur in other columns by chance.
MIN_TEXT = 6

MonthKey = tuple[date, str]


@pytest.fixture
def bank(sandbox: Sandbox, settings) -> Iterator[Sandbox]:
    """The sandbox as the site's provider."""
    settings.PLAID_URL = sandbox.url
    settings.PLAID_CLIENT_ID, settings.PLAID_SECRET = sandbox.client_id, sandbox.secret
    settings.PLAID_WEBHOOK_URL = ""
    return sandbox


@pytest.fixture
def link(alice: User, bank: Sandbox) -> Callable[[str], Item]:
    """A function that links a bank of Alice's with a persona, and does not sync it."""

    def link_persona(persona: str) -> Item:
        opened = open_link(user=alice)
        return finish_link(
            user=alice,
            session_id=opened.session.pk,
            public_token=bank.complete_link(opened.token.value, username=persona),
            metadata=LinkMetadata("ins_109508", "First Platypus Bank", frozenset()),
        )

    return link_persona


def sync(item: Item) -> None:
    outcome = sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="test")
    assert outcome.ran
    with tenant(item.owner_id):
        item.refresh_from_db()
    assert item.readiness == "historical"


def get_ledger(bank: Sandbox, item: Item) -> Ledger:
    return bank.admin(f"ledger/{item.provider_item_id}", method="GET")


def list_rows(user: User) -> set[tuple[str, Decimal, date, bool]]:
    with tenant(user.pk):
        rows = Transaction.objects.for_user(user).filter(removed_at=None)
        return set(rows.values_list("provider_id", "amount", "day", "pending"))


def purge(user: User, before: date, limit: int) -> None:
    while purge_transactions(owner_id=user.pk, before=before, limit=limit):
        pass


def list_months(user: User) -> dict[MonthKey, tuple[Decimal, Decimal, int]]:
    """The totals of each month and category, from rows and totals together."""
    with tenant(user.pk):
        return {
            (month.month, total.category): (total.money_in, total.money_out, total.count)
            for month in list_monthly_totals(owner_id=user.pk)
            for total in month.categories
        }


def recount_months(ledger: Ledger) -> dict[MonthKey, tuple[Decimal, Decimal, int]]:
    """The same, added up from the bank's ledger without the site's code."""
    sums: dict[MonthKey, list[Any]] = defaultdict(lambda: [Decimal(0), Decimal(0), 0])
    kinds = {account["account_id"]: account["type"] for account in ledger["accounts"]}
    transfers = find_transfers(ledger)
    for line in ledger["transactions"]:
        if kinds[line["account_id"]] not in ("depository", "credit") or is_transfer(line, transfers):
            continue
        amount = -money(line["amount"])
        totals = sums[transaction_day(line).replace(day=1), primary_category(line["category"])]
        totals[0] += max(amount, Decimal(0))
        totals[1] += max(-amount, Decimal(0))
        totals[2] += 1
    return {key: tuple(totals) for key, totals in sums.items()}


def describe_overview(user: User) -> dict[str, object]:
    """The figures of the overview that come from transactions."""
    with tenant(user.pk):
        page = build_overview(user=user, items=connections.list_connections(user), days=30)
    flow, spending = page["flow"], page["spending"]
    return {
        "flow": flow and flow.totals,
        "spending": spending
        and (spending.currency, spending.total, [(c.category, c.amount) for c in spending.categories]),
    }


# --- Purged rows ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("persona", PERSONAS)
def test_it_keeps_purged_rows_away_from_an_empty_cursor_and_the_months_as_they_were(
    alice: User, bank: Sandbox, link: Callable[[str], Item], persona: str
) -> None:
    item = link(persona)
    sync(item)
    ledger = get_ledger(bank, item)
    months, overview = list_months(alice), describe_overview(alice)
    assert list_rows(alice) == expected_rows(ledger)
    cutoff = timezone.localdate() - timedelta(days=90)
    choose_period(user=alice, rule=RULE, days=90, at_once=True)
    purge(alice, cutoff, limit=37)
    kept = list_rows(alice)
    # The legs of a transfer stay together.
    assert {row for row in kept if row[2] < cutoff - timedelta(days=4) and not row[3]} == set()
    assert {row for row in expected_rows(ledger) if row[2] >= cutoff} <= kept
    for _ in range(2):
        update_item(item, cursor="")
        sync(item)
        assert list_rows(alice) == kept
        assert list_months(alice) == months
        purge(alice, cutoff, limit=1000)
    assert describe_overview(alice) == overview


def test_it_has_the_months_of_the_ledger(alice: User, bank: Sandbox, link: Callable[[str], Item]) -> None:
    item = link("user_living")
    sync(item)
    months = recount_months(get_ledger(bank, item))
    assert list_months(alice) == months
    choose_period(user=alice, rule=RULE, days=30, at_once=True)
    purge(alice, timezone.localdate() - timedelta(days=30), limit=500)
    assert list_months(alice) == months


# --- Nothing kept -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("persona", PERSONAS)
def test_it_shows_the_same_figures_with_rows_and_without(
    alice: User, bank: Sandbox, link: Callable[[str], Item], persona: str
) -> None:
    item = link(persona)
    sync(item)
    months, overview = list_months(alice), describe_overview(alice)
    choose_period(user=alice, rule=RULE, days=0, at_once=True)
    purge(alice, EVERYTHING, limit=100)
    assert list_rows(alice) == set()
    assert (list_months(alice), describe_overview(alice)) == (months, overview)
    # From now on, the totals are those of the stream alone.
    sync(item)
    assert list_rows(alice) == set()
    assert (list_months(alice), describe_overview(alice)) == (months, overview)
    choose_period(user=alice, rule=RULE, days=None)
    sync(item)
    assert list_rows(alice) == expected_rows(get_ledger(bank, item))
    assert (list_months(alice), describe_overview(alice)) == (months, overview)


def test_it_has_the_cash_flow_of_the_ledger_without_rows(
    alice: User, bank: Sandbox, link: Callable[[str], Item]
) -> None:
    choose_period(user=alice, rule=RULE, days=0)
    item = link("user_living")
    sync(item)
    totals = compute_totals(get_ledger(bank, item), timezone.localdate())
    with tenant(alice.pk):
        page = build_overview(user=alice, items=connections.list_connections(alice), days=30)
    (flow,) = page["flow"].totals
    assert (flow.income, flow.spending, flow.net) == (totals.income, totals.spending, totals.net)
    assert totals.spent == {part.category: part.amount for part in page["spending"].categories}


def dump_database() -> dict[str, str]:
    """The content of every table, as ``pg_dump`` copies it."""
    with connect_as_role("ops") as operator:
        tables = [
            name
            for (name,) in operator.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        ]
        dump = {}
        for table in tables:
            with operator.cursor().copy(f'COPY "{table}" TO STDOUT') as copy:
                dump[table] = b"".join(copy).decode()
    return dump


def list_texts(ledger: Ledger) -> set[str]:
    """The ids, names and merchants of a ledger's transactions."""
    names = ("transaction_id", "pending_transaction_id", "name", "merchant_name", "original_description")
    texts = {str(line.get(name) or "") for line in ledger["transactions"] for name in names}
    return {text for text in texts if len(text) >= MIN_TEXT}


def find_texts(texts: set[str]) -> set[tuple[str, str]]:
    """The texts that a dump contains, with their tables."""
    return {(table, text) for table, content in dump_database().items() for text in texts if text in content}


def test_it_leaves_no_text_of_a_transaction_in_a_dump(alice: User, bank: Sandbox, link: Callable[[str], Item]) -> None:
    choose_period(user=alice, rule=RULE, days=0)
    item = link("user_living")
    for _ in range(2):
        sync(item)
    texts = list_texts(get_ledger(bank, item))
    assert len(texts) > 1000
    assert find_texts(texts) == set()


def test_it_finds_the_texts_of_kept_transactions_in_a_dump(
    alice: User, bank: Sandbox, link: Callable[[str], Item]
) -> None:
    item = link("user_living")
    sync(item)
    texts = list_texts(get_ledger(bank, item))
    tables = {table for table, _ in find_texts(set(sorted(texts)[:50]))}
    assert tables == {"banking_transaction"}
    assert {model._meta.db_table for model in apps.get_models() if model._meta.managed} <= dump_database().keys()


def test_it_says_on_the_page_that_the_list_stays_empty(
    as_alice: Client, alice: User, link: Callable[[str], Item]
) -> None:
    choose_period(user=alice, rule=RULE, days=0)
    sync(link("user_good"))
    page = as_alice.get(reverse("transactions")).content.decode()
    assert "You chose not to keep your transactions" in page
    months = as_alice.get(reverse("monthly_totals")).content.decode()
    assert "by category" in months
