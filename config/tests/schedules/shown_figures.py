"""The figures that the site shows: from whole pages, or without their templates, which take half of the time of one."""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from accounts.models import User
from banking import connections
from banking.models import Transaction
from banking.retention.monthly_totals import MonthTotal, list_monthly_totals
from banking.transactions import csv_export, totals
from banking.transactions.listing.filters import TransactionFilter
from banking.transactions.totals import CurrencyTotal
from compliance.isolation import tenant
from config.tests.schedules.figures import Balances, Figures, Line, Sums
from conftest import make_signed_in_client
from insights.balances import history
from insights.overview import build_overview

HIDDEN = {"hidden": "yes"}


def read_figures(user: User) -> Figures:
    """Read what a user's pages show, without their templates."""
    lines, hidden = read_lines(user, {}), read_lines(user, HIDDEN)
    with tenant(user.pk):
        sums = totals.totals_by_currency(filter_transactions(user, {}), owner_id=user.pk)
        months = list_monthly_totals(owner_id=user.pk)
        overview = build_overview(user=user, items=connections.list_connections(user), days=history.days_in_range(""))
    return build_figures(lines, hidden, sums=sums, months=months, overview=overview)


def read_figures_from_pages(user: User) -> Figures:
    """Read the same from the pages and files that a browser gets."""
    client = make_signed_in_client(user)
    listed, months, overview = (client.get(reverse(name)).context for name in PAGES)
    lines, hidden = download_lines(client, {}), download_lines(client, HIDDEN)
    assert Counter(row.amount for row in listed["rows"]) == Counter(line.amount for line in lines.elements())
    return build_figures(lines, hidden, sums=listed["sums"], months=months["months"], overview=overview)


PAGES = ("transactions", "monthly_totals", "overview")


def build_figures(
    lines: Counter[Line],
    hidden: Counter[Line],
    *,
    sums: Sequence[CurrencyTotal],
    months: Sequence[MonthTotal],
    overview: Mapping[str, Any],
) -> Figures:
    flow, spending = overview["flow"], overview["spending"]
    assert {total.currency for total in [*sums, *months, *(flow.totals if flow else ())]} <= {"USD"}
    return Figures(
        lines=lines,
        hidden=hidden,
        sums=Sums(*(getattr(sums[0], name) for name in Sums._fields)) if sums else Sums(),
        months={
            (month.month, part.category): (part.money_in, part.money_out, part.count)
            for month in months
            for part in month.categories
        },
        income=flow.totals[0].income if flow else Decimal(0),
        spending={part.category: part.amount for part in spending.categories} if spending else {},
        balances=read_balances(overview),
    )


def filter_transactions(user: User, query: Mapping[str, str]) -> QuerySet[Transaction]:
    """The rows of the transaction list with this query string."""
    data = QueryDict(mutable=True)
    data.update(query)
    rows = Transaction.objects.for_user(user).filter(removed_at=None)
    return TransactionFilter(data, queryset=rows, request=SimpleNamespace(user=user)).qs


def read_lines(user: User, query: Mapping[str, str]) -> Counter[Line]:
    """The lines of the CSV file with this query string."""
    with tenant(user.pk):
        rows = filter_transactions(user, query).prefetch_related("account")
    return parse_lines(csv_export.csv_lines(owner_id=user.pk, rows=rows))


def download_lines(client: Client, query: Mapping[str, str]) -> Counter[Line]:
    response = client.get(reverse("transactions-csv"), query)
    return parse_lines(b"".join(response.streaming_content).decode().splitlines())


def parse_lines(text: Iterable[str]) -> Counter[Line]:
    """The lines without the columns after the tags, which repeat what the bank sends, and end with the row's id."""
    cells = [list(line.values())[: len(Line._fields)] for line in csv.DictReader(text)]
    return Counter(Line(*line)._replace(amount=Decimal(line[5])) for line in cells)


def read_balances(overview: Mapping[str, Any]) -> dict[str, Balances]:
    bank, cards = overview["balance"], overview["cards"]
    accounts = bank.accounts if bank else []
    shown = {str(account): Balances(account.current, account.available, account.limit) for account in accounts}
    return shown | {card.label: Balances(card.balance, None, card.limit) for card in (cards.cards if cards else [])}
