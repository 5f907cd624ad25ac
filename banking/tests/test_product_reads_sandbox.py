"""Products of a bank of the sandbox, over HTTP with the real client: each fails alone, and a quiet sync is one call."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from banking.linking.exchange import finish_link
from banking.linking.sessions import LinkMetadata, open_link
from banking.linking.update_mode import finish_update_mode, open_update_mode
from banking.models import Item, ItemProduct, Liability, LiabilityApr, RecurringStream, Transaction
from banking.sync import sync_item
from banking.tests.factories import make_stream
from banking.tests.sandbox_process import Sandbox
from banking.tests.sync_runs import get_last_run
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db(transaction=True)

LIABILITIES, RECURRING = "/liabilities/get", "/transactions/recurring/get"
PRODUCTS = {LIABILITIES: "liabilities", RECURRING: "recurring"}


@pytest.fixture
def bank(sandbox: Sandbox, settings: Any) -> Iterator[Sandbox]:
    """The sandbox as the site's provider."""
    settings.PLAID_URL, settings.PLAID_WEBHOOK_URL = sandbox.url, ""
    settings.PLAID_CLIENT_ID, settings.PLAID_SECRET = sandbox.client_id, sandbox.secret
    yield sandbox
    sandbox.admin("faults", method="DELETE")


@pytest.fixture
def item(alice: User, bank: Sandbox) -> Item:
    """A bank of Alice's with cards, loans and a salary, not synced yet."""
    opened = open_link(user=alice)
    token = bank.complete_link(opened.token.value, username="user_good")
    metadata = LinkMetadata("ins_109508", "First Platypus Bank", frozenset())
    return finish_link(user=alice, session_id=opened.session.pk, public_token=token, metadata=metadata)


def sync(item: Item, trigger: str = "person") -> None:
    sync_item(owner_id=item.owner_id, item_id=item.pk, trigger=trigger)
    with tenant(item.owner_id):
        item.refresh_from_db()


def fail(bank: Sandbox, item: Item, path: str, action: dict[str, Any]) -> None:
    match = {"path": path, "item_id": item.provider_item_id}
    bank.admin("faults", {"match": match, "action": action, "times": None})


def read_products(item: Item) -> dict[str, tuple[str, str, int]]:
    with tenant(item.owner_id):
        rows = ItemProduct.objects.filter(item=item)
        return {row.product: (row.status, row.error_code, row.skipped_rows) for row in rows}


def count_stored(item: Item) -> dict[str, int]:
    with tenant(item.owner_id):
        return {"liabilities": Liability.objects.count(), "recurring": RecurringStream.objects.count()}


def list_calls(bank: Sandbox, item: Item) -> list[str]:
    log = bank.admin(f"requests?item_id={item.provider_item_id}", method="GET")
    return [line["path"] for line in log["requests"]]


def test_it_stores_the_terms_and_the_recurring_payments_of_a_bank(bank: Sandbox, item: Item) -> None:
    sync(item)
    ready = ("ready", "", 0)
    assert read_products(item) == {"transactions": ready, "liabilities": ready, "recurring": ready}
    with tenant(item.owner_id):
        card = Liability.objects.get(account__mask="3333")
        rates = dict(LiabilityApr.objects.filter(liability=card).values_list("type", "percentage"))
        mortgage = Liability.objects.get(kind="mortgage")
        streams = list(RecurringStream.objects.all())
    assert (card.kind, card.last_payment_amount, rates["purchase_apr"]) == ("credit", 25, Decimal("12.5"))
    assert (mortgage.interest_rate, mortgage.interest_rate_type) == (Decimal("3.99"), "fixed")
    assert {stream.is_inflow for stream in streams} == {True, False}
    assert all((stream.average_amount > 0) == stream.is_inflow for stream in streams)


def test_it_makes_one_call_when_nothing_changed(bank: Sandbox, item: Item, settings: Any) -> None:
    sync(item)
    settings.PLAID_WEBHOOK_URL = "https://plumbline.example/webhooks/plaid/"
    before = len(list_calls(bank, item))
    sync(item, "beat")
    assert list_calls(bank, item)[before:] == ["/transactions/sync"]


@pytest.mark.parametrize("path", [LIABILITIES, RECURRING])
@pytest.mark.parametrize(
    ("action", "status", "code"),
    [
        ({"kind": "error", "code": "PRODUCTS_NOT_SUPPORTED"}, "unsupported", "PRODUCTS_NOT_SUPPORTED"),
        ({"kind": "error", "code": "ADDITIONAL_CONSENT_REQUIRED"}, "not_consented", "ADDITIONAL_CONSENT_REQUIRED"),
        ({"kind": "error", "code": "PRODUCT_NOT_READY"}, "pending", ""),
        ({"kind": "error", "code": "ITEM_LOGIN_REQUIRED"}, "error", "ITEM_LOGIN_REQUIRED"),
        ({"kind": "error", "code": "INTERNAL_SERVER_ERROR"}, "error", "INTERNAL_SERVER_ERROR"),
        ({"kind": "http", "status": 502}, "error", "HTTP_502"),
        ({"kind": "drop"}, "error", "CONNECTION_LOST"),
        ({"kind": "malformed", "how": "html"}, "error", "NOT_JSON"),
        ({"kind": "truncate"}, "error", "CONNECTION_LOST"),
    ],
)
def test_it_fails_one_product_alone_and_recovers(
    bank: Sandbox, item: Item, path: str, action: dict[str, Any], status: str, code: str
) -> None:
    fail(bank, item, path, action)
    sync(item)
    failing = PRODUCTS[path]
    [other] = set(PRODUCTS.values()) - {failing}
    products, stored = read_products(item), count_stored(item)
    assert products[failing] == (status, code, 0)
    assert (products["transactions"], products[other]) == (("ready", "", 0), ("ready", "", 0))
    assert (stored[failing], stored[other] > 0) == (0, True)
    assert (get_last_run(item).result, item.failures, item.error_code, item.connection) == ("ok", 0, "", "active")
    with tenant(item.owner_id):
        assert Transaction.objects.exists()
        # As after update mode, for an error that lasts until then.
        ItemProduct.objects.filter(status__in=("unsupported", "not_consented")).update(
            status="pending", checked_at=None
        )
    bank.admin("faults", method="DELETE")
    sync(item)
    assert read_products(item)[failing] == ("ready", "", 0)
    assert count_stored(item)[failing] > 0


def test_it_sets_odd_rows_aside_and_stores_the_rest(bank: Sandbox, item: Item) -> None:
    sync(item)
    before = count_stored(item)
    odd = {
        "liabilities.credit.0.account_id": None,
        "liabilities.credit.1.aprs": [{"apr_percentage": None, "apr_type": "an_apr_of_2031"}],
        "liabilities.mortgage": None,
        "liabilities.student.0.next_payment_due_date": "someday",
        "liabilities.a_list_of_2031": [{"account_id": "x"}],
    }
    fail(bank, item, LIABILITIES, {"kind": "replace", "set": odd})
    changes = {
        "outflow_streams.0.average_amount": {"amount": 5, "iso_currency_code": None},
        "outflow_streams.1.frequency": "EVERY_BLUE_MOON",
        "inflow_streams.0.account_id": "nobody",
    }
    fail(bank, item, RECURRING, {"kind": "replace", "set": changes})
    with tenant(item.owner_id):
        gone = make_stream(Liability.objects.all()[0].account, "-5")
    sync(item)
    assert read_products(item)["liabilities"] == ("ready", "", 2)
    assert read_products(item)["recurring"] == ("ready", "", 2)
    with tenant(item.owner_id):
        row = ItemProduct.objects.get(product="liabilities")
        assert row.field_errors == "apr.apr_percentage 1, liability.account_id 1"
        assert Liability.objects.get(kind="student").next_payment_due_date is None
        assert RecurringStream.objects.filter(frequency="EVERY_BLUE_MOON").exists()
        assert RecurringStream.objects.filter(pk=gone.pk).exists()
    # One of them may be a row that could not be read.
    assert count_stored(item)["liabilities"] == before["liabilities"]


def test_it_reads_changed_terms_after_the_banks_webhook(bank: Sandbox, item: Item) -> None:
    sync(item)
    with tenant(item.owner_id):
        account = Liability.objects.get(account__mask="3333").account
        ItemProduct.objects.filter(product="liabilities").update(next_read_at=timezone.now())
    values = {account.provider_id: {"is_overdue": True, "minimum_payment_amount": 77.5}}
    bank.admin(f"items/{item.provider_item_id}/mutate", {"liabilities": values})
    sync(item, "webhook")
    with tenant(item.owner_id):
        card = Liability.objects.get(account=account)
    assert (card.is_overdue, card.minimum_payment_amount) == (True, Decimal("77.5"))


def test_it_reads_the_terms_of_a_bank_that_was_linked_without_the_consent(
    alice: User, bank: Sandbox, item: Item
) -> None:
    without = bank.plaid("item/public_token/exchange", public_token=bank.public_token(username="user_good"))
    with tenant(alice.pk):
        item.access_token, item.provider_item_id = without["access_token"], without["item_id"]
        item.save()
    sync(item)
    assert read_products(item)["liabilities"] == ("not_consented", "ADDITIONAL_CONSENT_REQUIRED", 0)
    opened = open_update_mode(user=alice, item_id=item.pk, selects_accounts=True)
    bank.complete_link(opened.token.value, username="user_good")
    finish_update_mode(user=alice, session_id=opened.session.pk)
    sync(item)
    assert read_products(item)["liabilities"] == ("ready", "", 0)
