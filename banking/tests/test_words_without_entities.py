"""Words that were stored as their bank escaped them, and the migration that takes that back."""

from collections.abc import Callable
from importlib import import_module

import pytest

from banking.models import Account, Institution, Item, Transaction
from banking.plaid.fields import read_words
from banking.tests.rows import account_at, moved, moved_all, movement
from compliance.isolation import tenant
from conftest import signed_in_as

migration = import_module("banking.migrations.0018_words_without_entities")

pytestmark = pytest.mark.django_db(transaction=True)

SENT = (
    "AT&amp;T", "B&REGAL", "A &amp;amp; B", "&lt;b&gt;", "&#39;n&#x27;", "R&amp;D; &nosuch; &amp", "&amp;&amp;",
    "Caf\u00e9 &euro;5; 5 & 6;", "plain; text", "&;", "",
)  # fmt: skip


def unescape() -> None:
    """What the migration does, as the role that migrates."""
    with signed_in_as("owner") as owner, owner.cursor() as cursor:
        migration.unescape_rows(cursor)


def test_it_makes_of_stored_words_what_the_reader_makes_of_sent_ones(item: Item) -> None:
    account = account_at(item, name="Joint &amp; Several", official_name="S&amp;amp;L")
    rows = [moved(account, "-1", name=text, merchant_name=text, note="R&amp;D") for text in SENT]
    bank = Institution.objects.create(provider="plaid", provider_id="ins_amp", name="M&amp;T Bank")
    with tenant(item.owner_id):
        Item.objects.filter(pk=item.pk).update(institution_name="M&amp;T Bank")
    unescape()
    with tenant(item.owner_id):
        stored = {row.pk: row for row in Transaction.objects.all()}
        read = [read_words({"name": text}, "name") for text in SENT]
        assert [stored[row.pk].name for row in rows] == [stored[row.pk].merchant_name for row in rows] == read
        assert read[:3] == ["AT&T", "B&REGAL", "A &amp; B"]
        assert {row.note for row in stored.values()} == {"R&amp;D"}
        kept = Account.objects.get(pk=account.pk)
        assert (kept.name, kept.official_name) == ("Joint & Several", "S&amp;L")
        assert Item.objects.get(pk=item.pk).institution_name == "M&T Bank"
    bank.refresh_from_db()
    assert bank.name == "M&T Bank"


def test_it_reaches_everybodys_rows_in_portions(
    item: Item, mallory: object, make_item: Callable[..., Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migration, "AT_ONCE", 3)
    accounts = [account_at(item), account_at(make_item(mallory, provider_item_id="mallorys"))]
    for account in accounts:
        moved_all(account, [movement(account, "-1", name=f"AT&amp;T {number}; &ok;") for number in range(10)])
    unescape()
    for account in accounts:
        with tenant(account.owner_id):
            names = sorted(Transaction.objects.values_list("name", flat=True))
            assert names == [f"AT&T {number}; &ok;" for number in range(10)]


def test_it_writes_no_row_without_an_entity_and_leaves_nobody_a_right(item: Item) -> None:
    account = account_at(item)
    moved(account, "-1", name="B&O; R&D", merchant_name="Fish & Chips")
    version = "SELECT xmin FROM banking_transaction"
    rights = "SELECT has_any_column_privilege('app_lookup', %s, 'UPDATE')"
    with signed_in_as("ops") as operator:
        before = operator.execute(version).fetchall()
        could = [operator.execute(rights, [table]).fetchone() for table in migration.WORDS]
    unescape()
    with signed_in_as("ops") as operator:
        assert operator.execute(version).fetchall() == before
        assert [operator.execute(rights, [table]).fetchone() for table in migration.WORDS] == could
