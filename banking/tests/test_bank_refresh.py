"""Asking the bank itself when a person syncs: by the settings, within the caps, and never at the sync's expense."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from banking.models import Account, Item, ItemProduct, ProviderCallCount
from banking.provider import ConsentRequired, LoginRequired, ProviderError, RateLimited, TimedOut, Unsupported
from banking.providers import provider_for
from banking.sync import sync_queue
from banking.sync.item_sync import sync_item
from banking.tests.factories import mark_synced, update_item
from banking.tests.sandbox_process import Sandbox
from banking.tests.scripted_provider import CHECKING, ScriptedProvider, transaction_row, transactions_page
from banking.tests.sync_runs import get_last_run
from compliance.isolation import tenant
from compliance.queues import Lane
from ui.tests.page_text import page_text, visible_text

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
COOLDOWN = timedelta(minutes=5)


@pytest.fixture
def asks_banks(settings) -> None:
    settings.PLAID_REFRESH = ["transactions", "balances"]
    settings.PLAID_PAID_CALLS_PER_DAY = 100
    settings.PLAID_REFRESHES_PER_DAY = 2


@pytest.fixture
def synced_item(item: Item, provider: ScriptedProvider) -> Item:
    """Alice's Item, imported, and due no more."""
    sync(item, "link")
    provider.paid_calls.clear()
    return item


def sync(item: Item, trigger: str = "person") -> None:
    sync_item(owner_id=item.owner_id, item_id=item.pk, trigger=trigger)
    with tenant(item.owner_id):
        item.refresh_from_db()


def request_and_sync(item: Item, user: User) -> None:
    """Press "Sync now" after the cooldown, and run the sync."""
    update_item(item, refreshed_at=None)
    sync_queue.refresh(user=user, item_id=item.pk, cooldown=COOLDOWN)
    sync(item)


def count_reserved() -> dict[str, int]:
    return dict(ProviderCallCount.objects.filter(reserved__gt=0).values_list("endpoint", "reserved"))


# --- What is called ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "calls", "reserved"),
    [
        ([], [], {}),
        (["transactions"], ["transactions"], {"transactions_refresh": 1}),
        (["balances"], ["balances"], {"accounts_balance_get": 1}),
        (
            ["transactions", "balances"],
            ["transactions", "balances"],
            {"transactions_refresh": 1, "accounts_balance_get": 1},
        ),
    ],
)
def test_it_asks_for_what_the_setting_lists(
    synced_item: Item, alice: User, provider: ScriptedProvider, asks_banks: None, settings, setting, calls, reserved
) -> None:
    settings.PLAID_REFRESH = setting
    request_and_sync(synced_item, alice)
    assert (provider.paid_calls, count_reserved()) == (calls, reserved)
    assert get_last_run(synced_item).bank_refresh == ("requested" if calls else "")


@pytest.mark.parametrize("trigger", ["beat", "webhook", "follow-up", "link", "check"])
def test_no_other_sync_asks_the_bank(
    synced_item: Item, provider: ScriptedProvider, asks_banks: None, trigger: str
) -> None:
    sync(synced_item, trigger)
    assert (provider.paid_calls, count_reserved()) == ([], {})


def test_it_stores_the_balances_that_the_bank_says_now(
    synced_item: Item, alice: User, provider: ScriptedProvider, asks_banks: None
) -> None:
    provider.live_accounts = [CHECKING._replace(current=Decimal("1199.99"))]
    request_and_sync(synced_item, alice)
    with tenant(alice.pk):
        assert Account.objects.get(provider_id="acc-checking").current == Decimal("1199.99")


def test_a_lost_job_asks_once(synced_item: Item, alice: User, provider: ScriptedProvider, asks_banks: None) -> None:
    """The request is in the Item's row, so Celery beat's job makes it, and no second one does."""
    sync_queue.refresh(user=alice, item_id=synced_item.pk, cooldown=COOLDOWN)
    for trigger in ("beat", "person"):
        sync(synced_item, trigger)
    assert provider.paid_calls == ["transactions", "balances"]


@pytest.mark.parametrize("error", [TimedOut("TIMEOUT"), RateLimited("TRANSACTIONS_SYNC_LIMIT", scope="item")])
def test_it_makes_the_calls_that_it_counts_although_the_sync_fails(
    synced_item: Item, alice: User, provider: ScriptedProvider, asks_banks: None, error: ProviderError
) -> None:
    provider.pages = [error]
    request_and_sync(synced_item, alice)
    assert provider.paid_calls == ["transactions", "balances"]
    assert get_last_run(synced_item).bank_refresh == "requested"


def test_it_knows_what_is_not_offered_although_the_sync_fails(
    synced_item: Item, alice: User, provider: ScriptedProvider, asks_banks: None
) -> None:
    provider.refresh_error = Unsupported("PRODUCTS_NOT_SUPPORTED")
    provider.pages = [TimedOut("TIMEOUT")]
    request_and_sync(synced_item, alice)
    with tenant(alice.pk):
        assert Item.objects.get().bank_refresh_until is None
        assert ItemProduct.objects.get(product="transactions_refresh").status == "unsupported"


# --- Failures ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "outcome", "status"),
    [
        (Unsupported("INVALID_PRODUCT"), "unsupported", "unsupported"),
        (Unsupported("PRODUCTS_NOT_SUPPORTED"), "unsupported", "unsupported"),
        (ConsentRequired("ADDITIONAL_CONSENT_REQUIRED"), "unsupported", "not_consented"),
        (RateLimited("TRANSACTIONS_REFRESH_LIMIT", scope="item"), "limited", None),
        (TimedOut("TIMEOUT"), "failed", "error"),
        (LoginRequired("ITEM_LOGIN_REQUIRED"), "failed", "error"),
        (ProviderError("CODE_OF_TOMORROW"), "failed", "error"),
    ],
)
def test_a_failure_of_the_request_never_fails_the_sync(
    synced_item: Item, alice: User, provider: ScriptedProvider, asks_banks: None, error, outcome: str, status
) -> None:
    provider.refresh_error = provider.live_accounts_error = error
    provider.pages = [transactions_page(added=[transaction_row("tx-new")], cursor="c2")]
    request_and_sync(synced_item, alice)
    run = get_last_run(synced_item)
    assert (run.result, run.added, run.bank_refresh) == ("ok", 1, outcome)
    assert (synced_item.failures, synced_item.state, synced_item.bank_refresh_until) == (0, "fresh", None)
    with tenant(alice.pk):
        statuses = dict(ItemProduct.objects.values_list("product", "status"))
        assert Account.objects.get(provider_id="acc-checking").current == Decimal("1200.50")
    assert (statuses.get("transactions_refresh"), statuses.get("balance")) == (status, status)
    assert statuses["transactions"] == "ready"


def test_it_does_not_ask_again_for_a_day_for_what_is_not_offered(
    synced_item: Item, alice: User, provider: ScriptedProvider, asks_banks: None
) -> None:
    provider.refresh_error = Unsupported("INVALID_PRODUCT")
    with time_machine.travel(NOON, tick=False) as clock:
        request_and_sync(synced_item, alice)
        request_and_sync(synced_item, alice)
        assert provider.paid_calls == ["transactions", "balances", "balances"]
        clock.shift(timedelta(days=1, minutes=1))
        request_and_sync(synced_item, alice)
    assert provider.paid_calls[3:] == ["transactions", "balances"]


# --- Caps -------------------------------------------------------------------------------------------------


def test_it_asks_each_bank_only_so_often_in_a_day(
    synced_item: Item, alice: User, provider: ScriptedProvider, asks_banks: None, make_item: Callable[..., Item]
) -> None:
    other = make_item(alice, provider_item_id="other")
    with time_machine.travel(NOON, tick=False) as clock:
        for _ in range(3):
            request_and_sync(synced_item, alice)
        assert provider.paid_calls == ["transactions", "balances"] * 2
        request_and_sync(other, alice)
        assert len(provider.paid_calls) == 6
        clock.move_to(datetime(2026, 11, 21, 0, 0, 1, tzinfo=UTC))
        request_and_sync(synced_item, alice)
    assert len(provider.paid_calls) == 8
    assert synced_item.bank_refreshes == 1


def test_it_asks_no_more_than_the_whole_site_may(
    synced_item: Item, alice: User, mallory: User, provider: ScriptedProvider, asks_banks: None, make_item, settings
) -> None:
    settings.PLAID_PAID_CALLS_PER_DAY = 1
    request_and_sync(make_item(mallory), mallory)
    provider.paid_calls.clear()
    request_and_sync(synced_item, alice)
    assert (provider.paid_calls, get_last_run(synced_item).result) == ([], "ok")


def test_a_request_whose_calls_are_used_up_meanwhile_is_a_plain_sync(
    synced_item: Item, alice: User, provider: ScriptedProvider, asks_banks: None, settings
) -> None:
    sync_queue.refresh(user=alice, item_id=synced_item.pk, cooldown=COOLDOWN)
    settings.PLAID_PAID_CALLS_PER_DAY = 0
    sync(synced_item)
    run = get_last_run(synced_item)
    assert (provider.paid_calls, run.result, run.bank_refresh) == ([], "ok", "used_up")
    assert (synced_item.bank_refresh_requested, synced_item.bank_refreshes) == (False, 0)


def test_a_double_click_asks_once(
    as_alice: Client, synced_item: Item, alice: User, provider: ScriptedProvider, asks_banks: None
) -> None:
    url = reverse("refresh", args=[synced_item.pk])
    pages = [page_text(as_alice.post(url, follow=True)) for _ in range(2)]
    assert ["We also ask the bank for new data." in page for page in pages] == [True, False]
    assert "You requested a sync in the last 5 minutes." in pages[1]
    sync(synced_item)
    sync(synced_item)
    assert provider.paid_calls == ["transactions", "balances"]


def test_nobody_asks_another_users_bank(
    as_mallory: Client, synced_item: Item, provider: ScriptedProvider, asks_banks: None
) -> None:
    assert as_mallory.post(reverse("refresh", args=[synced_item.pk])).status_code == 404
    assert not update_item(synced_item).bank_refresh_requested


# --- Transactions that come later -------------------------------------------------------------------------


def read_waits(item: Item, alice: User, clock) -> list[int]:
    """Sync whenever the Item is due, until it is not within minutes; return the seconds between the syncs."""
    waits: list[int] = []
    request_and_sync(item, alice)
    while (wait := item.next_sync_at - timezone.now()) < timedelta(hours=1):
        waits.append(round(wait.total_seconds()))
        clock.shift(wait)
        sync(item, "follow-up")
    return waits


@pytest.mark.parametrize(
    ("webhook_url", "waits"), [("", [10, 20, 30, 50]), ("https://site.example/webhooks/plaid/", [110])]
)
def test_it_looks_for_new_transactions_by_itself_where_no_webhook_announces_them(
    synced_item: Item, alice: User, provider: ScriptedProvider, asks_banks: None, settings, webhook_url: str, waits
) -> None:
    settings.PLAID_WEBHOOK_URL = webhook_url
    with time_machine.travel(NOON, tick=False) as clock:
        assert read_waits(synced_item, alice, clock) == waits
        assert synced_item.bank_refresh_until is None or synced_item.bank_refresh_until > timezone.now()


def test_it_looks_for_them_before_webhooks_are_processed_until_they_have_come(
    synced_item: Item, alice: User, provider: ScriptedProvider, asks_banks: None, settings
) -> None:
    """Its user waits, on a page that polls for two minutes."""
    settings.PLAID_WEBHOOK_URL = ""
    nothing, news = transactions_page(cursor="c2"), transactions_page(added=[transaction_row("tx-new")], cursor="c3")
    provider.pages = [nothing, nothing, news]
    sync_queue.refresh(user=alice, item_id=synced_item.pk, cooldown=timedelta(0))
    triggers = ("person", "follow-up", "follow-up")
    lanes = [sync_item(owner_id=alice.pk, item_id=synced_item.pk, trigger=trigger).lane for trigger in triggers]
    assert lanes == [Lane.SHARED, Lane.SHARED, Lane.WEBHOOKS]


def test_it_stops_looking_once_they_have_come(
    synced_item: Item, alice: User, provider: ScriptedProvider, asks_banks: None, settings
) -> None:
    settings.PLAID_WEBHOOK_URL = ""
    nothing, news = transactions_page(cursor="c2"), transactions_page(added=[transaction_row("tx-new")], cursor="c3")
    provider.pages = [nothing, nothing, news]
    with time_machine.travel(NOON, tick=False) as clock:
        assert read_waits(synced_item, alice, clock) == [10, 20]
    assert (synced_item.bank_refresh_until, synced_item.is_updating) == (None, False)


def test_it_stops_looking_after_a_sync_that_began_after_the_banks_update(
    synced_item: Item, alice: User, provider: ScriptedProvider, asks_banks: None, settings
) -> None:
    settings.PLAID_WEBHOOK_URL = ""
    provider.item_details = replace(provider.item_details, data_as_of=NOON + timedelta(seconds=5))
    with time_machine.travel(NOON, tick=False) as clock:
        assert read_waits(synced_item, alice, clock) == [10]


def test_it_waits_for_no_transactions_where_it_asks_only_for_balances(
    synced_item: Item, alice: User, provider: ScriptedProvider, asks_banks: None, settings
) -> None:
    settings.PLAID_REFRESH = ["balances"]
    with time_machine.travel(NOON, tick=False) as clock:
        assert read_waits(synced_item, alice, clock) == []


def test_a_page_waits_while_transactions_are_awaited(
    as_alice: Client, synced_item: Item, alice: User, asks_banks: None
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        request_and_sync(synced_item, alice)
        sentence = "We asked First Platypus Bank for new transactions. They can take up to two minutes."
        assert sentence in page_text(as_alice.get(reverse("sync_progress")))
        clock.shift(timedelta(minutes=2))
        assert "Sync complete." in page_text(as_alice.get(reverse("sync_progress")))


# --- The real client and the sandbox ----------------------------------------------------------------------


@pytest.fixture
def sandbox_item(item: Item, sandbox: Sandbox, asks_banks: None, settings) -> Item:
    """Alice's Item at the sandbox, imported by the real client."""
    settings.PLAID_URL = sandbox.url
    settings.PLAID_CLIENT_ID, settings.PLAID_SECRET = sandbox.client_id, sandbox.secret
    credential = provider_for("plaid").connect().exchange_public_token(sandbox.public_token())
    with tenant(item.owner_id):
        item.provider_item_id, item.access_token = credential.provider_item_id, credential.access_token
        item.save()
    sync(item, "link")
    return item


@pytest.mark.parametrize("code", ["", "INVALID_PRODUCT"])
def test_the_sandbox_fetches_what_the_bank_has(sandbox_item: Item, sandbox: Sandbox, alice: User, code: str) -> None:
    account = provider_for("plaid").connect().get_accounts(sandbox_item.access_token.reveal()).accounts[0]
    purchase = {"account_id": account.provider_id, "amount": 10, "name": "Corner Bakery"}
    sandbox.admin(f"items/{sandbox_item.provider_item_id}/mutate", {"add": [purchase], "unfetched": True})
    for path in ("/transactions/refresh", "/accounts/balance/get") if code else ():
        sandbox.admin("faults", {"match": {"path": path}, "action": {"kind": "error", "code": code}})
    sync(sandbox_item, "beat")
    assert get_last_run(sandbox_item).written == 0
    request_and_sync(sandbox_item, alice)
    run = get_last_run(sandbox_item)
    assert (run.result, run.added, run.bank_refresh) == (("ok", 0, "unsupported") if code else ("ok", 1, "requested"))
    with tenant(alice.pk):
        stored = Account.objects.get(provider_id=account.provider_id)
    assert stored.current == (account.current if code else account.current - 10)


# --- Words ------------------------------------------------------------------------------------------------

UPDATED = "Plaid last updated its data from First Platypus Bank: 9:40 AM."
REREADS = '"Sync now" downloads again what Plaid already has from First Platypus Bank.'


def read_item_page(client: Client, item: Item) -> str:
    return visible_text(client.get(reverse("item", args=[item.pk])))


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        (["transactions"], '"Sync now" asks First Platypus Bank for new transactions, up to 2 times a day.'),
        (["balances"], '"Sync now" asks First Platypus Bank for its current balances, up to 2 times a day.'),
        (
            ["balances", "transactions"],
            '"Sync now" asks First Platypus Bank for new transactions and current balances, up to 2 times a day.',
        ),
    ],
)
def test_it_says_what_it_asks_the_bank_for(
    as_alice: Client, item: Item, asks_banks: None, settings, setting: list[str], sentence: str
) -> None:
    settings.PLAID_REFRESH = setting
    mark_synced(item)
    page = read_item_page(as_alice, item)
    assert sentence in page
    assert "already has" not in page


def test_it_says_that_it_only_reads_again_where_the_setting_is_off(as_alice: Client, item: Item) -> None:
    with time_machine.travel(NOON, tick=False):
        mark_synced(item)
        update_item(item, data_as_of=None)
        assert f"{REREADS} Plaid hasn't said yet when" in read_item_page(as_alice, item)
        update_item(item, data_as_of=datetime(2026, 11, 20, 9, 40, tzinfo=UTC))
        assert f"{REREADS} {UPDATED}" in read_item_page(as_alice, item)
        assert "without asking them." in visible_text(as_alice.get(reverse("overview")))


def test_it_says_that_the_provider_does_not_offer_it(
    as_alice: Client, synced_item: Item, alice: User, provider: ScriptedProvider, asks_banks: None
) -> None:
    provider.refresh_error = provider.live_accounts_error = Unsupported("INVALID_PRODUCT")
    with time_machine.travel(NOON, tick=False):
        request_and_sync(synced_item, alice)
        page = read_item_page(as_alice, synced_item)
    refused = "Plaid doesn't offer to ask First Platypus Bank for new data on request."
    assert f"{refused} {REREADS} {UPDATED}" in page


def test_it_says_when_it_can_ask_again(
    as_alice: Client, synced_item: Item, alice: User, provider: ScriptedProvider, asks_banks: None, settings
) -> None:
    with time_machine.travel(NOON, tick=False):
        for _ in range(2):
            request_and_sync(synced_item, alice)
        used_up = (
            "We already asked First Platypus Bank 2 times today. You can have it asked again from Nov 21, 12:00 AM on."
        )
        assert f"{used_up} {REREADS} {UPDATED}" in read_item_page(as_alice, synced_item)
        settings.PLAID_REFRESHES_PER_DAY = 9
        settings.PLAID_PAID_CALLS_PER_DAY = 2
        site = "This site has asked banks as often as it may today. You can ask again from Nov 21, 12:00 AM on."
        assert f"{site} {REREADS} {UPDATED}" in read_item_page(as_alice, synced_item)
