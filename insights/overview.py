"""The data of the overview page, from at most six queries."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils import timezone

from accounts.models import User
from banking.models import Item
from banking.transactions.listing import querystrings, transaction_list
from insights import charts
from insights.balances import account_totals, data_age, history
from insights.balances.account_totals import BankBalance
from insights.balances.data_age import Age
from insights.cash_flow.sums import CashFlow, Window, add_up_by_currency, runway_months, sum_transactions
from ui.links import page_url

RECENT_COUNT = 10


@dataclass(frozen=True, slots=True)
class CashFlowTotal:
    """The month in one currency. ``spending`` and ``income`` are negative if refunds or reversals were higher."""

    currency: str
    income: Decimal
    spending: Decimal
    net: Decimal
    runway_months: Decimal | None
    chart: charts.LineChart

    @property
    def net_refunds(self) -> Decimal:
        """By how much refunds are higher than spending; negative in most months."""
        return -self.spending

    @property
    def income_reversed(self) -> Decimal:
        """By how much reversals are higher than income; negative in most months."""
        return -self.income


@dataclass(frozen=True, slots=True)
class CashFlowSummary:
    """Income, spending and runway of the window."""

    since: date
    until: date
    totals: list[CashFlowTotal]
    age: Age


@dataclass(frozen=True, slots=True)
class CategorySpending:
    """The spending of one category, its bar, and the URL of its transactions."""

    category: str
    url: str
    amount: Decimal
    bar: charts.Bar


@dataclass(frozen=True, slots=True)
class Spending:
    """Spending by category in one currency, largest first; categories with higher refunds are last and negative."""

    since: date
    until: date
    currency: str
    total: Decimal
    categories: list[CategorySpending]
    age: Age
    is_even: bool = False
    """Whether something was spent, and refunds equal spending in every category."""

    @property
    def total_spent(self) -> Decimal:
        """The total of categories with more spending than refunds; the shares are parts of it."""
        return sum((part.amount for part in self.categories if part.amount > 0), Decimal(0))

    @property
    def total_refunded(self) -> Decimal:
        """The net refunds of the other categories."""
        return self.total_spent - self.total


def build_overview(*, user: User, items: list[Item], days: int) -> dict[str, object]:
    """Collect the page's data; ``items`` come with their accounts, ``days`` is the length of the chart."""
    today = timezone.localdate()
    window = Window.ending(today)
    accounts = account_totals.list_cash_flow_accounts(items)
    flows = (
        add_up_by_currency(
            sum_transactions(user=user, window=window, accounts=account_totals.list_row_account_ids(accounts))
        )
        if accounts
        else {}
    )
    bank = account_totals.bank_balance(items)
    age = data_age.data_age(items)
    return {
        "today": today,
        "importing": next((item for item in items if item.state == "loading"), None),
        "balance": bank,
        "history": history.bank_balance_history(user=user, items=items, days=days),
        "cards": account_totals.cards(items),
        "flow": cash_flow(window=window, flows=flows, bank=bank, age=age),
        "spending": spending(window=window, flows=flows, age=age),
        "recent": transaction_list.recent_transactions(owner_id=user.pk, limit=RECENT_COUNT),
    }


def cash_flow(
    *, window: Window, flows: dict[str, CashFlow], bank: BankBalance | None, age: Age
) -> CashFlowSummary | None:
    """Return income, spending and runway of the last 30 days."""
    if not flows:
        return None
    liquid = {total.currency: total.amount for total in bank.totals} if bank else {}
    totals = [
        CashFlowTotal(
            currency=flow.currency,
            income=flow.income,
            spending=flow.spending,
            net=flow.net,
            runway_months=runway_months(liquid=liquid.get(flow.currency), net=flow.net),
            chart=charts.draw_line([charts.Point(day, net) for day, net in flow.running_net(window)]),
        )
        for flow in flows.values()
    ]
    return CashFlowSummary(since=window.since, until=window.until, totals=totals, age=age)


def spending(*, window: Window, flows: dict[str, CashFlow], age: Age) -> Spending | None:
    """Return the spending by category in the most used currency. A category with higher refunds is negative."""
    if not flows:
        return None
    flow = max(flows.values(), key=lambda flow: (any(flow.by_category.values()), bool(flow.by_category)))
    spent = sorted(((amount, code) for code, amount in flow.by_category.items() if amount), reverse=True)
    bars = charts.draw_bars([amount for amount, _ in spent])
    listed_at = page_url("transactions")
    return Spending(
        since=window.since,
        until=window.until,
        currency=flow.currency,
        total=flow.spending,
        categories=[
            CategorySpending(
                category=code,
                url=listed_at + querystrings.spending_filter(code, since=window.since, until=window.ahead),
                amount=amount,
                bar=bar,
            )
            for (amount, code), bar in zip(spent, bars, strict=True)
        ],
        age=age,
        is_even=bool(flow.by_category) and not spent,
    )
