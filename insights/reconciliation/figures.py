"""Whether the figures of the overview equal what they are made of."""

from collections.abc import Iterator
from decimal import Decimal
from uuid import UUID

from django.db.models import Sum
from django.utils import timezone

from accounts.models import User
from banking.models import Item, Transaction, TransactionTotal
from banking.transactions.cash_flow import is_in_cash_flow
from insights.balances import account_totals, history
from insights.cash_flow.sums import Window, add_up_by_currency, sum_transactions
from insights.models import FigureCheck
from insights.reconciliation.results import CheckResult


def check_cash_flow(*, owner_id: UUID, items: list[Item]) -> Iterator[CheckResult]:
    """Compare the month's income and spending by category with the sum of the transactions that the list shows."""
    window = Window.ending(timezone.localdate())
    accounts = account_totals.list_cash_flow_accounts(items)
    ids = account_totals.list_row_account_ids(accounts)
    if not ids:
        return
    daily_totals = sum_transactions(user=User(pk=owner_id), window=window, accounts=ids)
    counted = add_up_rows(owner_id=owner_id, account_ids=ids, window=window)
    for currency, flow in add_up_by_currency(daily_totals).items():
        yield CheckResult(
            FigureCheck.Kind.CASH_FLOW,
            None,
            currency,
            window.since,
            window.until,
            expected=counted.pop(currency, Decimal(0)),
            actual=flow.net,
        )
    for currency, total in counted.items():
        yield CheckResult(
            FigureCheck.Kind.CASH_FLOW, None, currency, window.since, window.until, expected=total, actual=Decimal(0)
        )


def add_up_rows(*, owner_id: UUID, account_ids: list[UUID], window: Window) -> dict[str, Decimal]:
    """Add up, per currency, the transactions of the list and the totals of those that are not kept."""
    rows = Transaction.objects.current().filter(
        is_in_cash_flow(owner_id), owner=owner_id, account__in=account_ids, day__range=(window.since, window.ahead)
    )
    sums = dict(rows.values_list("currency").annotate(total=Sum("amount")))
    kept = TransactionTotal.objects.filter(
        owner=owner_id, account__in=account_ids, period="day", starts_on__range=(window.since, window.ahead)
    ).values_list("currency", "money_in", "money_out")
    for currency, money_in, money_out in kept:
        sums[currency] = sums.get(currency, Decimal(0)) + money_in - money_out
    return sums


def check_chart(*, owner_id: UUID, items: list[Item]) -> Iterator[CheckResult]:
    """Compare the last point of the balance chart with the balance that is shown beside it."""
    bank = account_totals.bank_balance(items)
    drawn = history.bank_balance_history(user=User(pk=owner_id), items=items, days=history.days_in_range(""))
    if bank is None or drawn is None:
        return
    total = next(total for total in bank.totals if total.currency == drawn.currency)
    last = drawn.chart.facts.last
    # The chart repeats the last known balance of an account whose balance is not reported any more.
    if total.amount is not None and not total.unstated:
        yield CheckResult(
            FigureCheck.Kind.CHART, None, drawn.currency, last.day, last.day, expected=total.amount, actual=last.value
        )
