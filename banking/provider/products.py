"""The terms of cards and loans and the recurring payments, as a provider reports them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date as Day
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from banking.provider.rows import SkippedRow


class LiabilityKind(StrEnum):
    """What a liability is the terms of."""

    CREDIT = "credit"
    STUDENT = "student"
    MORTGAGE = "mortgage"
    LOAN = "loan"
    LINE_OF_CREDIT = "line_of_credit"


class AprRow(NamedTuple):
    """One interest rate of a card, in percent a year. ``type`` is the provider's code of what it applies to."""

    type: str
    percentage: Decimal
    balance_subject_to_apr: Decimal | None
    interest_charge_amount: Decimal | None


class LiabilityRow(NamedTuple):
    """The terms of one card or loan. ``None`` and an empty text mean that the bank does not report it.

    Amounts are in the account's currency, and positive when they are owed or were paid.
    """

    account_id: str
    kind: LiabilityKind
    aprs: Sequence[AprRow] = ()
    is_overdue: bool | None = None
    past_due_amount: Decimal | None = None
    minimum_payment_amount: Decimal | None = None
    next_payment_amount: Decimal | None = None
    next_payment_due_date: Day | None = None
    last_payment_amount: Decimal | None = None
    last_payment_date: Day | None = None
    last_statement_balance: Decimal | None = None
    last_statement_issue_date: Day | None = None
    interest_rate: Decimal | None = None
    interest_rate_type: str = ""
    outstanding_interest_amount: Decimal | None = None
    ytd_interest_paid: Decimal | None = None
    ytd_principal_paid: Decimal | None = None
    escrow_balance: Decimal | None = None
    origination_date: Day | None = None
    origination_principal_amount: Decimal | None = None
    maturity_date: Day | None = None
    loan_name: str = ""
    loan_status: str = ""
    repayment_plan: str = ""


class RecurringStreamRow(NamedTuple):
    """One series of similar payments on an account. Amounts are positive when money comes into the account.

    ``frequency``, ``status`` and the categories are the provider's codes.
    """

    provider_id: str
    account_id: str
    is_inflow: bool
    description: str
    merchant_name: str
    category: str
    category_detail: str
    frequency: str
    average_amount: Decimal
    last_amount: Decimal | None
    currency: str
    first_date: Day | None
    last_date: Day
    predicted_next_date: Day | None
    status: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class LiabilitiesResponse:
    """The terms of all cards and loans of an Item. ``skipped`` could not be parsed."""

    liabilities: Sequence[LiabilityRow]
    request_id: str
    skipped: Sequence[SkippedRow] = ()


@dataclass(frozen=True, slots=True)
class RecurringResponse:
    """All recurring payments of an Item. ``skipped`` could not be parsed."""

    streams: Sequence[RecurringStreamRow]
    request_id: str
    skipped: Sequence[SkippedRow] = ()
