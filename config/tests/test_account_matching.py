"""Which evidence matches two accounts as the same real account, and which does not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine

from accounts.models import User
from banking.linking import disconnecting
from banking.models import Account, Item
from banking.provider import AccountRow
from banking.tests.scripted_provider import CHECKING, ScriptedProvider
from banking.tests.sync_runs import StoredTransactions
from compliance.isolation import tenant
from config.tests.duplicate_connection import (
    again,
    bank_reads,
    clock,
    money_in_the_bank,
    revoke,
    rows,
    with_new_id,
)

__all__ = ["again", "bank_reads", "clock"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("clock")]


def test_it_knows_an_account_by_the_banks_lasting_id_whatever_it_is_called(
    item: Item, again: Item, alice: User, bank_reads: Callable[..., None]
) -> None:
    lasting = CHECKING._replace(persistent_id="p-1")
    bank_reads(item, [lasting])
    bank_reads(again, [with_new_id(lasting, name="Everyday", mask="", current=Decimal(5))])
    assert money_in_the_bank(alice) == 5


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"persistent_id": "p-1"}, {"persistent_id": "p-2"}),
        ({}, {"mask": "9999"}),
        ({}, {"name": "Everyday"}),
        ({}, {"subtype": "savings"}),
        ({}, {"currency": "EUR"}),
        ({"mask": ""}, {"mask": ""}),
    ],
)
def test_it_keeps_accounts_apart_that_differ_or_have_nothing_to_tell_by(
    item: Item, again: Item, alice: User, bank_reads: Callable[..., None], old: dict[str, str], new: dict[str, str]
) -> None:
    bank_reads(item, [CHECKING._replace(**old)])
    revoke(item)
    bank_reads(again, [with_new_id(CHECKING, **new)])
    with tenant(alice.pk):
        assert Account.objects.filter(owner=alice, successor=None).count() == 2


def test_it_keeps_two_logins_apart_whose_accounts_look_the_same(
    item: Item, again: Item, alice: User, stored_transactions: StoredTransactions, bank_reads: Callable[..., None]
) -> None:
    bank_reads(item, [CHECKING], rows(CHECKING, 20))
    hers = with_new_id(CHECKING, current=Decimal(50))
    bank_reads(again, [hers])
    assert money_in_the_bank(alice) == CHECKING.current + 50
    bank_reads(again, [hers], rows(hers, 20, step="7.77"), cursor="c2")
    assert (len(stored_transactions()), money_in_the_bank(alice)) == (40, CHECKING.current + 50)
    revoke(item)
    bank_reads(again, [hers], cursor="c3")
    assert len(stored_transactions()) == 40


def test_it_parts_two_accounts_again_when_their_rows_differ(
    item: Item, again: Item, alice: User, stored_transactions: StoredTransactions, bank_reads: Callable[..., None]
) -> None:
    bank_reads(item, [CHECKING], rows(CHECKING, 20))
    revoke(item)
    bank_reads(again, [with_new_id(CHECKING)])
    assert money_in_the_bank(alice) == CHECKING.current
    bank_reads(again, [with_new_id(CHECKING)], rows(with_new_id(CHECKING), 20, step="7.77"), cursor="c2")
    assert (len(stored_transactions()), money_in_the_bank(alice)) == (40, CHECKING.current * 2)


def test_it_keeps_two_accounts_of_one_list_apart_however_alike(
    item: Item, again: Item, alice: User, bank_reads: Callable[..., None]
) -> None:
    bank_reads(item, [CHECKING, with_new_id(CHECKING, "-2")])
    assert money_in_the_bank(alice) == CHECKING.current * 2
    revoke(item)
    bank_reads(again, [with_new_id(CHECKING, "-3"), with_new_id(CHECKING, "-4")])
    # Nobody can say which is which: nothing is joined.
    assert money_in_the_bank(alice) == CHECKING.current * 4


@pytest.fixture
def loans() -> tuple[AccountRow, AccountRow]:
    """Two loans that are called the same and paid off by the same amounts on the same days."""
    loan = CHECKING._replace(name="Student Loan", type="loan", subtype="student")
    return loan, with_new_id(loan, "-2", mask="2222")


def test_it_keeps_two_accounts_of_one_list_apart_when_their_history_alone_is_left(
    item: Item,
    again: Item,
    alice: User,
    stored_transactions: StoredTransactions,
    bank_reads: Callable[..., None],
    loans: tuple[AccountRow, ...],
) -> None:
    bank_reads(item, [*loans], [row for loan in loans for row in rows(loan, 10)])
    disconnecting.disconnect_bank(user=alice, item_id=item.pk, keep_history=True)
    assert len(stored_transactions()) == 20
    anew = [with_new_id(loan) for loan in loans]
    bank_reads(again, anew, [row for loan in anew for row in rows(loan, 5)])
    assert len(stored_transactions()) == 20


def test_it_keeps_two_accounts_of_one_list_apart_when_the_bank_lists_one_of_them_no_more(
    item: Item,
    stored_transactions: StoredTransactions,
    bank_reads: Callable[..., None],
    loans: tuple[AccountRow, ...],
    clock: time_machine.Traveller,
) -> None:
    bank_reads(item, [*loans], [row for loan in loans for row in rows(loan, 10)])
    clock.shift(timedelta(days=1))
    bank_reads(item, [*loans], cursor="c2")
    clock.shift(timedelta(days=1))
    bank_reads(item, [loans[1]], cursor="c3")
    assert len(stored_transactions()) == 20


def test_it_tells_two_alike_apart_by_their_rows(
    item: Item, again: Item, alice: User, stored_transactions: StoredTransactions, bank_reads: Callable[..., None]
) -> None:
    twin = with_new_id(CHECKING, "-2")
    bank_reads(item, [CHECKING, twin], rows(CHECKING, 20) + rows(twin, 20, step="7.77"))
    revoke(item)
    third, fourth = with_new_id(CHECKING, "-3"), with_new_id(CHECKING, "-4")
    bank_reads(again, [third, fourth], rows(third, 20, step="7.77") + rows(fourth, 20))
    assert (len(stored_transactions()), money_in_the_bank(alice)) == (40, CHECKING.current * 2)


def test_it_never_joins_across_banks_or_people(
    item: Item,
    alice: User,
    mallory: User,
    make_item: Callable[..., Item],
    bank_reads: Callable[..., None],
    provider: ScriptedProvider,
) -> None:
    bank_reads(item, [CHECKING])
    revoke(item)
    elsewhere = make_item(alice, provider_item_id="item-elsewhere")
    provider.item_details = replace(provider.item_details, institution_id="ins_2")
    bank_reads(elsewhere, [with_new_id(CHECKING)])
    theirs = make_item(mallory)
    bank_reads(theirs, [with_new_id(CHECKING, "-theirs")])
    for user in (alice, mallory):
        with tenant(user.pk):
            assert not Account.objects.filter(owner=user, successor__isnull=False).exists()
