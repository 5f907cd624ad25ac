"""The page of a card or loan shows its terms, or says calmly why there are none."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from banking.models import Account, Item, ItemProduct, LiabilityApr
from banking.tests.factories import make_account, make_liability, update_item
from compliance.consent import ConsentEvent
from compliance.isolation import tenant
from ui.tests.page_text import page_text, visible_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def card(item: Item) -> Account:
    update_item(item, institution_name="Platypus & Sons")
    return make_account(item, name="Card", mask="3333", type="credit", current=Decimal(410), limit=Decimal(2000))


def set_product(item: Item, **columns: object) -> None:
    with tenant(item.owner_id):
        ItemProduct.objects.create(owner_id=item.owner_id, item=item, product="liabilities", **columns)


def read_page(client: Client, account: Account) -> str:
    return visible_text(client.get(reverse("account", args=[account.pk])))


def test_it_shows_the_terms_of_a_card(as_alice: Client, item: Item, card: Account) -> None:
    set_product(item, status="ready")
    liability = make_liability(
        card,
        aprs={"purchase_apr": "12.5", "cash_apr": "27.95", "apr_of_2031": "20"},
        is_overdue=True,
        minimum_payment_amount=Decimal(35),
        next_payment_due_date=timezone.localdate() + timedelta(days=9),
        last_payment_amount=Decimal("168.25"),
        last_payment_date=date(2025, 5, 22),
        last_statement_balance=Decimal("1708.77"),
        last_statement_issue_date=date(2025, 5, 28),
    )
    with tenant(item.owner_id):
        LiabilityApr.objects.filter(type="purchase_apr").update(
            balance_subject_to_apr=Decimal("1562.32"), interest_charge_amount=Decimal("16.27")
        )
    page = read_page(as_alice, card)
    assert liability.get_kind_display() in page
    for expected in ("Purchases", "12.5%", "Cash advances", "27.95%", "Apr of 2031", "20%", "$1,562.32", "$16.27"):
        assert expected in page
    for expected in ("Past due", "Minimum payment", "$35.00", "$168.25", "May 22, 2025", "$1,708.77", "May 28, 2025"):
        assert expected in page
    assert "Plaid refreshes this about once a day." in page
    assert "None" not in page
    assert "the last one that your bank reported" not in page


def test_it_says_which_terms_are_unknown(as_alice: Client, item: Item, card: Account) -> None:
    set_product(item, status="ready")
    make_liability(card, next_payment_due_date=timezone.localdate() - timedelta(days=1), minimum_payment_amount=0)
    page = read_page(as_alice, card)
    assert "Your bank reports no interest rates of this card." in page
    assert "the last one that your bank reported" in page
    # Nothing is due, which is not the same as an unknown amount.
    assert "$0.00" in page
    assert page.count("Not available") == 3
    assert "Past due" not in page


def test_it_shows_the_terms_of_a_loan(as_alice: Client, item: Item) -> None:
    set_product(item, status="ready")
    loan = make_account(item, name="House", type="loan", subtype="mortgage", current=Decimal(56302))
    make_liability(
        loan,
        kind="mortgage",
        interest_rate=Decimal("3.99"),
        interest_rate_type="fixed",
        next_payment_amount=Decimal("3141.54"),
        escrow_balance=Decimal("3141.55"),
        past_due_amount=Decimal(2304),
        maturity_date=date(2047, 7, 31),
        loan_status="in_grace_period",
    )
    page = read_page(as_alice, loan)
    for expected in ("Mortgage terms", "3.99%", "Fixed", "$3,141.54", "$3,141.55", "$2,304.00", "Jul 31, 2047"):
        assert expected in page
    assert "In grace period" in page
    assert "Minimum payment" not in page


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"status": "unsupported"}, "Platypus & Sons doesn't offer this data."),
        (
            {"status": "unsupported", "error_code": "PRODUCTS_NOT_SUPPORTED"},
            "Platypus & Sons doesn't offer this data through Plaid.",
        ),
        (
            {"status": "unsupported", "error_code": "NO_LIABILITY_ACCOUNTS"},
            "Platypus & Sons shares no card or loan of which Plaid knows the terms.",
        ),
        (
            {"status": "not_consented", "error_code": "ADDITIONAL_CONSENT_REQUIRED"},
            "Platypus & Sons needs your approval to share this. Review access to allow it.",
        ),
        ({"status": "pending"}, "This isn't available from Platypus & Sons yet. It appears after a sync."),
        (
            {"status": "error", "error_code": "INTERNAL_SERVER_ERROR"},
            "We couldn't update this from Platypus & Sons. A later sync tries again.",
        ),
        ({"status": "ready"}, "Your bank reports no terms of this account."),
        (
            {"status": "ready", "skipped_rows": 2},
            "We couldn't read 2 parts of this from Platypus & Sons, so they're missing here.",
        ),
    ],
)
def test_it_says_calmly_why_there_are_no_terms(
    as_alice: Client, item: Item, card: Account, columns: dict[str, str], sentence: str
) -> None:
    set_product(item, **columns)
    page = read_page(as_alice, card)
    assert sentence in page
    assert ("INTERNAL_SERVER_ERROR" in page) == (columns["status"] == "error")
    assert (reverse("reconnect", args=[item.pk]) in page_text(as_alice.get(reverse("account", args=[card.pk])))) == (
        columns["status"] == "not_consented"
    )


def test_it_shows_the_last_known_terms_beside_an_error(as_alice: Client, item: Item, card: Account) -> None:
    set_product(item, status="error", error_code="INTERNAL_SERVER_ERROR")
    make_liability(card, minimum_payment_amount=Decimal(35))
    page = read_page(as_alice, card)
    assert "$35.00" in page
    assert "We couldn't update this from" in page


def test_it_says_that_a_lost_connection_is_not_updated(as_alice: Client, item: Item, card: Account) -> None:
    set_product(item, status="ready")
    make_liability(card, minimum_payment_amount=Decimal(35))
    update_item(item, connection="login_required")
    page = read_page(as_alice, card)
    assert "$35.00" in page
    assert "We don't sync Platypus & Sons now, so this isn't updated." in page


def test_it_asks_to_agree_to_what_the_earlier_text_did_not_cover(
    as_alice: Client, alice: User, item: Item, card: Account
) -> None:
    with tenant(alice.pk):
        last = ConsentEvent.objects.filter(owner=alice.pk, purpose="bank_data").latest("at")
        last.pk, last.at, last._state.adding = None, last.at + timedelta(seconds=1), True
        last.scope = {"provider": "plaid", "products": "accounts, balances, transactions"}
        last.save()
    set_product(item, status="pending")
    page = page_text(as_alice.get(reverse("account", args=[card.pk])))
    assert "You agreed to an earlier text about bank data" in page
    assert reverse("reconnect", args=[item.pk]) in page


def test_it_shows_no_terms_of_an_account_that_is_no_debt(as_alice: Client, item: Item) -> None:
    set_product(item, status="error", error_code="INTERNAL_SERVER_ERROR")
    page = read_page(as_alice, make_account(item, name="Everyday"))
    assert "INTERNAL_SERVER_ERROR" not in page
    assert "terms" not in page


def test_it_shows_no_terms_to_another_user(as_mallory: Client, card: Account) -> None:
    make_liability(card, minimum_payment_amount=Decimal(35))
    assert as_mallory.get(reverse("account", args=[card.pk])).status_code == 404
