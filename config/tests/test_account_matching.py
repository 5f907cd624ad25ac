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
    clock,
    copy_with_new_id,
    get_bank_balance,
    make_rows,
    revoke,
    second_item,
    sync_with,
)

__all__ = ["clock", "second_item", "sync_with"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("clock")]


def test_it_matches_accounts_by_the_persistent_id_whatever_their_name(
    item: Item, second_item: Item, alice: User, sync_with: Callable[..., None]
) -> None:
    persistent = CHECKING._replace(persistent_id="p-1")
    sync_with(item, [persistent])
    sync_with(second_item, [copy_with_new_id(persistent, name="Everyday", mask="", current=Decimal(5))])
    assert get_bank_balance(alice) == 5


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
def test_it_does_not_match_accounts_that_differ_or_lack_evidence(
    item: Item, second_item: Item, alice: User, sync_with: Callable[..., None], old: dict[str, str], new: dict[str, str]
) -> None:
    sync_with(item, [CHECKING._replace(**old)])
    revoke(item)
    sync_with(second_item, [copy_with_new_id(CHECKING, **new)])
    with tenant(alice.pk):
        assert Account.objects.filter(owner=alice, successor=None).count() == 2


def test_it_does_not_match_similar_accounts_of_two_logins(
    item: Item, second_item: Item, alice: User, stored_transactions: StoredTransactions, sync_with: Callable[..., None]
) -> None:
    sync_with(item, [CHECKING], make_rows(CHECKING, 20))
    second_checking = copy_with_new_id(CHECKING, current=Decimal(50))
    sync_with(second_item, [second_checking])
    assert get_bank_balance(alice) == CHECKING.current + 50
    sync_with(second_item, [second_checking], make_rows(second_checking, 20, step="7.77"), cursor="c2")
    assert (len(stored_transactions()), get_bank_balance(alice)) == (40, CHECKING.current + 50)
    revoke(item)
    sync_with(second_item, [second_checking], cursor="c3")
    assert len(stored_transactions()) == 40


def test_it_undoes_a_match_when_the_transactions_differ(
    item: Item, second_item: Item, alice: User, stored_transactions: StoredTransactions, sync_with: Callable[..., None]
) -> None:
    sync_with(item, [CHECKING], make_rows(CHECKING, 20))
    revoke(item)
    sync_with(second_item, [copy_with_new_id(CHECKING)])
    assert get_bank_balance(alice) == CHECKING.current
    sync_with(
        second_item, [copy_with_new_id(CHECKING)], make_rows(copy_with_new_id(CHECKING), 20, step="7.77"), cursor="c2"
    )
    assert (len(stored_transactions()), get_bank_balance(alice)) == (40, CHECKING.current * 2)


def test_it_does_not_match_two_accounts_of_one_connection(
    item: Item, second_item: Item, alice: User, sync_with: Callable[..., None]
) -> None:
    sync_with(item, [CHECKING, copy_with_new_id(CHECKING, "-2")])
    assert get_bank_balance(alice) == CHECKING.current * 2
    revoke(item)
    sync_with(second_item, [copy_with_new_id(CHECKING, "-3"), copy_with_new_id(CHECKING, "-4")])
    # The accounts cannot be told apart, so none is matched.
    assert get_bank_balance(alice) == CHECKING.current * 4


@pytest.fixture
def loans() -> tuple[AccountRow, AccountRow]:
    """Two loans with the same name, paid by the same amounts on the same days."""
    loan = CHECKING._replace(name="Student Loan", type="loan", subtype="student")
    return loan, copy_with_new_id(loan, "-2", mask="2222")


def test_it_does_not_match_two_accounts_of_one_connection_with_kept_history(
    item: Item,
    second_item: Item,
    alice: User,
    stored_transactions: StoredTransactions,
    sync_with: Callable[..., None],
    loans: tuple[AccountRow, ...],
) -> None:
    sync_with(item, [*loans], [row for loan in loans for row in make_rows(loan, 10)])
    disconnecting.disconnect_bank(user=alice, item_id=item.pk, keep_history=True)
    assert len(stored_transactions()) == 20
    new_loans = [copy_with_new_id(loan) for loan in loans]
    sync_with(second_item, new_loans, [row for loan in new_loans for row in make_rows(loan, 5)])
    assert len(stored_transactions()) == 20


def test_it_does_not_match_two_accounts_when_the_bank_stops_listing_one(
    item: Item,
    stored_transactions: StoredTransactions,
    sync_with: Callable[..., None],
    loans: tuple[AccountRow, ...],
    clock: time_machine.Traveller,
) -> None:
    sync_with(item, [*loans], [row for loan in loans for row in make_rows(loan, 10)])
    clock.shift(timedelta(days=1))
    sync_with(item, [*loans], cursor="c2")
    clock.shift(timedelta(days=1))
    sync_with(item, [loans[1]], cursor="c3")
    assert len(stored_transactions()) == 20


def test_it_matches_similar_accounts_by_their_transactions(
    item: Item, second_item: Item, alice: User, stored_transactions: StoredTransactions, sync_with: Callable[..., None]
) -> None:
    twin = copy_with_new_id(CHECKING, "-2")
    sync_with(item, [CHECKING, twin], make_rows(CHECKING, 20) + make_rows(twin, 20, step="7.77"))
    revoke(item)
    third, fourth = copy_with_new_id(CHECKING, "-3"), copy_with_new_id(CHECKING, "-4")
    sync_with(second_item, [third, fourth], make_rows(third, 20, step="7.77") + make_rows(fourth, 20))
    assert (len(stored_transactions()), get_bank_balance(alice)) == (40, CHECKING.current * 2)


def test_it_never_matches_across_banks_or_users(
    item: Item,
    alice: User,
    mallory: User,
    make_item: Callable[..., Item],
    sync_with: Callable[..., None],
    provider: ScriptedProvider,
) -> None:
    sync_with(item, [CHECKING])
    revoke(item)
    other_bank = make_item(alice, provider_item_id="item-elsewhere")
    provider.item_details = replace(provider.item_details, institution_id="ins_2")
    sync_with(other_bank, [copy_with_new_id(CHECKING)])
    mallorys_item = make_item(mallory)
    sync_with(mallorys_item, [copy_with_new_id(CHECKING, "-mallorys")])
    for user in (alice, mallory):
        with tenant(user.pk):
            assert not Account.objects.filter(owner=user, successor__isnull=False).exists()
