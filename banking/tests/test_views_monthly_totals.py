"""The page of monthly totals: what refunds and reversals look like."""

import pytest
from django.test import Client
from django.urls import reverse

from banking.models import Item
from banking.tests.factories import make_account, make_transaction
from ui.tests.page_text import strip_tags

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("category", "amounts", "expected"),
    [
        ("TRAVEL", ["-20", "50"], "Travel $30.00 net refunds"),
        ("TRAVEL", ["-50", "20"], "Travel −$30.00"),
        ("TRAVEL", ["-50", "50"], "Travel $0.00"),
        ("INCOME", ["20", "-50"], "Income $30.00 income reversed"),
        ("INCOME", ["50"], "Income +$50.00"),
        ("", ["50"], "Uncategorized +$50.00"),
    ],
)
def test_it_says_in_words_what_was_refunded_or_reversed(
    as_alice: Client, item: Item, category: str, amounts: list[str], expected: str
) -> None:
    account = make_account(item)
    for amount in amounts:
        make_transaction(account, amount, category=category)
    assert expected in strip_tags(as_alice.get(reverse("monthly_totals")).content.decode())
