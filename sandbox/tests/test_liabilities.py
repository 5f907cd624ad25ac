"""/liabilities/get: debts that follow from balances, transactions and the clock."""

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from sandbox.bank import statements
from sandbox.bank.accounts import Account
from sandbox.personas import PASSWORD
from sandbox.personas.drafts import AccountDraft
from sandbox.tests.sandbox_client import SandboxClient, WebhookReceiver, wait_for

PRODUCTS = ["transactions", "liabilities"]


def link(plaid: SandboxClient, username: str = "user_good", password: str = PASSWORD, **options: Any) -> dict:
    made = plaid.ok(
        "/sandbox/public_token/create",
        institution_id="ins_109508",
        initial_products=PRODUCTS,
        options={
            "override_username": username,
            "override_password": password,
            "transactions": {"days_requested": 730},
            **options,
        },
    )
    return plaid.ok("/item/public_token/exchange", public_token=made["public_token"])


def get_debts(plaid: SandboxClient, linked: dict, mask: str = "") -> Any:
    """Return all liabilities, or that of the account with this mask."""
    body = plaid.ok("/liabilities/get", access_token=linked["access_token"])
    if not mask:
        return body["liabilities"]
    [account_id] = [account["account_id"] for account in body["accounts"] if account["mask"] == mask]
    return next(
        debt for debts in body["liabilities"].values() for debt in debts or [] if debt["account_id"] == account_id
    )


def test_it_returns_the_debts_of_user_good_by_kind(plaid: SandboxClient) -> None:
    linked = link(plaid)
    debts = get_debts(plaid, linked)
    assert {kind: len(found) for kind, found in debts.items()} == {"credit": 2, "mortgage": 1, "student": 1}
    card = get_debts(plaid, linked, "3333")
    rates = {apr["apr_type"]: apr["apr_percentage"] for apr in card["aprs"]}
    assert rates == {"balance_transfer_apr": 15.24, "cash_apr": 27.95, "purchase_apr": 12.5, "special": 0}
    assert (card["last_payment_amount"], debts["student"][0]["interest_rate_percentage"]) == (25, 5.25)
    assert debts["mortgage"][0]["interest_rate"] == {"percentage": 3.99, "type": "fixed"}


def test_it_bills_a_product_that_is_used(plaid: SandboxClient) -> None:
    linked = link(plaid)
    assert "liabilities" in plaid.ok("/liabilities/get", access_token=linked["access_token"])["item"]["products"]


def test_it_has_statements_that_agree_with_the_transactions_and_the_clock(own_plaid: SandboxClient) -> None:
    linked = link(own_plaid, "user_living")
    for _ in range(2):
        card = get_debts(own_plaid, linked, "3309")
        today, issued = own_plaid.context.clock.today(), date.fromisoformat(card["last_statement_issue_date"])
        assert issued == today.replace(day=1)
        assert date.fromisoformat(card["next_payment_due_date"]) == issued + timedelta(days=25)
        ledger = own_plaid.ledger(linked["item_id"])
        rows = [row for row in ledger["transactions"] if row["account_id"] == card["account_id"] and not row["pending"]]
        [account] = [a for a in ledger["accounts"] if a["account_id"] == card["account_id"]]
        since = sum(Decimal(str(row["amount"])) for row in rows if row["date"] >= issued.isoformat())
        balance = Decimal(str(card["last_statement_balance"]))
        assert balance == Decimal(str(account["balances"]["current"])) - since
        assert 0 < card["minimum_payment_amount"] <= balance
        paid = [row for row in rows if row["category"] == "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT"]
        assert (card["last_payment_date"], card["last_payment_amount"]) == max(
            (row["date"], -row["amount"]) for row in paid
        )
        own_plaid.admin("POST", "clock", {"advance_days": 31})


def test_it_returns_nulls_and_nothing_due_for_unusual_cards(own_plaid: SandboxClient) -> None:
    linked = link(own_plaid, "user_messy")
    own_plaid.admin("POST", "clock", {"advance_days": 31})
    unknown, overpaid = get_debts(own_plaid, linked, "0001"), get_debts(own_plaid, linked, "9013")
    assert unknown.pop("account_id")
    assert unknown.pop("aprs") == []
    assert set(unknown.values()) == {None}
    assert overpaid["minimum_payment_amount"] == 0
    assert overpaid["last_statement_balance"] < 0
    assert [apr["apr_type"] for apr in overpaid["aprs"]] == ["purchase_apr"]


LOANS = {
    "override_accounts": [
        {"type": "loan", "subtype": "student", "liability": {"type": "student", "principal": 45123, "nominal_apr": 4}},
        {"type": "loan", "subtype": "auto", "starting_balance": 9000},
        {"type": "loan", "subtype": "line of credit", "starting_balance": 500, "meta": {"limit": 2000}},
        {
            "type": "credit",
            "starting_balance": 1245.67,
            "meta": {"limit": 10000},
            "liability": {
                "type": "credit",
                "purchase_apr": 16.99,
                "last_payment_amount": 250,
                "minimum_payment_amount": 35,
                "is_overdue": True,
            },
        },
    ]
}


def test_it_takes_the_debts_of_a_custom_user_from_the_json(plaid: SandboxClient) -> None:
    debts = get_debts(plaid, link(plaid, "user_custom", json.dumps(LOANS)))
    [card], [student] = debts["credit"], debts["student"]
    assert (card["minimum_payment_amount"], card["last_payment_amount"], card["is_overdue"]) == (35, 250, True)
    assert {name: card["aprs"][2][name] for name in ("apr_type", "apr_percentage")} == {
        "apr_type": "purchase_apr",
        "apr_percentage": 16.99,
    }
    assert (student["origination_principal_amount"], student["minimum_payment_amount"]) == (45123, 456.85)
    assert (debts["mortgage"], len(debts["loan"]), len(debts["line_of_credit"])) == (None, 1, 1)


def test_it_replaces_values_and_announces_them(own_plaid: SandboxClient, receiver: WebhookReceiver) -> None:
    linked = link(own_plaid, webhook=receiver.url)
    account_id = get_debts(own_plaid, linked, "3333")["account_id"]
    values = {"is_overdue": True, "last_statement_balance": None}
    own_plaid.admin("POST", f"items/{linked['item_id']}/mutate", {"liabilities": {account_id: values}})
    card = get_debts(own_plaid, linked, "3333")
    assert (card["is_overdue"], card["last_statement_balance"]) == (True, None)
    wait_for(lambda: "LIABILITIES" in [body["webhook_type"] for body in receiver.bodies()])
    [sent] = [body for body in receiver.bodies() if body["webhook_type"] == "LIABILITIES"]
    assert sent["account_ids_with_updated_liabilities"] == {account_id: list(values)}


def test_it_announces_a_new_debt(own_plaid: SandboxClient, receiver: WebhookReceiver) -> None:
    linked = link(own_plaid, webhook=receiver.url)
    card = {"name": "New Card", "type": "credit", "subtype": "credit card", "current": "12.5", "mask": "7117"}
    own_plaid.admin("POST", f"items/{linked['item_id']}/mutate", {"new_account": card})
    account_id = get_debts(own_plaid, linked, "7117")["account_id"]
    wait_for(lambda: "LIABILITIES" in [body["webhook_type"] for body in receiver.bodies()])
    [sent] = [body for body in receiver.bodies() if body["webhook_type"] == "LIABILITIES"]
    assert sent["account_ids_with_new_liabilities"] == [account_id]


def test_it_announces_new_statements(own_plaid: SandboxClient, receiver: WebhookReceiver) -> None:
    linked = link(own_plaid, webhook=receiver.url)
    cards = [debt["account_id"] for debts in get_debts(own_plaid, linked).values() for debt in debts]
    own_plaid.admin("POST", "clock", {"advance_days": 31})
    wait_for(lambda: "LIABILITIES" in [body["webhook_type"] for body in receiver.bodies()])
    [sent] = [body for body in receiver.bodies() if body["webhook_type"] == "LIABILITIES"]
    assert sorted(sent["account_ids_with_updated_liabilities"]) == sorted(cards)


def test_it_refuses_liabilities_with_plaid_s_error_codes(plaid: SandboxClient) -> None:
    no_consent = plaid.link()["access_token"]
    assert plaid.expect_error("/liabilities/get", access_token=no_consent) == "ADDITIONAL_CONSENT_REQUIRED"
    cash = json.dumps({"override_accounts": [{"type": "depository", "subtype": "checking"}]})
    no_debts = link(plaid, "user_custom", cash)["access_token"]
    assert plaid.expect_error("/liabilities/get", access_token=no_debts) == "NO_LIABILITY_ACCOUNTS"
    made = plaid.ok("/sandbox/public_token/create", institution_id="ins_117650", initial_products=["transactions"])
    british = plaid.ok("/item/public_token/exchange", public_token=made["public_token"])["access_token"]
    assert plaid.expect_error("/liabilities/get", access_token=british) == "PRODUCTS_NOT_SUPPORTED"
    linked = link(plaid)["access_token"]
    options = {"account_ids": ["nobodys"]}
    assert plaid.expect_error("/liabilities/get", access_token=linked, options=options) == "INVALID_ACCOUNT_ID"


@pytest.mark.parametrize(
    ("day", "today", "issued"),
    [(1, "2027-03-01", "2027-03-01"), (28, "2027-03-01", "2027-02-28"), (15, "2027-01-14", "2026-12-15")],
)
def test_it_issues_statements_on_the_same_day_of_every_month(day: int, today: str, issued: str) -> None:
    assert statements.last_issue(day, date.fromisoformat(today)) == date.fromisoformat(issued)


def test_it_carries_over_what_was_not_paid() -> None:
    draft = AccountDraft("card", "Card", "credit", "credit card", Decimal("300"), liability={"statement_day": 10})
    rows = [
        {"amount": amount, "date": day, "category": category, "pending": False}
        for amount, day, category in (
            ("400", "2027-01-05", "GENERAL_MERCHANDISE_OTHER"),
            ("-250", "2027-01-20", "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT"),
            ("150", "2027-02-10", "GENERAL_MERCHANDISE_OTHER"),
        )
    ]
    statement = statements.last_statement(Account("a", "card", draft, "", None), rows, date(2027, 2, 12))
    assert statement == statements.DebtStatement(
        issued=date(2027, 2, 10), due=date(2027, 3, 7), balance=Decimal("150"), carried=Decimal("150")
    )
