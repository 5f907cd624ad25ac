"""What a person said about rows stays with them when the bank removes them and adds them again under other ids."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import User
from banking.categorization.editing import TransactionEdit, edit_transaction
from banking.models import Item, Tag, Transaction
from banking.provider import InvalidCursor, TransactionRow
from banking.splits.splitting import PartValues, split_transaction
from banking.tests.account_removal_bank import sync_page
from banking.tests.scripted_provider import CARD, CHECKING, ScriptedProvider, transaction_row, transactions_page
from banking.tests.sync_runs import run_sync
from compliance.isolation import tenant

# A sync commits, so that its temporary tables are gone before the next one.
pytestmark = pytest.mark.django_db(transaction=True)


def make_row(provider_id: str, **changes: object) -> TransactionRow:
    """A payment of the day before yesterday, equal to all others."""
    day = timezone.localdate() - timedelta(days=2)
    return transaction_row(provider_id, date=day, authorized_date=day, **changes)


def get_row(user: User, provider_id: str) -> Transaction:
    with tenant(user.pk):
        return Transaction.objects.get(owner=user, provider_id=provider_id)


def write(user: User, provider_id: str, note: str, *tags: str) -> None:
    edit = TransactionEdit(category="", merchant="", note=note, hidden=False, tags=tags)
    edit_transaction(user=user, transaction_id=get_row(user, provider_id).pk, edit=edit)


def list_words(user: User) -> dict[str, tuple[str, list[str]]]:
    """The note and the tags of each row that counts."""
    with tenant(user.pk):
        return {
            str(row.provider_id): (row.note, list_tags(row))
            for row in Transaction.objects.filter(owner=user, removed_at=None)
        }


def list_tags(row: Transaction) -> list[str]:
    given = Tag.objects.filter(on_transactions__transaction=row.pk, on_transactions__is_removed=False)
    return list(given.order_by("name").values_list("name", flat=True))


def test_it_goes_to_the_new_id_although_an_equal_row_is_changed(
    alice: User, item: Item, provider: ScriptedProvider
) -> None:
    sync_page(item, provider, added=[make_row("coffee"), make_row("other coffee")])
    write(alice, "coffee", "with Bob", "trip")
    provider.pages = [
        transactions_page(modified=[make_row("other coffee", category="TRAVEL")], cursor="c8", more=True),
        transactions_page(added=[make_row("new coffee")], removed=["coffee"], cursor="c9"),
    ]
    run_sync(item)
    assert list_words(alice) == {"new coffee": ("with Bob", ["trip"]), "other coffee": ("", [])}


def test_of_equal_pending_rows_each_posted_one_has_what_its_own_had(
    alice: User, item: Item, provider: ScriptedProvider
) -> None:
    sync_page(item, provider, added=[make_row("pending 1", pending=True), make_row("pending 2", pending=True)])
    write(alice, "pending 1", "with Bob", "trip")
    posted = [make_row(f"posted {number}", pending_id=f"pending {number}") for number in (2, 1)]
    sync_page(item, provider, added=posted, removed=["pending 1", "pending 2"])
    assert list_words(alice) == {"posted 1": ("with Bob", ["trip"]), "posted 2": ("", [])}


@pytest.mark.parametrize("note", ["with Bob", ""])
def test_what_the_person_wrote_last_counts_more_than_what_the_pending_row_had(
    alice: User, item: Item, provider: ScriptedProvider, note: str
) -> None:
    sync_page(item, provider, added=[make_row("pending", pending=True)])
    write(alice, "pending", "with Eve")
    sync_page(item, provider, added=[make_row("posted", pending_id="pending")], removed=["pending"])
    write(alice, "posted", note)
    sync_page(item, provider, added=[make_row("new", pending_id="pending")], removed=["posted"])
    assert list_words(alice) == {"new": (note, [])}


def test_it_goes_to_the_new_posted_row_and_not_to_the_pending_one_that_stayed(
    alice: User, item: Item, provider: ScriptedProvider
) -> None:
    pending, posted = make_row("pending", pending=True), make_row("posted", pending_id="pending")
    sync_page(item, provider, added=[pending, posted])
    write(alice, "posted", "with Bob", "trip")
    renamed = [pending._replace(provider_id="new 1"), posted._replace(provider_id="new 2", pending_id="new 1")]
    sync_page(item, provider, added=renamed, removed=["pending", "posted"])
    assert list_words(alice) == {"new 2": ("with Bob", ["trip"])}


@pytest.mark.parametrize("order", [1, -1])
def test_of_equal_rows_the_posted_one_has_what_the_posted_one_had(
    alice: User, item: Item, provider: ScriptedProvider, order: int
) -> None:
    pending, posted = make_row("pending", pending=True), make_row("posted")
    sync_page(item, provider, added=[pending, posted])
    write(alice, "posted", "with Bob", "trip")
    renamed = [pending._replace(provider_id="new pending"), posted._replace(provider_id="new posted")]
    sync_page(item, provider, added=renamed[::order], removed=["pending", "posted"])
    assert list_words(alice) == {"new posted": ("with Bob", ["trip"]), "new pending": ("", [])}


def test_the_parts_of_a_row_are_those_of_the_one_with_the_new_id(
    alice: User, item: Item, provider: ScriptedProvider
) -> None:
    sync_page(item, provider, added=[make_row("coffee"), make_row("other coffee")])
    parts = [PartValues(amount=Decimal(amount)) for amount in ("-4", "-0.33")]
    split_transaction(user=alice, transaction_id=get_row(alice, "coffee").pk, parts=parts)
    sync_page(item, provider, added=[make_row("new coffee")], removed=["coffee"])
    new = get_row(alice, "new coffee")
    assert (new.replaced_by, get_row(alice, "coffee").replaced_by) == ("split", "")
    with tenant(alice.pk):
        rows = Transaction.objects.filter(part_of=new.pk, removed_at=None)
        assert sorted(rows.values_list("amount", flat=True)) == [Decimal("-4"), Decimal("-0.33")]
        assert sum(Transaction.objects.for_user(alice).current().values_list("amount", flat=True)) == Decimal("-8.66")


def test_the_bank_may_begin_to_send_persistent_ids_of_accounts_with_the_new_ids(
    alice: User, item: Item, provider: ScriptedProvider
) -> None:
    sync_page(item, provider, added=[make_row("coffee")])
    write(alice, "coffee", "with Bob")
    provider.listed_accounts = [CHECKING._replace(provider_id="acc-new", persistent_id="lasting"), CARD]
    sync_page(item, provider, added=[make_row("new coffee", account_id="acc-new")], removed=["coffee"])
    assert list_words(alice) == {"new coffee": ("with Bob", [])}


def test_it_goes_to_the_new_id_of_a_stream_that_begins_anew(
    alice: User, item: Item, provider: ScriptedProvider
) -> None:
    sync_page(item, provider, added=[make_row("coffee"), make_row("tea", name="TEA")])
    write(alice, "coffee", "with Bob", "trip")
    added = [make_row("new coffee"), make_row("new tea", name="TEA")]
    provider.pages = [InvalidCursor("INVALID_FIELD"), transactions_page(added=added, cursor="n1")]
    run_sync(item)
    assert list_words(alice) == {"new coffee": ("with Bob", ["trip"]), "new tea": ("", [])}
