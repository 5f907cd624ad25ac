"""user_custom: the accounts and transactions of the JSON in the password, in Plaid's published format.

If the latest transaction is older than yesterday, as in published examples, all dates are shifted so that it is
yesterday's. A transaction with a future posting date is pending until then.
Source: https://plaid.com/docs/sandbox/user-custom/
"""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sandbox.errors import CATALOGUE, PlaidError
from sandbox.json_codec import loads
from sandbox.personas import categories, inflows
from sandbox.personas.drafts import AccountDraft, Book, TransactionDraft

MOST_ACCOUNTS = 10
MOST_BYTES = 55_000
STARTING_BALANCE = Decimal("1000")
TYPES = ("depository", "credit", "loan", "investment", "brokerage", "other", "payroll")
SUBTYPES = {"depository": "checking", "credit": "credit card", "loan": "student", "investment": "brokerage"}
LIABILITY_NUMBERS = (
    "purchase_apr",
    "cash_apr",
    "balance_transfer_apr",
    "special_apr",
    "nominal_apr",
    "principal",
    "last_payment_amount",
    "minimum_payment_amount",
)
REPAYMENT_MONTHS = ("repayment_months", "non_repayment_months")
LIABILITY_DATES = ("origination_date", "expected_payoff_date")

Json = dict[str, Any]


def check(password: str) -> str:
    """Return the JSON if it is valid. Raises PlaidError INVALID_CREDENTIALS, or its own ``force_error``."""
    custom_user = _parse_custom_user(password)
    if error := custom_user.get("force_error"):
        raise PlaidError(error if error in CATALOGUE else "INVALID_CREDENTIALS")
    draw(password, date(2000, 1, 1))
    return password


def second_factor(password: str) -> str:
    """Return the name of the JSON's second factor; "" for none."""
    mfa = _parse_custom_user(password).get("mfa")
    if not isinstance(mfa, dict):
        return ""
    match mfa.get("type"):
        case "device":
            return "mfa_device"
        case "selections":
            return "mfa_selections"
        case "questions":
            return f"mfa_questions_{mfa.get('question_rounds', 1)}_{mfa.get('questions_per_round', 1)}"
    return ""


def draw(config: str, today: date, *, linked_on: date | None = None) -> Book:
    """Generate the accounts and transactions of the JSON as of today, with dates shifted as of ``linked_on``."""
    try:
        return _book(_parse_custom_user(config), today, linked_on or today)
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise PlaidError("INVALID_CREDENTIALS", f"the custom user cannot be read: {error}") from error


def posting(config: str, linked_on: date, day: date) -> list[TransactionDraft]:
    """Return the transactions that post on ``day`` and were pending on ``linked_on``, and the regular inflows."""
    pending = {draft.key for draft in draw(config, linked_on).transactions if draft.pending}
    due = [draft for draft in draw(config, day, linked_on=linked_on).transactions if draft.day == day]
    posted = [
        replace(draft, key=f"{draft.key}/posted", replaces=draft.key)
        for draft in due
        if draft.key in pending and not draft.pending
    ]
    return posted + [draft for draft in due if draft.key.partition("/")[2].startswith(inflows.KEY)]


def _parse_custom_user(config: str) -> Json:
    try:
        custom_user = loads(config)
    except ValueError as error:
        raise PlaidError("INVALID_CREDENTIALS", "the custom user is not JSON") from error
    if not isinstance(custom_user, dict) or len(config) > MOST_BYTES:
        raise PlaidError("INVALID_CREDENTIALS", "the custom user must be a JSON object of at most 55 kB")
    return custom_user


def _book(custom_user: Json, today: date, linked_on: date) -> Book:
    accounts = list(custom_user.get("override_accounts") or [])
    if not 1 <= len(accounts) <= MOST_ACCOUNTS:
        raise PlaidError("INVALID_CREDENTIALS", "a custom user has 1 to 10 override_accounts")
    shift = _shift(accounts, linked_on)
    drafts = [
        _transaction(account, place, number, _shift_dates(entry, shift), today)
        for place, account in enumerate(accounts)
        for number, entry in enumerate(account.get("transactions") or [])
    ]
    opened = [_account(account, place) for place, account in enumerate(accounts)]
    for account, draft in zip(accounts, opened, strict=True):
        own = [transaction for transaction in drafts if transaction.account == draft.key]
        drafts += inflows.draw(account, draft, own, today)
    return Book(opened, sorted(drafts, key=lambda draft: draft.day))


def _shift(accounts: list[Json], today: date) -> timedelta:
    """Return by how much to shift all dates, so that the latest is yesterday or later."""
    posted = [
        date.fromisoformat(entry["date_posted"]) for account in accounts for entry in account.get("transactions") or []
    ]
    return max(today - timedelta(days=1) - max(posted), timedelta(0)) if posted else timedelta(0)


def _shift_dates(entry: Json, shift: timedelta) -> Json:
    days = {name: date.fromisoformat(entry[name]) + shift for name in ("date_transacted", "date_posted")}
    return {**entry, **days}


def _account(account: Json, place: int) -> AccountDraft:
    meta = account.get("meta") or {}
    type_ = account["type"]
    if type_ not in TYPES:
        raise PlaidError("INVALID_CREDENTIALS", f"there is no account type {type_}")
    subtype = account.get("subtype") or SUBTYPES.get(type_, "other")
    current = _decimal(account.get("starting_balance", _principal(account)))
    limit = _decimal(meta.get("limit"))
    return AccountDraft(
        key=f"custom-{place}",
        name=meta.get("name") or f"Plaid {subtype.title()}",
        official_name=meta.get("official_name"),
        mask=str(meta["mask"]) if "mask" in meta else _last_four(account) or f"{place}{place}{place}{place}",
        type=type_,
        subtype=subtype,
        current=current,
        available=_available(account, type_, current, limit),
        limit=limit,
        currency=account.get("currency") or "USD",
        liability=_liability(account),
    )


def _liability(account: Json) -> Json | None:
    """Return the terms of a debt, after checking those that are numbers and dates."""
    terms = account.get("liability")
    if terms is None:
        return None
    for name in LIABILITY_NUMBERS:
        _decimal(terms.get(name))
    for name in LIABILITY_DATES:
        if terms.get(name):
            date.fromisoformat(terms[name])
    for name in REPAYMENT_MONTHS:
        _decimal((terms.get("repayment_model") or {}).get(name))
    return dict(terms)


def _last_four(account: Json) -> str:
    """Return the last four characters of the account number or IBAN; "" without either."""
    numbers = account.get("numbers") or {}
    return str(numbers.get("account") or numbers.get("international_iban") or "")[-4:]


def _principal(account: Json) -> Any:
    """Return the default balance: a loan's principal, else 1000."""
    return (account.get("liability") or {}).get("principal", STARTING_BALANCE)


def _available(account: Json, type_: str, current: Decimal | None, limit: Decimal | None) -> Decimal | None:
    if account.get("has_null_available_balance"):
        return None
    if "force_available_balance" in account:
        return _decimal(account["force_available_balance"])
    if type_ == "depository":
        return current
    return limit - current if type_ == "credit" and limit is not None and current is not None else None


def _transaction(account: Json, place: int, number: int, entry: Json, today: date) -> TransactionDraft:
    """Build a transaction as of today; a pending one has the day of the transaction."""
    pending = entry["date_posted"] > today
    amount = _amount(entry["amount"])
    category, confidence = categories.derive(entry["description"], amount)
    return TransactionDraft(
        key=f"{place}/{number}",
        account=f"custom-{place}",
        day=entry["date_transacted" if pending else "date_posted"],
        amount=amount,
        name=entry["description"],
        category=category,
        confidence=confidence,
        authorized=entry["date_transacted"],
        pending=pending,
        channel="other",
        currency=entry.get("currency") or account.get("currency") or "USD",
        original=entry["description"],
    )


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else _amount(value)


def _amount(value: Any) -> Decimal:
    """Parse an amount. Raises ``ValueError`` for one that is not finite."""
    amount = Decimal(value)
    if not amount.is_finite():
        raise ValueError(f"{value} is no amount")
    return amount
