"""Which syncs make one call of the provider, and which read the Item and its accounts as well."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from accounts.models import User
from banking.linking.update_mode import finish_update_mode, open_update_mode
from banking.models import Account, BalanceSnapshot, Connection, Item
from banking.plaid import responses
from banking.provider import LoginRequired, TransactionsPage
from banking.sync import sync_item
from banking.sync.outcome import SyncOutcome
from banking.sync.sync_queue import refresh
from banking.sync.webhook_events import process_webhook
from banking.tests.factories import make_account, update_item
from banking.tests.plaid_samples import encode_json
from banking.tests.received_webhooks import receive
from banking.tests.scripted_provider import ScriptedProvider, transaction_row, transactions_page
from banking.tests.sync_runs import get_last_run
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db(transaction=True)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as time_travel:
        yield time_travel


@pytest.fixture(autouse=True)
def _webhooks(settings: Any) -> None:
    settings.PLAID_WEBHOOK_URL = "https://plumbline.example/webhooks/plaid/"


@pytest.fixture
def synced_item(item: Item, provider: ScriptedProvider, clock: Any) -> Item:
    """An Item that was imported an hour ago."""
    provider.pages = [transactions_page(added=[transaction_row("one")])]
    sync(item)
    clock.shift(timedelta(hours=1))
    return item


def sync(item: Item, trigger: str = "beat") -> SyncOutcome:
    outcome = sync_item(owner_id=item.owner_id, item_id=item.pk, trigger=trigger)
    with tenant(item.owner_id):
        item.refresh_from_db()
    return outcome


def test_it_makes_one_call_when_nothing_changed(synced_item: Item, provider: ScriptedProvider, clock: Any) -> None:
    provider.listed_accounts[0] = provider.listed_accounts[0]._replace(current=None)
    for hours in range(3):
        provider.pages = [transactions_page(cursor=f"c{hours}")]
        clock.shift(timedelta(hours=1))
        sync(synced_item)
        assert (synced_item.cursor, synced_item.checked_at) == (f"c{hours}", NOON + timedelta(hours=2 + hours))
    assert provider.item_calls == 1
    assert (synced_item.lease_holder, synced_item.next_sync_at > synced_item.checked_at) == (None, True)
    run = get_last_run(synced_item)
    assert (run.result, run.pages, run.written) == ("ok", 1, 0)
    with tenant(synced_item.owner_id):
        assert None not in Account.objects.values_list("current", flat=True)


def test_it_reads_every_days_balances(synced_item: Item, provider: ScriptedProvider, clock: Any) -> None:
    for _ in range(2 * 4):
        clock.shift(timedelta(hours=6))
        sync(synced_item)
    with tenant(synced_item.owner_id):
        days = set(BalanceSnapshot.objects.values_list("day", flat=True))
    assert (len(days), provider.item_calls) == (3, 3)


@pytest.mark.parametrize("trigger", ["person", "link"])
def test_it_reads_all_when_somebody_waits(synced_item: Item, provider: ScriptedProvider, trigger: str) -> None:
    sync(synced_item, trigger)
    assert provider.item_calls == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"added": [transaction_row("two")]},
        {"removed": ["one"]},
        {"removed": ["unknown"]},
    ],
)
def test_it_reads_all_when_the_stream_changed(
    synced_item: Item, provider: ScriptedProvider, changes: dict[str, Any]
) -> None:
    provider.pages = [transactions_page(**changes)]
    sync(synced_item)
    assert provider.item_calls == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"cursor": ""},
        {"failures": 1},
        {"is_slow": True},
        {"readiness": "initial"},
        {"skipped_transactions": 1},
        {"read_at": None},
        {"checked_at": NOON - timedelta(hours=12)},
    ],
)
def test_it_reads_all_when_the_last_sync_was_not_good(
    synced_item: Item, provider: ScriptedProvider, fields: dict[str, Any]
) -> None:
    update_item(synced_item, **fields)
    sync(synced_item)
    assert provider.item_calls == 2


@pytest.mark.parametrize("is_newer", [True, False])
def test_it_reads_all_when_another_connection_has_the_account(
    synced_item: Item, provider: ScriptedProvider, alice: User, make_item: Callable[..., Item], is_newer: bool
) -> None:
    with tenant(alice.pk):
        account = Account.objects.filter(item=synced_item)[0]
    other = make_account(make_item(alice, provider_item_id="other"), successor=account if is_newer else None)
    with tenant(alice.pk):
        Account.objects.filter(pk=account.pk).update(successor=None if is_newer else other)
    sync(synced_item)
    assert provider.item_calls == 2


def test_it_reads_all_where_no_webhook_can_report_a_change(
    synced_item: Item, provider: ScriptedProvider, settings: Any
) -> None:
    settings.PLAID_WEBHOOK_URL = ""
    sync(synced_item)
    assert provider.item_calls == 2


def test_it_keeps_the_choice_that_the_next_download_is_complete(synced_item: Item, provider: ScriptedProvider) -> None:
    def choose() -> TransactionsPage:
        with tenant(synced_item.owner_id):
            Item.objects.update(cursor="")
        return transactions_page(cursor="c9")

    provider.pages = [choose]
    sync(synced_item)
    assert (provider.item_calls, synced_item.cursor) == (1, "")


# --- Requests ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trigger", ["beat", "webhook", "follow-up"])
def test_it_asks_the_bank_for_balances_that_a_person_wants(
    synced_item: Item, provider: ScriptedProvider, alice: User, settings: Any, trigger: str
) -> None:
    """Whichever job comes first takes the request of "Sync now"."""
    settings.PLAID_REFRESH, settings.PLAID_PAID_CALLS_PER_DAY = ["balances"], 1
    refresh(user=alice, item_id=synced_item.pk, cooldown=timedelta(0))
    sync(synced_item, trigger)
    assert (provider.paid_calls, get_last_run(synced_item).bank_refresh) == (["balances"], "requested")


def test_it_reads_the_state_once_more_that_a_webhook_reports_during_a_sync(
    synced_item: Item, provider: ScriptedProvider
) -> None:
    def receive_error() -> TransactionsPage:
        error = LoginRequired("ITEM_LOGIN_REQUIRED")
        provider.item_details = replace(provider.item_details, error_code=error.code, error=error)
        process_webhook(event_id=receive(synced_item, "ITEM", "ERROR"))
        return transactions_page()

    provider.pages = [receive_error]
    assert sync(synced_item).run_again_in == 0
    sync(synced_item, "follow-up")
    assert synced_item.connection == Connection.LOGIN_REQUIRED


def choose_accounts(item: Item, user: User) -> None:
    """Go through the dialog that asks which accounts are shared."""
    session = open_update_mode(user=user, item_id=item.pk, selects_accounts=True).session
    finish_update_mode(user=user, session_id=session.pk)


@pytest.mark.parametrize("trigger", ["beat", "webhook", "follow-up"])
def test_it_reads_all_after_update_mode(
    synced_item: Item, provider: ScriptedProvider, alice: User, trigger: str
) -> None:
    """A webhook may report the end of the dialog before the person returns, or the job may be lost."""
    choose_accounts(synced_item, alice)
    provider.listed_accounts = provider.listed_accounts[:1]
    sync(synced_item, trigger)
    with tenant(alice.pk):
        assert Account.objects.filter(closed_at=None).count() == 1


@pytest.mark.parametrize("changes", [{}, {"added": [transaction_row("two")]}])
def test_it_reads_all_once_more_after_update_mode_that_ended_during_a_sync(
    synced_item: Item, provider: ScriptedProvider, alice: User, changes: dict[str, Any]
) -> None:
    def page_of_a_moment_ago() -> TransactionsPage:
        choose_accounts(synced_item, alice)
        return transactions_page(**changes)

    provider.pages = [page_of_a_moment_ago]
    assert sync(synced_item).run_again_in == 0
    provider.listed_accounts = provider.listed_accounts[:1]
    sync(synced_item, "follow-up")
    with tenant(alice.pk):
        assert Account.objects.filter(closed_at=None).count() == 1


def test_it_requests_accounts_once_more_that_were_not_sent(
    synced_item: Item, provider: ScriptedProvider, clock: Any
) -> None:
    clock.shift(timedelta(days=1))
    answers = [responses.parse_accounts(encode_json({"accounts": None})), provider.get_accounts("")]
    provider.get_accounts = lambda token: answers.pop(0)  # type: ignore[method-assign]
    assert sync(synced_item).run_again_in == 0
    sync(synced_item, "follow-up")
    with tenant(synced_item.owner_id):
        days = set(BalanceSnapshot.objects.values_list("day", flat=True))
    assert (answers, len(days)) == ([], 2)
