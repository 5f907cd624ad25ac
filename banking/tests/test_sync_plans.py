"""The query plans of the statements over staged rows, without table statistics and with wrong ones.

A new database has no statistics. A row estimate that was wrong by a factor of 12,000 once made PostgreSQL compare each
staged row with each stored one: ten seconds inside the transaction. Hash and merge joins, which would hide that, are
switched off there, so that a plan with a full scan inside a nested loop shows up. After most rows of a table were
deleted, its statistics may say that a large file has one row, whatever is stored next; then all joins are allowed, as
in production, and no statement may take long.
"""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from accounts.models import User
from banking.models import Item, Transaction
from banking.provider import InvalidCursor, TransactionRow
from banking.sync import store
from banking.tests.scripted_provider import CARD, CHECKING, ScriptedProvider, transaction_row, transactions_page
from banking.tests.sync_runs import get_last_run, run_sync
from compliance.isolation import tenant
from compliance.retention.models import RetentionSetting
from compliance.tests.tampering import connect_as_superuser

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = 24_000
HALF = ROWS // 2
LARGE_TABLES = ("staging", "incoming", "banking_transaction")
KEYS = ("provider_id", "pending_id", "id =")


@pytest.fixture(autouse=True, params=[(-1, 0), (1, 2_000)], ids=["without statistics", "of one row"])
def statistics(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    """Set how many rows and pages PostgreSQL has counted, and keep that: other tests' rows were counted otherwise."""
    is_known = request.param[0] > 0
    with connect_as_superuser() as superuser, connection.cursor() as cursor:
        superuser.execute("ALTER TABLE banking_transaction SET (autovacuum_enabled = off)")
        superuser.execute("DELETE FROM pg_statistic WHERE starelid = 'banking_transaction'::regclass")
        superuser.execute(
            "UPDATE pg_class SET reltuples = %s, relpages = %s WHERE oid = 'banking_transaction'::regclass",
            request.param,
        )
        cursor.execute("SET statement_timeout = '30s'")
        if not is_known:
            cursor.execute("SET enable_hashjoin = off; SET enable_mergejoin = off")
        yield request.param
        cursor.execute("RESET enable_hashjoin; RESET enable_mergejoin; RESET statement_timeout")
        superuser.execute("ALTER TABLE banking_transaction RESET (autovacuum_enabled)")


@pytest.fixture
def repeated_scans(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The scans of all statements that read a large table once for each row of another one."""
    scans: list[str] = []
    execute = store.execute

    def explain_and_execute(cursor: CursorWrapper, statement: str, params: store.Params) -> int:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", params)
        plan = cursor.fetchone()[0]
        scans.extend(find_repeated_scans((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"], again=False))
        return execute(cursor, statement, params)

    monkeypatch.setattr(store, "execute", explain_and_execute)
    return scans


def find_repeated_scans(node: dict[str, Any], *, again: bool) -> Iterator[str]:
    """Find scans of large tables that a plan repeats without an index condition on a key."""
    condition = f"{node.get('Index Cond', '')}{node.get('Recheck Cond', '')}"
    if again and node.get("Relation Name") in LARGE_TABLES and not any(key in condition for key in KEYS):
        yield f"{node['Node Type']} of {node['Relation Name']}: {condition or 'all of it'}"
    for child in node.get("Plans", ()):
        is_inner = node["Node Type"] == "Nested Loop" and child["Parent Relationship"] == "Inner"
        yield from find_repeated_scans(child, again=again or is_inner or child["Parent Relationship"] == "SubPlan")


def make_posted_row(number: int) -> TransactionRow:
    account = (CHECKING, CARD)[number % 2].provider_id
    return transaction_row(f"posted-{number}", account_id=account, pending_id=f"pending-{number}")


def make_pending_row(number: int) -> TransactionRow:
    account = (CHECKING, CARD)[number % 2].provider_id
    return transaction_row(f"pending-{number}", account_id=account, pending=True)


def test_it_imports_posted_rows_with_pending_ids_without_repeated_scans(
    item: Item, provider: ScriptedProvider, repeated_scans: list[str]
) -> None:
    rows = [row for number in range(HALF) for row in (make_pending_row(number), make_posted_row(number))]
    provider.pages = [transactions_page(added=rows, removed=[f"pending-{number}" for number in range(HALF)])]
    run_sync(item)
    assert get_last_run(item).result == "ok"
    assert repeated_scans == []


def test_it_posts_removes_and_rereads_rows_without_repeated_scans(
    item: Item, provider: ScriptedProvider, repeated_scans: list[str], alice: User
) -> None:
    provider.pages = [transactions_page(added=[make_pending_row(number) for number in range(HALF)], cursor="c1")]
    run_sync(item)
    with tenant(alice.pk):
        Transaction.objects.for_user(alice).update(note="mine")
    removed_ids = [f"pending-{number}" for number in range(HALF)]
    provider.pages = [
        transactions_page(added=[make_posted_row(number) for number in range(HALF)], removed=removed_ids, cursor="c2")
    ]
    run_sync(item)
    all_rows_page = transactions_page(added=[make_posted_row(number) for number in range(ROWS)], cursor="n1")
    provider.pages = [InvalidCursor("INVALID_FIELD"), all_rows_page]
    run_sync(item)
    assert get_last_run(item).result == "ok"
    with tenant(alice.pk):
        assert Transaction.objects.for_user(alice).filter(removed_at=None, note="mine").count() == HALF
        assert Transaction.objects.for_user(alice).filter(removed_at=None).count() == ROWS
    assert repeated_scans == []


def test_it_leaves_out_purged_rows_without_repeated_scans(
    item: Item, provider: ScriptedProvider, repeated_scans: list[str], alice: User
) -> None:
    old_rows = [make_posted_row(number) for number in range(HALF)]
    with tenant(alice.pk):
        RetentionSetting.objects.create(
            owner=alice, data_type="transactions", days_to_retain=30, effective_at=timezone.now()
        )
    with time_machine.travel(timezone.now() + timedelta(days=60)):
        provider.pages = [transactions_page(added=old_rows)]
        run_sync(item)
        provider.pages = [transactions_page(added=[*old_rows, *map(make_pending_row, range(HALF))], cursor="c2")]
        run_sync(item)
    assert get_last_run(item).result == "ok"
    assert repeated_scans == []


def test_it_replaces_the_history_of_a_bank_that_was_linked_again(
    item: Item, provider: ScriptedProvider, make_item: Callable[..., Item], alice: User
) -> None:
    again = make_item(alice, provider_item_id="again")
    for linked_item in (item, again):
        provider.pages = [transactions_page(added=[make_posted_row(number) for number in range(ROWS)])]
        run_sync(linked_item)
    with tenant(alice.pk):
        assert Transaction.objects.for_user(alice).filter(replaced_by="successor").count() == ROWS
        assert Transaction.objects.for_user(alice).filter(removed_at=None).count() == ROWS
