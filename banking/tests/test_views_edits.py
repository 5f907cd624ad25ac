"""The pages on which people edit transactions, one or many, and create rules for them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from banking.models import Account, CategoryRule, Item, RuleRun, Tag, Transaction, Transfer
from banking.tests.factories import make_account, make_transaction
from compliance.audit.events import AuditEvent
from compliance.isolation import tenant
from ui.tests.page_text import page_text

pytestmark = pytest.mark.django_db

UNKNOWN_ID = UUID("0041f248-4745-48d6-aa3c-c4286e2ca37c")


@pytest.fixture
def account(item: Item) -> Account:
    return make_account(item)


def reload_row(row: Transaction) -> Transaction:
    with tenant(row.owner_id):
        row.refresh_from_db()
    return row


def get_list(client: Client, query: str = "") -> Any:
    return client.get(f"{reverse('transactions')}?{query}")


def change(client: Client, rows: list[Transaction], query: str = "", **fields: str) -> Any:
    url = reverse("change_transactions") + query
    return client.post(url, {"row": [row.pk for row in rows], **fields}, follow=True)


# --- One transaction --------------------------------------------------------------------------------------


def test_it_shows_what_the_bank_and_the_provider_say(as_alice: Client, account: Account) -> None:
    marketplace = {"name": "DoorDash", "type": "marketplace"}
    unknown = {"name": "Burger King", "type": "teapot", "website": "bk.example", "logo_url": "https://logos.example/bk"}
    row = make_transaction(
        account,
        "-5",
        original_description="DD *BURGERKIN <855>",
        posted_at=datetime(2025, 11, 14, 9, 40, tzinfo=UTC),
        counterparties=[unknown, marketplace],
    )
    response = as_alice.get(reverse("transaction", args=[row.pk]))
    text = page_text(response)
    for words in (
        "Original description",
        "DD *BURGERKIN <855>",
        "bk.example",
        "Burger King",
        "DoorDash",
        "Marketplace",
    ):
        assert words in text
    assert 'datetime="2025-11-14T' in response.content.decode()
    assert "teapot" not in text
    # The provider must not learn who looks at which merchant.
    assert "logos.example" not in response.content.decode()


@pytest.mark.parametrize("at", [None, datetime(2025, 11, 14, tzinfo=UTC)])
def test_it_shows_no_time_where_the_bank_knows_only_the_day(
    as_alice: Client, account: Account, at: datetime | None
) -> None:
    row = make_transaction(account, "-5", posted_at=at, authorized_at=at)
    text = page_text(as_alice.get(reverse("transaction", args=[row.pk])))
    for name in ("Time", "Original description", "Website", "Companies involved"):
        assert name not in text


def test_it_stores_the_persons_own_values_and_says_who_set_them(
    as_alice: Client, alice: User, account: Account
) -> None:
    row = make_transaction(account, "-5", merchant_name="Amzn Mktp", category="GENERAL_MERCHANDISE")
    url = reverse("transaction", args=[row.pk])
    before = page_text(as_alice.get(url))
    assert before.count("From your bank") == 2
    assert "Always use this" not in before
    fields = {"category": "", "own_category": " Bees  & honey ", "merchant": "Amazon", "tags": "B, a,b ,", "note": "n"}
    after = page_text(as_alice.post(url, fields, follow=True))
    for text in ("Changes saved", "Bees & honey", "Set by you", "Always use this for Amzn Mktp"):
        assert text in after
    assert (reload_row(row).user_category, row.label, row.note) == ("Bees & honey", "Amazon", "n")
    with tenant(alice.pk):
        assert sorted(Tag.objects.values_list("name", flat=True)) == ["B", "a"]
        event = AuditEvent.objects.get(action="transaction_edited")
        assert event.details()["changed"] == ["user_category", "user_merchant", "note", "tags"]
    page = page_text(get_list(as_alice, "q=amazon"))
    assert ("Amazon" in page, "Amzn" in page) == (True, False)
    assert "Amazon" in page_text(get_list(as_alice, "q=amzn"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"own_category": "x" * 61}, "at most 60 characters"),
        ({"own_category": "uncategorized"}, "Enter another name"),
        ({"tags": "x" * 41}, "at most 40 characters"),
        ({"tags": ",".join(map(str, range(21)))}, "at most 20 tags"),
        ({"category": "NO_SUCH"}, "Select a valid choice"),
        ({"merchant": "\0"}, "Null characters"),
    ],
)
def test_it_refuses_what_does_not_fit(as_alice: Client, account: Account, fields: dict[str, str], message: str) -> None:
    row = make_transaction(account, "-5")
    response = as_alice.post(reverse("transaction", args=[row.pk]), fields)
    assert response.status_code == 422
    assert message in page_text(response)
    assert (reload_row(row).user_category, row.user_merchant) == ("", "")


def test_a_known_category_is_stored_by_its_code(as_alice: Client, account: Account) -> None:
    row = make_transaction(account, "-5")
    as_alice.post(reverse("transaction", args=[row.pk]), {"own_category": "food AND drink"})
    assert reload_row(row).user_category == "FOOD_AND_DRINK"


def test_the_page_of_a_pending_transaction_leads_to_the_posted_one(
    as_alice: Client, as_mallory: Client, account: Account
) -> None:
    replaced = {"pending": True, "removed_at": timezone.now(), "replaced_by": "posted"}
    pending = make_transaction(account, "-5", provider_id="p", **replaced)
    unrelated = make_transaction(account, "-5", provider_id="other", **replaced)
    posted = make_transaction(account, "-6", pending_id="p", user_category="TRAVEL")
    url, target = reverse("transaction", args=[pending.pk]), reverse("transaction", args=[posted.pk])
    assert as_alice.get(url).headers["Location"] == target
    response = as_alice.post(url, {"category": "MEDICAL"}, follow=True)
    assert response.redirect_chain == [(target, 302)]
    assert "Enter your changes again." in page_text(response)
    assert reload_row(posted).user_category == "TRAVEL"
    assert as_alice.get(reverse("transaction", args=[unrelated.pk])).status_code == 404
    assert as_mallory.get(url).status_code == 404


# --- Many transactions ------------------------------------------------------------------------------------


def test_it_changes_the_selected_transactions_and_keeps_the_filters(
    as_alice: Client, alice: User, item: Item, account: Account
) -> None:
    rows = [make_transaction(account, "-5", name="A"), make_transaction(make_account(item), "5", name="B")]
    other = make_transaction(account, "-7", name="C")
    response = change(as_alice, rows, "?q=a", action="category", category="TRANSFER_OUT")
    assert response.redirect_chain == [(reverse("transactions") + "?q=a", 302)]
    assert "2 transactions changed" in page_text(response)
    assert [reload_row(row).user_category for row in (*rows, other)] == ["TRANSFER_OUT", "TRANSFER_OUT", ""]
    with tenant(alice.pk):
        assert Transfer.objects.count() == 1
    change(as_alice, rows, action="add_tag", tags="Trip, x")
    with tenant(alice.pk):
        tag = Tag.objects.get(name="Trip")
    part = get_list(as_alice, f"tag={tag.pk}")
    assert [(row.label, row.tags) for row in part.context["rows"]] == [("B", ("Trip", "x")), ("A", ("Trip", "x"))]
    change(as_alice, rows[:1], action="remove_tag", tags="TRIP")
    assert [row.label for row in get_list(as_alice, f"tag={tag.pk}").context["rows"]] == ["B"]
    change(as_alice, rows, action="hide")
    assert [row.label for row in get_list(as_alice).context["rows"]] == ["C"]
    hidden = get_list(as_alice, "hidden=yes")
    assert [row.label for row in hidden.context["rows"]] == ["B", "A"]
    assert "Net cash flow" not in page_text(hidden)
    change(as_alice, rows[:1], "?hidden=yes", action="show")
    assert [row.label for row in get_list(as_alice).context["rows"]] == ["C", "A"]


@pytest.mark.parametrize(
    ("rows", "fields", "message"),
    [
        ([], {"action": "hide"}, "Select transactions first."),
        (["not an id"], {"action": "hide"}, "Select a valid choice"),
        (None, {"action": "add_tag", "tags": " , "}, "Enter a tag"),
        (None, {"action": "delete"}, "Select a valid choice"),
        ([str(UUID(int=n)) for n in range(501)], {"action": "hide"}, "Select at most 500 transactions."),
    ],
)
def test_it_says_what_is_missing(
    as_alice: Client, account: Account, rows: list[str] | None, fields: dict[str, str], message: str
) -> None:
    row = make_transaction(account, "-5")
    selected = [str(row.pk)] if rows is None else rows
    response = as_alice.post(reverse("change_transactions"), {"row": selected, **fields}, follow=True)
    assert message in page_text(response)
    assert not reload_row(row).hidden


def test_it_changes_nothing_if_a_row_is_another_users(
    as_alice: Client, account: Account, mallory: User, make_item: Any
) -> None:
    own, other = make_transaction(account, "-5"), make_transaction(make_account(make_item(mallory)), "-5")
    response = change(as_alice, [own, other], action="hide")
    assert response.status_code == 404
    assert (reload_row(own).hidden, reload_row(other).hidden) == (False, False)


# --- Rules ------------------------------------------------------------------------------------------------


def test_it_offers_a_rule_and_shows_what_it_would_change(as_alice: Client, alice: User, account: Account) -> None:
    row = make_transaction(account, "-5", merchant_name="Kiosk", user_category="TRAVEL")
    make_transaction(account, "-6", merchant_name="KIOSK")
    url = reverse("create_rule") + f"?transaction={row.pk}"
    assert as_alice.get(url).context["form"].initial == {"merchant": "Kiosk", "category": "TRAVEL", "rename": ""}
    fields = {"merchant": "Kiosk", "category": "TRAVEL", "tags": "paper"}
    preview = as_alice.post(url, fields | {"preview": ""})
    assert "2 existing transactions would change" in page_text(preview)
    with tenant(alice.pk):
        assert not CategoryRule.objects.exists()
    page = page_text(as_alice.post(url, fields | {"save": ""}, follow=True))
    assert "Apply to 2 transactions" in page
    with tenant(alice.pk):
        rule = CategoryRule.objects.get()
    page = page_text(as_alice.post(reverse("apply_rule", args=[rule.pk]), follow=True))
    assert "2 transactions changed" in page
    with tenant(alice.pk):
        run = RuleRun.objects.get()
    assert "Undone" in page_text(as_alice.post(reverse("undo_run", args=[run.pk]), follow=True))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"category": "TRAVEL"}, "Enter a merchant, words"),
        ({"merchant": "x"}, "Choose what the rule changes."),
        ({"min_amount": "5", "max_amount": "4", "hides": "on"}, "below the minimum"),
        ({"min_amount": "NaN", "hides": "on"}, "Enter a number"),
        ({"account": str(UNKNOWN_ID), "hides": "on"}, "Select a valid choice"),
    ],
)
def test_it_refuses_a_rule_that_matches_everything_or_sets_nothing(
    as_alice: Client, alice: User, fields: dict[str, str], message: str
) -> None:
    response = as_alice.post(reverse("create_rule"), fields | {"save": ""})
    assert response.status_code == 422
    assert message in page_text(response)
    with tenant(alice.pk):
        assert not CategoryRule.objects.exists()
