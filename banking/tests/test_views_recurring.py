"""The page of recurring payments: in and out, with monthly sums by currency."""

from datetime import date
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from banking.models import Account, Item, ItemProduct
from banking.tests.factories import make_account, make_stream, update_item
from banking.transactions.recurring import list_recurring_payments
from compliance.isolation import tenant
from compliance.retention.models import RetentionSetting
from ui.tests.page_text import visible_text

pytestmark = pytest.mark.django_db

PAGE = "/transactions/recurring/"


@pytest.fixture
def checking(item: Item) -> Account:
    update_item(item, institution_name="Platypus & Sons")
    with tenant(item.owner_id):
        ItemProduct.objects.create(owner_id=item.owner_id, item=item, product="recurring", status="ready")
    return make_account(item, name="Everyday")


def read_page(client: Client) -> str:
    return visible_text(client.get(PAGE))


def list_sums(user: User) -> list[tuple[str, Decimal, Decimal]]:
    with tenant(user.pk):
        return [(total.currency, total.money_in, total.money_out) for total in list_recurring_payments(user).sums]


def test_it_shows_what_comes_in_and_goes_out(as_alice: Client, checking: Account) -> None:
    make_stream(checking, "2500", merchant_name="", description="NORTHWIND LABS PAYROLL", frequency="BIWEEKLY")
    make_stream(
        checking,
        "-15.49",
        merchant_name="Netflix",
        category="ENTERTAINMENT",
        last_amount=Decimal("-17.99"),
        last_date=date(2025, 11, 5),
        predicted_next_date=date(2025, 12, 5),
        status="EARLY_DETECTION",
    )
    make_stream(checking, "-9", merchant_name="Old Gym", is_active=False, frequency="EVERY_BLUE_MOON")
    page = read_page(as_alice)
    for expected in ("NORTHWIND LABS PAYROLL", "Every 2 weeks", "+$2,500.00", "Netflix", "Every month", "−$15.49"):
        assert expected in page
    for expected in ("−$17.99", "Nov 5, 2025", "Dec 5, 2025", "Entertainment", "Everyday ••0000", "New"):
        assert expected in page
    # 2,500 times 26 a year.
    assert "$5,416.67" in page
    assert page.index("Ended") < page.index("Old Gym")
    assert "Irregular" in page
    assert "None" not in page


@pytest.mark.parametrize(
    ("frequency", "monthly"),
    [
        ("WEEKLY", "52"),
        ("BIWEEKLY", "26"),
        ("SEMI_MONTHLY", "24"),
        ("MONTHLY", "12"),
        ("ANNUALLY", "1"),
        ("UNKNOWN", None),
        ("", None),
    ],
)
def test_it_turns_every_frequency_into_months(
    alice: User, checking: Account, frequency: str, monthly: str | None
) -> None:
    make_stream(checking, "-12", frequency=frequency)
    assert list_sums(alice) == ([] if monthly is None else [("USD", Decimal(0), Decimal(monthly))])


def test_it_adds_up_each_currency_by_itself(alice: User, checking: Account) -> None:
    for amount, currency in (("100", "USD"), ("-30", "USD"), ("-5.5", "USD"), ("-20", "EUR")):
        make_stream(checking, amount, currency=currency)
    assert list_sums(alice) == [("USD", Decimal(100), Decimal("35.5")), ("EUR", Decimal(0), Decimal(20))]


@pytest.mark.parametrize(
    "fields",
    [
        {"category": "TRANSFER_OUT"},
        {"category": "LOAN_DISBURSEMENTS"},
        {"category": "LOAN_PAYMENTS", "category_detail": "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT"},
        {"frequency": "UNKNOWN"},
    ],
)
def test_it_leaves_out_of_the_sums_what_is_no_spending_and_says_so(
    as_alice: Client, alice: User, checking: Account, fields: dict[str, str]
) -> None:
    make_stream(checking, "-100", **fields)
    assert list_sums(alice) == []
    assert "aren't in these sums" in read_page(as_alice)


def test_it_leaves_out_loans_and_accounts_that_do_not_count_any_more(
    as_alice: Client, alice: User, item: Item, checking: Account
) -> None:
    make_stream(make_account(item, type="loan"), "-100")
    make_stream(make_account(item, closed_at=timezone.now()), "-100", merchant_name="Closed")
    make_stream(make_account(item, successor=checking), "-100", merchant_name="Former")
    assert list_sums(alice) == []
    page = read_page(as_alice)
    assert "Closed" not in page
    assert "Former" not in page


def test_it_lists_an_account_outside_totals_in_no_sum_and_a_hidden_one_not_at_all(
    as_alice: Client, alice: User, item: Item, checking: Account
) -> None:
    make_stream(checking, "-10", merchant_name="Counted")
    make_stream(make_account(item, inclusion=Account.Inclusion.LISTED), "-100", merchant_name="Listed")
    hidden = make_account(item, inclusion=Account.Inclusion.HIDDEN)
    make_stream(hidden, "-100", merchant_name="Secret")
    make_stream(hidden, "-100", merchant_name="Secret end", is_active=False)
    assert list_sums(alice) == [("USD", Decimal(0), Decimal(10))]
    page = read_page(as_alice)
    assert "Listed" in page
    assert "aren't in these sums" in page
    assert "Secret" not in page


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"status": "unsupported", "error_code": "PRODUCTS_NOT_SUPPORTED"}, "doesn't offer this data through Plaid."),
        ({"status": "error", "error_code": "TIMEOUT"}, "We couldn't update this from Platypus & Sons."),
        ({"status": "pending"}, "This isn't available from Platypus & Sons yet."),
    ],
)
def test_it_says_calmly_why_a_bank_has_none(
    as_alice: Client, item: Item, checking: Account, columns: dict[str, str], sentence: str
) -> None:
    with tenant(item.owner_id):
        ItemProduct.objects.update(**columns)
    assert sentence in read_page(as_alice)


def test_it_says_that_there_are_none_yet(as_alice: Client, checking: Account) -> None:
    assert "No recurring payments yet." in read_page(as_alice)


def test_it_says_why_nothing_is_listed_for_who_keeps_no_transactions(
    as_alice: Client, alice: User, item: Item, checking: Account
) -> None:
    with tenant(item.owner_id):
        ItemProduct.objects.update(status="pending")
        RetentionSetting.objects.create(
            owner=alice, data_type="transactions", days_to_retain=0, effective_at=timezone.now()
        )
    page = read_page(as_alice)
    assert "You chose not to keep your transactions, so recurring payments aren't listed." in page
    assert "isn't available" not in page


def test_it_shows_nothing_of_another_user(as_mallory: Client, checking: Account) -> None:
    make_stream(checking, "-15.49", merchant_name="Netflix")
    assert "Netflix" not in read_page(as_mallory)


def test_the_list_of_transactions_links_to_it(as_alice: Client) -> None:
    assert reverse("recurring") == PAGE
    assert f'href="{PAGE}"' in as_alice.get(reverse("transactions")).content.decode()
