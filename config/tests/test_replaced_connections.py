"""A bank that is connected again: its account counts once, and accounts that only look alike count separately."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pytest
import time_machine

from accounts.models import User
from banking import connections
from banking.account_matching import succession
from banking.categorization import rules
from banking.categorization.rules import RuleValues
from banking.categorization.tags import get_or_create_tags, remove_tags, tag_transactions
from banking.linking import disconnecting
from banking.models import Account, Item, Transaction, TransactionTag
from banking.tests.scripted_provider import CARD, CHECKING, transaction_row
from banking.tests.sync_runs import StoredTransactions
from compliance.isolation import tenant
from config.tests.duplicate_connection import (
    SAVINGS,
    TODAY,
    clock,
    copy_with_new_id,
    get_bank_balance,
    get_total_spending,
    make_rows,
    revoke,
    second_item,
    sync_with,
)
from insights.balances import account_totals, history

__all__ = ["clock", "second_item", "sync_with"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("clock")]


def test_it_counts_a_reconnected_bank_once(
    item: Item, second_item: Item, alice: User, stored_transactions: StoredTransactions, sync_with: Callable[..., None]
) -> None:
    sync_with(item, [CHECKING, CARD], make_rows(CHECKING, 20, first=5))
    revoke(item)
    new = [copy_with_new_id(CHECKING, current=Decimal("1300.50")), copy_with_new_id(CARD)]
    sync_with(second_item, new, make_rows(new[0], 15))
    # Ten days overlap; ten are older than everything that the new connection has.
    assert len(stored_transactions()) == 25
    assert {key for key in stored_transactions() if "-new-" not in key} == {
        f"acc-checking-{ago}" for ago in range(15, 25)
    }
    assert get_bank_balance(alice) == Decimal("1300.50")
    assert get_total_spending(alice) == -sum(Decimal(ago + 1) for ago in range(25))
    with tenant(alice.pk):
        cards = account_totals.cards(connections.list_connections(alice))
    assert cards is not None
    assert [card.balance for card in cards.cards] == [Decimal(410)]


def test_it_counts_a_bank_once_that_was_linked_twice_before_its_first_sync(
    item: Item, second_item: Item, alice: User, stored_transactions: StoredTransactions, sync_with: Callable[..., None]
) -> None:
    savings = SAVINGS._replace(current=Decimal(100))
    sync_with(item, [CHECKING, savings], make_rows(CHECKING, 20))
    new = [copy_with_new_id(CHECKING), copy_with_new_id(savings, current=Decimal(101))]
    sync_with(second_item, new, make_rows(new[0], 20))
    assert len(stored_transactions()) == 20
    assert get_bank_balance(alice) == CHECKING.current + 101
    sync_with(item, [CHECKING, savings], cursor="c2")
    assert get_bank_balance(alice) == CHECKING.current + 101
    with tenant(alice.pk):
        first, second = connections.list_connections(alice)
    assert (first.open_accounts, first.has_successors, second.has_successors) == ([], True, False)


def test_it_counts_the_older_connection_when_the_newer_one_ends(
    item: Item, second_item: Item, alice: User, stored_transactions: StoredTransactions, sync_with: Callable[..., None]
) -> None:
    sync_with(item, [CHECKING], make_rows(CHECKING, 20))
    sync_with(second_item, [copy_with_new_id(CHECKING)], make_rows(copy_with_new_id(CHECKING), 20))
    assert all("-new-" in key for key in stored_transactions())
    disconnecting.disconnect_bank(user=alice, item_id=second_item.pk, keep_history=False)
    assert len(stored_transactions()) == 20
    assert get_bank_balance(alice) == CHECKING.current


def test_it_continues_a_kept_history_with_the_next_connection(
    item: Item, second_item: Item, alice: User, stored_transactions: StoredTransactions, sync_with: Callable[..., None]
) -> None:
    sync_with(item, [CHECKING], make_rows(CHECKING, 30))
    disconnecting.disconnect_bank(user=alice, item_id=item.pk, keep_history=True)
    sync_with(second_item, [copy_with_new_id(CHECKING)], make_rows(copy_with_new_id(CHECKING), 20))
    assert len(stored_transactions()) == 30
    assert get_total_spending(alice) == -sum(Decimal(ago + 1) for ago in range(30))


@pytest.mark.parametrize("ending", ["revoked", "kept"])
def test_it_keeps_transactions_that_the_older_connection_synced_after_the_newer_one_ended(
    item: Item,
    second_item: Item,
    alice: User,
    stored_transactions: StoredTransactions,
    sync_with: Callable[..., None],
    clock: time_machine.Traveller,
    ending: str,
) -> None:
    sync_with(item, [CHECKING], make_rows(CHECKING, 20))
    sync_with(second_item, [copy_with_new_id(CHECKING)], make_rows(copy_with_new_id(CHECKING), 10))
    revoke(second_item)
    clock.shift(timedelta(days=3))
    later = [transaction_row("later", "-77", date=TODAY + timedelta(days=3), authorized_date=None)]
    sync_with(item, [CHECKING], later, cursor="c2")
    assert len(stored_transactions()) == 21
    if ending == "kept":
        disconnecting.disconnect_bank(user=alice, item_id=item.pk, keep_history=True)
    else:
        revoke(item)
        with tenant(alice.pk):
            succession.update_succession(item=item)
    assert len(stored_transactions()) == 21


def test_it_matches_an_account_that_returns_under_a_new_id(
    item: Item, alice: User, stored_transactions: StoredTransactions, sync_with: Callable[..., None]
) -> None:
    sync_with(item, [CHECKING, CARD], make_rows(CHECKING, 20, first=5))
    sync_with(item, [copy_with_new_id(CHECKING), CARD], make_rows(copy_with_new_id(CHECKING), 15), cursor="c2")
    sync_with(
        item,
        [copy_with_new_id(CHECKING, "-third"), CARD],
        make_rows(copy_with_new_id(CHECKING, "-third"), 10),
        cursor="c3",
    )
    assert len(stored_transactions()) == 25
    assert get_bank_balance(alice) == CHECKING.current
    with tenant(alice.pk):
        head = Account.objects.get(owner=alice, provider_id="acc-checking-third")
        assert {account.provider_id for account in head.with_former_accounts} == {
            "acc-checking",
            "acc-checking-new",
            "acc-checking-third",
        }


def test_it_copies_the_users_note_and_category_to_the_same_payment(
    item: Item, second_item: Item, alice: User, stored_transactions: StoredTransactions, sync_with: Callable[..., None]
) -> None:
    sync_with(item, [CHECKING], make_rows(CHECKING, 20))
    with tenant(alice.pk):
        Transaction.objects.filter(provider_id="acc-checking-3").update(note="mine", user_category="TRAVEL")
    revoke(item)
    sync_with(second_item, [copy_with_new_id(CHECKING)], make_rows(copy_with_new_id(CHECKING), 20))
    assert {(key, row.note, row.user_category) for key, row in stored_transactions().items() if row.note} == {
        ("acc-checking-new-3", "mine", "TRAVEL")
    }
    with tenant(alice.pk):
        Transaction.objects.filter(provider_id="acc-checking-new-3").update(note="", user_category="")
    sync_with(second_item, [copy_with_new_id(CHECKING)], cursor="c2")
    assert not any(row.note for row in stored_transactions().values())


def test_it_copies_tags_and_lets_the_person_precede_a_rule_of_the_new_connection(
    item: Item, second_item: Item, alice: User, stored_transactions: StoredTransactions, sync_with: Callable[..., None]
) -> None:
    sync_with(item, [CHECKING], make_rows(CHECKING, 20))
    with tenant(alice.pk):
        rows = {row.provider_id: row.pk for row in Transaction.objects.all()}
        tags = get_or_create_tags(owner_id=alice.pk, names=["trip"])
        tag_transactions(owner_id=alice.pk, row_ids=[rows["acc-checking-3"]], tags=tags)
        Transaction.objects.filter(provider_id="acc-checking-4").update(category_source="person")
        (paper,) = get_or_create_tags(owner_id=alice.pk, names=["paper"])
        tag_transactions(owner_id=alice.pk, row_ids=[rows["acc-checking-6"]], tags=[paper])
        remove_tags(TransactionTag.objects.filter(transaction=rows["acc-checking-6"]))
    rules.create_rule(user=alice, values=RuleValues(max_amount=Decimal(10**6), category="RULE", tags=("paper",)))
    revoke(item)
    sync_with(second_item, [copy_with_new_id(CHECKING)], make_rows(copy_with_new_id(CHECKING), 20))
    new = stored_transactions()
    with tenant(alice.pk):
        tagged = TransactionTag.objects.filter(tag__name="trip").values_list("transaction", flat=True)
        assert set(tagged) == {rows["acc-checking-3"], new["acc-checking-new-3"].pk}
        papers = TransactionTag.objects.filter(tag=paper, is_removed=False).values_list("transaction", flat=True)
        assert new["acc-checking-new-7"].pk in papers
        assert new["acc-checking-new-6"].pk not in papers
    assert (new["acc-checking-new-4"].user_category, new["acc-checking-new-4"].category_source) == ("", "person")
    assert (new["acc-checking-new-5"].user_category, new["acc-checking-new-5"].category_source) == ("RULE", "rule")


def test_it_restores_the_latest_note_of_a_payment_that_counts_again(
    item: Item, second_item: Item, alice: User, stored_transactions: StoredTransactions, sync_with: Callable[..., None]
) -> None:
    def write(provider_id: str, note: str) -> None:
        with tenant(alice.pk):
            assert Transaction.objects.filter(provider_id=provider_id).update(note=note) == 1

    sync_with(item, [CHECKING], make_rows(CHECKING, 20))
    write("acc-checking-3", "first")
    write("acc-checking-4", "removed later")
    sync_with(second_item, [copy_with_new_id(CHECKING)], make_rows(copy_with_new_id(CHECKING), 20))
    write("acc-checking-new-3", "changed later")
    write("acc-checking-new-4", "")
    disconnecting.disconnect_bank(user=alice, item_id=second_item.pk, keep_history=True)
    assert {key: row.note for key, row in stored_transactions().items() if row.note} == {
        "acc-checking-3": "changed later"
    }


@pytest.mark.parametrize("is_kept", [True, False])
def test_it_counts_a_posted_payment_once_when_another_connection_ends(
    item: Item,
    second_item: Item,
    alice: User,
    stored_transactions: StoredTransactions,
    sync_with: Callable[..., None],
    is_kept: bool,
) -> None:
    day = {"date": TODAY - timedelta(days=2), "authorized_date": TODAY - timedelta(days=2)}
    pair = [
        transaction_row("pending", "-14.17", pending=True, **day),
        transaction_row("posted", "-14.17", pending_id="pending", **day),
    ]
    sync_with(item, [CHECKING], [*make_rows(CHECKING, 20), *pair])
    before = set(stored_transactions())
    if is_kept:
        disconnecting.disconnect_bank(user=alice, item_id=item.pk, keep_history=True)
    sync_with(second_item, [copy_with_new_id(CHECKING)], make_rows(copy_with_new_id(CHECKING), 20))
    disconnecting.disconnect_bank(user=alice, item_id=second_item.pk, keep_history=False)
    assert set(stored_transactions()) == before


def test_it_counts_a_payment_once_that_was_posted_while_another_connection_was_preferred(
    item: Item, second_item: Item, alice: User, stored_transactions: StoredTransactions, sync_with: Callable[..., None]
) -> None:
    day = {"date": TODAY, "authorized_date": TODAY}
    sync_with(item, [CHECKING], [*make_rows(CHECKING, 20), transaction_row("pending", "-14.17", pending=True, **day)])
    sync_with(second_item, [copy_with_new_id(CHECKING)], make_rows(copy_with_new_id(CHECKING), 20))
    sync_with(item, [CHECKING], [transaction_row("posted", "-14.17", pending_id="pending", **day)], cursor="c2")
    disconnecting.disconnect_bank(user=alice, item_id=second_item.pk, keep_history=False)
    assert {key for key in stored_transactions() if key.startswith("p")} == {"posted"}


def test_it_counts_a_payment_that_moves_out_of_a_replaced_account(
    item: Item, second_item: Item, stored_transactions: StoredTransactions, sync_with: Callable[..., None]
) -> None:
    sync_with(item, [CHECKING, SAVINGS], make_rows(CHECKING, 20))
    sync_with(second_item, [copy_with_new_id(CHECKING)], make_rows(copy_with_new_id(CHECKING), 20))
    assert "acc-checking-0" not in stored_transactions()
    moved = make_rows(CHECKING, 1)[0]._replace(account_id=SAVINGS.provider_id)
    sync_with(item, [CHECKING, SAVINGS], [moved], cursor="c2")
    assert "acc-checking-0" in stored_transactions()


def test_it_charts_both_balance_histories_as_one_line(
    item: Item, second_item: Item, alice: User, sync_with: Callable[..., None], clock: time_machine.Traveller
) -> None:
    clock.move_to("2026-11-10T12:00:00Z")
    sync_with(item, [CHECKING], make_rows(CHECKING, 20, first=10))
    clock.move_to("2026-11-20T12:00:00Z")
    revoke(item)
    sync_with(
        second_item, [copy_with_new_id(CHECKING, current=Decimal("900"))], make_rows(copy_with_new_id(CHECKING), 20)
    )
    with tenant(alice.pk):
        accounts = account_totals.list_shown_accounts(connections.list_connections(alice))
        changes = history.daily_changes(user=alice, accounts=accounts, since=date(2026, 11, 1))
    points = history.running_totals({day: change.amount for day, change in changes.items()})
    reported = [point for point in points if point.day >= date(2026, 11, 10)]
    assert [(str(point.day), point.value) for point in reported[::9]] == [
        ("2026-11-10", Decimal("1200.50")),
        ("2026-11-19", Decimal("1200.50")),
    ]
    assert points[-1].value == Decimal(900)
