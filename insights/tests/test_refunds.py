"""The overview for random months with refunds, compared with figures that are computed from the rows alone."""

import random
import re
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from html import unescape
from typing import NamedTuple

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts.models import User
from banking.models import Account, Item, Transaction
from banking.tests.factories import build_transaction, make_account, make_transactions, mark_synced
from banking.transactions.categories import get_category
from compliance.isolation import tenant
from formats.money import money
from ui.tests.page_text import strip_tags

pytestmark = pytest.mark.django_db

AMOUNTS = ("0.001", "0.01", "5", "5", "12.34", "100", "100", "2500")
KINDS = ("FOOD_AND_DRINK", "FOOD_AND_DRINK", "TRAVEL", "GENERAL_MERCHANDISE", "INCOME", "", "TRANSFER_OUT")
ROW = re.compile(
    r'<li class="bars__row">.*?<a href="([^"]*)">([^<]*)</a>\s*<span class="num">([^<]*)</span>'
    r'<span class="bars__share">([^<]*)</span>',
    re.DOTALL,
)


class Month(NamedTuple):
    """The expected figures of one currency. ``has_spending`` is true for any spending, refunded or not."""

    income: Decimal
    by_category: dict[str, Decimal]
    has_spending: bool

    @property
    def spending(self) -> Decimal:
        return sum(self.by_category.values(), Decimal(0))

    @property
    def net(self) -> Decimal:
        return self.income - self.spending


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with time_machine.travel("2026-11-22T12:00:00Z", tick=False):
        yield


@pytest.fixture
def accounts(item: Item) -> list[Account]:
    """Alice's accounts in two currencies."""
    mark_synced(item)
    return [make_account(item, currency=currency, current=Decimal(3000)) for currency in ("USD", "EUR")]


def build_random_transactions(rng: random.Random, accounts: list[Account]) -> list[Transaction]:
    """Build one to nine random transactions, most of them in USD, with a random share of refunds."""
    refunds = rng.choice([0.2, 0.5, 0.8, 1])
    return [
        build_transaction(
            accounts[rng.random() < 0.2],
            ("" if rng.random() < refunds else "-") + rng.choice(AMOUNTS),
            category=rng.choice(KINDS),
            pending=rng.random() < 0.2,
            name=f"SHOP {number}",
        )
        for number in range(rng.randint(1, 9))
    ]


def compute_month(rows: list[Transaction], currency: str) -> Month:
    income, spent, has_spending = Decimal(0), defaultdict[str, Decimal](Decimal), False
    for row in rows:
        if row.currency != currency or row.category == "TRANSFER_OUT":
            continue
        if row.category == "INCOME" or (not row.category and row.amount > 0):
            income += row.amount
        else:
            spent[row.category] -= row.amount
            has_spending = True
    return Month(income, {code: amount for code, amount in spent.items() if amount}, has_spending)


def check_flow(card: str, month: Month, currency: str) -> None:
    """Check the texts of the cash flow card for one currency."""
    spent = money(abs(month.spending), currency)
    assert (f"Net refunds {spent} Refunds were" if month.spending < 0 else f"Spending {spent} Excludes") in card
    income = money(abs(month.income), currency)
    assert (f"Income reversed {income} Reversals" if month.income < 0 else f"Income {income} Excludes") in card
    if month.net < 0:
        runway_months = round(Decimal(3000) / -month.net)
        runway_text = (
            "More than 10 years"
            if runway_months > 120
            else f"About {runway_months} month{'s' if runway_months > 1 else ''}"
        )
        assert f"Spending was higher than income Runway {runway_text} At this pace" in card
    elif month.spending < 0:
        assert "Income was at least as high as spending Runway Not available" in card
    else:
        assert "Income was at least as high as spending Runway Break-even or better" in card


def check_spending(html: str, months: dict[str, Month]) -> list[tuple[str, str, Decimal]]:
    """Check that the spending card shows one currency with the expected categories, shares and texts."""
    text, rows = strip_tags(html), ROW.findall(html)
    assert "−" not in text
    texts_by_name = {unescape(name): (unescape(amount), share) for _, name, amount, share in rows}
    currencies = [
        currency
        for currency, month in months.items()
        if {get_category(code).label: money(abs(amount), currency) for code, amount in month.by_category.items()}
        == {name: amount for name, (amount, _) in texts_by_name.items()}
    ]
    assert currencies
    if not rows:
        # No net spending in any currency: there was none, or all of it was refunded.
        assert not any(month.by_category for month in months.values())
        has_spending = any(month.has_spending for month in months.values())
        assert ("Refunds equaled spending" in text, "No spending from" in text) == (has_spending, not has_spending)
        return []
    currency = currencies[0]
    month = months[currency]
    for code, amount in month.by_category.items():
        share = unescape(texts_by_name[get_category(code).label][1])
        assert share == "refunded" if amount < 0 else share == "<1%" or 1 <= int(share.removesuffix("%")) <= 100
    positive_amounts = [amount for amount in month.by_category.values() if amount > 0]
    shares = [int(share[:-1]) for _, share in texts_by_name.values() if share[:-1].isdigit()]
    assert sum(shares) == (100 if positive_amounts else 0)
    assert ("net refunds" in text) is (month.spending < 0)
    assert "No spending from" not in text
    total = money(abs(month.spending), currency)
    assert total in text
    links = {unescape(name): unescape(url) for url, name, _, _ in rows}
    return [(currency, links[get_category(code).label], amount) for code, amount in month.by_category.items()]


def check_list(client: Client, currency: str, url: str, amount: Decimal) -> None:
    """Check that the transactions that a category links to add up to its amount."""
    sums = {total.currency: total.net for total in client.get(url).context["sums"]}
    assert sums[currency] == -amount


@pytest.mark.parametrize("seed", range(6))
def test_it_shows_refunds_of_random_months_correctly(
    seed: int, alice: User, as_alice: Client, accounts: list[Account]
) -> None:
    rng = random.Random(seed)  # noqa: S311  (picks rows, hides nothing)
    for _ in range(8):
        with tenant(alice.pk):
            Transaction.objects.for_user(alice).delete()
        rows = build_random_transactions(rng, accounts)
        for account in accounts:
            make_transactions(account, [row for row in rows if row.account == account])
        counted = [row for row in rows if row.category != "TRANSFER_OUT"]
        months = {
            currency_code: compute_month(counted, currency_code)
            for currency_code in sorted({row.currency for row in counted})
        }
        page = as_alice.get(reverse("overview")).content.decode()
        assert "Not burning" not in page
        if not months:
            continue
        flow, rest = page.split("Cash flow, last 30 days", 1)[1].split("Spending by category", 1)
        for currency, month in months.items():
            check_flow(strip_tags(flow), month, currency)
        for linked in check_spending(rest.split("Latest transactions", 1)[0], months)[:2]:
            check_list(as_alice, *linked)
