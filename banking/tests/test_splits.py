"""Transactions that a person split into parts: what is stored, and what follows from changes at the bank."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from banking.account_settings.removing import remove_account
from banking.categorization import rule_runs, rules
from banking.categorization.editing import TransactionEdit, edit_transaction
from banking.categorization.rules import RuleValues
from banking.linking import disconnecting
from banking.linking.disconnecting import disconnect_bank
from banking.linking.removals import remove_at_provider
from banking.models import Account, Item, Tag, Transaction, TransactionTag, Transfer
from banking.provider import Counterparty
from banking.splits import splitting
from banking.splits.splitting import (
    CannotSplit,
    InvalidParts,
    PartsChanged,
    PartValues,
    join_parts,
    split_transaction,
)
from banking.sync import item_sync
from banking.sync.statements import PROVIDER_COLUMNS
from banking.tests.factories import make_account, make_transaction
from banking.tests.scripted_provider import CARD, CHECKING, ScriptedProvider, transaction_row, transactions_page
from banking.tests.sync_runs import get_last_run, run_sync
from banking.transactions.transfers import update_transfers
from compliance.audit.events import AuditEvent
from compliance.isolation import tenant
from compliance.tests.threads import Contender, in_threads

# A sync commits, so that its temporary tables are gone before the next one.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account(item: Item) -> Account:
    return make_account(item)


def parts_of(*amounts: str) -> list[PartValues]:
    return [PartValues(amount=Decimal(amount)) for amount in amounts]


def split(user: User, row: Transaction, *amounts: str) -> list[Transaction]:
    return split_transaction(user=user, transaction_id=row.pk, parts=parts_of(*amounts))


def sync(item: Item, provider: ScriptedProvider, **page: Any) -> None:
    provider.pages = [transactions_page(**{"cursor": f"c{len(provider.cursors)}"} | page)]
    run_sync(item)


def list_counted(user: User) -> list[Decimal]:
    """The amounts of all rows that count."""
    with tenant(user.pk):
        return sorted(Transaction.objects.for_user(user).current().values_list("amount", flat=True))


def get_row(user: User, provider_id: str) -> Transaction:
    with tenant(user.pk):
        return Transaction.objects.get(provider_id=provider_id)


def list_part_rows(user: User) -> list[Transaction]:
    with tenant(user.pk):
        return list(Transaction.objects.filter(part_of__isnull=False).order_by("pk"))


def amounts(*values: str) -> list[Decimal]:
    return sorted(map(Decimal, values))


# --- What a person does -----------------------------------------------------------------------------------


def test_it_stores_parts_that_count_in_the_place_of_the_whole(alice: User, account: Account) -> None:
    row = make_transaction(
        account, "-50", category="SHOPS", category_detail="D", merchant_name="Shop", user_merchant="My shop",
        merchant_source="rule", pending=True, payment_channel="online", note="whole",
    )  # fmt: skip
    food = PartValues(amount=Decimal("-20.01"), category="FOOD_AND_DRINK", note="lunch", tags=("trip",))
    rest = PartValues(amount=Decimal("-29.99"))
    with tenant(alice.pk):
        first, second = split_transaction(user=alice, transaction_id=row.pk, parts=[food, rest])
    assert list_counted(alice) == amounts("-20.01", "-29.99")
    whole = get_row(alice, str(row.provider_id))
    assert (whole.replaced_by, whole.amount, whole.note) == ("split", Decimal(-50), "whole")
    assert (first.effective_category, first.category_source, first.note) == ("FOOD_AND_DRINK", "person", "lunch")
    assert (second.effective_category, second.category_source, second.note) == ("SHOPS", "person", "")
    for part in (first, second):
        assert (part.part_of, part.provider_id, part.pending_id, part.pending) == (row.pk, None, "", True)
        assert (part.label, part.merchant_source, part.day, part.account_id) == (
            "My shop", "person", row.day, account.pk,
        )  # fmt: skip
    with tenant(alice.pk):
        assert [given.transaction for given in TransactionTag.objects.filter(tag__name="trip")] == [first.pk]
        (event,) = AuditEvent.objects.filter(action="transaction_split")
        assert (event.resource_id, event.details()["changed"]) == (str(row.pk), ["parts"])


def test_it_changes_parts_by_their_ids(alice: User, account: Account) -> None:
    row = make_transaction(account, "-50")
    first, second = split(alice, row, "-20", "-30")
    kept = PartValues(amount=Decimal(-25), part_id=second.pk, note="kept")
    with pytest.raises(PartsChanged):
        split_transaction(user=alice, transaction_id=row.pk, parts=[kept, *parts_of("-25")], known=[second.pk])
    split_transaction(
        user=alice, transaction_id=row.pk, parts=[kept, *parts_of("-25")], known=[first.pk, second.pk]
    )  # fmt: skip
    assert [(part.pk == second.pk, part.note, part.amount) for part in list_part_rows(alice)] == [
        (True, "kept", Decimal(-25)),
        (False, "", Decimal(-25)),
    ]


def test_joining_again_restores_the_whole(alice: User, account: Account) -> None:
    row = make_transaction(account, "-50", note="whole")
    parts = [PartValues(amount=Decimal(-25), tags=("new",)), *parts_of("-25")]
    split_transaction(user=alice, transaction_id=row.pk, parts=parts)
    for _ in range(2):
        join_parts(user=alice, transaction_id=row.pk)
        assert list_counted(alice) == amounts("-50")
    whole = get_row(alice, str(row.provider_id))
    assert (whole.replaced_by, whole.removed_at, whole.note) == ("", None, "whole")
    with tenant(alice.pk):
        assert (Tag.objects.count(), TransactionTag.objects.count()) == (0, 0)
        assert AuditEvent.objects.filter(action="transaction_joined").count() == 1


@pytest.mark.parametrize(
    "values",
    [[], ["-50"], ["-50", "0"], ["-20", "-29.99"], ["-20", "-30.0000000001"], ["-2.5"] * 20 + ["0"], ["-2"] * 25],
)
def test_it_refuses_parts_that_are_not_the_whole(alice: User, account: Account, values: list[str]) -> None:
    row = make_transaction(account, "-50")
    with pytest.raises(InvalidParts):
        split(alice, row, *values)
    assert list_counted(alice) == amounts("-50")


def test_a_part_may_have_the_other_sign(alice: User, account: Account) -> None:
    split(alice, make_transaction(account, "1800"), "2500", "-700")
    assert list_counted(alice) == amounts("2500", "-700")


def test_it_splits_no_part_no_transfer_and_nothing_of_no_amount(alice: User, item: Item, account: Account) -> None:
    leg = make_transaction(account, "-9", category="TRANSFER_OUT")
    make_transaction(make_account(item, subtype="savings"), "9", category="TRANSFER_IN")
    with tenant(alice.pk):
        update_transfers(owner_id=alice.pk)
        assert Transfer.objects.count() == 1
    part, _ = split(alice, make_transaction(account, "-50"), "-20", "-30")
    for row, values in ((leg, ("-4", "-5")), (part, ("-10", "-10")), (make_transaction(account, "0"), ("1", "-1"))):
        with pytest.raises(CannotSplit):
            split(alice, row, *values)


def test_it_knows_no_transaction_of_another_user_and_none_that_is_gone(
    alice: User, mallory: User, account: Account
) -> None:
    row = make_transaction(account, "-50")
    gone = make_transaction(account, "-50", removed_at=timezone.now())
    for user, target in ((mallory, row), (alice, gone)):
        with pytest.raises(Transaction.DoesNotExist):
            split(user, target, "-20", "-30")
        with pytest.raises(Transaction.DoesNotExist):
            join_parts(user=user, transaction_id=target.pk)


def test_a_part_is_no_leg_of_a_transfer_and_no_rule_changes_it(alice: User, item: Item, account: Account) -> None:
    row = make_transaction(account, "-50", category="TRANSFER_OUT", name="Shop")
    rule = rules.create_rule(user=alice, values=RuleValues(name_part="shop", category="TRAVEL", hides=True))
    split(alice, row, "-20", "-30")
    make_transaction(make_account(item, subtype="savings"), "20", category="TRANSFER_IN")
    make_transaction(make_account(item, subtype="savings"), "50", category="TRANSFER_IN")
    with tenant(alice.pk):
        update_transfers(owner_id=alice.pk)
        assert Transfer.objects.count() == 0
    assert rule_runs.apply_rule(user=alice, rule_id=rule.pk).changed == 0
    join_parts(user=alice, transaction_id=row.pk)
    with tenant(alice.pk):
        assert Transfer.objects.count() == 1


# --- What the bank does -----------------------------------------------------------------------------------


def test_the_last_part_takes_the_difference_if_the_bank_changes_the_amount(
    alice: User, item: Item, provider: ScriptedProvider
) -> None:
    sync(item, provider, added=[transaction_row("a", "-50")])
    split(alice, get_row(alice, "a"), "-20", "-30")
    sync(item, provider, modified=[transaction_row("a", "-55.01", name="Tip", category="TRAVEL")])
    assert list_counted(alice) == amounts("-20", "-35.01")
    assert {(part.name, part.category) for part in list_part_rows(alice)} == {("Tip", "TRAVEL")}
    # The last part would be nothing, or money in the other direction.
    for amount in ("-20", "-19.99", "20"):
        sync(item, provider, modified=[transaction_row("a", amount)])
        assert list_counted(alice) == amounts(amount)
        assert get_row(alice, "a").replaced_by == ""
    sync(item, provider, modified=[transaction_row("a", "-50")])
    assert list_counted(alice) == amounts("-20", "-30")
    with tenant(alice.pk):
        events = AuditEvent.objects.filter(action="split_adjusted").order_by("pk")
        assert [event.details()["counts"] for event in events] == ["parts", "whole", "parts"]


def test_the_parts_have_all_that_the_bank_says_of_the_whole(
    alice: User, item: Item, provider: ScriptedProvider
) -> None:
    shop = Counterparty(name="Shop", type="merchant", website="shop.example")
    sync(item, provider, added=[transaction_row("a", "-50", original_description="SHOP", counterparties=(shop,))])
    parts = split(alice, get_row(alice, "a"), "-20", "-30")
    assert {(part.original_description, part.website) for part in parts} == {("SHOP", "shop.example")}
    at = datetime(2026, 1, 31, 8, 15, tzinfo=UTC)
    changed = {"original_description": "SHOP 2", "posted_at": at, "authorized_at": at, "counterparties": ()}
    sync(item, provider, modified=[transaction_row("a", "-50", **changed)])
    whole = get_row(alice, "a")
    own = {"amount", "pending_id"}
    for part in list_part_rows(alice):
        for column in set(PROVIDER_COLUMNS) - own:
            assert getattr(part, column) == getattr(whole, column)
    assert {part.posted_at for part in list_part_rows(alice)} == {at}


def test_the_parts_of_a_pending_row_are_those_of_its_posted_row(
    alice: User, item: Item, provider: ScriptedProvider
) -> None:
    sync(item, provider, added=[transaction_row("p", "-50", pending=True)])
    parts = split(alice, get_row(alice, "p"), "-20", "-30")
    # The bank removes the pending row a sync later.
    sync(item, provider, added=[transaction_row("q", "-52", pending_id="p")])
    posted = get_row(alice, "q")
    for _ in range(2):
        assert list_counted(alice) == amounts("-20", "-32")
        rows = list_part_rows(alice)
        assert [(row.pk, row.part_of, row.pending) for row in rows] == [(p.pk, posted.pk, False) for p in parts]
        sync(item, provider, removed=["p"])


def test_parts_return_to_the_pending_row_if_the_posted_one_is_removed(
    alice: User, item: Item, provider: ScriptedProvider
) -> None:
    sync(item, provider, added=[transaction_row("p", "-50", pending=True)])
    split(alice, get_row(alice, "p"), "-20", "-30")
    sync(item, provider, added=[transaction_row("q", "-50", pending_id="p")])
    sync(item, provider, removed=["q"])
    assert list_counted(alice) == amounts("-20", "-30")
    assert {row.part_of for row in list_part_rows(alice)} == {get_row(alice, "p").pk}


def test_parts_go_and_come_with_the_whole(alice: User, item: Item, provider: ScriptedProvider) -> None:
    sync(item, provider, added=[transaction_row("a", "-50")])
    split(alice, get_row(alice, "a"), "-20", "-30")
    sync(item, provider, removed=["a"])
    assert list_counted(alice) == []
    sync(item, provider, added=[transaction_row("a", "-50")])
    assert list_counted(alice) == amounts("-20", "-30")


def test_parts_move_between_accounts_with_the_whole(alice: User, item: Item, provider: ScriptedProvider) -> None:
    sync(item, provider, added=[transaction_row("a", "-50")])
    split(alice, get_row(alice, "a"), "-20", "-30")
    sync(item, provider, modified=[transaction_row("a", "-50", account_id=CARD.provider_id)])
    assert list_counted(alice) == amounts("-20", "-30")
    assert {row.account_id for row in list_part_rows(alice)} == {get_row(alice, "a").account_id}


def test_a_complete_download_keeps_parts(alice: User, item: Item, provider: ScriptedProvider) -> None:
    day = timezone.localdate() - timedelta(days=2)
    row = transaction_row("a", "-50", date=day, authorized_date=day)
    sync(item, provider, added=[row, transaction_row("b", "-1", date=day, authorized_date=day)])
    split(alice, get_row(alice, "a"), "-20", "-30")
    with tenant(alice.pk):
        Item.objects.filter(pk=item.pk).update(cursor="")
    sync(item, provider, added=[row])
    assert (list_counted(alice), get_last_run(item).removed) == (amounts("-20", "-30"), 1)
    with tenant(alice.pk):
        assert not AuditEvent.objects.filter(action="split_adjusted").exists()


def test_no_row_of_a_provider_is_taken_for_a_part(alice: User, item: Item, provider: ScriptedProvider) -> None:
    sync(item, provider, added=[transaction_row("a", "-50")])
    part, _ = split(alice, get_row(alice, "a"), "-20", "-30")
    ids = [str(part.pk), "None", "null"]
    sync(item, provider, added=[transaction_row(name, "-1") for name in ids], removed=["gone"])
    assert list_counted(alice) == amounts("-20", "-30", "-1", "-1", "-1")
    sync(item, provider, added=[transaction_row("posted", "-2", pending_id=str(part.pk))], removed=ids)
    assert list_counted(alice) == amounts("-20", "-30", "-2")


@pytest.mark.parametrize(("is_kept", "by_worker"), [(True, False), (False, False), (True, True), (False, True)])
def test_a_new_connection_takes_over_the_parts(
    alice: User,
    item: Item,
    provider: ScriptedProvider,
    make_item: Callable[..., Item],
    monkeypatch: pytest.MonkeyPatch,
    is_kept: bool,
    by_worker: bool,
) -> None:
    days = [timezone.localdate() - timedelta(days=ago) for ago in range(3)]

    def rows(prefix: str, account_id: str) -> list[Any]:
        return [
            transaction_row(f"{prefix}{n}", "-50", account_id=account_id, date=day, authorized_date=day)
            for n, day in enumerate(days)
        ]

    sync(item, provider, added=rows("old", CHECKING.provider_id))
    parts = split(alice, get_row(alice, "old1"), "-20", "-30")
    second = make_item(alice, provider_item_id="again", connected_at=timezone.now() + timedelta(seconds=1))
    provider.listed_accounts = [CHECKING._replace(provider_id="acc-new")]
    sync(second, provider, added=rows("new", "acc-new"))
    assert list_counted(alice) == amounts("-50", "-20", "-30", "-50")
    assert {row.part_of for row in list_part_rows(alice)} == {get_row(alice, "new1").pk}
    assert [row.pk for row in list_part_rows(alice)] == [part.pk for part in parts]
    # The parts return to the first connection, with the history of the second one kept or deleted.
    if by_worker:
        monkeypatch.setattr(disconnecting, "MAX_ROWS_IN_REQUEST", 1)
    removal = disconnect_bank(user=alice, item_id=second.pk, keep_history=is_kept)
    if by_worker:
        remove_at_provider(owner_id=alice.pk, removal_id=removal.pk)
    assert list_counted(alice) == amounts("-50", "-20", "-30", "-50")
    assert {row.part_of for row in list_part_rows(alice)} == {get_row(alice, "old1").pk}


def test_parts_count_once_after_the_account_is_removed_from_two_connections(
    alice: User, item: Item, provider: ScriptedProvider, make_item: Callable[..., Item]
) -> None:
    days = [timezone.localdate() - timedelta(days=ago) for ago in range(3)]
    rows = [transaction_row(f"{n}", "-50", date=day, authorized_date=day) for n, day in enumerate(days)]
    sync(item, provider, added=rows)
    second = make_item(alice, provider_item_id="again", connected_at=timezone.now() + timedelta(seconds=1))
    provider.listed_accounts = [CHECKING._replace(provider_id="acc-new")]
    sync(second, provider, added=[r._replace(provider_id=f"new{r.provider_id}", account_id="acc-new") for r in rows])
    split(alice, get_row(alice, "new1"), "-20", "-30")
    # The first connection is synced last. Without a newer one that is synced, its rows count.
    provider.listed_accounts = [CHECKING]
    sync(item, provider)
    account_id = get_row(alice, "new1").account_id
    assert list_counted(alice) == amounts("-50", "-20", "-30", "-50")
    remove_account(user=alice, account_id=account_id, keep_history=True)
    assert list_counted(alice) == amounts("-50", "-20", "-30", "-50")
    assert {row.part_of for row in list_part_rows(alice)} == {get_row(alice, "1").pk}


def test_of_equal_rows_the_same_one_keeps_its_parts(
    alice: User, item: Item, provider: ScriptedProvider, make_item: Callable[..., Item]
) -> None:
    day = timezone.localdate()
    rows = [transaction_row(name, "-50", date=day, authorized_date=day) for name in ("a1", "a2", "a3")]
    sync(item, provider, added=rows)
    split(alice, get_row(alice, "a1"), "-10", "-40")
    split(alice, get_row(alice, "a2"), "-20", "-30")
    second = make_item(alice, provider_item_id="again", connected_at=timezone.now() + timedelta(seconds=1))
    provider.listed_accounts = [CHECKING._replace(provider_id="acc-new")]
    new = [row._replace(provider_id=row.provider_id.replace("a", "b"), account_id="acc-new") for row in rows]
    sync(second, provider, added=new)
    join_parts(user=alice, transaction_id=get_row(alice, "b1").pk)
    disconnect_bank(user=alice, item_id=second.pk, keep_history=False)
    assert list_counted(alice) == amounts("-50", "-20", "-30", "-50")
    assert {row.part_of for row in list_part_rows(alice)} == {get_row(alice, "a2").pk}


# --- At the same moment -----------------------------------------------------------------------------------


def test_two_tabs_split_a_transaction_once(alice: User, account: Account) -> None:
    row = make_transaction(account, "-50")
    results = in_threads(2, lambda: split(alice, row, "-20", "-30"))
    assert sorted(type(result) for result in results if isinstance(result, Exception)) == [PartsChanged]
    assert list_counted(alice) == amounts("-20", "-30")


@pytest.mark.parametrize("posted", [True, False])
def test_a_split_during_a_sync_waits_for_it(
    alice: User, item: Item, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch, posted: bool
) -> None:
    sync(item, provider, added=[transaction_row("p", "-50", pending=True)])
    row = get_row(alice, "p")
    contender = Contender(lambda: split(alice, row, "-20", "-30"))
    contender.come_before(monkeypatch, item_sync, "settle_splits")
    if posted:
        sync(item, provider, added=[transaction_row("q", "-51", pending_id="p")], removed=["p"])
        with pytest.raises(Transaction.DoesNotExist):
            contender.finish()
        assert list_counted(alice) == amounts("-51")
    else:
        sync(item, provider, modified=[transaction_row("p", "-51", pending=True)])
        with pytest.raises(InvalidParts):
            contender.finish()
        assert list_counted(alice) == amounts("-51")


def test_an_edit_of_a_part_during_a_sync_is_kept(
    alice: User, item: Item, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(item, provider, added=[transaction_row("a", "-50")])
    part, _ = split(alice, get_row(alice, "a"), "-20", "-30")
    edit = TransactionEdit(category="TRAVEL", merchant="", note="mine", hidden=False, tags=())
    contender = Contender(lambda: edit_transaction(user=alice, transaction_id=part.pk, edit=edit))
    contender.come_before(monkeypatch, item_sync, "update_transfers")
    sync(item, provider, modified=[transaction_row("a", "-51", name="New")])
    contender.finish()
    first, last = list_part_rows(alice)
    assert (first.note, first.user_category, first.name, last.amount) == ("mine", "TRAVEL", "New", Decimal(-31))


def test_an_edit_of_a_part_while_the_parts_are_changed_is_kept(
    alice: User, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = make_transaction(account, "-50")
    part, other = split(alice, row, "-20", "-30")
    edit = TransactionEdit(category="TRAVEL", merchant="Mine", note="", hidden=True, tags=())
    contender = Contender(lambda: edit_transaction(user=alice, transaction_id=part.pk, edit=edit))
    contender.come_before(monkeypatch, splitting, "require_valid")
    values = [PartValues(amount=Decimal(-25), part_id=each.pk) for each in (part, other)]
    split_transaction(user=alice, transaction_id=row.pk, parts=values, known=[part.pk, other.pk])
    contender.finish()
    first, _ = list_part_rows(alice)
    assert (first.amount, first.user_merchant, first.hidden) == (Decimal(-25), "Mine", True)
