"""Parse the responses in the manner of ``banking.plaid.responses``, which parses those about transactions.

A row without a valid account is added to ``skipped``, and so is a stream without an id, an amount, a currency or a last
date, and an interest rate without a number. All other fields are left empty if they are null or not what Plaid
documents, and codes that Plaid may add later pass through.
"""

from collections.abc import Iterator
from decimal import Decimal
from functools import partial

from msgspec import Raw
from msgspec.json import Decoder

from banking.plaid.errors import safe_code
from banking.plaid.fields import (
    display_text,
    money,
    negate,
    optional_date,
    required_currency_code,
    required_money,
    row_id,
    text,
)
from banking.plaid.products import schemas
from banking.plaid.response_decoding import decode_part, parse_rows, parses
from banking.plaid.schemas import PersonalFinanceCategory
from banking.provider import (
    AprRow,
    LiabilitiesResponse,
    LiabilityKind,
    LiabilityRow,
    RecurringResponse,
    RecurringStreamRow,
    RowKind,
    SkippedRow,
)

_liabilities = Decoder(schemas.PlaidLiability, float_hook=Decimal)
_apr_lists = Decoder(list[Raw] | None)
_aprs = Decoder(schemas.Apr, float_hook=Decimal)
_interest_rates = Decoder(schemas.InterestRate | None, float_hook=Decimal)
_loan_statuses = Decoder(schemas.StudentLoanStatus | None, float_hook=Decimal)
_repayment_plans = Decoder(schemas.StudentRepaymentPlan | None, float_hook=Decimal)
_streams = Decoder(schemas.TransactionStream, float_hook=Decimal)
_amounts = Decoder(schemas.StreamAmount | None, float_hook=Decimal)
_categories = Decoder(PersonalFinanceCategory | None, float_hook=Decimal)


@parses(schemas.LiabilitiesGetResponse)
def parse_liabilities(response: schemas.LiabilitiesGetResponse) -> LiabilitiesResponse:
    """Parse a response of /liabilities/get. A list of a kind that is null or not sent is empty."""
    skipped: list[SkippedRow] = []
    return LiabilitiesResponse(
        liabilities=list(_parse_liabilities(response.liabilities, skipped)),
        request_id=safe_code(response.request_id),
        skipped=skipped,
    )


@parses(schemas.TransactionsRecurringGetResponse)
def parse_recurring(response: schemas.TransactionsRecurringGetResponse) -> RecurringResponse:
    """Parse a response of /transactions/recurring/get."""
    skipped: list[SkippedRow] = []
    lists = ((response.inflow_streams, True), (response.outflow_streams, False))
    streams = [
        stream
        for rows, is_inflow in lists
        for stream in parse_rows(rows, RowKind.STREAM, _streams, partial(_parse_stream, is_inflow=is_inflow), skipped)
    ]
    return RecurringResponse(streams=streams, request_id=safe_code(response.request_id), skipped=skipped)


def _parse_liabilities(sent: schemas.LiabilitiesObject, skipped: list[SkippedRow]) -> Iterator[LiabilityRow]:
    for kind in LiabilityKind:
        parse = partial(_parse_liability, kind=kind, skipped=skipped)
        yield from parse_rows(getattr(sent, kind), RowKind.LIABILITY, _liabilities, parse, skipped)


def _parse_liability(sent: schemas.PlaidLiability, kind: LiabilityKind, skipped: list[SkippedRow]) -> LiabilityRow:
    """A mortgage has a payment every month, and a student loan an expected day of the last one, under other names."""
    rate = decode_part(sent.interest_rate, _interest_rates) or schemas.InterestRate(sent.interest_rate_percentage)
    status = decode_part(sent.loan_status, _loan_statuses) or schemas.StudentLoanStatus()
    plan = decode_part(sent.repayment_plan, _repayment_plans) or schemas.StudentRepaymentPlan()
    next_payment = money(sent.next_payment_amount)
    return LiabilityRow(
        account_id=row_id(sent.account_id, "account_id"),
        kind=kind,
        aprs=parse_rows(decode_part(sent.aprs, _apr_lists), RowKind.APR, _aprs, _parse_apr, skipped),
        is_overdue=sent.is_overdue if isinstance(sent.is_overdue, bool) else None,
        past_due_amount=money(sent.past_due_amount),
        minimum_payment_amount=money(sent.minimum_payment_amount),
        next_payment_amount=money(sent.next_monthly_payment) if next_payment is None else next_payment,
        next_payment_due_date=optional_date(sent.next_payment_due_date),
        last_payment_amount=money(sent.last_payment_amount),
        last_payment_date=optional_date(sent.last_payment_date),
        last_statement_balance=money(sent.last_statement_balance),
        last_statement_issue_date=optional_date(sent.last_statement_issue_date),
        interest_rate=money(rate.percentage),
        interest_rate_type=text(rate.type),
        outstanding_interest_amount=money(sent.outstanding_interest_amount),
        ytd_interest_paid=money(sent.ytd_interest_paid),
        ytd_principal_paid=money(sent.ytd_principal_paid),
        escrow_balance=money(sent.escrow_balance),
        origination_date=optional_date(sent.origination_date),
        origination_principal_amount=money(sent.origination_principal_amount),
        maturity_date=optional_date(sent.maturity_date) or optional_date(sent.expected_payoff_date),
        loan_name=display_text(sent.loan_name),
        loan_status=text(status.type),
        repayment_plan=display_text(plan.description) or text(plan.type),
    )


def _parse_apr(sent: schemas.Apr) -> AprRow:
    return AprRow(
        type=text(sent.apr_type),
        percentage=required_money(sent.apr_percentage, "apr_percentage"),
        balance_subject_to_apr=money(sent.balance_subject_to_apr),
        interest_charge_amount=money(sent.interest_charge_amount),
    )


def _parse_stream(sent: schemas.TransactionStream, is_inflow: bool) -> RecurringStreamRow:
    average = sent.average_amount
    last = decode_part(sent.last_amount, _amounts) or schemas.StreamAmount()
    last_outflow = money(last.amount)
    category = decode_part(sent.personal_finance_category, _categories) or PersonalFinanceCategory()
    return RecurringStreamRow(
        provider_id=row_id(sent.stream_id, "stream_id"),
        account_id=row_id(sent.account_id, "account_id"),
        is_inflow=is_inflow,
        description=display_text(sent.description),
        merchant_name=display_text(sent.merchant_name),
        category=text(category.primary),
        category_detail=text(category.detailed),
        frequency=text(sent.frequency),
        average_amount=negate(required_money(average.amount, "average_amount")),
        last_amount=None if last_outflow is None else negate(last_outflow),
        currency=required_currency_code(average.iso_currency_code, average.unofficial_currency_code, "average_amount"),
        first_date=optional_date(sent.first_date),
        last_date=sent.last_date,
        predicted_next_date=optional_date(sent.predicted_next_date),
        status=text(sent.status),
        is_active=sent.is_active,
    )
