"""One account as it stands on one page: what is owed, how it was paid, how it ended.

The payment grid is read from the left: its first letter is the month of the balance date, each letter after it one
month earlier. Codes: Experian's glossary of account conditions, and Metro 2 for the days past due.
"""

from datetime import date, timedelta

from sandbox.bureau.months import StoryMonth
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
    """A trade as it stands on one page."""

    def __init__(self, trade: Trade, page: StoryMonth) -> None:
        self.trade = trade
        self.page = page
        self.type = ACCOUNT_TYPES[trade.kind]
        self.closed = trade.closed is not None and trade.closed <= page.number
        self.last = self._last_month()
        self.balance = trade.balance(self.last)
        self.grid = "".join(self.code(month) for month in range(self.last, trade.first - 1, -1))
        self.condition = self._condition()

    def code(self, month: int) -> str:
        """The grid's letter for a month: what is marked, B for the month of the closing, else current."""
        marks = (mark.code for mark in self.trade.marks if mark.covers(month, self.page.number))
        current = "B" if month == self.trade.closed else "C" if self.trade.balance(month) else "0"
        return next(marks, current)

    def date_of(self, month: int) -> date:
        """When the account reported in a month."""
        return self.page.statement(month, self.trade.reports_on)

    @property
    def open_date(self) -> date:
        """When the person got the account: a little before its first month ended."""
        return self.date_of(self.trade.opened) - OPENED_BEFORE

    @property
    def limit(self) -> int | None:
        """The credit limit, if the creditor reports one."""
        return self.trade.limit(self.last) if self.trade.limit else None

    @property
    def payment(self) -> int | None:
        """What is due each month. Cards ask for three percent, but at least 25 dollars."""
        if self.closed or self.condition in DEROGATORY.values() or self.balance <= 0:
            return None
        if self.trade.payment:
            return min(self.trade.payment(self.last), self.balance)
        return min(self.balance, max(25, self.balance * 3 // 100))

    @property
    def past_due(self) -> int | None:
        """What should have been paid by now."""
        now = self.grid[:1]
        if now in LATE:
            return min(self.balance, int(now) * (self.payment or 0))
        return self.balance if now in DEROGATORY and self.balance else None

    @property
    def status(self) -> str:
        """The condition if it is one that says more than the payments do, else how the payments are."""
        if self.trade.status:
            return self.trade.status
        return self.payment_status if self.condition in NOT_A_STATUS else self.condition

    @property
    def payment_status(self) -> str:
        """How the payments are now, or how they were at their worst if they are in order now."""
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
        """The month since when the account has been as bad as it is now; the latest month if it is not bad."""
        now = self.grid[:1]
        return self.last - (len(self.grid) - len(self.grid.lstrip(now)) - 1) if now in BAD else self.last

    @property
    def last_payment_date(self) -> date | None:
        """When something was last paid: in the last good month in which something was owed."""
        for month in range(self.last, self.trade.first - 1, -1):
            if self.code(month) == "C" or (self.code(month) in "0B" and self.trade.balance(month - 1)):
                return self.date_of(month) - PAID_BEFORE
        return None

    def bad_months(self) -> list[int]:
        """The months with a late or derogatory letter, latest first."""
        return [self.last - place for place, code in enumerate(self.grid[:LONG_GRID]) if code in BAD]

    def worst_month(self) -> int | None:
        """The month with the worst letter, and the latest of several."""
        return max(self.bad_months(), key=lambda month: (SEVERITY.index(self.code(month)), month), default=None)

    def starts(self, month: int | None) -> date | None:
        """The first day of the month that a letter of the grid stands for."""
        return None if month is None else self.date_of(month).replace(day=1)

    def _last_month(self) -> int:
        ends = self.trade.closed if self.trade.ends is None else self.trade.ends
        return self.page.number if ends is None else min(self.page.number, ends)

    def _condition(self) -> str:
        """How the account stands: only an account that has ended has its own condition."""
        ended = self.closed or self.trade.closed is None
        return self.trade.condition if self.trade.condition and ended else "A1"
