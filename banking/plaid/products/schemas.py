"""The fields of responses about liabilities and recurring transactions, in the manner of ``banking.plaid.schemas``."""

from datetime import date

from msgspec import Raw, Struct

from banking.plaid.schemas import NOT_SENT, PlaidResponse, Rows


class Apr(Struct):
    apr_percentage: Raw
    apr_type: object = None
    balance_subject_to_apr: Raw = NOT_SENT
    interest_charge_amount: Raw = NOT_SENT


class InterestRate(Struct):
    percentage: Raw = NOT_SENT
    type: object = None


class StudentLoanStatus(Struct):
    type: object = None


class StudentRepaymentPlan(Struct):
    description: object = None
    type: object = None


class PlaidLiability(Struct):
    """The fields of all kinds of liabilities; each kind has a part of them.

    Account numbers, addresses and guarantors are left out, because nothing needs them.
    """

    account_id: str
    aprs: Raw = NOT_SENT  # list[Apr]
    is_overdue: object = None
    past_due_amount: Raw = NOT_SENT
    minimum_payment_amount: Raw = NOT_SENT
    next_payment_amount: Raw = NOT_SENT
    next_monthly_payment: Raw = NOT_SENT
    next_payment_due_date: object = None
    last_payment_amount: Raw = NOT_SENT
    last_payment_date: object = None
    last_statement_balance: Raw = NOT_SENT
    last_statement_issue_date: object = None
    interest_rate: Raw = NOT_SENT  # InterestRate
    interest_rate_percentage: Raw = NOT_SENT
    outstanding_interest_amount: Raw = NOT_SENT
    ytd_interest_paid: Raw = NOT_SENT
    ytd_principal_paid: Raw = NOT_SENT
    escrow_balance: Raw = NOT_SENT
    origination_date: object = None
    origination_principal_amount: Raw = NOT_SENT
    maturity_date: object = None
    expected_payoff_date: object = None
    loan_name: object = None
    loan_status: Raw = NOT_SENT  # StudentLoanStatus
    repayment_plan: Raw = NOT_SENT  # StudentRepaymentPlan


class LiabilitiesObject(Struct):
    credit: Rows = None
    student: Rows = None
    mortgage: Rows = None
    loan: Rows = None
    line_of_credit: Rows = None


class LiabilitiesGetResponse(PlaidResponse):
    """https://plaid.com/docs/api/products/liabilities/#liabilitiesget"""

    liabilities: LiabilitiesObject


class StreamAmount(Struct):
    amount: Raw = NOT_SENT
    iso_currency_code: object = None
    unofficial_currency_code: object = None


class TransactionStream(Struct):
    stream_id: str
    account_id: str
    average_amount: StreamAmount
    last_date: date
    is_active: bool
    description: object = None
    merchant_name: object = None
    first_date: object = None
    predicted_next_date: object = None
    frequency: object = None
    last_amount: Raw = NOT_SENT  # StreamAmount
    status: object = None
    personal_finance_category: Raw = NOT_SENT  # PersonalFinanceCategory


class TransactionsRecurringGetResponse(PlaidResponse):
    """https://plaid.com/docs/api/products/transactions/#transactionsrecurringget"""

    inflow_streams: Rows
    outflow_streams: Rows
