"""Whatever fails during a sync: in the end the site has exactly the rows of the bank's ledger, each once.

The sandbox is a program of its own that responds over HTTP; workers are real processes.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.utils import timezone

from accounts.models import User
from banking.limits import call_limits
from banking.linking.errors import LinkError
from banking.linking.exchange import finish_link
from banking.linking.recovery import recover_link
from banking.linking.sessions import LinkMetadata, open_link
from banking.models import Connection, Item
from banking.plaid import client
from banking.sync import sync_item, sync_queue
from banking.tasks import enqueue_sync, enqueue_webhook
from banking.tests.received_webhooks import receive
from banking.tests.sandbox_process import Sandbox
from compliance.isolation import tenant
from config.tests.independent_totals import expected_rows
from config.tests.processes import wait_until
from config.tests.programs import find_free_port, run_django_code, run_worker, use_own_queue

pytestmark = pytest.mark.django_db(transaction=True)

SYNC = {"path": "/transactions/sync"}
FOREVER = None
# The import, one sync for a burst of webhooks, and one more if the sync starts before the last of them.
MAX_RUNS = 3

Query = Callable[..., list[tuple[object, ...]]]


@pytest.fixture
def bank(sandbox: Sandbox, settings) -> Iterator[Sandbox]:
    """The sandbox as the site's provider; its faults are cleared after the test."""
    settings.PLAID_URL = sandbox.url
    settings.PLAID_CLIENT_ID, settings.PLAID_SECRET = sandbox.client_id, sandbox.secret
    settings.PLAID_WEBHOOK_URL = ""
    yield sandbox
    sandbox.admin("faults", method="DELETE")


@pytest.fixture
def item(alice: User, bank: Sandbox) -> Item:
    """Alice's bank with three pages of transactions, linked and not yet synced."""
    opened = open_link(user=alice)
    return finish_link(
        user=alice,
        session_id=opened.session.pk,
        public_token=bank.complete_link(opened.token.value, username="user_scale_1200"),
        metadata=LinkMetadata("ins_109508", "First Platypus Bank", frozenset()),
    )


@pytest.fixture
def agrees(item: Item, bank: Sandbox, as_operator: Query) -> Callable[[], bool]:
    """Whether the site has exactly the rows of the bank's ledger."""

    def compare() -> bool:
        ledger = bank.admin(f"ledger/{item.provider_item_id}", method="GET")
        return list_stored_transactions(as_operator, item) == sorted(expected_rows(ledger))

    return compare


def list_stored_transactions(query: Query, item: Item) -> list[tuple[object, ...]]:
    return sorted(
        query(
            "SELECT t.provider_id, t.amount, t.day, t.pending FROM banking_transaction t"
            " JOIN banking_account a ON a.id = t.account_id WHERE a.item_id = %s AND t.removed_at IS NULL",
            item.pk,
        )
    )


def sync(item: Item) -> Item:
    sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="test")
    return reload_item(item)


def reload_item(item: Item) -> Item:
    with tenant(item.owner_id):
        return Item.objects.get(pk=item.pk)


def add_transactions(bank: Sandbox, item: Item) -> None:
    """Add three transactions at the bank."""
    account = bank.admin(f"ledger/{item.provider_item_id}", method="GET")["accounts"][0]["account_id"]
    rows = [{"account_id": account, "amount": 9.99, "name": f"NEWS {n}", "date": "2026-11-01"} for n in range(3)]
    bank.admin(f"items/{item.provider_item_id}/mutate", {"add": rows})


# --- The provider -----------------------------------------------------------------------------------------

FAULTS = {
    "an HTML page with an error": {"kind": "http", "status": 502, "body": "<h1>502</h1>"},
    "an HTML page instead of JSON": {"kind": "malformed", "how": "html"},
    "an empty body": {"kind": "malformed", "how": "empty"},
    "a truncated body": {"kind": "truncate"},
    "an amount that is no number": {"kind": "malformed", "how": "nan", "key": "added.0.amount"},
    "no has_more": {"kind": "malformed", "how": "null", "key": "has_more"},
    "a redirect": {"kind": "redirect", "location": "http://127.0.0.1:9/"},
    "a dropped connection": {"kind": "drop", "when": "before"},
    "a connection dropped after the work": {"kind": "drop", "when": "after"},
    "an error of the provider": {"kind": "error", "code": "INTERNAL_SERVER_ERROR"},
    "an error of the bank": {"kind": "error", "code": "INSTITUTION_DOWN"},
    "no response": {"kind": "hang", "seconds": 30},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_it_loses_and_duplicates_nothing_after_a_fault(
    item: Item,
    bank: Sandbox,
    agrees: Callable[[], bool],
    as_operator: Query,
    monkeypatch: pytest.MonkeyPatch,
    fault: dict[str, object],
) -> None:
    before = sync(item)
    assert agrees()
    rows = list_stored_transactions(as_operator, item)
    add_transactions(bank, item)
    monkeypatch.setattr(client, "SYNC_SECONDS", 1)
    bank.admin("faults", {"match": SYNC | {"item_id": item.provider_item_id}, "action": fault, "times": FOREVER})
    failing = sync(item)
    assert (failing.connection, failing.failures, failing.cursor) == (Connection.ACTIVE, 1, before.cursor)
    assert failing.error_code
    assert list_stored_transactions(as_operator, item) == rows

    bank.admin("faults", method="DELETE")
    recovered = sync(item)
    assert (recovered.failures, recovered.error_code) == (0, "")
    assert agrees()


def test_it_loses_nothing_and_blames_nobody_after_a_rate_limit(
    item: Item, bank: Sandbox, agrees: Callable[[], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sync(item)
    add_transactions(bank, item)
    limit = {"kind": "error", "code": "TRANSACTIONS_SYNC_LIMIT"}
    bank.admin("faults", {"match": SYNC | {"item_id": item.provider_item_id}, "action": limit})
    for _ in range(2):
        # The second time without a call, although the provider would answer.
        limited = sync(item)
        assert (limited.failures, limited.error_code, limited.cursor) == (0, "", before.cursor)
        assert limited.next_sync_at - timezone.now() > timedelta(seconds=30)
    monkeypatch.setattr(call_limits, "get_key_prefix", lambda _: "{after the wait}")
    sync(item)
    assert agrees()


@pytest.mark.parametrize("how", ["null", "missing"])
@pytest.mark.parametrize("field", ["amount", "transaction_id"])
def test_it_loses_no_row_that_arrives_malformed(
    item: Item, bank: Sandbox, agrees: Callable[[], bool], how: str, field: str
) -> None:
    sync(item)
    add_transactions(bank, item)
    bank.admin("faults", {"match": SYNC, "action": {"kind": "malformed", "how": how, "key": f"added.0.{field}"}})
    assert sync(item).failures == 0
    sync(item)
    assert agrees()


def test_it_stores_nothing_of_an_interrupted_sync(
    item: Item, bank: Sandbox, agrees: Callable[[], bool], as_operator: Query
) -> None:
    bank.admin("faults", {"match": SYNC, "action": {"kind": "truncate"}, "nth": 3, "times": FOREVER})
    assert sync(item).cursor == ""
    assert list_stored_transactions(as_operator, item) == []
    bank.admin("faults", method="DELETE")
    sync(item)
    assert agrees()


def test_it_waits_for_an_unreachable_provider(item: Item, bank: Sandbox, agrees: Callable[[], bool], settings) -> None:
    settings.PLAID_URL = f"http://127.0.0.1:{find_free_port()}"
    failing = sync(item)
    assert (failing.connection, failing.failures) == (Connection.ACTIVE, 1)
    settings.PLAID_URL = bank.url
    sync(item)
    assert agrees()


def test_it_syncs_from_the_same_cursor_without_a_new_one(item: Item, bank: Sandbox, agrees: Callable[[], bool]) -> None:
    before = sync(item)
    add_transactions(bank, item)
    bank.admin("faults", {"match": SYNC, "action": {"kind": "malformed", "how": "missing", "key": "next_cursor"}})
    assert sync(item).cursor == before.cursor
    assert sync(item).cursor != before.cursor
    assert agrees()


def link(alice: User, bank: Sandbox, *, drop_when: str) -> Item:
    """Link a bank while the first call of the exchange is lost before or after the provider has processed it."""
    opened = open_link(user=alice)
    session, token = opened.session, bank.complete_link(opened.token.value)
    exchange = {"path": "/item/public_token/exchange"}
    bank.admin("faults", {"match": exchange, "action": {"kind": "drop", "when": drop_when}})
    metadata = LinkMetadata("ins_109508", "First Platypus Bank", frozenset())
    return finish_link(user=alice, session_id=session.pk, public_token=token, metadata=metadata)


def test_it_retries_an_exchange_that_did_not_reach_the_provider(alice: User, bank: Sandbox, as_operator: Query) -> None:
    linked = link(alice, bank, drop_when="before")
    assert as_operator("SELECT id FROM banking_item") == [(linked.pk,)]
    assert sync(linked).readiness == "historical"


def test_it_logs_a_critical_error_when_the_response_to_an_exchange_is_lost(
    alice: User, bank: Sandbox, as_operator: Query, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(LinkError, match="lost"):
        link(alice, bank, drop_when="after")
    assert [record.levelname for record in caplog.records if "LINK_EXCHANGE_LOST" in record.message] == ["CRITICAL"]
    assert as_operator("SELECT count(*) FROM banking_item") == [(0,)]
    assert as_operator("SELECT state FROM banking_linksession") == [("lost",)]


def test_it_recovers_the_item_once_the_provider_responds_again(alice: User, bank: Sandbox, as_operator: Query) -> None:
    """Neither attempt of the exchange reaches the provider, and the browser does not post the token again."""
    opened = open_link(user=alice)
    token = bank.complete_link(opened.token.value)
    fault = {"match": {"path": "/item/public_token/exchange"}, "action": {"kind": "drop", "when": "before"}}
    bank.admin("faults", fault | {"times": 2})
    metadata = LinkMetadata("ins_109508", "First Platypus Bank", frozenset())
    with pytest.raises(LinkError, match="pending"):
        finish_link(user=alice, session_id=opened.session.pk, public_token=token, metadata=metadata)
    with time_machine.travel(timezone.now() + timedelta(seconds=31)):
        item = recover_link(owner_id=alice.pk, session_id=opened.session.pk)
    assert as_operator("SELECT id FROM banking_item") == [(item.pk,)]
    assert item.institution_name == "First Platypus Bank"
    assert sync(item).readiness == "historical"


def test_it_accepts_a_public_token_only_in_its_own_session(
    alice: User, make_user: Callable[..., User], bank: Sandbox, as_operator: Query
) -> None:
    alices, mallorys = open_link(user=alice), open_link(user=make_user("mallory"))
    stolen, own = bank.complete_link(alices.token.value), bank.complete_link(mallorys.token.value)
    metadata = LinkMetadata("ins_109508", "First Platypus Bank", frozenset())
    mallory = User.objects.get(email="mallory@example.com")
    with pytest.raises(LinkError, match="foreign"):
        finish_link(user=mallory, session_id=mallorys.session.pk, public_token=stolen, metadata=metadata)
    assert as_operator("SELECT count(*) FROM banking_item") == [(0,)]
    assert (
        finish_link(user=alice, session_id=alices.session.pk, public_token=stolen, metadata=metadata).owner_id
        == alice.pk
    )
    assert finish_link(user=mallory, session_id=mallorys.session.pk, public_token=own, metadata=metadata).owner_id


# --- Workers ----------------------------------------------------------------------------------------------


SYNC_ITEM = """
from uuid import UUID
from banking.sync import sync_item
print(sync_item(owner_id=UUID(sys.argv[1]), item_id=UUID(sys.argv[2]), trigger="test").ran)
"""


def count_fired(bank: Sandbox) -> int:
    """The number of calls that failed because of a fault."""
    return sum(fault["fired"] for fault in bank.admin("faults", method="GET")["faults"])


def test_it_skips_an_item_that_another_process_syncs(item: Item, bank: Sandbox, agrees: Callable[[], bool]) -> None:
    bank.admin("faults", {"match": SYNC, "action": {"kind": "latency", "ms": 3000}, "nth": 2})
    with run_django_code(SYNC_ITEM, item.owner_id, item.pk) as process:
        wait_until(lambda: count_fired(bank) == 1)
        assert sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="test").ran is False
        output, errors = process.communicate(timeout=60)
    assert (output, process.returncode) == ("True\n", 0), errors
    assert agrees()


def test_it_stores_each_row_once_when_two_processes_race(
    item: Item, bank: Sandbox, agrees: Callable[[], bool], as_operator: Query
) -> None:
    with (
        run_django_code(SYNC_ITEM, item.owner_id, item.pk) as first,
        run_django_code(SYNC_ITEM, item.owner_id, item.pk) as second,
    ):
        outputs = sorted(process.communicate(timeout=120)[0] for process in (first, second))
    assert "True\n" in outputs
    assert agrees()
    add_transactions(bank, item)
    with (
        run_django_code(SYNC_ITEM, item.owner_id, item.pk) as first,
        run_django_code(SYNC_ITEM, item.owner_id, item.pk) as second,
    ):
        for process in (first, second):
            process.communicate(timeout=120)
    sync(item)
    assert agrees()


def test_it_syncs_again_after_a_request_during_a_sync(item: Item, bank: Sandbox, agrees: Callable[[], bool]) -> None:
    with use_own_queue(f"busy-{uuid4().hex}") as queue, run_worker(queue):
        bank.admin("faults", {"match": SYNC, "action": {"kind": "latency", "ms": 3000}, "nth": 3})
        enqueue_sync(item, trigger="link")
        wait_until(lambda: count_fired(bank) == 1)
        add_transactions(bank, item)
        sync_queue.request_sync(owner_id=item.owner_id, item_id=item.pk)
        wait_until(agrees)
        wait_until(lambda: not reload_item(item).has_pending_sync_request)


def test_it_syncs_once_for_ten_copies_of_a_task_and_once_for_a_burst_of_webhooks(
    item: Item, as_operator: Query
) -> None:
    count_runs = "SELECT count(*) FROM banking_syncrun"
    with use_own_queue(f"copies-{uuid4().hex}") as queue, run_worker(queue) as working:
        for _ in range(10):
            enqueue_sync(item, trigger="link")
        wait_until(lambda: working.read_output().count("succeeded") == 10)
        assert as_operator(count_runs) == [(1,)]
        for _ in range(24):
            enqueue_webhook(receive(item))
        # Each webhook has a job; they lead to one job or a few that sync.
        wait_until(lambda: working.read_output().count("succeeded") >= 35)
        wait_until(lambda: not reload_item(item).has_pending_sync_request)
        assert 2 <= as_operator(count_runs)[0][0] <= MAX_RUNS
