from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from banking.models import Connection, Item
from banking.provider import Readiness
from banking.tests.factories import make_account, update_item
from ui.tests.page_text import page_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def healthy_item(item: Item) -> Item:
    """Alice's Item after a successful sync, with a checking account and a credit card."""
    make_account(item, name="Everyday", mask="0000", current=Decimal("1200.50"), available=Decimal("1100.5"))
    make_account(item, name="Card", mask="3333", type="credit", current=Decimal(410), limit=Decimal(2000))
    return update_item(
        item, institution_name="Platypus", readiness=Readiness.HISTORICAL, checked_at=timezone.now(), cursor="c1"
    )


def test_it_lists_accounts_with_balances_and_limits(as_alice: Client, healthy_item: Item) -> None:
    page = page_text(as_alice.get(reverse("accounts")))
    for expected in ("Platypus", "Everyday", "••0000", "$1,200.50", "$1,100.50", "$410.00", "$2,000.00", "21%"):
        assert expected in page
    assert "Up to date" in page


def test_it_shows_one_bank(as_alice: Client, alice: User, healthy_item: Item, make_item) -> None:
    other = update_item(make_item(alice, provider_item_id="other"), institution_name="Gingham")
    make_account(other, name="Rainy day")
    page = page_text(as_alice.get(reverse("item", args=[healthy_item.pk])))
    assert "Everyday" in page
    assert "Rainy day" not in page
    assert reverse("item", args=[other.pk]) in page


def test_it_links_to_connect_without_a_bank(as_alice: Client) -> None:
    assert reverse("connect") in page_text(as_alice.get(reverse("accounts")))


def test_it_shows_nothing_of_another_user(as_mallory: Client, healthy_item: Item) -> None:
    assert as_mallory.get(reverse("item", args=[healthy_item.pk])).status_code == 404
    assert "Everyday" not in page_text(as_mallory.get(reverse("accounts")))


def test_it_responds_with_404_for_an_unknown_bank(as_alice: Client) -> None:
    assert as_alice.get(reverse("item", args=[uuid4()])).status_code == 404


def test_it_redirects_from_a_removed_bank_to_the_list(as_alice: Client, as_mallory: Client, healthy_item: Item) -> None:
    update_item(healthy_item, connection=Connection.REMOVED)
    # A notification may link to a connection that has ended since.
    assert as_alice.get(reverse("item", args=[healthy_item.pk])).url == reverse("accounts")
    assert as_mallory.get(reverse("item", args=[healthy_item.pk])).status_code == 404
    assert "Everyday" not in page_text(as_alice.get(reverse("accounts")))


def test_it_hides_closed_accounts(as_alice: Client, healthy_item: Item) -> None:
    make_account(healthy_item, name="Long gone", closed_at=timezone.now())
    assert "Long gone" not in page_text(as_alice.get(reverse("accounts")))


def test_it_shows_missing_values_as_not_available(as_alice: Client, item: Item) -> None:
    make_account(item, name="Silent", type="credit", subtype="", mask="", currency="")
    page = page_text(as_alice.get(reverse("accounts")))
    assert page.count("Not available") == 4
    assert "None" not in page


@pytest.mark.parametrize(
    ("fields", "expected", "action"),
    [
        ({"connection": Connection.LOGIN_REQUIRED}, "Sign-in required", "reconnect"),
        ({"connection": Connection.REVOKED}, "Access ended", "disconnect"),
        ({"failures": 2, "error_code": "INSTITUTION_DOWN", "fault": "bank"}, "the bank isn't responding", "refresh"),
        (
            {"failures": 2, "error_code": "INVALID_API_KEYS", "fault": "ours"},
            "because of a problem on our end",
            "refresh",
        ),
        ({"failures": 2, "error_code": "TIMEOUT"}, "Sync failed", "refresh"),
        ({"checked_at": timezone.now() - timedelta(days=7)}, "7 days", "refresh"),
        ({"readiness": Readiness.INITIAL}, "Importing", "importing"),
    ],
)
def test_it_shows_the_state_of_a_connection_and_an_action(
    as_alice: Client, healthy_item: Item, fields: dict[str, object], expected: str, action: str
) -> None:
    update_item(healthy_item, data_as_of=fields.get("checked_at"), **fields)
    page = page_text(as_alice.get(reverse("accounts")))
    assert expected in page
    assert reverse(action, args=[healthy_item.pk]) in page


def test_it_escapes_text_of_banks(as_alice: Client, healthy_item: Item) -> None:
    make_account(healthy_item, name="<script>alert(1)</script>", mask="<b>", subtype="<i>x</i>")
    page = as_alice.get(reverse("accounts")).content.decode()
    assert "<script>alert" not in page
    assert "<b>" not in page
    assert "<i>" not in page


def test_it_needs_as_many_queries_for_many_banks_as_for_one(
    as_alice: Client, alice: User, healthy_item: Item, make_item
) -> None:
    def count_queries() -> int:
        with CaptureQueriesContext(connection) as queries:
            as_alice.get(reverse("accounts"))
        return len(queries)

    # The first request creates the data key that seals audit events.
    count_queries()
    count_for_one = count_queries()
    for number in range(4):
        make_account(make_item(alice, provider_item_id=f"more-{number}"))
    assert count_queries() == count_for_one
