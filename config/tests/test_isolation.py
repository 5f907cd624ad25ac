"""Every table with users' rows isolates them by owner. A new table fails these tests until it does."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, connections, models, transaction
from django.utils import timezone

from accounts.models import DeletionRequest, User
from accounts.notifications.inbox import notify
from accounts.notifications.notification_types import NotificationType
from banking.categorization import rule_runs, rules
from banking.categorization.rules import RuleValues
from banking.linking.disconnecting import disconnect_bank
from banking.linking.sessions import open_link
from banking.models import (
    AccountRemoval,
    Item,
    ItemProduct,
    SyncRun,
    TransactionTotal,
    Transfer,
    TransferDecision,
    UnstoredRow,
)
from banking.retention import transaction_rule
from banking.tests.factories import make_account, make_balance, make_liability, make_stream, make_transaction
from banking.tests.scripted_provider import ScriptedProvider
from compliance.export.data_export import DataExport
from compliance.isolation import tenant, unisolated_tables
from compliance.isolation.models import Owned
from compliance.retention.choosing import lock_setting
from config.tests.project_apps import own_apps
from credit.tests.factories import store_full_report
from insights.cash_flow.notification_messages import LowRunwayMessage
from insights.models import CardLink, LowRunway
from insights.tests.factories import make_check

pytestmark = pytest.mark.django_db

MODELS = [model for app in sorted(own_apps()) for model in apps.get_app_config(app).get_models()]
OWNED = [model for model in MODELS if issubclass(model, Owned)]
# Models whose rows have no owner, are the users themselves, or have a subject instead of Django's owner; and those that
# signing in reads before the user is known.
OTHERS = {"Institution", "WebhookEvent", "User", "DataKey", "AuditEvent", "AuditLink", "AuditHead", "ConsentEvent"}
OTHERS |= {"LoginThrottle", "SecondFactor", "PolicyViolation", "ErasureReceipt", "OrphanedRemoval", "UnsentReceipt"}
OTHERS |= {"ScheduledDeletion", "FailedRemoval", "FigureDifference", "ReceivedWebhook", "UnfinishedExport"}
OTHERS |= {"LinkedItemCount", "ProviderCallCount", "UnstoredRowCount"}
OTHERS |= {"AuditCheckpoint", "DailyAccess", "TrailVerification"}

# Per table: is row-level security enabled and forced, how many policies exist, and how many admit only the tenant.
POLICIES = """
    SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity, count(p.*),
           count(p.*) FILTER (WHERE p.cmd = 'ALL' AND p.permissive = 'PERMISSIVE'
                              AND p.roles IN ('{app_rw}', '{app_rw,app_viewer}')
                              AND p.qual LIKE '(owner_id = %%app_tenant()%%' AND p.with_check = p.qual)
      FROM pg_class c LEFT JOIN pg_policies p ON p.tablename = c.relname AND p.schemaname = 'public'
     WHERE c.relname = ANY(%s) AND c.relnamespace = 'public'::regnamespace
     GROUP BY 1, 2, 3
"""
# Per foreign key from one owned table to another: the columns on both sides.
REFERENCES = """
    SELECT conrelid::regclass::text, confrelid::regclass::text,
           (SELECT array_agg(attname::text ORDER BY place) FROM unnest(conkey) WITH ORDINALITY k(number, place)
              JOIN pg_attribute ON attrelid = conrelid AND attnum = number),
           (SELECT array_agg(attname::text ORDER BY place) FROM unnest(confkey) WITH ORDINALITY k(number, place)
              JOIN pg_attribute ON attrelid = confrelid AND attnum = number)
      FROM pg_constraint
     WHERE contype = 'f' AND conrelid::regclass::text = ANY(%(tables)s) AND confrelid::regclass::text = ANY(%(tables)s)
"""
FUNCTIONS = """
    SELECT proname, proconfig, pg_get_userbyid(proowner), has_function_privilege('public', oid, 'EXECUTE')
      FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace
"""


def query(sql: str, values: object = None, using: str = "default") -> list[tuple[object, ...]]:
    with connections[using].cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def list_tables() -> list[str]:
    return [model._meta.db_table for model in OWNED]


def get_model_name(model: type[models.Model]) -> str:
    return model.__name__


# --- Policies ---------------------------------------------------------------------------------------------


def test_it_lists_every_model_without_an_owner() -> None:
    assert {model.__name__ for model in MODELS} - {model.__name__ for model in OWNED} == OTHERS
    assert {model._meta.app_label for model in OWNED} == {"accounts", "banking", "compliance", "credit", "insights"}


def test_it_covers_every_app_of_the_site() -> None:
    assert {"accounts", "banking", "compliance", "config", "credit", "insights"} <= own_apps()
    assert not {"sessions", "account", "mfa"} & own_apps()


def test_it_finds_no_unisolated_table() -> None:
    assert unisolated_tables.find_unisolated_tables(connection) == []


def test_it_lets_only_operators_read_a_view_of_all_owners() -> None:
    views = query("""
        SELECT c.relname, pg_get_userbyid(c.relowner), r.rolname
          FROM pg_class c CROSS JOIN pg_roles r
         WHERE c.relkind IN ('v', 'm') AND c.relnamespace = 'public'::regnamespace
           AND r.rolname IN ('app_rw', 'app_ops', 'app_viewer', 'app_owner')
           AND has_any_column_privilege(r.oid, c.oid, 'SELECT')
    """)
    names = (
        "accounts_scheduled_deletions",
        "banking_failed_removals",
        "banking_received_webhooks",
        "banking_unstored_row_counts",
        "compliance_unfinished_exports",
        "insights_figure_differences",
    )
    assert sorted(views) == [(name, "app_lookup", "app_viewer") for name in names]


def test_it_isolates_every_owned_table_by_one_policy() -> None:
    policies = query(POLICIES, [list_tables()])
    assert sorted(policies) == sorted((table, True, True, 1, 1) for table in list_tables())


def test_it_allows_references_only_to_rows_of_the_same_owner() -> None:
    foreign_keys = [
        (model._meta.db_table, field.related_model._meta.db_table, field.column)
        for model in OWNED
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey) and field.related_model in OWNED
    ]
    references = query(REFERENCES, {"tables": list_tables()})
    assert sorted(references) == sorted(
        (table, target, ["owner_id", column], ["owner_id", "id"]) for table, target, column in foreign_keys
    )


def test_it_restricts_functions_that_read_across_owners() -> None:
    functions = query(FUNCTIONS)
    assert {name for name, *_ in functions} >= {"banking_claim_due_syncs", "banking_due_removals", "banking_find_item"}
    for name, settings, owner, public in functions:
        assert any(setting.startswith("search_path=") for setting in settings or []), name
        assert owner in ("app_lookup", "audit_owner"), name
        assert not public, name


def test_it_serves_users_with_an_unprivileged_role() -> None:
    ((role, *powers),) = query(
        "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication"
        " FROM pg_roles WHERE rolname = current_user"
    )
    assert (role, powers) == ("app_rw", [False] * 5)
    assert query("SELECT count(*) FROM pg_class WHERE relowner = 'app_rw'::regrole") == [(0,)]


@pytest.mark.django_db(databases=["default", "owner"])
def test_it_finds_a_table_without_a_policy() -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute("CREATE TABLE forgotten (id uuid PRIMARY KEY, owner_id uuid)")
        cursor.execute("CREATE TABLE pointing (owner_id uuid, at uuid REFERENCES forgotten)")
    problems = unisolated_tables.find_unisolated_tables(connections["owner"])
    assert sum(line.startswith("forgotten: ") for line in problems) == 3
    assert any("pointing_at_fkey may point at another owner's row" in line for line in problems)


# --- Access -----------------------------------------------------------------------------------------------


@pytest.fixture
def rows_of_both_users(alice: User, mallory: User, make_item: Callable[..., Item], provider: ScriptedProvider) -> None:
    """Create a row of Alice's and one of Mallory's in every owned table."""
    for user in (alice, mallory):
        item = make_item(user)
        account = make_account(item)
        make_transaction(account, "-1")
        make_balance(account, 5, "1")
        make_liability(account, aprs={"purchase_apr": "12.5"})
        make_stream(account, "-9")
        open_link(user=user)
        store_full_report(user)
        rule = rules.create_rule(user=user, values=RuleValues(name_part="starbucks", category="TRAVEL", tags=("mine",)))
        rule_runs.apply_rule(user=user, rule_id=rule.pk)
        message = LowRunwayMessage(months=1, currency="USD")
        notify(user_id=user.pk, type=NotificationType.LOW_RUNWAY, message=message, fingerprint="low")
        with tenant(user.pk):
            lock_setting(owner_id=user.pk, rule=transaction_rule.RULE)
            TransactionTotal.objects.create(
                owner=user,
                account=account,
                source="purged",
                period="month",
                starts_on=timezone.localdate(),
                currency="USD",
                money_in=1,
                money_out=0,
                count=1,
            )
            SyncRun.objects.create(owner=user, item=item, trigger="test")
            ItemProduct.objects.create(owner=user, item=item, product="transactions")
            Transfer.objects.create(owner=user, money_out=uuid4(), money_in=uuid4(), sent_on=timezone.localdate())
            TransferDecision.objects.create(owner=user, money_out=uuid4(), money_in=uuid4(), is_transfer=False)
            LowRunway.objects.create(owner=user, currency="USD")
            make_check(account)
            CardLink.objects.create(owner=user, account=account, key="card", same=True)
            DeletionRequest.objects.create(owner=user, due_at=timezone.now())
            AccountRemoval.objects.create(owner=user, account=account, history="keep")
            DataExport.objects.create(owner=user)
        disconnect_bank(user=user, item_id=item.pk, keep_history=True)
        with tenant(user.pk):
            # What is disconnected has none.
            UnstoredRow.objects.create(owner=user, item=item, kind="page", reason="list_not_sent", field="added")


@pytest.mark.parametrize("model", OWNED, ids=get_model_name)
def test_it_shows_each_user_only_their_rows_for_any_query(
    model: type[Owned], alice: User, mallory: User, rows_of_both_users: None
) -> None:
    select = f"SELECT DISTINCT owner_id FROM {model._meta.db_table}"
    for user in (alice, mallory):
        with tenant(user.pk):
            assert query(select) == [(user.pk,)]
            assert query(f"{select} WHERE owner_id <> %s OR true", [user.pk]) == [(user.pk,)]
    with transaction.atomic():
        assert query(select) == []


@pytest.mark.parametrize("model", OWNED, ids=get_model_name)
def test_it_refuses_changes_to_rows_of_another_user(
    model: type[Owned], alice: User, mallory: User, rows_of_both_users: None
) -> None:
    table = model._meta.db_table
    with tenant(mallory.pk), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET owner_id = owner_id WHERE owner_id = %s", [alice.pk])
        assert cursor.rowcount == 0
        cursor.execute(f"DELETE FROM {table} WHERE owner_id = %s", [alice.pk])
        assert cursor.rowcount == 0
    with tenant(mallory.pk), pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
        query(f"UPDATE {table} SET owner_id = %s RETURNING id", [alice.pk])


def test_it_refuses_a_reference_to_a_row_of_another_user(
    alice: User, mallory: User, make_item: Callable[..., Item]
) -> None:
    account = make_account(make_item(mallory))
    alices_item = make_item(alice)
    update = "UPDATE banking_account SET item_id = %s WHERE id = %s; SET CONSTRAINTS ALL IMMEDIATE"
    with (
        tenant(mallory.pk),
        connection.cursor() as cursor,
        pytest.raises(DatabaseError, match="same_owner"),
        transaction.atomic(),
    ):
        cursor.execute(update, [alices_item.pk, account.pk])


def test_it_returns_only_ids_across_owners(alice: User, item: Item) -> None:
    rows = query(
        "SELECT * FROM banking_find_item(%s, %s, %s)", [item.provider, item.environment, item.provider_item_id]
    )
    assert rows == [(alice.pk, item.pk)]
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        query("SET ROLE app_lookup")
