"""Which products a sync ends with, what is stored of them, and that each fails alone."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from accounts.models import Notification, User
from accounts.notifications.notification_types import NotificationType
from banking import tasks
from banking.models import Account, Item, ItemProduct, Liability, LiabilityApr, RecurringStream
from banking.provider import (
    AprRow,
    ConsentRequired,
    LiabilitiesResponse,
    MalformedResponse,
    NotReady,
    ProviderConfigurationError,
    ProviderError,
    RateLimited,
    Readiness,
    RecurringResponse,
    SkippedRow,
    TimedOut,
    Unavailable,
    Unsupported,
)
from banking.sync import sync_item
from banking.sync.outcome import SyncOutcome
from banking.sync.sync_queue import refresh, request_sync
from banking.sync.timeouts import LONG_TIMEOUTS, QUICK_TIMEOUTS, SyncTimeouts
from banking.tests.factories import make_stream, update_item
from banking.tests.received_webhooks import receive
from banking.tests.scripted_provider import (
    CARD_TERMS,
    CHECKING,
    RENT,
    ScriptedProvider,
    transaction_row,
    transactions_page,
)
from banking.tests.sync_runs import get_last_run
from compliance.audit.events import AuditEvent
from compliance.consent import ConsentEvent
from compliance.isolation import tenant
from compliance.queues import Lane
from compliance.retention.models import RetentionSetting

pytestmark = pytest.mark.django_db(transaction=True)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
BOTH = ["liabilities", "recurring"]


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as time_travel:
        yield time_travel


@pytest.fixture(autouse=True)
def _offer_both(provider: ScriptedProvider, settings: Any) -> None:
    """A bank that offers both products, and a site that receives webhooks."""
    settings.PLAID_WEBHOOK_URL = "https://plumbline.example/webhooks/plaid/"
    provider.item_details = replace(provider.item_details, products=("transactions", "liabilities"))


@pytest.fixture
def synced_item(item: Item, provider: ScriptedProvider, clock: Any) -> Item:
    """An Item that was imported an hour ago, with its products."""
    provider.pages = [transactions_page(added=[transaction_row("one")])]
    sync(item)
    assert provider.product_calls == BOTH
    provider.product_calls.clear()
    clock.shift(timedelta(hours=1))
    return item


def sync(item: Item, trigger: str = "beat", timeouts: SyncTimeouts = LONG_TIMEOUTS) -> SyncOutcome:
    outcome = sync_item(owner_id=item.owner_id, item_id=item.pk, trigger=trigger, timeouts=timeouts)
    with tenant(item.owner_id):
        item.refresh_from_db()
    return outcome


def get_product(item: Item, product: str) -> ItemProduct:
    with tenant(item.owner_id):
        return ItemProduct.objects.get(item=item, product=product)


def set_product(item: Item, product: str, **columns: object) -> None:
    with tenant(item.owner_id):
        ItemProduct.objects.filter(item=item, product=product).update(**columns)


def list_streams(item: Item) -> list[str]:
    with tenant(item.owner_id):
        return list(RecurringStream.objects.order_by("provider_id").values_list("provider_id", flat=True))


def list_terms(item: Item) -> list[str]:
    with tenant(item.owner_id):
        return list(Liability.objects.order_by("account__provider_id").values_list("account__provider_id", flat=True))


# --- What is stored ---------------------------------------------------------------------------------------


def test_it_stores_both_products_after_the_transactions(item: Item, provider: ScriptedProvider) -> None:
    rates = [
        AprRow("cash_apr", Decimal("27.95"), None, None),
        AprRow("purchase_apr", Decimal("12.5"), Decimal(9), None),
    ]
    provider.liabilities = LiabilitiesResponse([CARD_TERMS._replace(aprs=rates)], "req")
    provider.pages = [transactions_page(added=[transaction_row("one")])]
    sync(item)
    with tenant(item.owner_id):
        liability = Liability.objects.select_related("account").get()
        stream = RecurringStream.objects.select_related("account").get()
        stored_rates = list(LiabilityApr.objects.filter(liability=liability).values_list("type", "percentage"))
    assert (liability.account.provider_id, liability.kind, liability.minimum_payment_amount) == (
        "acc-card",
        "credit",
        35,
    )
    assert (liability.next_payment_amount, liability.is_overdue, liability.read_at) == (None, None, NOON)
    assert stored_rates == [("cash_apr", Decimal("27.95")), ("purchase_apr", Decimal("12.5"))]
    assert (stream.account.provider_id, stream.average_amount, stream.currency) == ("acc-checking", -1900, "USD")
    assert (stream.frequency, stream.last_date, stream.is_inflow) == ("MONTHLY", date(2026, 11, 1), False)
    for product in BOTH:
        row = get_product(item, product)
        assert (row.status, row.error_code, row.checked_at, row.skipped_rows) == ("ready", "", NOON, 0)
    assert (item.lease_holder, item.leased_until) == (None, None)


def test_it_replaces_what_it_stored(synced_item: Item, provider: ScriptedProvider) -> None:
    loan = CARD_TERMS._replace(account_id="acc-checking", minimum_payment_amount=Decimal(1))
    rates = [AprRow("special", Decimal(9), None, None)] * 2
    card = CARD_TERMS._replace(minimum_payment_amount=None, aprs=rates)
    for terms in ([card, loan], [card]):
        provider.liabilities = LiabilitiesResponse(terms, "req")
        provider.recurring = RecurringResponse([RENT._replace(provider_id=f"stream {len(terms)}")], "req")
        sync(synced_item, "person")
        assert (len(list_terms(synced_item)), list_streams(synced_item)) == (len(terms), [f"stream {len(terms)}"])
    with tenant(synced_item.owner_id):
        assert Liability.objects.get().minimum_payment_amount is None
        assert LiabilityApr.objects.count() == 2


def test_it_stores_a_stream_once_that_is_on_another_account_now(synced_item: Item, provider: ScriptedProvider) -> None:
    provider.recurring = RecurringResponse([RENT._replace(account_id="acc-card")], "req")
    sync(synced_item, "person")
    with tenant(synced_item.owner_id):
        assert RecurringStream.objects.get().account.provider_id == "acc-card"


def test_it_records_each_read_in_the_activity_log(item: Item, provider: ScriptedProvider) -> None:
    provider.recurring = Unavailable("INTERNAL_SERVER_ERROR")
    sync(item)
    with tenant(item.owner_id):
        events = AuditEvent.objects.filter(subject=item.owner_id, action__in=("liabilities_read", "recurring_read"))
        recorded = [(event.action, event.outcome) for event in events.order_by("at")]
    assert recorded == [("liabilities_read", "ok"), ("recurring_read", "failed")]


# --- When they are due ------------------------------------------------------------------------------------


def test_it_reads_them_once_a_day(synced_item: Item, provider: ScriptedProvider, clock: Any) -> None:
    calls_of_the_item = provider.item_calls
    for _ in range(3):
        clock.shift(timedelta(hours=3))
        sync(synced_item)
    assert (provider.product_calls, provider.item_calls) == ([], calls_of_the_item)
    clock.shift(timedelta(hours=6))
    sync(synced_item)
    sync(synced_item)
    assert provider.product_calls == BOTH


@pytest.mark.parametrize("trigger", ["person", "link"])
def test_it_reads_them_when_somebody_waits(synced_item: Item, provider: ScriptedProvider, trigger: str) -> None:
    sync(synced_item, trigger)
    assert provider.product_calls == BOTH


@pytest.mark.parametrize(
    ("type_", "code", "product"),
    [("LIABILITIES", "DEFAULT_UPDATE", "liabilities"), ("TRANSACTIONS", "RECURRING_TRANSACTIONS_UPDATE", "recurring")],
)
def test_it_reads_a_product_again_after_a_webhook_and_nothing_else(
    synced_item: Item, provider: ScriptedProvider, type_: str, code: str, product: str
) -> None:
    calls_of_the_item = provider.item_calls
    for _ in range(2):
        tasks.process_webhook(str(receive(synced_item, type_, code)))
        sync(synced_item, "webhook")
        sync(synced_item, "webhook")
    assert (provider.product_calls, provider.item_calls) == ([product] * 2, calls_of_the_item)


def test_it_reads_a_product_again_that_changed_during_the_read(synced_item: Item, provider: ScriptedProvider) -> None:
    event = receive(synced_item, "LIABILITIES", "DEFAULT_UPDATE")
    tasks.process_webhook(str(event))
    read = provider.get_liabilities

    def read_and_receive(token: str) -> LiabilitiesResponse:
        provider.get_liabilities = read  # type: ignore[method-assign]
        tasks.process_webhook(str(receive(synced_item, "LIABILITIES", "DEFAULT_UPDATE")))
        return read(token)

    provider.get_liabilities = read_and_receive  # type: ignore[method-assign]
    with time_machine.travel(NOON + timedelta(hours=1), tick=True):
        outcome = sync(synced_item, "webhook")
        assert provider.product_calls == ["liabilities"]
        sync(synced_item, "follow-up")
        sync(synced_item, "follow-up")
    assert provider.product_calls == ["liabilities"] * 2
    assert outcome.ran


def test_it_runs_again_when_a_sync_was_requested_during_the_read(
    synced_item: Item, provider: ScriptedProvider, clock: Any
) -> None:
    def request() -> Any:
        request_sync(owner_id=synced_item.owner_id, item_id=synced_item.pk)
        clock.shift(timedelta(seconds=3))
        return RecurringResponse([], "req")

    provider.get_recurring_streams = lambda token: request()  # type: ignore[method-assign]
    assert sync(synced_item, "person").run_again_in == 0


@pytest.mark.parametrize("lane", [Lane.SHARED, Lane.WEBHOOKS])
def test_it_runs_again_in_the_lane_of_whoever_requested_that(
    synced_item: Item, alice: User, provider: ScriptedProvider, clock: Any, lane: Lane
) -> None:
    """The job of a person who asks during the read finds the Item held."""

    def request() -> Any:
        if lane is Lane.SHARED:
            assert refresh(user=alice, item_id=synced_item.pk, cooldown=timedelta(0)) is not None
        else:
            request_sync(owner_id=alice.pk, item_id=synced_item.pk)
        clock.shift(timedelta(seconds=3))
        return RecurringResponse([], "req")

    set_product(synced_item, "recurring", next_read_at=NOON)
    provider.get_recurring_streams = lambda token: request()  # type: ignore[method-assign]
    outcome = sync(synced_item, "webhook")
    assert (outcome.run_again_in, outcome.lane) == (0, lane)


def test_a_worker_that_dies_during_the_read_has_notified_the_user_before(
    synced_item: Item, provider: ScriptedProvider
) -> None:
    """The read can take minutes, and no later sync says which rows this one has stored."""

    def die(token: str) -> Any:
        raise SystemExit

    provider.get_liabilities = die  # type: ignore[method-assign]
    provider.pages = [transactions_page(added=[transaction_row("rent", "-9000")._replace(date=NOON.date())])]
    update_item(synced_item, next_sync_at=NOON)
    with pytest.raises(SystemExit):
        tasks.sync_item(str(synced_item.owner_id), str(synced_item.pk), "person")
    with tenant(synced_item.owner_id):
        assert Notification.objects.filter(type=NotificationType.BANK_LARGE_CHANGE).count() == 1


def test_it_reads_a_product_that_is_supported_by_now(synced_item: Item, provider: ScriptedProvider) -> None:
    set_product(synced_item, "liabilities", status="unsupported", error_code="NO_LIABILITY_ACCOUNTS")
    sync(synced_item, "person")
    assert provider.product_calls == ["recurring"]
    tasks.process_webhook(str(receive(synced_item, "LIABILITIES", "DEFAULT_UPDATE")))
    sync(synced_item, "webhook")
    assert (provider.product_calls, get_product(synced_item, "liabilities").status) == (
        ["recurring", "liabilities"],
        "ready",
    )


def test_it_calls_for_no_terms_without_a_card_or_a_loan(item: Item, provider: ScriptedProvider) -> None:
    provider.listed_accounts = [CHECKING]
    sync(item, "person")
    assert provider.product_calls == ["recurring"]


def test_it_waits_with_recurring_payments_for_the_whole_history(item: Item, provider: ScriptedProvider) -> None:
    provider.pages = [transactions_page(added=[transaction_row("one")], readiness=Readiness.INITIAL)]
    sync(item)
    assert provider.product_calls == ["liabilities"]
    sync(item, "follow-up")
    assert provider.product_calls == BOTH


@pytest.mark.parametrize("products", ["", "accounts, balances, transactions", "liabilities"])
def test_it_reads_only_what_the_user_agreed_to(
    alice: User, make_item: Callable[..., Item], provider: ScriptedProvider, products: str
) -> None:
    item = make_item(alice)
    with tenant(alice.pk):
        last = ConsentEvent.objects.filter(owner=alice.pk, purpose="bank_data").latest("at")
        last.pk, last.at, last._state.adding = None, last.at + timedelta(seconds=1), True
        last.scope = {"provider": "plaid", "products": products}
        last.save()
    sync(item, "person")
    assert provider.product_calls == (["liabilities"] if products == "liabilities" else [])


@pytest.mark.parametrize("products", [("transactions",), ("liabilities",)])
def test_it_reads_only_what_the_provider_lists(
    item: Item, provider: ScriptedProvider, products: tuple[str, ...]
) -> None:
    provider.item_details = replace(provider.item_details, products=products)
    sync(item, "person")
    assert provider.product_calls == (["recurring"] if products == ("transactions",) else ["liabilities"])


def test_it_reads_none_after_a_sync_that_failed(synced_item: Item, provider: ScriptedProvider, clock: Any) -> None:
    clock.shift(timedelta(days=1))
    provider.pages = [Unavailable("INTERNAL_SERVER_ERROR")]
    sync(synced_item)
    assert provider.product_calls == []
    sync(synced_item)
    assert provider.product_calls == BOTH


# --- Each product fails alone -----------------------------------------------------------------------------

ERRORS = [
    (Unsupported("NO_LIABILITY_ACCOUNTS"), "unsupported", "NO_LIABILITY_ACCOUNTS"),
    (ConsentRequired("ADDITIONAL_CONSENT_REQUIRED"), "not_consented", "ADDITIONAL_CONSENT_REQUIRED"),
    (NotReady("PRODUCT_NOT_READY"), "pending", ""),
    (Unavailable("INTERNAL_SERVER_ERROR"), "error", "INTERNAL_SERVER_ERROR"),
    (ProviderConfigurationError("PRODUCT_NOT_ENABLED"), "error", "PRODUCT_NOT_ENABLED"),
    (MalformedResponse("BROKEN_FIELD"), "error", "BROKEN_FIELD"),
    (ProviderError("A_CODE_OF_2031"), "error", "A_CODE_OF_2031"),
    (ValueError("a fault of ours"), "error", "ValueError"),
]


@pytest.mark.parametrize("failing", BOTH)
@pytest.mark.parametrize(("error", "status", "code"), ERRORS)
def test_it_keeps_an_error_away_from_the_transactions_and_the_other_product(
    item: Item, provider: ScriptedProvider, failing: str, error: Exception, status: str, code: str
) -> None:
    setattr(provider, failing, error)
    provider.pages = [transactions_page(added=[transaction_row("one")])]
    outcome = sync(item)
    [other] = set(BOTH) - {failing}
    run = get_last_run(item)
    assert (run.result, run.written, item.cursor, item.failures, item.error_code) == ("ok", 1, "c1", 0, "")
    assert (outcome.ran, outcome.lane, item.connection, item.lease_holder) == (True, Lane.WEBHOOKS, "active", None)
    row = get_product(item, failing)
    assert (row.status, row.error_code, row.checked_at, row.last_ok_at) == (status, code, NOON, None)
    assert get_product(item, other).status == "ready"
    stored = {"liabilities": len(list_terms(item)), "recurring": len(list_streams(item))}
    assert stored == {failing: 0, other: 1}


@pytest.mark.parametrize("failing", BOTH)
def test_it_keeps_the_last_good_rows_and_clears_the_error_with_the_next_good_read(
    synced_item: Item, provider: ScriptedProvider, failing: str, clock: Any
) -> None:
    good = getattr(provider, failing)
    setattr(provider, failing, Unavailable("INTERNAL_SERVER_ERROR"))
    sync(synced_item, "person")
    assert get_product(synced_item, failing).error_code == "INTERNAL_SERVER_ERROR"
    assert (list_terms(synced_item), list_streams(synced_item)) == (["acc-card"], ["stream-rent"])
    setattr(provider, failing, good)
    provider.product_calls.clear()
    sync(synced_item)
    assert provider.product_calls == []
    clock.shift(timedelta(hours=1))
    sync(synced_item)
    row = get_product(synced_item, failing)
    assert (provider.product_calls, row.status, row.error_code, row.next_read_at) == ([failing], "ready", "", None)


def test_it_tries_an_error_that_does_not_pass_once_a_day(
    synced_item: Item, provider: ScriptedProvider, clock: Any
) -> None:
    provider.liabilities = ProviderConfigurationError("PRODUCT_NOT_ENABLED")
    sync(synced_item, "person")
    clock.shift(timedelta(hours=6))
    sync(synced_item)
    assert provider.product_calls == BOTH
    clock.shift(timedelta(hours=6))
    sync(synced_item)
    assert provider.product_calls == BOTH * 2


def test_it_does_not_count_a_rate_limit(synced_item: Item, provider: ScriptedProvider, clock: Any) -> None:
    provider.liabilities = RateLimited("RATE_LIMIT", scope="client", retry_after=90)
    before = get_product(synced_item, "liabilities")
    sync(synced_item, "person")
    row = get_product(synced_item, "liabilities")
    assert (row.status, row.error_code, row.checked_at) == ("ready", "", before.checked_at)
    assert row.next_read_at == datetime.now(UTC) + timedelta(seconds=90)


def test_it_hands_a_slow_product_over_to_the_slow_lane(item: Item, provider: ScriptedProvider) -> None:
    provider.liabilities = TimedOut("TIMEOUT")
    outcome = sync(item, "person", QUICK_TIMEOUTS)
    assert (outcome.run_again_in, outcome.lane, item.is_slow, item.lease_holder) == (0, Lane.SLOW, True, None)
    assert get_last_run(item).result == "ok"
    assert get_product(item, "liabilities").error_code == ""
    provider.liabilities = LiabilitiesResponse([CARD_TERMS], "req")
    outcome = sync(item, "follow-up", LONG_TIMEOUTS)
    assert (outcome.run_again_in, item.is_slow, list_terms(item)) == (None, False, ["acc-card"])
    assert list_streams(item) == ["stream-rent"]


def test_it_records_a_timeout_in_the_slow_lane_as_an_error(item: Item, provider: ScriptedProvider) -> None:
    provider.liabilities = TimedOut("TIMEOUT")
    outcome = sync(item)
    assert (outcome.run_again_in, get_product(item, "liabilities").error_code) == (None, "TIMEOUT")


# --- Odd rows ---------------------------------------------------------------------------------------------


def test_it_counts_rows_that_cannot_be_stored_and_stores_the_others(item: Item, provider: ScriptedProvider) -> None:
    odd = CARD_TERMS._replace(account_id="acc-nobody")
    skipped = [SkippedRow("apr", "apr_percentage"), SkippedRow("liability", "account_id")]
    provider.liabilities = LiabilitiesResponse([odd, CARD_TERMS], "req", skipped)
    provider.recurring = RecurringResponse(
        [RENT._replace(account_id="acc-nobody"), RENT, RENT], "req", [SkippedRow("stream", "average_amount")]
    )
    sync(item)
    terms, recurring = get_product(item, "liabilities"), get_product(item, "recurring")
    assert (terms.status, terms.skipped_rows, recurring.status, recurring.skipped_rows) == ("ready", 3, "ready", 2)
    assert terms.field_errors == "apr.apr_percentage 1, liability.account_id 2"
    assert recurring.field_errors == "stream.account_id 1, stream.average_amount 1"
    assert (list_terms(item), list_streams(item)) == (["acc-card"], ["stream-rent"])
    provider.liabilities = LiabilitiesResponse([CARD_TERMS], "req")
    sync(item, "person")
    terms = get_product(item, "liabilities")
    assert (terms.skipped_rows, terms.field_errors) == (0, "")


def test_it_deletes_nothing_that_may_be_a_row_it_could_not_read(synced_item: Item, provider: ScriptedProvider) -> None:
    provider.liabilities = LiabilitiesResponse([], "req", [SkippedRow("liability", "account_id")])
    provider.recurring = RecurringResponse([], "req", [SkippedRow("stream", "last_date")])
    sync(synced_item, "person")
    assert (list_terms(synced_item), list_streams(synced_item)) == (["acc-card"], ["stream-rent"])
    provider.liabilities = LiabilitiesResponse([], "req", [SkippedRow("apr", "apr_percentage")])
    provider.recurring = RecurringResponse([], "req")
    sync(synced_item, "person")
    assert (list_terms(synced_item), list_streams(synced_item)) == ([], [])


# --- What is kept -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "streams", "is_read"), [(30, ["stream-rent"], True), (10, [], True), (0, [], False)])
def test_it_keeps_a_stream_as_long_as_its_last_payment(
    synced_item: Item, provider: ScriptedProvider, days: int, streams: list[str], is_read: bool
) -> None:
    with tenant(synced_item.owner_id):
        RetentionSetting.objects.create(
            owner_id=synced_item.owner_id, data_type="transactions", days_to_retain=days, effective_at=NOON
        )
        RecurringStream.objects.all().delete()
    sync(synced_item, "person")
    assert list_streams(synced_item) == streams
    assert ("recurring" in provider.product_calls) == is_read


def test_it_deletes_the_streams_of_a_bank_with_its_history(synced_item: Item) -> None:
    with tenant(synced_item.owner_id):
        account = Account.objects.get(provider_id="acc-checking")
        make_stream(account, "-5")
        Account.objects.all().delete()
        assert (RecurringStream.objects.count(), Liability.objects.count(), LiabilityApr.objects.count()) == (0, 0, 0)


def test_it_reads_nothing_of_an_item_that_lost_its_connection(synced_item: Item, provider: ScriptedProvider) -> None:
    update_item(synced_item, connection="login_required")
    tasks.process_webhook(str(receive(synced_item, "LIABILITIES", "DEFAULT_UPDATE")))
    sync(synced_item)
    assert provider.product_calls == []
