"""The pages on which a person splits a transaction, changes the parts and joins them again."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from banking.models import Account, Item, Transaction, Transfer
from banking.splits.splitting import PartValues, split_transaction
from banking.tests.factories import make_account, make_transaction
from compliance.isolation import tenant
from ui.tests.page_text import page_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def row(item: Item) -> Transaction:
    account: Account = make_account(item)
    return make_transaction(account, "-50", merchant_name="Big store", category="GENERAL_MERCHANDISE")


def url(name: str, row: Transaction) -> str:
    return reverse(name, args=[row.pk])


def fields(*parts: dict[str, str], **others: str) -> dict[str, str]:
    named = {f"part-{place}-{name}": value for place, part in enumerate(parts) for name, value in part.items()}
    return {"part-TOTAL_FORMS": str(len(parts)), "part-INITIAL_FORMS": "0"} | named | others


def list_parts(row: Transaction) -> list[Transaction]:
    with tenant(row.owner_id):
        return list(Transaction.objects.filter(part_of=row.pk).order_by("pk"))


def split(user: User, row: Transaction, *amounts: str) -> list[Transaction]:
    values = [PartValues(amount=Decimal(amount)) for amount in amounts]
    return split_transaction(user=user, transaction_id=row.pk, parts=values)


def change(row: Transaction, **columns: Any) -> None:
    with tenant(row.owner_id):
        Transaction.objects.filter(pk=row.pk).update(**columns)


def test_it_splits_a_transaction_and_shows_whole_and_parts(as_alice: Client, row: Transaction) -> None:
    assert url("split", row) in as_alice.get(url("transaction", row)).content.decode()
    food = {"amount": "20.01", "category": "FOOD_AND_DRINK", "note": "lunch", "tags": "trip"}
    page = page_text(as_alice.post(url("split", row), fields(food, {"amount": ""}), follow=True))
    assert "Transaction split" in page
    assert "2 parts, which count in its place" in page
    first, second = list_parts(row)
    assert [(part.amount, part.user_category, part.note) for part in (first, second)] == [
        (Decimal("-20.01"), "FOOD_AND_DRINK", "lunch"),
        (Decimal("-29.99"), "", ""),
    ]
    listed = as_alice.get(reverse("transactions"))
    assert {(part.amount, part.part_of, part.tags) for part in listed.context["rows"]} == {
        (Decimal("-20.01"), row.pk, ("trip",)),
        (Decimal("-29.99"), row.pk, ()),
    }
    part_page = as_alice.get(url("transaction", first))
    assert "Part of Big store, −$50.00" in page_text(part_page)
    assert url("transfer", first) not in part_page.content.decode()
    assert as_alice.get(url("transfer", first)).status_code == 404
    whole_page = as_alice.get(url("transaction", row))
    assert url("transaction", first) in whole_page.content.decode()
    assert "Part of a transaction" not in page_text(whole_page)
    assert "Parts joined again" in page_text(as_alice.post(url("join_parts", row), follow=True))
    assert list_parts(row) == []


def test_it_adds_a_row_and_keeps_what_was_entered(as_alice: Client, row: Transaction) -> None:
    entered = fields({"amount": "x", "note": "kept"}, {"category": "TRAVEL"}, add="")
    response = as_alice.post(url("split", row), entered)
    forms = response.context["forms"]
    assert (response.status_code, forms.is_bound, len(forms.forms)) == (200, False, 3)
    assert [form.initial.get("note", "") for form in forms.forms] == ["kept", "", ""]
    many = as_alice.post(url("split", row), {"part-TOTAL_FORMS": "999", "add": ""})
    assert len(many.context["forms"].forms) == 20
    assert 'name="add"' not in many.content.decode()
    overlong = as_alice.post(url("split", row), {"part-TOTAL_FORMS": "9" * 5000, "add": ""})
    assert len(overlong.context["forms"].forms) == 3


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([{"amount": "20"}, {"amount": "29.99"}], "The parts add up to $49.99, and the transaction is $50.00."),
        ([{"amount": "60"}, {"amount": ""}], "The parts add up to $60.00"),
        ([{"amount": "50"}, {"amount": ""}], "Enter at least two parts."),
        ([{"amount": "50"}, {"note": "rest"}], "Nothing is left for this part."),
        ([{"note": "a"}, {"note": "b"}], "Only one part can take what is left."),
        ([{"amount": "0"}, {"amount": "50"}], "Enter an amount other than zero"),
        ([{"amount": "0.001"}, {"amount": "49.999"}], "Enter at most 2 decimals."),
        ([{"amount": "NaN"}, {"amount": "50"}], "Enter a number."),
        ([{"amount": "20", "category": "NO_SUCH"}, {"amount": "30"}], "Select a valid choice"),
        ([{"amount": "20", "tags": "x" * 41}, {"amount": "30"}], "at most 40 characters"),
        ([], "The parts add up to $0.00"),
    ],
)
def test_it_says_what_does_not_fit(
    as_alice: Client, row: Transaction, parts: list[dict[str, str]], message: str
) -> None:
    response = as_alice.post(url("split", row), fields(*parts))
    assert response.status_code == 422
    assert message in page_text(response)
    assert list_parts(row) == []


def test_it_says_that_a_currency_has_no_decimals(as_alice: Client, row: Transaction) -> None:
    change(row, currency="JPY")
    response = as_alice.post(url("split", row), fields({"amount": "20.5"}, {"amount": "29.5"}))
    assert "Part 1, Amount: Enter an amount without decimals." in page_text(response)


def test_it_leaves_out_a_row_that_was_sent_empty(as_alice: Client, row: Transaction) -> None:
    as_alice.post(url("split", row), fields({"amount": "20"}, {"amount": "30"}, {}))
    assert [part.amount for part in list_parts(row)] == [Decimal(-20), Decimal(-30)]


def test_a_part_may_be_money_in_the_other_direction(as_alice: Client, row: Transaction) -> None:
    as_alice.post(url("split", row), fields({"amount": "-10"}, {"amount": "60"}))
    assert [part.amount for part in list_parts(row)] == [Decimal(10), Decimal(-60)]


def test_it_changes_parts_and_keeps_the_others(as_alice: Client, alice: User, row: Transaction) -> None:
    first, second, third = split(alice, row, "-10", "-15", "-25")
    page = as_alice.get(url("split", row))
    known = page.context["known"]
    assert [form.initial["amount"] for form in page.context["forms"].forms] == ["10.00", "15.00", "25.00"]
    parts = [{"amount": "10"}, {"amount": ""}, {"amount": "25", "is_removed": "on"}]
    as_alice.post(url("split", row), fields(*parts, known=known))
    assert [(part.pk, part.amount) for part in list_parts(row)] == [(first.pk, Decimal(-10)), (second.pk, Decimal(-40))]
    # Another tab has the page from before.
    stale = page_text(as_alice.post(url("split", row), fields(*parts, known=known), follow=True))
    assert "changed meanwhile" in stale
    assert [part.amount for part in list_parts(row)] == [Decimal(-10), Decimal(-40)]
    assert third.pk not in {part.pk for part in list_parts(row)}


@pytest.mark.parametrize("others", [{}, {"add": ""}])
def test_a_form_that_is_shown_again_is_still_about_the_parts_that_it_has_shown(
    as_alice: Client, alice: User, row: Transaction, others: dict[str, str]
) -> None:
    first, second = split(alice, row, "-20", "-30")
    known = as_alice.get(url("split", row)).context["known"]
    # Another tab replaces one of them meanwhile.
    kept = PartValues(amount=Decimal(-20), part_id=first.pk)
    new = PartValues(amount=Decimal(-30), note="mine")
    split_transaction(user=alice, transaction_id=row.pk, parts=[kept, new], known=[first.pk, second.pk])
    again = as_alice.post(url("split", row), fields({"amount": "1"}, {"amount": "2"}, known=known, **others))
    corrected = fields({"amount": "10"}, {"amount": "40"}, known=again.context["known"])
    assert "changed meanwhile" in page_text(as_alice.post(url("split", row), corrected, follow=True))
    assert [(part.amount, part.note) for part in list_parts(row)] == [(Decimal(-20), ""), (Decimal(-30), "mine")]


def test_it_keeps_the_lines_of_a_note(as_alice: Client, alice: User, row: Transaction) -> None:
    first, _ = split(alice, row, "-20", "-30")
    change(first, note="one\r\ntwo")
    assert re.search(r"<textarea[^>]*>\s*one\r\ntwo</textarea>", as_alice.get(url("split", row)).content.decode())


def test_the_form_begins_with_the_amounts_that_count(as_alice: Client, alice: User, row: Transaction) -> None:
    parts = split(alice, row, "-20", "-30")
    change(row, amount=Decimal(-52))
    change(parts[1], amount=Decimal(-32))
    page = as_alice.get(url("split", row))
    shown = [form.initial["amount"] for form in page.context["forms"].forms]
    assert shown == ["20.00", "32.00"]
    as_alice.post(url("split", row), fields(*({"amount": amount} for amount in shown), known=page.context["known"]))
    assert [part.entered_amount for part in list_parts(row)] == [Decimal(-20), Decimal(-32)]
    for part in parts:
        change(part, removed_at=timezone.now(), entered_amount=Decimal(-25))
    page = as_alice.get(url("split", row))
    assert [form.initial["amount"] for form in page.context["forms"].forms] == ["25.00", "25.00"]


def test_two_tabs_split_once(as_alice: Client, row: Transaction) -> None:
    as_alice.post(url("split", row), fields({"amount": "20"}, {"amount": "30"}))
    again = as_alice.post(url("split", row), fields({"amount": "25"}, {"amount": "25"}), follow=True)
    assert "changed meanwhile" in page_text(again)
    assert [part.amount for part in list_parts(row)] == [Decimal(-20), Decimal(-30)]
    # The form of the whole was open as well.
    edited = as_alice.post(url("transaction", row), {"note": "late"}, follow=True)
    assert "changed meanwhile" in page_text(edited)


def test_it_says_that_the_bank_changed_the_amount(as_alice: Client, alice: User, row: Transaction) -> None:
    _, last = split(alice, row, "-20", "-30")
    change(last, amount=Decimal(-32))
    assert "the last part took the difference" in page_text(as_alice.get(url("transaction", row)))
    assert "You entered −$30.00." in page_text(as_alice.get(url("transaction", last)))
    change(row, amount=Decimal(-10), removed_at=None, replaced_by="")
    for part in list_parts(row):
        change(part, removed_at=timezone.now())
    page = page_text(as_alice.get(url("transaction", row)))
    assert "Your split doesn't fit any more" in page
    assert "Join the parts again" in page
    assert "You can't undo this." in page


@pytest.mark.parametrize("name", ["transaction", "split"])
def test_the_page_of_a_part_that_does_not_count_leads_to_the_whole(
    as_alice: Client, alice: User, row: Transaction, name: str
) -> None:
    part, other = split(alice, row, "-20", "-30")
    for waiting in (part, other):
        change(waiting, removed_at=timezone.now())
    change(row, removed_at=None, replaced_by="", amount=Decimal(-20))
    assert as_alice.get(url(name, part)).headers["Location"] == url("transaction", row)
    page = page_text(as_alice.post(url(name, part), {"note": "mine"}, follow=True))
    assert "Enter your changes again." in page
    assert "Your split doesn't fit any more" in page


def test_a_split_of_a_row_that_was_posted_meanwhile_is_not_lost_silently(
    as_alice: Client, alice: User, row: Transaction
) -> None:
    change(row, pending=True, removed_at=timezone.now(), replaced_by="posted")
    posted = make_transaction(row.account, "-50", pending_id=str(row.provider_id))
    assert as_alice.get(url("split", row)).headers["Location"] == url("transaction", posted)
    for name in ("split", "join_parts"):
        response = as_alice.post(url(name, row), fields({"amount": "20"}, {"amount": ""}), follow=True)
        assert response.redirect_chain == [(url("transaction", posted), 302)]
        assert "Enter your changes again." in page_text(response)
    assert list_parts(posted) == []


def test_it_splits_no_part_and_no_transfer(as_alice: Client, alice: User, item: Item, row: Transaction) -> None:
    part, _ = split(alice, row, "-20", "-30")
    assert as_alice.get(url("split", part)).headers["Location"] == url("transaction", row)
    leg, other = make_transaction(make_account(item), "-9"), make_transaction(make_account(item), "9")
    with tenant(alice.pk):
        Transfer.objects.create(owner=alice, money_out=leg.pk, money_in=other.pk, sent_on=leg.day)
    assert "part of a transfer" in page_text(as_alice.get(url("split", leg), follow=True))
    assert url("split", leg) not in as_alice.get(url("transaction", leg)).content.decode()


def test_nobody_else_finds_the_pages(as_mallory: Client, alice: User, row: Transaction) -> None:
    part, _ = split(alice, row, "-20", "-30")
    valid = fields({"amount": "25"}, {"amount": "25"}, known=",".join(str(one.pk) for one in list_parts(row)))
    for name in ("split", "join_parts", "transaction"):
        for target in (row, part):
            assert as_mallory.post(url(name, target), valid).status_code == 404
    for name in ("split", "transaction"):
        assert as_mallory.get(url(name, row)).status_code == 404
    assert [one.amount for one in list_parts(row)] == [Decimal(-20), Decimal(-30)]


def test_it_says_in_the_title_that_there_is_an_error(as_alice: Client, row: Transaction) -> None:
    assert "<title>\n    Error: Split transaction" not in as_alice.get(url("split", row)).content.decode()
    response = as_alice.post(url("split", row), fields({"amount": "1"}, {"amount": "2"}))
    assert "Error: Split transaction · Plumbline" in page_text(response)


def test_it_leads_from_the_button_that_adds_a_part_to_the_new_one(as_alice: Client, row: Transaction) -> None:
    page = as_alice.post(url("split", row), fields({"amount": "1"}, {"amount": "2"}, add="")).content.decode()
    assert 'id="id_part-2-amount"' in page
    assert 'formaction="#id_part-3-amount"' in page
