"""The debts of an Item as ``/liabilities/get`` returns them, and when they change.

Amounts and dates follow from the account's balance, its transactions and the clock. ``AccountDraft.liability`` holds a
persona's own terms under the names of Plaid's custom users; an operator's ``overrides`` replace any value.
Source: https://plaid.com/docs/api/products/liabilities/
"""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from sandbox.bank import accounts, loans, transaction_log
from sandbox.bank.accounts import Account
from sandbox.bank.items import Item
from sandbox.bank.statements import Debt, issue_day, last_issue, minimum_payment, monthly_interest
from sandbox.context import AppContext
from sandbox.errors import PlaidError
from sandbox.json_codec import dumps, loads

SCHEMA = "CREATE TABLE IF NOT EXISTS liability_overrides (account_id TEXT PRIMARY KEY, fields TEXT NOT NULL)"
PRODUCT = "liabilities"
UPDATED_FIELDS = ("last_statement_balance", "last_statement_issue_date", "minimum_payment_amount")
LINES_OF_CREDIT = ("line of credit", "home equity")
KINDS = ("credit", "mortgage", "student")
USUAL_APR, CASH_SURCHARGE = Decimal("21.49"), Decimal("5")

JsonObject = dict[str, Any]


def describe(context: AppContext, item: Item, account_ids: list[str] | None) -> JsonObject:
    """Return the liabilities of these accounts by kind; a kind without accounts is null.

    Raises PlaidError NO_LIABILITY_ACCOUNTS for an Item without any, and INVALID_ACCOUNT_ID for an unknown id.
    """
    picked = accounts.pick(context, item.item_id, account_ids)
    if not list_accounts(context, item):
        raise PlaidError("NO_LIABILITY_ACCOUNTS")
    rows = transaction_log.current(context, item.item_id)
    today = context.clock.today()
    by_kind: dict[str, list[JsonObject] | None] = dict.fromkeys(KINDS)
    for account in picked:
        if kind := kind_of(account):
            debt = Debt(account, [row for row in rows if row["account_id"] == account.id], today)
            fields = {**BUILDERS[kind](debt), **_overrides(context, account.id)}
            by_kind[kind] = [*(by_kind.get(kind) or []), fields]
    return by_kind


def list_accounts(context: AppContext, item: Item) -> list[Account]:
    """List the Item's open accounts that are debts."""
    return [account for account in accounts.of_item(context, item.item_id) if kind_of(account)]


def list_issued_between(context: AppContext, item: Item, after: date, until: date) -> list[str]:
    """List the ids of the accounts with a new statement after one day and until another."""
    return [
        account.id for account in list_accounts(context, item) if after < last_issue(issue_day(account), until) <= until
    ]


def kind_of(account: Account) -> str:
    """Return the key of ``/liabilities/get`` for an account; "" for one that is no debt."""
    draft = account.draft
    if draft.type == "credit":
        return "credit"
    if draft.type != "loan":
        return ""
    if draft.subtype in ("student", "mortgage"):
        return draft.subtype
    return "line_of_credit" if draft.subtype in LINES_OF_CREDIT else "loan"


def override(context: AppContext, account_id: str, fields: JsonObject) -> None:
    """Replace values of a liability from now on, in addition to earlier ones; {} removes all replacements."""
    merged = {**_overrides(context, account_id), **fields} if fields else {}
    context.store.execute("INSERT OR REPLACE INTO liability_overrides VALUES (?, ?)", account_id, dumps(merged))


def _overrides(context: AppContext, account_id: str) -> JsonObject:
    row = context.store.one("SELECT fields FROM liability_overrides WHERE account_id = ?", account_id)
    return loads(row["fields"]) if row else {}


def _credit_card(debt: Debt) -> JsonObject:
    """Build a CreditCardLiability; everything is null at a bank that does not say."""
    terms, statement, paid = debt.terms, debt.statement, debt.last_payment
    if terms.get("unknown") or statement is None:
        return {"account_id": debt.account.id, "aprs": [], **dict.fromkeys(CARD_FIELDS)}
    rate = debt.decimal("purchase_apr", USUAL_APR)
    interest = monthly_interest(statement.carried, rate)
    return {
        "account_id": debt.account.id,
        "aprs": _aprs(debt, rate, statement.carried, interest),
        "is_overdue": bool(terms.get("is_overdue", False)),
        "last_payment_amount": paid.amount if paid else None,
        "last_payment_date": paid.day if paid else None,
        "last_statement_issue_date": statement.issued,
        "last_statement_balance": statement.balance,
        "minimum_payment_amount": debt.decimal("minimum_payment_amount", minimum_payment(statement.balance, interest)),
        "next_payment_due_date": statement.due,
    }


def _aprs(debt: Debt, rate: Decimal, carried: Decimal, interest: Decimal) -> list[JsonObject]:
    """Build the four rates, or those of ``apr_types`` only. Only purchases are carried over."""
    rates = {
        "balance_transfer_apr": debt.decimal("balance_transfer_apr", rate),
        "cash_apr": debt.decimal("cash_apr", rate + CASH_SURCHARGE),
        "purchase_apr": rate,
        "special": debt.decimal("special_apr", Decimal(0)),
    }
    return [
        {
            "apr_percentage": percentage,
            "apr_type": kind,
            "balance_subject_to_apr": carried if kind == "purchase_apr" else None,
            "interest_charge_amount": interest if kind == "purchase_apr" else None,
        }
        for kind, percentage in rates.items()
        if kind in debt.terms.get("apr_types", rates)
    ]


CARD_FIELDS = (
    "is_overdue",
    "last_payment_amount",
    "last_payment_date",
    "last_statement_issue_date",
    "last_statement_balance",
    "minimum_payment_amount",
    "next_payment_due_date",
)


def _line_of_credit(debt: Debt) -> JsonObject:
    """Build a LineOfCreditLiability, which has the fields of a card and a few of a loan."""
    card = _credit_card(debt)
    shared = {name: card[name] for name in CARD_FIELDS if name != "is_overdue"}
    return {
        "account_id": debt.account.id,
        "aprs": card["aprs"],
        **shared,
        "interest_rate": {"percentage": debt.decimal("nominal_apr", USUAL_APR), "type": "variable"},
        "credit_limit": debt.account.draft.limit,
        "available_credit": debt.account.draft.available,
        "principal_balance": debt.account.draft.current,
        "next_payment_amount": card["minimum_payment_amount"],
        "past_due_amount": Decimal(0),
        "finance_charges": None,
        "draw_period_end_date": None,
    }


BUILDERS: dict[str, Callable[[Debt], JsonObject]] = {
    "credit": _credit_card,
    "student": loans.build_student_loan,
    "mortgage": loans.build_mortgage,
    "loan": loans.build_loan,
    "line_of_credit": _line_of_credit,
}
