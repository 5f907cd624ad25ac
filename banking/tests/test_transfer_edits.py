"""What a user decides about transfers, and that no sync, replacement or purge changes or forgets it."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from banking.linking.disconnecting import disconnect_bank
from banking.models import Account, Item, Transaction, Transfer, TransferDecision
from banking.retention.purging import purge_transactions
from banking.tests.factories import make_account, make_transaction
from banking.tests.scripted_provider import CARD, CHECKING, ScriptedProvider, transaction_row, transactions_page
from banking.tests.sync_runs import run_sync
from banking.transactions.transfer_edits import NotATransfer, join_transactions, separate_transactions
from banking.transactions.transfers import update_transfers
from compliance.audit.events import AuditEvent
from compliance.isolation import tenant
from compliance.personal_data.account_lock import lock_account

TODAY = date(2026, 11, 22)

pytestmark = pytest.mark.django_db


@pytest.fixture
def checking(item: Item) -> Account:
    return make_account(item)


@pytest.fixture
def savings(item: Item) -> Account:
    return make_account(item, name="Savings", subtype="savings")


def add_row(account: Account, amount: str, days_ago: int = 0, **fields: object) -> Transaction:
    return make_transaction(account, amount, day=TODAY - timedelta(days=days_ago), **fields)


def list_pairs(user: User) -> list[tuple[Transaction, ...]]:
    """Match again, and return each pair: money out, money in."""
    with tenant(user.pk):
        update_transfers(owner_id=user.pk)
        pairs = Transfer.objects.for_user(user).order_by("sent_on").values_list("money_out", "money_in")
        return [tuple(Transaction.objects.get(pk=leg) for leg in pair) for pair in pairs]


def edit(edit: Callable[..., None], user: User, first: Transaction, second: Transaction) -> None:
    with tenant(user.pk):
        edit(user=user, transaction_id=first.pk, other_id=second.pk)


def test_it_keeps_what_was_separated_and_pairs_the_next_best_row(
    alice: User, checking: Account, savings: Account
) -> None:
    left, arrived = add_row(checking, "-500", 2), add_row(savings, "500", 1)
    assert list_pairs(alice) == [(left, arrived)]
    edit(separate_transactions, alice, arrived, left)
    assert list_pairs(alice) == []
    later = add_row(savings, "500")
    assert list_pairs(alice) == [(left, later)]
    edit(join_transactions, alice, left, arrived)
    assert list_pairs(alice) == [(left, arrived)]


def test_it_joins_what_the_matcher_does_not_find(alice: User, checking: Account, savings: Account) -> None:
    left = add_row(checking, "-500", 10, category="GENERAL_SERVICES")
    arrived, other = add_row(savings, "500", category="INCOME"), add_row(savings, "500", 5, category="INCOME")
    edit(join_transactions, alice, arrived, left)
    assert list_pairs(alice) == [(left, arrived)]
    # A transaction is in one transfer.
    edit(join_transactions, alice, left, other)
    assert list_pairs(alice) == [(left, other)]
    edit(separate_transactions, alice, left, other)
    assert list_pairs(alice) == []
    with tenant(alice.pk):
        events = AuditEvent.objects.filter(subject=alice.pk, action="transfer_decided")
        assert {event.resource_id for event in events} == {str(left.pk)}
        assert events.count() == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": "500.01"},
        {"amount": "-500"},
        {"currency": "EUR"},
        {"days_ago": -11},
        {"user_category": "TRAVEL"},
        {"is_same_account": True},
    ],
)
def test_it_joins_no_rows_that_cannot_be_one_transfer(
    alice: User, checking: Account, savings: Account, changes: dict[str, object]
) -> None:
    defaults = {"amount": "500", "days_ago": 0, "is_same_account": False}
    values = defaults | changes
    former = make_account(checking.item, successor=checking)
    account = former if values.pop("is_same_account") else savings
    left, arrived = add_row(checking, "-500"), add_row(account, **values)  # type: ignore[arg-type]
    with pytest.raises(NotATransfer):
        edit(join_transactions, alice, left, arrived)


@pytest.mark.parametrize("change", [join_transactions, separate_transactions])
def test_it_knows_no_hidden_removed_or_foreign_rows(
    alice: User, mallory: User, checking: Account, savings: Account, change: Callable[..., None]
) -> None:
    left, arrived = add_row(checking, "-500"), add_row(savings, "500")
    hidden = add_row(savings, "500", hidden=True)
    removed = add_row(savings, "500", removed_at=timezone.now())
    for user, other in ((alice, hidden), (alice, removed), (alice, left), (mallory, arrived)):
        with pytest.raises(Transaction.DoesNotExist):
            edit(change, user, left, other)


def test_it_lets_joined_rows_count_while_one_is_hidden(alice: User, checking: Account, savings: Account) -> None:
    left, arrived = add_row(checking, "-500", category="INCOME"), add_row(savings, "500", category="INCOME")
    edit(join_transactions, alice, left, arrived)
    for hidden in (True, False):
        with tenant(alice.pk):
            Transaction.objects.filter(pk=arrived.pk).update(hidden=hidden)
        assert bool(list_pairs(alice)) is not hidden


# --- Rows that replace others -----------------------------------------------------------------------------


def list_provider_pairs(user: User) -> list[tuple[str, ...]]:
    return [tuple(leg.provider_id for leg in pair) for pair in list_pairs(user)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_removed_at_once", [True, False])
def test_it_keeps_a_decision_when_a_pending_row_is_posted_and_when_that_is_undone(
    alice: User, item: Item, provider: ScriptedProvider, is_removed_at_once: bool
) -> None:
    def get(provider_id: str) -> Transaction:
        with tenant(alice.pk):
            return Transaction.objects.get(provider_id=provider_id)

    pending = transaction_row("pending", "-500", pending=True)
    arrived = transaction_row("arrived", "500", account_id="acc-card", date=TODAY, authorized_date=None)
    posted = transaction_row("posted", "-500", pending_id="pending", date=pending.date + timedelta(days=3))
    provider.listed_accounts = [CHECKING, CARD]
    provider.pages = [
        transactions_page(added=[pending, arrived._replace(date=pending.date)], cursor="c1"),
        transactions_page(added=[posted], removed=["pending"] * is_removed_at_once, cursor="c2"),
        transactions_page(removed=["posted"], modified=[pending] * is_removed_at_once, cursor="c3"),
    ]
    run_sync(item)
    assert list_provider_pairs(alice) == []
    edit(join_transactions, alice, get("pending"), get("arrived"))
    for provider_id in ("posted", "pending"):
        run_sync(item)
        assert list_provider_pairs(alice) == [(provider_id, "arrived")]
    edit(separate_transactions, alice, get("pending"), get("arrived"))
    with tenant(alice.pk):
        assert TransferDecision.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_it_forgets_a_decision_when_a_bank_is_deleted_with_its_history(
    alice: User, item: Item, make_item: Callable[..., Item], checking: Account, provider: ScriptedProvider
) -> None:
    other = make_account(make_item(alice, provider_item_id="other-bank"), name="Savings")
    left, arrived = add_row(checking, "-500"), add_row(other, "500")
    edit(join_transactions, alice, left, arrived)
    disconnect_bank(user=alice, item_id=item.pk, keep_history=False)
    with tenant(alice.pk):
        assert not TransferDecision.objects.exists()
        assert not Transfer.objects.exists()


def test_it_purges_joined_rows_as_one_and_the_decisions_about_them(
    alice: User, checking: Account, savings: Account
) -> None:
    def purge(before: date) -> int:
        with tenant(alice.pk):
            lock_account(alice.pk)
        return purge_transactions(owner_id=alice.pk, before=before, limit=100)

    left, arrived = add_row(checking, "-500", 10, category="TRAVEL"), add_row(savings, "500", category="INCOME")
    edit(join_transactions, alice, left, arrived)
    apart = add_row(checking, "-70", 12), add_row(savings, "70", 9)
    edit(separate_transactions, alice, *apart)
    assert purge(TODAY - timedelta(days=9)) == 1
    with tenant(alice.pk):
        assert [decision.money_out for decision in TransferDecision.objects.all()] == [left.pk]
    # Ten days apart: one leg stays until both are old.
    assert purge(TODAY) == 1
    assert purge(TODAY + timedelta(days=1)) == 2
    with tenant(alice.pk):
        assert not TransferDecision.objects.exists()
