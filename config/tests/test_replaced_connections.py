"""A bank that is connected again: its account counts once, and accounts that only look alike count separately."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pytest
import time_machine

from accounts.models import User
from banking import connections
from banking.account_matching import succession
from banking.linking import disconnecting
from banking.models import Account, Item, Transaction
from banking.tests.scripted_provider import CARD, CHECKING, transaction_row
from banking.tests.sync_runs import StoredTransactions
from compliance.isolation import tenant
from config.tests.duplicate_connection import (
    SAVINGS,
    TODAY,
    again,
    bank_reads,
    clock,
    money_in_the_bank,
    revoke,
    rows,
    total_spending,
    with_new_id,
)
from insights.balances import account_totals, history

__all__ = ["again", "bank_reads", "clock"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("clock")]


def test_it_counts_a_bank_once_that_is_connected_again(
    item: Item, again: Item, alice: User, stored_transactions: StoredTransactions, bank_reads: Callable[..., None]
) -> None:
    bank_reads(item, [CHECKING, CARD], rows(CHECKING, 20, first=5))
    revoke(item)
    new = [with_new_id(CHECKING, current=Decimal("1300.50")), with_new_id(CARD)]
    bank_reads(again, new, rows(new[0], 15))
    # Ten days overlap; ten are older than all that the new connection knows.
    assert len(stored_transactions()) == 25
    assert {key for key in stored_transactions() if "-new-" not in key} == {
        f"acc-checking-{ago}" for ago in range(15, 25)
    }
    assert money_in_the_bank(alice) == Decimal("1300.50")
    assert total_spending(alice) == -sum(Decimal(ago + 1) for ago in range(25))
    with tenant(alice.pk):
        cards = account_totals.cards(connections.list_connections(alice))
    assert cards is not None
    assert [card.balance for card in cards.cards] == [Decimal(410)]


def test_it_counts_a_bank_once_that_was_linked_twice_before_its_first_reading(
    item: Item, again: Item, alice: User, stored_transactions: StoredTransactions, bank_reads: Callable[..., None]
) -> None:
    still = SAVINGS._replace(current=Decimal(100))
    bank_reads(item, [CHECKING, still], rows(CHECKING, 20))
    new = [with_new_id(CHECKING), with_new_id(still, current=Decimal(101))]
    bank_reads(again, new, rows(new[0], 20))
    assert len(stored_transactions()) == 20
    assert money_in_the_bank(alice) == CHECKING.current + 101
    bank_reads(item, [CHECKING, still], cursor="c2")
    assert money_in_the_bank(alice) == CHECKING.current + 101
    with tenant(alice.pk):
        first, second = connections.list_connections(alice)
    assert (first.open_accounts, first.has_successors, second.has_successors) == ([], True, False)


def test_it_lets_the_other_connection_count_when_the_newer_one_ends(
    item: Item, again: Item, alice: User, stored_transactions: StoredTransactions, bank_reads: Callable[..., None]
) -> None:
    bank_reads(item, [CHECKING], rows(CHECKING, 20))
    bank_reads(again, [with_new_id(CHECKING)], rows(with_new_id(CHECKING), 20))
    assert all("-new-" in key for key in stored_transactions())
    disconnecting.disconnect_bank(user=alice, item_id=again.pk, keep_history=False)
    assert len(stored_transactions()) == 20
    assert money_in_the_bank(alice) == CHECKING.current


def test_it_joins_a_history_that_was_kept_to_the_connection_that_follows(
    item: Item, again: Item, alice: User, stored_transactions: StoredTransactions, bank_reads: Callable[..., None]
) -> None:
    bank_reads(item, [CHECKING], rows(CHECKING, 30))
    disconnecting.disconnect_bank(user=alice, item_id=item.pk, keep_history=True)
    bank_reads(again, [with_new_id(CHECKING)], rows(with_new_id(CHECKING), 20))
    assert len(stored_transactions()) == 30
    assert total_spending(alice) == -sum(Decimal(ago + 1) for ago in range(30))


@pytest.mark.parametrize("ending", ["revoked", "kept"])
def test_it_loses_nothing_that_the_older_connection_read_after_the_newer_one_ended(
    item: Item,
    again: Item,
    alice: User,
    stored_transactions: StoredTransactions,
    bank_reads: Callable[..., None],
    clock: time_machine.Traveller,
    ending: str,
) -> None:
    bank_reads(item, [CHECKING], rows(CHECKING, 20))
    bank_reads(again, [with_new_id(CHECKING)], rows(with_new_id(CHECKING), 10))
    revoke(again)
    clock.shift(timedelta(days=3))
    later = [transaction_row("later", "-77", date=TODAY + timedelta(days=3), authorized_date=None)]
    bank_reads(item, [CHECKING], later, cursor="c2")
    assert len(stored_transactions()) == 21
    if ending == "kept":
        disconnecting.disconnect_bank(user=alice, item_id=item.pk, keep_history=True)
    else:
        revoke(item)
        with tenant(alice.pk):
            succession.update_succession(item=item)
    assert len(stored_transactions()) == 21


def test_it_follows_an_account_that_comes_back_under_a_new_id(
    item: Item, alice: User, stored_transactions: StoredTransactions, bank_reads: Callable[..., None]
) -> None:
    bank_reads(item, [CHECKING, CARD], rows(CHECKING, 20, first=5))
    bank_reads(item, [with_new_id(CHECKING), CARD], rows(with_new_id(CHECKING), 15), cursor="c2")
    bank_reads(item, [with_new_id(CHECKING, "-third"), CARD], rows(with_new_id(CHECKING, "-third"), 10), cursor="c3")
    assert len(stored_transactions()) == 25
    assert money_in_the_bank(alice) == CHECKING.current
    with tenant(alice.pk):
        head = Account.objects.get(owner=alice, provider_id="acc-checking-third")
        assert {account.provider_id for account in head.with_former_accounts} == {
            "acc-checking",
            "acc-checking-new",
            "acc-checking-third",
        }


def test_it_carries_a_persons_words_to_the_same_payment(
    item: Item, again: Item, alice: User, stored_transactions: StoredTransactions, bank_reads: Callable[..., None]
) -> None:
    bank_reads(item, [CHECKING], rows(CHECKING, 20))
    with tenant(alice.pk):
        Transaction.objects.filter(provider_id="acc-checking-3").update(note="mine", user_category="TRAVEL")
    revoke(item)
    bank_reads(again, [with_new_id(CHECKING)], rows(with_new_id(CHECKING), 20))
    assert {(key, row.note, row.user_category) for key, row in stored_transactions().items() if row.note} == {
        ("acc-checking-new-3", "mine", "TRAVEL")
    }
    with tenant(alice.pk):
        Transaction.objects.filter(provider_id="acc-checking-new-3").update(note="", user_category="")
    bank_reads(again, [with_new_id(CHECKING)], cursor="c2")
    assert not any(row.note for row in stored_transactions().values())


def test_it_gives_the_latest_words_back_to_a_payment_that_counts_again(
    item: Item, again: Item, alice: User, stored_transactions: StoredTransactions, bank_reads: Callable[..., None]
) -> None:
    def write(provider_id: str, note: str) -> None:
        with tenant(alice.pk):
            assert Transaction.objects.filter(provider_id=provider_id).update(note=note) == 1

    bank_reads(item, [CHECKING], rows(CHECKING, 20))
    write("acc-checking-3", "first")
    write("acc-checking-4", "taken back later")
    bank_reads(again, [with_new_id(CHECKING)], rows(with_new_id(CHECKING), 20))
    write("acc-checking-new-3", "changed later")
    write("acc-checking-new-4", "")
    disconnecting.disconnect_bank(user=alice, item_id=again.pk, keep_history=True)
    assert {key: row.note for key, row in stored_transactions().items() if row.note} == {
        "acc-checking-3": "changed later"
    }


@pytest.mark.parametrize("is_kept", [True, False])
def test_it_counts_a_payment_once_whose_posted_row_is_here_when_another_connection_goes(
    item: Item,
    again: Item,
    alice: User,
    stored_transactions: StoredTransactions,
    bank_reads: Callable[..., None],
    is_kept: bool,
) -> None:
    day = {"date": TODAY - timedelta(days=2), "authorized_date": TODAY - timedelta(days=2)}
    pair = [
        transaction_row("pending", "-14.17", pending=True, **day),
        transaction_row("posted", "-14.17", pending_id="pending", **day),
    ]
    bank_reads(item, [CHECKING], [*rows(CHECKING, 20), *pair])
    before = set(stored_transactions())
    if is_kept:
        disconnecting.disconnect_bank(user=alice, item_id=item.pk, keep_history=True)
    bank_reads(again, [with_new_id(CHECKING)], rows(with_new_id(CHECKING), 20))
    disconnecting.disconnect_bank(user=alice, item_id=again.pk, keep_history=False)
    assert set(stored_transactions()) == before


def test_it_counts_a_payment_once_that_was_posted_while_another_connection_counted(
    item: Item, again: Item, alice: User, stored_transactions: StoredTransactions, bank_reads: Callable[..., None]
) -> None:
    day = {"date": TODAY, "authorized_date": TODAY}
    bank_reads(item, [CHECKING], [*rows(CHECKING, 20), transaction_row("pending", "-14.17", pending=True, **day)])
    bank_reads(again, [with_new_id(CHECKING)], rows(with_new_id(CHECKING), 20))
    bank_reads(item, [CHECKING], [transaction_row("posted", "-14.17", pending_id="pending", **day)], cursor="c2")
    disconnecting.disconnect_bank(user=alice, item_id=again.pk, keep_history=False)
    assert {key for key in stored_transactions() if key.startswith("p")} == {"posted"}


def test_it_lets_a_payment_count_that_moves_away_from_an_account_that_was_followed(
    item: Item, again: Item, stored_transactions: StoredTransactions, bank_reads: Callable[..., None]
) -> None:
    bank_reads(item, [CHECKING, SAVINGS], rows(CHECKING, 20))
    bank_reads(again, [with_new_id(CHECKING)], rows(with_new_id(CHECKING), 20))
    assert "acc-checking-0" not in stored_transactions()
    moved = rows(CHECKING, 1)[0]._replace(account_id=SAVINGS.provider_id)
    bank_reads(item, [CHECKING, SAVINGS], [moved], cursor="c2")
    assert "acc-checking-0" in stored_transactions()


def test_it_draws_one_line_through_both_histories(
    item: Item, again: Item, alice: User, bank_reads: Callable[..., None], clock: time_machine.Traveller
) -> None:
    clock.move_to("2026-11-10T12:00:00Z")
    bank_reads(item, [CHECKING], rows(CHECKING, 20, first=10))
    clock.move_to("2026-11-20T12:00:00Z")
    revoke(item)
    bank_reads(again, [with_new_id(CHECKING, current=Decimal("900"))], rows(with_new_id(CHECKING), 20))
    with tenant(alice.pk):
        accounts = account_totals.open_accounts(connections.list_connections(alice))
        points = history.running_totals(history.daily_changes(user=alice, accounts=accounts, since=date(2026, 11, 1)))
    assert [(str(point.day), point.value) for point in points[::9]] == [
        ("2026-11-10", Decimal("1200.50")),
        ("2026-11-19", Decimal("1200.50")),
    ]
    assert points[-1].value == Decimal(900)
