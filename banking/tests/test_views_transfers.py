"""The mark of a transfer in the list, its page, and the forms that join and separate two transactions."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from banking.models import Account, Item, Transaction
from banking.tests.factories import make_account, make_transaction
from banking.transactions.transfers import update_transfers
from compliance.isolation import tenant
from ui.tests.page_text import page_text

UNKNOWN_ID = UUID("0041f248-4745-48d6-aa3c-c4286e2ca37c")

pytestmark = pytest.mark.django_db


@pytest.fixture
def savings(item: Item) -> Account:
    return make_account(item, name="Sav<b>ings", mask="4411", subtype="savings")


@pytest.fixture
def legs(alice: User, item: Item, savings: Account) -> tuple[Transaction, Transaction]:
    """An uncategorized transfer of 500 dollars that is paired, and a salary of the same amount."""
    day = timezone.localdate() - timedelta(days=1)
    left = make_transaction(make_account(item), "-500", name="ONLINE BANKING 1", day=day)
    arrived = make_transaction(savings, "500", name="DEPOSIT 1")
    make_transaction(savings, "500", name="ACME PAYROLL", category="INCOME")
    with tenant(alice.pk):
        update_transfers(owner_id=alice.pk)
    return left, arrived


def post(client: Client, first: UUID, second: UUID, edit: str, *, status: int = 302) -> None:
    response = client.post(reverse("edit_transfer", args=[first, second]), {"edit": edit})
    assert response.status_code == status
    if status == 302:
        assert response.url == reverse("transfer", args=[first])


def get_figures(client: Client) -> list[tuple[Decimal, Decimal]]:
    """Money in and money out, in the list and in the monthly totals."""
    (listed,) = client.get(reverse("transactions")).context["sums"]
    months = client.get(reverse("monthly_totals")).context["months"]
    totals = sum(month.money_in for month in months), sum(month.money_out for month in months)
    return [(listed.money_in, listed.money_out), totals]


@pytest.mark.parametrize("page", ["transactions", "overview"])
def test_it_links_each_leg_to_its_transfer(as_alice: Client, legs: tuple[Transaction, Transaction], page: str) -> None:
    html = as_alice.get(reverse(page)).content.decode()
    for leg, mark in zip(legs, ("Transfer to Sav&lt;b&gt;ings ••4411", "Transfer from Checking ••0000"), strict=True):
        assert f'href="{reverse("transfer", args=[leg.pk])}">{mark}</a>' in html
    assert html.count("tx__transfer") == 2


def test_it_shows_both_legs_and_lets_the_user_separate_and_join_them(
    as_alice: Client, legs: tuple[Transaction, Transaction]
) -> None:
    left, arrived = legs
    assert get_figures(as_alice) == [(500, 0), (500, 0)]
    page = page_text(as_alice.get(reverse("transfer", args=[arrived.pk])))
    for text in ("Transfer between your accounts", "ONLINE BANKING 1", "DEPOSIT 1", "−$500.00", "+$500.00"):
        assert text in page
    assert page.index("Money out") < page.index("Money in")
    assert "ACME PAYROLL" not in page

    post(as_alice, arrived.pk, left.pk, "separate")
    page = page_text(as_alice.get(reverse("transfer", args=[left.pk])))
    assert get_figures(as_alice) == [(1000, 500), (1000, 500)]
    assert "Separated. We won't join these two transactions again." in page
    assert "with ACME PAYROLL in Sav" in page
    assert "You separated these two transactions" in page

    salary = next(row for row in as_alice.get(reverse("transactions")).context["rows"] if row.label == "ACME PAYROLL")
    post(as_alice, left.pk, salary.id, "join")
    assert "You joined these transactions as one transfer." in page_text(
        as_alice.get(reverse("transfer", args=[salary.id]))
    )
    assert get_figures(as_alice) == [(500, 0), (500, 0)]
    csv = b"".join(as_alice.get(reverse("transactions-csv") + "?counted=no").streaming_content).decode()
    assert "ACME PAYROLL" in csv
    assert "DEPOSIT 1" not in csv


def test_it_says_why_there_is_nothing_to_join(as_alice: Client, savings: Account) -> None:
    lone, own = make_transaction(savings, "-9"), make_transaction(savings, "-8", user_category="TRAVEL")
    transfer = make_transaction(savings, "-7", category="TRANSFER_OUT")
    for row, text in (
        (lone, "No transaction has the same amount in the other direction"),
        (own, "You categorized this transaction as income or spending"),
        (transfer, "category or account keeps it out of income and spending"),
    ):
        assert text in page_text(as_alice.get(reverse("transfer", args=[row.pk])))


def test_it_offers_transactions_of_other_accounts_within_ten_days(
    as_alice: Client, item: Item, savings: Account
) -> None:
    checking, today = make_account(item), timezone.localdate()
    left = make_transaction(checking, "-20", day=today)
    for name, account, changes in (
        ("NEAR", savings, {"day": today - timedelta(days=10)}),
        ("FAR", savings, {"day": today - timedelta(days=11)}),
        ("HIDDEN", savings, {"hidden": True}),
        ("REMOVED", savings, {"removed_at": timezone.now()}),
        ("EUROS", savings, {"currency": "EUR"}),
        ("SAME", checking, {}),
        ("FORMER", make_account(item, successor=checking), {}),
        ("OWN", savings, {"user_category": "INCOME"}),
    ):
        make_transaction(account, "20", name=name, category="INCOME", **{"day": today, **changes})
    details = as_alice.get(reverse("transfer", args=[left.pk])).context["transfer"]
    assert [candidate.row.label for candidate in details.candidates] == ["NEAR"]


def test_it_gives_nothing_to_others_and_takes_no_other_edit(
    as_alice: Client, as_mallory: Client, legs: tuple[Transaction, Transaction]
) -> None:
    left, arrived = (leg.pk for leg in legs)
    for edit in ("join", "separate"):
        post(as_mallory, left, arrived, edit, status=404)
        post(as_alice, left, UNKNOWN_ID, edit, status=404)
        post(as_alice, left, left, edit, status=404)
    for edit in ("", "JOIN", "\0"):
        post(as_alice, left, arrived, edit, status=404)
    assert as_mallory.get(reverse("transfer", args=[left])).status_code == 404
    assert as_alice.get(reverse("transfer", args=[left])).context["transfer"].other.id == arrived
