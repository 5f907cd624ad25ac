"""Banks in the activity log: their names, what their tokens were used for, and names that look like formulas."""

import csv
import io
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.privacy.activity.labels import PURPOSE_LABELS
from banking.credentials import TokenPurpose
from banking.models import Item
from compliance.audit import Action, record
from compliance.isolation import tenant
from formats.spreadsheets import escape_formula
from ui.tests.page_text import visible_text

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_cache")]


def read_page(client: Client) -> str:
    return visible_text(client.get(reverse("activity")))


def test_every_use_of_a_token_has_words() -> None:
    assert set(PURPOSE_LABELS) == set(TokenPurpose)


def test_it_names_the_bank_and_shows_no_id(as_alice: Client, alice: User, item: Item) -> None:
    record(Action.CREDENTIAL_ACCESS, subject=alice, resource="item", resource_id=str(item.pk), purpose="sync")
    record(Action.CREDENTIAL_DELETE, subject=alice, resource="item", resource_id=str(uuid4()))
    record(Action.SYNC, subject=alice, resource="item", resource_id="not an id of ours")
    text = read_page(as_alice)
    assert "Secret decrypted and used First Platypus Bank, to sync" in text
    assert "Secret deleted Bank connection" in text
    assert str(item.pk) not in text


def test_it_does_not_name_another_persons_bank(as_mallory: Client, mallory: User, item: Item) -> None:
    record(Action.SYNC, subject=mallory, resource="item", resource_id=str(item.pk))
    assert "Platypus" not in read_page(as_mallory)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1", "\r=1", "Bank;=1"])
def test_its_file_holds_no_formula(
    as_alice: Client, alice: User, item: Item, with_second_factor: Callable[..., Client], text: str
) -> None:
    with tenant(alice.pk):
        Item.objects.filter(pk=item.pk).update(institution_name=text)
    record(Action.CONNECT, subject=alice, resource="item", resource_id=str(item.pk), ip=text)
    response = with_second_factor(as_alice, alice).get(reverse("activity_csv"), {"group": "banks"})
    _, *rows = csv.reader(io.StringIO(b"".join(response.streaming_content).decode(), newline=""))
    assert [(row[2], row[5]) for row in rows] == [(escape_formula(text), escape_formula(text))]
    assert escape_formula(text) != text
