"""Whatever breaks while a bank is read: in the end the site has what the bank's ledger has, each row once.

The sandbox is a program of its own and answers over HTTP; workers are processes that really die.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.utils import timezone

from accounts.models import User
from banking.linking.errors import LinkError
from banking.linking.exchange import finish_link
from banking.linking.recovery import recover_link
from banking.linking.sessions import LinkMetadata, open_link
from banking.models import Connection, Item
from banking.plaid import client
from banking.provider import WebhookEvent
from banking.sync import sync_item, sync_queue
from banking.tasks import enqueue_sync, handle_webhook
from banking.tests.sandbox_process import Sandbox
from compliance.isolation import tenant
from config.tests.independent_totals import expected_rows
from config.tests.processes import wait_until
from config.tests.programs import find_free_port, run_django_code, run_worker, use_own_queue

pytestmark = pytest.mark.django_db(transaction=True)

SYNC = {"path": "/transactions/sync"}
FOR_EVER = None
# The import, one for a burst, and one more where its first webhooks are answered before its last have come.
MAX_READINGS = 3

Ask = Callable[..., list[tuple[object, ...]]]


@pytest.fixture
def bank(sandbox: Sandbox, settings) -> Iterator[Sandbox]:
    """The sandbox as the site's provider; what a test ordered of it is cancelled afterwards."""
    settings.PLAID_URL = sandbox.url
    settings.PLAID_CLIENT_ID, settings.PLAID_SECRET = sandbox.client_id, sandbox.secret
    settings.PLAID_WEBHOOK_URL = ""
    yield sandbox
    sandbox.admin("faults", method="DELETE")


@pytest.fixture
def item(alice: User, bank: Sandbox) -> Item:
    """Alice's bank with three pages of movements, linked and not yet read."""
    opened = open_link(user=alice)
    return finish_link(
        user=alice,
        session_id=opened.session.pk,
        public_token=bank.complete_link(opened.token.value, username="user_scale_1200"),
        metadata=LinkMetadata("ins_109508", "First Platypus Bank", frozenset()),
    )


@pytest.fixture
def agrees(item: Item, bank: Sandbox, as_operator: Ask) -> Callable[[], bool]:
    """Whether the site has exactly the rows of the bank's ledger."""

    def compare() -> bool:
        ledger = bank.admin(f"ledger/{item.provider_item_id}", method="GET")
        return list_stored_transactions(as_operator, item) == sorted(expected_rows(ledger))

    return compare


def list_stored_transactions(ask: Ask, item: Item) -> list[tuple[object, ...]]:
    return sorted(
        ask(
            "SELECT t.provider_id, t.amount, t.day, t.pending FROM banking_transaction t"
            " JOIN banking_account a ON a.id = t.account_id WHERE a.item_id = %s AND t.removed_at IS NULL",
            item.pk,
        )
    )


def sync(item: Item) -> Item:
    sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="test")
    return fresh(item)


def fresh(item: Item) -> Item:
    with tenant(item.owner_id):
        return Item.objects.get(pk=item.pk)


def spend(bank: Sandbox, item: Item) -> None:
    """Let the bank say something new."""
    account = bank.admin(f"ledger/{item.provider_item_id}", method="GET")["accounts"][0]["account_id"]
    rows = [{"account_id": account, "amount": 9.99, "name": f"NEWS {n}", "date": "2026-11-01"} for n in range(3)]
    bank.admin(f"items/{item.provider_item_id}/mutate", {"add": rows})


# --- The provider -----------------------------------------------------------------------------------------

ANSWERS = {
    "an HTML page for an error": {"kind": "http", "status": 502, "body": "<h1>502</h1>"},
    "an HTML page for an answer": {"kind": "malformed", "how": "html"},
    "nothing": {"kind": "malformed", "how": "empty"},
    "half of it": {"kind": "truncate"},
    "an amount that is no number": {"kind": "malformed", "how": "nan", "key": "added.0.amount"},
    "no word whether there is more": {"kind": "malformed", "how": "null", "key": "has_more"},
    "a way elsewhere": {"kind": "redirect", "location": "http://127.0.0.1:9/"},
    "a closed door": {"kind": "drop", "when": "before"},
    "a closed door after the work": {"kind": "drop", "when": "after"},
    "an error of its own": {"kind": "error", "code": "INTERNAL_SERVER_ERROR"},
    "an error of the bank": {"kind": "error", "code": "INSTITUTION_DOWN"},
    "too many calls": {"kind": "error", "code": "TRANSACTIONS_SYNC_LIMIT"},
    "silence": {"kind": "hang", "seconds": 30},
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_it_loses_and_doubles_nothing_when_the_provider_answers_with(
    item: Item,
    bank: Sandbox,
    agrees: Callable[[], bool],
    as_operator: Ask,
    monkeypatch: pytest.MonkeyPatch,
    answer: dict[str, object],
) -> None:
    before = sync(item)
    assert agrees()
    rows = list_stored_transactions(as_operator, item)
    spend(bank, item)
    monkeypatch.setattr(client, "SYNC_SECONDS", 1)
    bank.admin("faults", {"match": SYNC | {"item_id": item.provider_item_id}, "action": answer, "times": FOR_EVER})
    ill = sync(item)
    assert (ill.connection, ill.failures, ill.cursor) == (Connection.ACTIVE, 1, before.cursor)
    assert ill.error_code
    assert list_stored_transactions(as_operator, item) == rows

    bank.admin("faults", method="DELETE")
    well = sync(item)
    assert (well.failures, well.error_code) == (0, "")
    assert agrees()


@pytest.mark.parametrize("how", ["null", "missing"])
@pytest.mark.parametrize("field", ["amount", "transaction_id"])
def test_it_loses_no_row_that_was_spoiled_on_its_way(
    item: Item, bank: Sandbox, agrees: Callable[[], bool], how: str, field: str
) -> None:
    sync(item)
    spend(bank, item)
    bank.admin("faults", {"match": SYNC, "action": {"kind": "malformed", "how": how, "key": f"added.0.{field}"}})
    assert sync(item).failures == 0
    sync(item)
    assert agrees()


def test_it_stores_nothing_of_a_reading_that_breaks_on_its_way(
    item: Item, bank: Sandbox, agrees: Callable[[], bool], as_operator: Ask
) -> None:
    bank.admin("faults", {"match": SYNC, "action": {"kind": "truncate"}, "nth": 3, "times": FOR_EVER})
    assert sync(item).cursor == ""
    assert list_stored_transactions(as_operator, item) == []
    bank.admin("faults", method="DELETE")
    sync(item)
    assert agrees()


def test_it_waits_for_a_provider_that_is_away(item: Item, bank: Sandbox, agrees: Callable[[], bool], settings) -> None:
    settings.PLAID_URL = f"http://127.0.0.1:{find_free_port()}"
    away = sync(item)
    assert (away.connection, away.failures) == (Connection.ACTIVE, 1)
    settings.PLAID_URL = bank.url
    sync(item)
    assert agrees()


def test_it_reads_from_the_same_place_again_when_no_new_one_was_named(
    item: Item, bank: Sandbox, agrees: Callable[[], bool]
) -> None:
    before = sync(item)
    spend(bank, item)
    bank.admin("faults", {"match": SYNC, "action": {"kind": "malformed", "how": "missing", "key": "next_cursor"}})
    assert sync(item).cursor == before.cursor
    assert sync(item).cursor != before.cursor
    assert agrees()


def link(alice: User, bank: Sandbox, *, loses: str) -> Item:
    """Link a bank while the first answer to the exchange is lost before or after the provider has done its work."""
    opened = open_link(user=alice)
    session, token = opened.session, bank.complete_link(opened.token.value)
    exchange = {"path": "/item/public_token/exchange"}
    bank.admin("faults", {"match": exchange, "action": {"kind": "drop", "when": loses}})
    chosen = LinkMetadata("ins_109508", "First Platypus Bank", frozenset())
    return finish_link(user=alice, session_id=session.pk, public_token=token, metadata=chosen)


def test_it_tries_an_exchange_again_that_never_reached_the_provider(
    alice: User, bank: Sandbox, as_operator: Ask
) -> None:
    linked = link(alice, bank, loses="before")
    assert as_operator("SELECT id FROM banking_item") == [(linked.pk,)]
    assert sync(linked).readiness == "historical"


def test_it_says_loudly_that_an_exchange_was_done_whose_answer_was_lost(
    alice: User, bank: Sandbox, as_operator: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(LinkError, match="lost"):
        link(alice, bank, loses="after")
    assert [record.levelname for record in caplog.records if "LINK_EXCHANGE_LOST" in record.message] == ["CRITICAL"]
    assert as_operator("SELECT count(*) FROM banking_item") == [(0,)]
    assert as_operator("SELECT state FROM banking_linksession") == [("lost",)]


def test_it_gets_the_item_back_by_itself_once_the_provider_answers_again(
    alice: User, bank: Sandbox, as_operator: Ask
) -> None:
    """Both tries of the exchange end before the provider hears of them, and nobody posts the answer again."""
    opened = open_link(user=alice)
    token = bank.complete_link(opened.token.value)
    away = {"match": {"path": "/item/public_token/exchange"}, "action": {"kind": "drop", "when": "before"}}
    bank.admin("faults", away | {"times": 2})
    chosen = LinkMetadata("ins_109508", "First Platypus Bank", frozenset())
    with pytest.raises(LinkError, match="pending"):
        finish_link(user=alice, session_id=opened.session.pk, public_token=token, metadata=chosen)
    with time_machine.travel(timezone.now() + timedelta(seconds=31)):
        item = recover_link(owner_id=alice.pk, session_id=opened.session.pk)
    assert as_operator("SELECT id FROM banking_item") == [(item.pk,)]
    assert item.institution_name == "First Platypus Bank"
    assert sync(item).readiness == "historical"


def test_it_takes_a_public_token_in_the_session_alone_that_it_was_made_in(
    alice: User, make_user: Callable[..., User], bank: Sandbox, as_operator: Ask
) -> None:
    hers, theirs = open_link(user=alice), open_link(user=make_user("mallory"))
    stolen, own = bank.complete_link(hers.token.value), bank.complete_link(theirs.token.value)
    chosen = LinkMetadata("ins_109508", "First Platypus Bank", frozenset())
    mallory = User.objects.get(email="mallory@example.com")
    with pytest.raises(LinkError, match="foreign"):
        finish_link(user=mallory, session_id=theirs.session.pk, public_token=stolen, metadata=chosen)
    assert as_operator("SELECT count(*) FROM banking_item") == [(0,)]
    assert (
        finish_link(user=alice, session_id=hers.session.pk, public_token=stolen, metadata=chosen).owner_id == alice.pk
    )
    assert finish_link(user=mallory, session_id=theirs.session.pk, public_token=own, metadata=chosen).owner_id


# --- Workers ----------------------------------------------------------------------------------------------


READ = """
from uuid import UUID
from banking.sync import sync_item
print(sync_item(owner_id=UUID(sys.argv[1]), item_id=UUID(sys.argv[2]), trigger="test").ran)
"""


def count_fired(bank: Sandbox) -> int:
    """How often the faults on order have struck."""
    return sum(fault["fired"] for fault in bank.admin("faults", method="GET")["faults"])


def test_it_leaves_an_item_alone_that_another_process_reads(
    item: Item, bank: Sandbox, agrees: Callable[[], bool]
) -> None:
    bank.admin("faults", {"match": SYNC, "action": {"kind": "latency", "ms": 3000}, "nth": 2})
    with run_django_code(READ, item.owner_id, item.pk) as other:
        wait_until(lambda: count_fired(bank) == 1)
        assert sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="test").ran is False
        said, complaints = other.communicate(timeout=60)
    assert (said, other.returncode) == ("True\n", 0), complaints
    assert agrees()


def test_it_stores_each_row_once_when_two_processes_race(
    item: Item, bank: Sandbox, agrees: Callable[[], bool], as_operator: Ask
) -> None:
    with run_django_code(READ, item.owner_id, item.pk) as one, run_django_code(READ, item.owner_id, item.pk) as two:
        said = sorted(other.communicate(timeout=120)[0] for other in (one, two))
    assert "True\n" in said
    assert agrees()
    spend(bank, item)
    with run_django_code(READ, item.owner_id, item.pk) as one, run_django_code(READ, item.owner_id, item.pk) as two:
        for other in (one, two):
            other.communicate(timeout=120)
    sync(item)
    assert agrees()


def test_it_answers_news_that_came_while_it_was_reading(item: Item, bank: Sandbox, agrees: Callable[[], bool]) -> None:
    with use_own_queue(f"busy-{uuid4().hex}") as queue, run_worker(queue):
        bank.admin("faults", {"match": SYNC, "action": {"kind": "latency", "ms": 3000}, "nth": 3})
        enqueue_sync(item, trigger="link")
        wait_until(lambda: count_fired(bank) == 1)
        spend(bank, item)
        sync_queue.request_sync(owner_id=item.owner_id, item_id=item.pk)
        wait_until(agrees)
        wait_until(lambda: not fresh(item).has_pending_sync_request)


def test_it_reads_once_for_ten_copies_of_a_job_and_once_for_a_burst_of_webhooks(item: Item, as_operator: Ask) -> None:
    readings = "SELECT count(*) FROM banking_syncrun"
    with use_own_queue(f"copies-{uuid4().hex}") as queue, run_worker(queue) as working:
        for _ in range(10):
            enqueue_sync(item, trigger="link")
        wait_until(lambda: working.read_output().count("succeeded") == 10)
        assert as_operator(readings) == [(1,)]
        bell = WebhookEvent("plaid", item.provider_item_id, "TRANSACTIONS", "SYNC_UPDATES_AVAILABLE", "")
        for _ in range(24):
            handle_webhook(bell)
        wait_until(lambda: working.read_output().count("succeeded") >= 34)
        assert as_operator(readings)[0][0] <= MAX_READINGS
        assert not fresh(item).has_pending_sync_request
