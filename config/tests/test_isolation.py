"""Every table of the site that holds people's rows keeps them apart. A new table fails here until it does."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, connections, models, transaction
from django.utils import timezone

from accounts.models import User
from accounts.notifications.inbox import notify
from accounts.notifications.notification_types import NotificationType
from banking.linking.disconnecting import disconnect_bank
from banking.linking.sessions import open_link
from banking.models import Item, SyncRun, Transfer
from banking.tests.factories import make_account, make_balance, make_transaction
from banking.tests.scripted_provider import ScriptedProvider
from compliance.isolation import tenant, unisolated_tables
from compliance.isolation.models import Owned
from config.tests.project_apps import own_apps
from credit.tests.factories import store_full_report
from insights.cash_flow.notification_messages import LowRunwayMessage
from insights.models import CardLink, LowRunway

pytestmark = pytest.mark.django_db

MODELS = [model for app in sorted(own_apps()) for model in apps.get_app_config(app).get_models()]
OWNED = [model for model in MODELS if issubclass(model, Owned)]
# Rows that belong to nobody, to the person that they are, or, past Django's model, to their subject; and what signing
# in has to read before it knows who is there.
OTHERS = {"Institution", "WebhookReceipt", "User", "DataKey", "AuditEvent", "AuditLink", "AuditHead", "ConsentEvent"}
OTHERS |= {"LoginThrottle", "SecondFactor", "PolicyViolation"}

# Per table: row-level security on, forced, and how many policies there are and let only the tenant through.
FENCES = """
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


def ask(question: str, values: object = None, using: str = "default") -> list[tuple[object, ...]]:
    with connections[using].cursor() as cursor:
        cursor.execute(question, values)
        return cursor.fetchall()


def tables() -> list[str]:
    return [model._meta.db_table for model in OWNED]


def model_name(model: type[models.Model]) -> str:
    return model.__name__


# --- The fences stand -------------------------------------------------------------------------------------


def test_it_knows_of_every_table_whose_rows_it_holds() -> None:
    assert {model.__name__ for model in MODELS} - {model.__name__ for model in OWNED} == OTHERS
    assert {model._meta.app_label for model in OWNED} == {"accounts", "banking", "credit", "insights"}


def test_it_looks_at_every_app_of_the_site_by_itself() -> None:
    assert {"accounts", "banking", "compliance", "config", "credit", "insights"} <= own_apps()
    assert not {"sessions", "account", "mfa"} & own_apps()


def test_it_finds_nothing_that_leaks() -> None:
    assert unisolated_tables.find_unisolated_tables(connection) == []


def test_it_fences_every_owned_table_by_one_policy() -> None:
    found = ask(FENCES, [tables()])
    assert sorted(found) == sorted((table, True, True, 1, 1) for table in tables())


def test_it_lets_rows_point_only_at_rows_of_their_owner() -> None:
    pointing = [
        (model._meta.db_table, field.related_model._meta.db_table, field.column)
        for model in OWNED
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey) and field.related_model in OWNED
    ]
    found = ask(REFERENCES, {"tables": tables()})
    assert sorted(found) == sorted(
        (here, there, ["owner_id", column], ["owner_id", "id"]) for here, there, column in pointing
    )


def test_it_looks_across_owners_only_through_functions_that_are_closed_to_others() -> None:
    found = ask(FUNCTIONS)
    assert {name for name, *_ in found} >= {"banking_claim_due_syncs", "banking_due_removals", "banking_find_item"}
    for name, settings, owner, public in found:
        assert any(setting.startswith("search_path=") for setting in settings or []), name
        assert owner in ("app_lookup", "audit_owner"), name
        assert not public, name


def test_it_serves_people_as_a_role_without_powers() -> None:
    ((role, *powers),) = ask(
        "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication"
        " FROM pg_roles WHERE rolname = current_user"
    )
    assert (role, powers) == ("app_rw", [False] * 5)
    assert ask("SELECT count(*) FROM pg_class WHERE relowner = 'app_rw'::regrole") == [(0,)]


@pytest.mark.django_db(databases=["default", "owner"])
def test_it_would_notice_a_table_without_a_fence() -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute("CREATE TABLE forgotten (id uuid PRIMARY KEY, owner_id uuid)")
        cursor.execute("CREATE TABLE pointing (owner_id uuid, at uuid REFERENCES forgotten)")
    complaints = unisolated_tables.find_unisolated_tables(connections["owner"])
    assert sum(line.startswith("forgotten: ") for line in complaints) == 3
    assert any("pointing_at_fkey may point at another owner's row" in line for line in complaints)


# --- And they hold ----------------------------------------------------------------------------------------


@pytest.fixture
def both_have_everything(
    alice: User, mallory: User, make_item: Callable[..., Item], provider: ScriptedProvider
) -> None:
    """A row of Alice's and one of Mallory's in every owned table."""
    for person in (alice, mallory):
        item = make_item(person)
        account = make_account(item)
        make_transaction(account, "-1")
        make_balance(account, 5, "1")
        open_link(user=person)
        store_full_report(person)
        message = LowRunwayMessage(months=1, currency="USD")
        notify(user_id=person.pk, type=NotificationType.LOW_RUNWAY, message=message, fingerprint="low")
        with tenant(person.pk):
            SyncRun.objects.create(owner=person, item=item, trigger="test")
            Transfer.objects.create(owner=person, money_out=uuid4(), money_in=uuid4(), sent_on=timezone.localdate())
            LowRunway.objects.create(owner=person, currency="USD")
            CardLink.objects.create(owner=person, account=account, key="card", same=True)
        disconnect_bank(user=person, item_id=item.pk, keep_history=True)


@pytest.mark.parametrize("model", OWNED, ids=model_name)
def test_it_shows_each_person_their_rows_whatever_is_asked(
    model: type[Owned], alice: User, mallory: User, both_have_everything: None
) -> None:
    everything = f"SELECT DISTINCT owner_id FROM {model._meta.db_table}"
    for person in (alice, mallory):
        with tenant(person.pk):
            assert ask(everything) == [(person.pk,)]
            assert ask(f"{everything} WHERE owner_id <> %s OR true", [person.pk]) == [(person.pk,)]
    with transaction.atomic():
        assert ask(everything) == []


@pytest.mark.parametrize("model", OWNED, ids=model_name)
def test_it_lets_nobody_change_or_take_what_is_not_theirs(
    model: type[Owned], alice: User, mallory: User, both_have_everything: None
) -> None:
    table = model._meta.db_table
    with tenant(mallory.pk), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET owner_id = owner_id WHERE owner_id = %s", [alice.pk])
        assert cursor.rowcount == 0
        cursor.execute(f"DELETE FROM {table} WHERE owner_id = %s", [alice.pk])
        assert cursor.rowcount == 0
    with tenant(mallory.pk), pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
        ask(f"UPDATE {table} SET owner_id = %s RETURNING id", [alice.pk])


def test_it_hangs_no_row_of_mallorys_on_one_of_alices(
    alice: User, mallory: User, make_item: Callable[..., Item]
) -> None:
    account = make_account(make_item(mallory))
    hers = make_item(alice)
    pointing = "UPDATE banking_account SET item_id = %s WHERE id = %s; SET CONSTRAINTS ALL IMMEDIATE"
    with (
        tenant(mallory.pk),
        connection.cursor() as cursor,
        pytest.raises(DatabaseError, match="same_owner"),
        transaction.atomic(),
    ):
        cursor.execute(pointing, [hers.pk, account.pk])


def test_it_gives_away_ids_and_nothing_else_across_owners(alice: User, item: Item) -> None:
    asked = ask("SELECT * FROM banking_find_item(%s, %s, %s)", [item.provider, item.environment, item.provider_item_id])
    assert asked == [(alice.pk, item.pk)]
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        ask("SET ROLE app_lookup")
