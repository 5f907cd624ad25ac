"""One account in the report of one month: its balance, payments and condition.

The first code of the payment grid is for the month of the balance date, each following one for the month before.
Codes: Experian's glossary of account conditions, and Metro 2 for the days past due.
"""

from datetime import date, timedelta

from sandbox.bureau.months import ReportMonth
from sandbox.bureau.personas.drafts import ACCOUNT_TYPES, Trade

LATE = {"1": "71", "2": "78", "3": "80", "4": "82", "5": "83", "6": "84"}
DEROGATORY = {"7": "67", "8": "96", "9": "67", "G": "93", "H": "94", "J": "95", "K": "96", "L": "97"}
BAD = LATE | DEROGATORY
SEVERITY = "".join(BAD)
NOT_A_STATUS = ("", "A1", "A2", "A3", "A4")
OPENED_BEFORE = timedelta(days=10)
PAID_BEFORE = timedelta(days=12)
LONG_GRID = 84


class CreditAccount:
    """A trade in the report of one month."""

    def __init__(self, trade: Trade, report_month: ReportMonth) -> None:
        self.trade = trade
        self.report_month = report_month
        self.type = ACCOUNT_TYPES[trade.kind]
        self.closed = trade.closed is not None and trade.closed <= report_month.number
        self.last = self._last_month()
        self.balance = trade.balance(self.last)
        self.grid = "".join(self.code(month) for month in range(self.last, trade.first - 1, -1))
        self.condition = self._condition()

    def code(self, month: int) -> str:
        """Return the grid's code for a month: a mark's, B for the month of the closing, else the one for current."""
        marks = (mark.code for mark in self.trade.marks if mark.covers(month, self.report_month.number))
        current = "B" if month == self.trade.closed else "C" if self.trade.balance(month) else "0"
        return next(marks, current)

    def date_of(self, month: int) -> date:
        """Return the day on which the account was reported in a month."""
        return self.report_month.statement(month, self.trade.reports_on)

    @property
    def open_date(self) -> date:
        """The day on which the account was opened, shortly before its first report."""
        return self.date_of(self.trade.opened) - OPENED_BEFORE

    @property
    def limit(self) -> int | None:
        """The credit limit, if the creditor reports one."""
        return self.trade.limit(self.last) if self.trade.limit else None

    @property
    def payment(self) -> int | None:
        """The monthly payment. Cards require three percent of the balance, but at least 25 dollars."""
        if self.closed or self.condition in DEROGATORY.values() or self.balance <= 0:
            return None
        if self.trade.payment:
            return min(self.trade.payment(self.last), self.balance)
        return min(self.balance, max(25, self.balance * 3 // 100))

    @property
    def past_due(self) -> int | None:
        """The amount past due."""
        now = self.grid[:1]
        if now in LATE:
            return min(self.balance, int(now) * (self.payment or 0))
        return self.balance if now in DEROGATORY and self.balance else None

    @property
    def status(self) -> str:
        """The account condition if it is derogatory, else the payment status."""
        if self.trade.status:
            return self.trade.status
        return self.payment_status if self.condition in NOT_A_STATUS else self.condition

    @property
    def payment_status(self) -> str:
        """The current payment status; for a current account, the worst one in its history."""
        if self.trade.payment_status:
            return self.trade.payment_status
        now = self.grid[:1]
        if now in BAD:
            return BAD[now]
        thirties = self.grid.count("1")
        if set(self.grid) & BAD.keys() - {"1"}:
            return "57" if self.closed else "37"
        if thirties:
            return f"{5 if self.closed else 3}{min(thirties, 6)}"
        return "12" if self.closed else "11"

    @property
    def since(self) -> int:
        """The month in which the current delinquency began; the latest month if there is none."""
        now = self.grid[:1]
        return self.last - (len(self.grid) - len(self.grid.lstrip(now)) - 1) if now in BAD else self.last

    @property
    def last_payment_date(self) -> date | None:
        """The day of the last payment: in the last current month with a balance."""
        for month in range(self.last, self.trade.first - 1, -1):
            if self.code(month) == "C" or (self.code(month) in "0B" and self.trade.balance(month - 1)):
                return self.date_of(month) - PAID_BEFORE
        return None

    def bad_months(self) -> list[int]:
        """List the months with a late or derogatory code, latest first."""
        return [self.last - place for place, code in enumerate(self.grid[:LONG_GRID]) if code in BAD]

    def worst_month(self) -> int | None:
        """Return the latest of the months with the worst code."""
        return max(self.bad_months(), key=lambda month: (SEVERITY.index(self.code(month)), month), default=None)

    def starts(self, month: int | None) -> date | None:
        """Return the first day of a month of the grid."""
        return None if month is None else self.date_of(month).replace(day=1)

    def _last_month(self) -> int:
        ends = self.trade.closed if self.trade.ends is None else self.trade.ends
        return self.report_month.number if ends is None else min(self.report_month.number, ends)

    def _condition(self) -> str:
        """Return the account condition; only an account that has ended has another one than A1."""
        ended = self.closed or self.trade.closed is None
        return self.trade.condition if self.trade.condition and ended else "A1"
