"""One account of a bank is removed while the others stay, and is added again."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Notification, User
from accounts.notifications.inbox import notify
from accounts.notifications.notification_types import NotificationType
from banking import tasks
from banking.account_settings import removing
from banking.account_settings.removing import add_account_again, remove_account
from banking.linking import disconnecting
from banking.models import (
    Account,
    AccountRemoval,
    BalanceSnapshot,
    Item,
    Liability,
    LiabilityApr,
    RecurringStream,
    Transaction,
    TransactionTotal,
    Transfer,
)
from banking.notification_messages import LargeTransactionsMessage
from banking.product_notices import get_account_terms
from banking.provider import LiabilitiesResponse, RecurringResponse
from banking.splits.splitting import PartValues, split_transaction
from banking.sync.products.liabilities import store_liabilities
from banking.sync.products.recurring import store_recurring_streams
from banking.tests.account_removal_bank import ROWS, list_rows, list_shown, reload_account, sync_page
from banking.tests.factories import make_liability, make_stream
from banking.tests.scripted_provider import (
    CARD,
    CARD_TERMS,
    CHECKING,
    RENT,
    ScriptedProvider,
    transaction_row,
)
from banking.transactions.recurring import list_recurring_payments
from compliance.audit.events import AuditEvent
from compliance.isolation import tenant
from ui.tests.page_text import visible_text

pytestmark = pytest.mark.django_db(transaction=True)


# --- What is left -----------------------------------------------------------------------------------------


def test_it_deletes_all_of_one_account_and_nothing_of_the_others(alice: User, card: Account) -> None:
    assert remove_account(user=alice, account_id=card.pk, keep_history=False) is None
    assert list_rows(alice) == {"coffee", "pay-out"}
    assert list_shown(alice) == [(["Checking"], ["Card"])]
    card = reload_account(card)
    assert (card.current, card.available, card.limit, card.balance_as_of) == (None, None, None, None)
    with tenant(alice.pk):
        assert set(BalanceSnapshot.objects.values_list("account__name", flat=True)) == {"Checking"}
        assert not AccountRemoval.objects.exists()
        event = AuditEvent.objects.get(action="account_removed")
    assert (event.resource, event.resource_id) == ("account", str(card.pk))


def test_it_keeps_the_history_of_an_account_if_the_person_wants_that(alice: User, card: Account) -> None:
    assert remove_account(user=alice, account_id=card.pk, keep_history=True) is None
    assert list_rows(alice) == {"coffee", "tea", "pay-out", "pay-in"}
    assert list_shown(alice) == [(["Checking"], ["Card"])]
    assert reload_account(card).current == Decimal(410)
    remove_account(user=alice, account_id=card.pk, keep_history=False)
    assert list_rows(alice) == {"coffee", "pay-out"}


def test_the_other_leg_of_a_transfer_counts_by_itself_afterwards(alice: User, card: Account) -> None:
    with tenant(alice.pk):
        assert Transfer.objects.count() == 1
    remove_account(user=alice, account_id=card.pk, keep_history=True)
    with tenant(alice.pk):
        assert Transfer.objects.count() == 1
    remove_account(user=alice, account_id=card.pk, keep_history=False)
    with tenant(alice.pk):
        assert Transfer.objects.count() == 0


def test_it_deletes_the_totals_of_an_account_and_the_alerts_of_its_bank(alice: User, card: Account) -> None:
    notify(
        user_id=alice.pk,
        type=NotificationType.BANK_LARGE_CHANGE,
        message=LargeTransactionsMessage(
            count=2, bank="Platypus", amount=Decimal(900), currency="USD", counterparty="x"
        ),
        url="/transactions/",
        fingerprint="large",
        subject_id=card.item_id,
    )
    with tenant(alice.pk):
        TransactionTotal.objects.create(
            owner=alice,
            account=card,
            source="purged",
            period="month",
            starts_on=date(2026, 1, 1),
            currency="USD",
            money_in=1,
            money_out=0,
            count=1,
        )
        Account.objects.filter(pk=card.pk).update(purged_before=date(2026, 2, 1), totals_until=date(2026, 1, 31))
    remove_account(user=alice, account_id=card.pk, keep_history=False)
    with tenant(alice.pk):
        assert (TransactionTotal.objects.count(), Notification.objects.count()) == (0, 0)
    card = reload_account(card)
    assert (card.purged_before, card.totals_until) == (None, None)


@pytest.mark.parametrize("keeps", [True, False])
def test_its_terms_and_recurring_payments_are_part_of_its_history(alice: User, card: Account, keeps: bool) -> None:
    make_liability(card, aprs={"purchase_apr": "12.5"})
    make_stream(card, "-15")
    remove_account(user=alice, account_id=card.pk, keep_history=keeps)
    with tenant(alice.pk):
        kept = [Liability.objects.count(), LiabilityApr.objects.count(), card.recurring_streams.count()]
        assert kept == [keeps] * 3
        # Of an account that is not here, nothing is expected.
        assert {stream.account.name for stream in list_recurring_payments(alice).outflows} == {"Checking"}
        terms = get_account_terms(reload_account(card), user=alice)
        assert (terms and (terms.liability is not None, terms.notice)) == ((True, None) if keeps else None)


def test_a_split_transaction_counts_once_where_an_equal_row_of_another_connection_counts_instead(
    alice: User, provider: ScriptedProvider, make_item: Callable[..., Item]
) -> None:
    items = [make_item(alice, provider_item_id=f"item-{number}") for number in range(2)]
    for number in (0, 1, 0):
        account = CHECKING._replace(provider_id=f"acc-{number}", persistent_id="the same")
        provider.listed_accounts = [account]
        sync_page(
            items[number], provider, added=[transaction_row(f"lunch-{number}", "-30", account_id=f"acc-{number}")]
        )
    with tenant(alice.pk):
        whole = Transaction.objects.get(removed_at=None)
    assert whole.provider_id == "lunch-1"
    split_transaction(user=alice, transaction_id=whole.pk, parts=[PartValues(amount=Decimal(-n)) for n in (10, 20)])
    remove_account(user=alice, account_id=whole.account_id, keep_history=True)
    with tenant(alice.pk):
        counted = Transaction.objects.filter(removed_at=None)
        assert sorted(counted.values_list("amount", flat=True)) == [-20, -10]
        assert set(counted.values_list("account__provider_id", flat=True)) == {"acc-0"}


# --- Syncs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keeps", [True, False])
def test_nothing_is_stored_of_the_terms_and_recurring_payments_of_a_removed_account(
    alice: User, synced_item: Item, card: Account, keeps: bool
) -> None:
    make_liability(card, minimum_payment_amount=Decimal(20))
    stream = make_stream(card, "-15", provider_id="old")
    remove_account(user=alice, account_id=card.pk, keep_history=keeps)
    with tenant(alice.pk):
        item = Item.objects.select_for_update().get(pk=synced_item.pk)
        errors = store_liabilities(LiabilitiesResponse([CARD_TERMS], "r"), item)
        errors += store_recurring_streams(RecurringResponse([RENT._replace(account_id="acc-card"), RENT], "r"), item)
        # They are not odd either: the provider still shares the account.
        assert sum(errors.values()) == 0
        assert list(Liability.objects.values_list("minimum_payment_amount", flat=True)) == [Decimal(20)] * keeps
        accounts = RecurringStream.objects.order_by("account__name").values_list("account__name", "provider_id")
        assert list(accounts) == [("Card", stream.provider_id)] * keeps + [("Checking", "stream-rent")]


@pytest.mark.parametrize(("keeps", "kept"), [(True, {"tea", "pay-in"}), (False, set())])
def test_no_sync_brings_it_back_or_counts_its_rows_as_odd(
    alice: User, synced_item: Item, card: Account, provider: ScriptedProvider, keeps: bool, kept: set[str]
) -> None:
    remove_account(user=alice, account_id=card.pk, keep_history=keeps)
    sync_page(
        synced_item, provider, added=[transaction_row("new-tea", "-4", account_id="acc-card"), transaction_row("bread")]
    )
    with tenant(alice.pk):
        Item.objects.filter(pk=synced_item.pk).update(cursor="")
    sync_page(synced_item, provider, added=[*ROWS, transaction_row("bread")])
    assert list_rows(alice) == {"coffee", "pay-out", "bread"} | kept
    assert list_shown(alice) == [(["Checking"], ["Card"])]
    with tenant(alice.pk):
        synced_item.refresh_from_db()
        last = synced_item.runs.latest("started_at")
        assert BalanceSnapshot.objects.filter(account=card).count() == keeps
    assert (synced_item.skipped_transactions, last.skipped_rows, last.field_errors) == (0, 0, "")


@pytest.mark.parametrize("keeps", [True, False])
def test_a_transaction_that_the_bank_moves_to_it_does_not_count_on_the_other_account(
    alice: User, synced_item: Item, card: Account, provider: ScriptedProvider, keeps: bool
) -> None:
    remove_account(user=alice, account_id=card.pk, keep_history=keeps)
    sync_page(synced_item, provider, modified=[transaction_row("coffee", account_id="acc-card")])
    assert list_rows(alice) == {"pay-out"} | ({"tea", "pay-in"} if keeps else set())
    sync_page(synced_item, provider, modified=[transaction_row("coffee")])
    assert "coffee" in list_rows(alice)


def list_accounts_with(user: User, provider_id: str) -> list[str]:
    """The accounts on which a transaction counts."""
    with tenant(user.pk):
        rows = Transaction.objects.filter(provider_id=provider_id, removed_at=None)
        return list(rows.values_list("account__provider_id", flat=True))


def test_a_transaction_that_the_bank_moves_from_it_counts_once(
    alice: User, card: Account, synced_item: Item, provider: ScriptedProvider
) -> None:
    """Its history was kept, and the transaction is now on an account that stays."""
    remove_account(user=alice, account_id=card.pk, keep_history=True)
    sync_page(synced_item, provider, modified=[transaction_row("tea", "-3")])
    assert list_accounts_with(alice, "tea") == ["acc-checking"]


def test_a_transaction_that_the_bank_moves_from_it_counts_once_on_an_account_without_any(
    alice: User, item: Item, provider: ScriptedProvider
) -> None:
    sync_page(item, provider, added=[transaction_row("tea", "-3", account_id="acc-card")])
    with tenant(alice.pk):
        card = Account.objects.get(provider_id="acc-card")
    remove_account(user=alice, account_id=card.pk, keep_history=True)
    sync_page(item, provider, modified=[transaction_row("tea", "-3")])
    assert list_accounts_with(alice, "tea") == ["acc-checking"]


def test_it_stays_removed_under_a_new_id_of_the_same_connection(
    alice: User, synced_item: Item, card: Account, provider: ScriptedProvider
) -> None:
    remove_account(user=alice, account_id=card.pk, keep_history=False)
    provider.listed_accounts = [CHECKING, CARD._replace(provider_id="acc-card-2")]
    sync_page(synced_item, provider, added=[transaction_row("tea-2", "-3", account_id="acc-card-2")])
    assert list_rows(alice) == {"coffee", "pay-out"}
    assert list_shown(alice) == [(["Checking"], ["Card"])]
    with tenant(alice.pk):
        again = Account.objects.get(provider_id="acc-card-2")
        assert (again.current, again.user_removed_at is None, again.closed_at is None) == (None, False, False)
        assert not BalanceSnapshot.objects.filter(account=again).exists()


def test_nothing_stays_of_a_new_id_that_only_its_rows_show_to_be_the_removed_account(
    alice: User, item: Item, provider: ScriptedProvider
) -> None:
    days = [timezone.localdate() - timedelta(days=ago) for ago in range(1, 5)]
    rows = [transaction_row(f"tea-{day}", "-3", account_id="acc-card", date=day, authorized_date=day) for day in days]
    provider.listed_accounts = [CHECKING, CARD._replace(mask="")]
    sync_page(item, provider, added=[*ROWS[:1], *rows])
    with tenant(alice.pk):
        card = Account.objects.get(provider_id="acc-card")
    remove_account(user=alice, account_id=card.pk, keep_history=True)
    kept = list_rows(alice)
    provider.listed_accounts = [CHECKING, CARD._replace(mask="", provider_id="acc-card-2")]
    again = [row._replace(provider_id=f"{row.provider_id}-2", account_id="acc-card-2") for row in rows]
    sync_page(item, provider, added=[*again, transaction_row("new-tea", "-4", account_id="acc-card-2")])
    with tenant(alice.pk):
        assert Account.objects.get(provider_id="acc-card-2").user_removed_at is not None
    assert list_rows(alice) == kept


def test_it_stays_removed_when_the_bank_is_connected_again(
    alice: User, synced_item: Item, card: Account, provider: ScriptedProvider, make_item: Callable[..., Item]
) -> None:
    remove_account(user=alice, account_id=card.pk, keep_history=False)
    disconnecting.disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=True)
    second = make_item(alice, provider_item_id="item-again")
    provider.listed_accounts = [row._replace(provider_id=f"{row.provider_id}-new") for row in (CHECKING, CARD)]
    added = [row._replace(provider_id=f"{row.provider_id}-new", account_id=f"{row.account_id}-new") for row in ROWS]
    sync_page(second, provider, added=added)
    assert list_rows(alice) == {"coffee-new", "pay-out-new"}
    assert list_shown(alice) == [(["Checking"], ["Card"])]


def test_another_account_that_looks_the_same_is_not_removed_with_it(
    alice: User, item: Item, provider: ScriptedProvider
) -> None:
    twin = CARD._replace(provider_id="acc-twin")
    provider.listed_accounts = [CHECKING, CARD, twin]
    sync_page(item, provider, added=[*ROWS, transaction_row("tea-of-twin", "-9", account_id="acc-twin")])
    with tenant(alice.pk):
        card = Account.objects.get(provider_id="acc-card")
    remove_account(user=alice, account_id=card.pk, keep_history=False)
    sync_page(item, provider, added=[transaction_row("later", "-8", account_id="acc-twin")])
    assert {"tea-of-twin", "later"} <= list_rows(alice)
    assert list_shown(alice) == [(["Card", "Checking"], ["Card"])]


def test_it_is_completely_read_again_when_it_is_added_again(
    alice: User, synced_item: Item, card: Account, provider: ScriptedProvider
) -> None:
    remove_account(user=alice, account_id=card.pk, keep_history=False)
    account, items = add_account_again(user=alice, account_id=card.pk)
    assert (account, items) == (card, [synced_item])
    sync_page(synced_item, provider, added=ROWS)
    assert provider.cursors[-1] == ""
    assert list_rows(alice) == {"coffee", "tea", "pay-out", "pay-in"}
    assert list_shown(alice) == [(["Card", "Checking"], [])]
    with tenant(alice.pk):
        assert Transfer.objects.count() == 1
        assert BalanceSnapshot.objects.filter(account=card).count() == 1
        assert AuditEvent.objects.filter(action="account_added_again").count() == 1
    with pytest.raises(Account.DoesNotExist):
        add_account_again(user=alice, account_id=card.pk)


# --- Pages ------------------------------------------------------------------------------------------------


@pytest.fixture
def as_fresh_alice(as_alice: Client, alice: User, with_second_factor: Callable[..., Client]) -> Client:
    return with_second_factor(as_alice, alice)


def test_its_pages_remove_an_account_and_add_it_again(as_fresh_alice: Client, alice: User, card: Account) -> None:
    url = reverse("remove_account", args=[card.pk])
    page = visible_text(as_fresh_alice.get(url))
    for text in ("Remove Card?", "1 account · 2 transactions", "Your other accounts at First Platypus Bank stay"):
        assert text in page
    assert as_fresh_alice.post(url, {"history": "some"}).status_code == 422
    page = visible_text(as_fresh_alice.post(url, {"history": "delete"}, follow=True))
    assert "Card ••3333 is removed. We no longer sync it." in page
    assert "1 removed account" in page
    assert "Card" not in visible_text(as_fresh_alice.get(reverse("transactions")))
    assert "Removed" in visible_text(as_fresh_alice.get(reverse("account", args=[card.pk])))
    # Its page links to the list of its transactions, and there are none.
    response = as_fresh_alice.get(reverse("transactions"), {"account": card.pk})
    assert (response.status_code, response.context["count"]) == (200, 0)
    page = visible_text(as_fresh_alice.post(reverse("add_account_again", args=[card.pk]), follow=True))
    assert "We download Card ••3333 again with the next sync." in page
    assert as_fresh_alice.post(reverse("add_account_again", args=[card.pk])).status_code == 404


def test_it_offers_to_delete_the_history_that_was_kept_before_the_bank_was_connected_again(
    as_fresh_alice: Client,
    alice: User,
    synced_item: Item,
    card: Account,
    provider: ScriptedProvider,
    make_item: Callable[..., Item],
) -> None:
    remove_account(user=alice, account_id=card.pk, keep_history=True)
    disconnecting.disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=True)
    provider.listed_accounts = [row._replace(provider_id=f"{row.provider_id}-new") for row in (CHECKING, CARD)]
    row = transaction_row("new", account_id="acc-checking-new")
    sync_page(make_item(alice, provider_item_id="item-again"), provider, added=[row])
    with tenant(alice.pk):
        again = Account.objects.get(provider_id="acc-card-new")
    assert reload_account(card).successor_id == again.pk
    page = as_fresh_alice.get(reverse("accounts")).content.decode()
    assert f'href="{reverse("account", args=[again.pk])}"' in page
    assert reverse("remove_account", args=[again.pk]) in page
    assert "1 account · 2 transactions" in visible_text(as_fresh_alice.get(reverse("remove_account", args=[again.pk])))
    assert f'value="{again.pk}"' in as_fresh_alice.get(reverse("transactions")).content.decode()
    remove_account(user=alice, account_id=again.pk, keep_history=False)
    page = as_fresh_alice.get(reverse("accounts")).content.decode()
    assert reverse("remove_account", args=[again.pk]) not in page
    assert f'value="{again.pk}"' not in as_fresh_alice.get(reverse("transactions")).content.decode()


def test_it_says_that_a_worker_finishes_it(
    as_fresh_alice: Client, card: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disconnecting, "MAX_ROWS_IN_REQUEST", 1)
    monkeypatch.setattr(tasks, "enqueue_account_removal", lambda removal: None)
    response = as_fresh_alice.post(reverse("remove_account", args=[card.pk]), {"history": "delete"}, follow=True)
    assert "Removing Card ••3333. We finish this in the background." in visible_text(response)


def test_another_user_gets_404(
    mallory: User, as_mallory: Client, card: Account, with_second_factor: Callable[..., Client]
) -> None:
    client = with_second_factor(as_mallory, mallory)
    for name in ("remove_account", "add_account_again"):
        assert client.post(reverse(name, args=[card.pk]), {"history": "delete"}).status_code == 404
    with pytest.raises(Account.DoesNotExist):
        remove_account(user=mallory, account_id=card.pk, keep_history=False)
    with pytest.raises(Account.DoesNotExist):
        removing.removal_summary(user=mallory, account_id=card.pk)
    assert list_rows(User(pk=card.owner_id)) == {"coffee", "tea", "pay-out", "pay-in"}
