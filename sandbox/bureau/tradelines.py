"""The tradeline of one account."""

from typing import Any

from sandbox.bureau.accounts import BAD, DEROGATORY, LONG_GRID, PAID_BEFORE, CreditAccount
from sandbox.bureau.encoding import amount, count, day, present, wide
from sandbox.bureau.months import ReportMonth
from sandbox.bureau.personas.drafts import Trade

GRID, TREND = 25, 24
BALANCE, STATUS = "balance", "status"
DISPUTED = "XB"

Section = dict[str, Any]


def visible(trade: Trade, report_month: ReportMonth) -> bool:
    """Whether the account is in the report of this month."""
    return trade.first <= report_month.number


def tradeline(trade: Trade, report_month: ReportMonth, *, long_grid: bool = True, trend: bool = False) -> Section:
    """Build the section of one account."""
    account = CreditAccount(trade, report_month)
    return present(
        {
            "subscriberName": trade.creditor,
            "subscriberCode": trade.member,
            "kob": account.type.business,
            "accountNumber": trade.number,
            "accountType": account.type.code,
            "revolvingOrInstallment": account.type.portfolio,
            "openOrClosed": "C" if account.closed else "O",
            "ecoa": trade.ecoa,
            "terms": account.type.terms,
            "openDate": day(account.open_date),
            **_amounts(account),
            **_payments(account),
            "specialComment": trade.remark,
            "enhancedPaymentData": {} if trade.plain else _enhanced_data(account, long_grid),
            "trendedTrades": _trend(account) if trend else [],
        }
    )


def _amounts(account: CreditAccount) -> Section:
    """Build balance and limits. A closed account without a debt reports no balance, which is not zero."""
    trade = account.trade
    owes_nothing = account.closed and (account.balance == 0 or account.condition == "05")
    qualified = [("L", account.limit), ("O", trade.original), ("C", trade.charged_off), ("H", trade.high)]
    known = [(letter, dollars) for letter, dollars in qualified if dollars is not None][:2]
    return {
        "balanceDate": day(account.date_of(account.last)) if trade.dated == BALANCE else None,
        "balanceAmount": None if owes_nothing else amount(account.balance),
        "amountPastDue": amount(account.past_due),
        "monthlyPaymentAmount": amount(account.payment),
        "monthlyPaymentType": "S" if account.payment else "",
        **{f"amount{place}": amount(dollars) for place, (_, dollars) in enumerate(known, 1)},
        **{f"amount{place}Qualifier": letter for place, (letter, _) in enumerate(known, 1)},
    }


def _payments(account: CreditAccount) -> Section:
    """Build the payment history: status, counters, grid."""
    grid = account.grid[:LONG_GRID]
    late = [grid.count(code) for code in "123456"]
    derogatory = sum(code in DEROGATORY for code in grid)
    return {
        "status": account.status,
        "statusDate": day(account.date_of(account.since)) if account.trade.dated in (BALANCE, STATUS) else None,
        "evaluation": "N" if account.status in BAD.values() else "P",
        "lastPaymentDate": day(account.last_payment_date),
        "maxDelinquencyDate": day(account.starts(account.worst_month())),
        "delinquencies30Days": count(late[0]),
        "delinquencies60Days": count(late[1]),
        "delinquencies90to180Days": count(sum(late[2:])),
        "derogCounter": count(derogatory),
        "monthsHistory": count(len(account.grid)),
        "paymentHistory": account.grid[:GRID],
    }


def _enhanced_data(account: CreditAccount, long_grid: bool) -> Section:
    """Build the enhanced data: a second copy of the account with wider fields."""
    trade, bad, worst = account.trade, account.bad_months(), account.worst_month()
    revolving = account.type.portfolio == "R"
    return present(
        {
            "creditLimitAmount": wide(account.limit),
            "highBalanceAmount": wide(trade.high) if revolving else "",
            "originalLoanAmount": wide(trade.original),
            "actualPaymentAmount": wide(account.payment),
            "chargeoffAmount": wide(trade.charged_off),
            "enhancedAccountCondition": _wide_condition(account),
            "enhancedPaymentStatus": account.payment_status,
            "enhancedAccountType": account.type.enhanced or account.type.code,
            "enhancedTerms": account.type.terms,
            "enhancedPaymentHistory84": account.grid[:LONG_GRID] if long_grid else "",
            "complianceCondition": DISPUTED if account.report_month.number in trade.disputed else "",
            "paymentLevelDate": day(account.starts(account.last)) if trade.dated == BALANCE else "",
            # In the real service this field has the most recent delinquency, in spite of its name.
            "firstDelinquencyDate": day(account.starts(bad[0])) if bad else "",
            "secondDelinquencyDate": day(account.starts(bad[1])) if len(bad) > 1 else "",
            "maxDelinquencyCode": "" if worst is None else account.code(worst),
        }
    )


def _wide_condition(account: CreditAccount) -> str:
    """Return the condition in the enhanced data: A3 for a closed account without another one."""
    if account.closed and not account.trade.condition:
        return "A3"
    return account.trade.wide_condition or account.condition


def _trend(account: CreditAccount) -> list[Section]:
    """Build two years of balances, newest first."""
    trade, first = account.trade, max(account.trade.first, account.last - TREND + 1)
    return [
        present(
            {
                "monthNumber": str(account.report_month.number - month),
                "balanceAmount": amount(trade.balance(month)),
                "originalLoanAmountOrLimit": amount(trade.limit(month) if trade.limit else trade.original),
                "scheduledPaymentAmount": amount(trade.payment(month) if trade.payment else None),
                "lastPaymentDate": day(account.date_of(month) - PAID_BEFORE),
            }
        )
        for month in range(account.last, first - 1, -1)
    ]
