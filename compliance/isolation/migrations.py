"""Migration operations for row-level security and the functions that read across owners.

A migration that uses them depends on ``("compliance", "0002_isolation")``, which makes the function that returns
the current tenant, and on a database that ``manage.py setup_database`` has prepared.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor as Editor
from django.db.backends.ddl_references import Statement
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState as State
from django.db.models import ForeignKey, Model

from compliance.isolation.roles import LOOKUP, OPERATOR, SITE, VIEWER

ALL_PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE")


class IsolateByOwner(Operation):
    """Limit each transaction to its tenant's rows of one model, and make ``(owner, id)`` a unique key.

    ``privileges`` is what the site may do to its tenant's rows. A table that no ``OwnedReference`` points at can do
    without the key (``owner_key=False``), which costs every insert.
    """

    def __init__(self, model_name: str, *, privileges: Sequence[str] = ALL_PRIVILEGES, owner_key: bool = True) -> None:
        self.model_name = model_name
        self.privileges = tuple(privileges)
        self.owner_key = owner_key

    def state_forwards(self, app_label: str, state: State) -> None:
        """Leave the state alone: only the database changes."""

    def database_forwards(self, app_label: str, schema_editor: Editor, from_state: State, to_state: State) -> None:
        """Enable row-level security, for the table's owner too."""
        names = self._names(schema_editor, to_state.apps.get_model(app_label, self.model_name))
        if self.owner_key:
            schema_editor.execute(
                "ALTER TABLE {table} ADD CONSTRAINT {key} UNIQUE ({owner}, {pk})".format_map(names), params=None
            )
        for statement in (
            "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
            # The sub-select makes PostgreSQL call the function once for each query instead of once for each row.
            f"CREATE POLICY {{policy}} ON {{table}} TO {SITE} USING ({{owner}} = (SELECT app_tenant()))"
            " WITH CHECK ({owner} = (SELECT app_tenant()))",
            f"REVOKE ALL ON {{table}} FROM {SITE}",
            f"GRANT {', '.join(self.privileges)} ON {{table}} TO {SITE}",
        ):
            schema_editor.execute(statement.format_map(names), params=None)

    def database_backwards(self, app_label: str, schema_editor: Editor, from_state: State, to_state: State) -> None:
        """Drop the policy and the key."""
        names = self._names(schema_editor, to_state.apps.get_model(app_label, self.model_name))
        if self.owner_key:
            schema_editor.execute("ALTER TABLE {table} DROP CONSTRAINT {key}".format_map(names), params=None)
        for statement in (
            "DROP POLICY {policy} ON {table}",
            "ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
            "ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
        ):
            schema_editor.execute(statement.format_map(names), params=None)

    def describe(self) -> str:
        """Describe the operation for ``migrate --plan``."""
        return f"Limit {self.model_name} rows to their owner"

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """Return the arguments for the migration writer."""
        options: dict[str, Any] = {} if self.privileges == ALL_PRIVILEGES else {"privileges": self.privileges}
        if not self.owner_key:
            options["owner_key"] = False
        return type(self).__name__, [self.model_name], options

    def _names(self, schema_editor: Editor, model: type[Model]) -> dict[str, str]:
        quote = schema_editor.connection.ops.quote_name
        table = model._meta.db_table
        return {
            "table": quote(table),
            "policy": quote(f"{table}_of_owner"),
            "key": quote(f"{table}_owner_key"),
            "owner": quote(str(model._meta.get_field("owner").column)),
            "pk": quote(str(model._meta.pk.column)),
        }


class OwnedReference(Operation):
    """Let a foreign key refer only to rows of the same owner.

    Foreign keys are checked past row-level security, so a plain one would accept the id of another owner's row. This
    replaces it with ``(owner, x) -> (owner, id)``. The model that it refers to needs ``IsolateByOwner`` first.
    """

    def __init__(self, model_name: str, field_name: str) -> None:
        self.model_name = model_name
        self.field_name = field_name

    def state_forwards(self, app_label: str, state: State) -> None:
        """Leave the state alone: only the database changes."""

    def database_forwards(self, app_label: str, schema_editor: Editor, from_state: State, to_state: State) -> None:
        """Drop the plain constraint, whether it exists or is still deferred, and add the composite one."""
        model, field = self._field(app_label, to_state)
        self._drop_plain(schema_editor, model, field)
        schema_editor.execute(
            "ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({owner}, {column})"
            " REFERENCES {target} ({target_owner}, {target_pk}) DEFERRABLE INITIALLY DEFERRED".format_map(
                self._names(schema_editor, model, field)
            ),
            params=None,
        )

    def database_backwards(self, app_label: str, schema_editor: Editor, from_state: State, to_state: State) -> None:
        """Restore the plain constraint."""
        model, field = self._field(app_label, to_state)
        names = self._names(schema_editor, model, field)
        schema_editor.execute("ALTER TABLE {table} DROP CONSTRAINT {name}".format_map(names), params=None)
        schema_editor.execute(
            "ALTER TABLE {table} ADD FOREIGN KEY ({column}) REFERENCES {target} ({target_pk})"
            " DEFERRABLE INITIALLY DEFERRED".format_map(names),
            params=None,
        )

    def describe(self) -> str:
        """Describe the operation for ``migrate --plan``."""
        return f"Let {self.model_name}.{self.field_name} refer only to rows of the same owner"

    def _field(self, app_label: str, state: State) -> "tuple[type[Model], ForeignKey[Any, Any]]":
        model = state.apps.get_model(app_label, self.model_name)
        field = model._meta.get_field(self.field_name)
        if not isinstance(field, ForeignKey):
            raise TypeError(f"{self.model_name}.{self.field_name} is not a foreign key.")
        return model, field

    def _drop_plain(self, schema_editor: Editor, model: type[Model], field: "ForeignKey[Any, Any]") -> None:
        table, column = model._meta.db_table, field.column
        # Django adds a new table's foreign keys at the end of the migration; until then they are deferred.
        deferred = schema_editor.deferred_sql
        schema_editor.deferred_sql = [s for s in deferred if not _is_reference(s, table, column)]
        quote = schema_editor.connection.ops.quote_name
        with schema_editor.connection.cursor() as cursor:
            constraints = schema_editor.connection.introspection.get_constraints(cursor, table)
        for name, constraint in constraints.items():
            if constraint["foreign_key"] and constraint["columns"] == [column]:
                schema_editor.execute(f"ALTER TABLE {quote(table)} DROP CONSTRAINT {quote(name)}", params=None)

    def _names(self, schema_editor: Editor, model: type[Model], field: "ForeignKey[Any, Any]") -> dict[str, str]:
        quote = schema_editor.connection.ops.quote_name
        target = field.remote_field.model
        return {
            "table": quote(model._meta.db_table),
            "name": quote(f"{model._meta.db_table}_{field.column}_same_owner"),
            "owner": quote(str(model._meta.get_field("owner").column)),
            "column": quote(field.column),
            "target": quote(target._meta.db_table),
            "target_owner": quote(str(target._meta.get_field("owner").column)),
            "target_pk": quote(str(target._meta.pk.column)),
        }


class GrantOperatorRead(Operation):
    """Grant the operators' site SELECT on some columns of one model, ``app.Model``.

    Of an owned model it sees the rows of the one owner passed to ``operator_view``. Leave out columns that are sealed,
    hashed or usable for signing in: the database then refuses to return them, whatever the site queries.
    """

    def __init__(self, model: str, *, columns: Sequence[str]) -> None:
        self.model = model
        self.columns = tuple(columns)

    def state_forwards(self, app_label: str, state: State) -> None:
        """Leave the state alone: only the database changes."""

    def database_forwards(self, app_label: str, schema_editor: Editor, from_state: State, to_state: State) -> None:
        """Grant the columns, and apply the policy of an owned table to the operators' site as well."""
        self._execute(schema_editor, to_state, "GRANT SELECT ({columns}) ON {table} TO {viewer}", (SITE, VIEWER))

    def database_backwards(self, app_label: str, schema_editor: Editor, from_state: State, to_state: State) -> None:
        """Revoke the columns and restrict the policy to the site again."""
        self._execute(schema_editor, to_state, "REVOKE SELECT ({columns}) ON {table} FROM {viewer}", (SITE,))

    def describe(self) -> str:
        """Describe the operation for ``migrate --plan``."""
        return f"Grant operators {len(self.columns)} columns of {self.model}"

    def _execute(self, schema_editor: Editor, state: State, statement: str, policy_roles: Sequence[str]) -> None:
        model = state.apps.get_model(self.model)
        quote = schema_editor.connection.ops.quote_name
        table = model._meta.db_table
        columns = ", ".join(quote(column) for column in self.columns)
        schema_editor.execute(statement.format(columns=columns, table=quote(table), viewer=VIEWER), params=None)
        if any(field.column == "owner_id" for field in model._meta.fields):
            policy = quote(f"{table}_of_owner")
            schema_editor.execute(f"ALTER POLICY {policy} ON {quote(table)} TO {', '.join(policy_roles)}", params=None)


class OperatorView(Operation):
    """Create a view of all owners' rows for the operators' site, with these columns only.

    For lists of work that operators have to see without knowing whose it is: what is due, and what failed. The view
    belongs to ``app_lookup``, and only the operators' site may read it. Never name a column with bank or credit data.
    """

    def __init__(self, name: str, *, columns: Sequence[str], query: str) -> None:
        self.name = name
        self.columns = tuple(columns)
        self.query = query

    def state_forwards(self, app_label: str, state: State) -> None:
        """Leave the state alone: only the database changes."""

    def database_forwards(self, app_label: str, schema_editor: Editor, from_state: State, to_state: State) -> None:
        """Create the view as ``app_lookup``, and grant its columns to the operators' site."""
        quote = schema_editor.connection.ops.quote_name
        columns = ", ".join(quote(column) for column in self.columns)
        for statement in (
            f"SET ROLE {LOOKUP}",
            f"CREATE VIEW {quote(self.name)} ({columns}) WITH (security_barrier) AS {self.query}",
            f"GRANT SELECT ({columns}) ON {quote(self.name)} TO {VIEWER}",
            "RESET ROLE",
        ):
            schema_editor.execute(statement, params=None)

    def database_backwards(self, app_label: str, schema_editor: Editor, from_state: State, to_state: State) -> None:
        """Drop the view."""
        for statement in (
            f"SET ROLE {LOOKUP}",
            f"DROP VIEW {schema_editor.connection.ops.quote_name(self.name)}",
            "RESET ROLE",
        ):
            schema_editor.execute(statement, params=None)

    def describe(self) -> str:
        """Describe the operation for ``migrate --plan``."""
        return f"Create the view {self.name} for operators"


class DefinerFunction(Operation):
    """Create an SQL function that reads across owners and returns the declared columns only.

    It runs as ``app_lookup``, which may read every table, with a pinned search path; only the site and the operators
    may call it. ``arguments`` and ``returns`` are written as in SQL. ``updates`` lists the columns that the body
    changes, by table: ``{"banking_item": ["next_sync_at"]}``.
    """

    def __init__(
        self,
        name: str,
        arguments: str,
        returns: str,
        body: str,
        *,
        updates: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.name = name
        self.arguments = arguments
        self.returns = returns
        self.body = body
        self.updates = updates or {}

    def state_forwards(self, app_label: str, state: State) -> None:
        """Leave the state alone: only the database changes."""

    def database_forwards(self, app_label: str, schema_editor: Editor, from_state: State, to_state: State) -> None:
        """Create the function as ``app_lookup``."""
        quote = schema_editor.connection.ops.quote_name
        for table, columns in self.updates.items():
            changed = ", ".join(quote(column) for column in columns)
            schema_editor.execute(f"GRANT UPDATE ({changed}) ON {quote(table)} TO {LOOKUP}", params=None)
        for statement in self._statements(quote(self.name)):
            schema_editor.execute(statement, params=None)

    def database_backwards(self, app_label: str, schema_editor: Editor, from_state: State, to_state: State) -> None:
        """Drop the function."""
        name = schema_editor.connection.ops.quote_name(self.name)
        for statement in (f"SET ROLE {LOOKUP}", f"DROP FUNCTION {name}({self.arguments})", "RESET ROLE"):
            schema_editor.execute(statement, params=None)

    def describe(self) -> str:
        """Describe the operation for ``migrate --plan``."""
        return f"Create the function {self.name}, which reads across owners"

    def _statements(self, name: str) -> list[str]:
        function = f"{name}({self.arguments})"
        volatility = "VOLATILE" if self.updates else "STABLE"
        return [
            f"SET ROLE {LOOKUP}",
            f"CREATE OR REPLACE FUNCTION {function} RETURNS {self.returns} LANGUAGE sql {volatility}"
            f" SECURITY DEFINER SET search_path = public, pg_temp AS $body${self.body}$body$",
            f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC",
            f"GRANT EXECUTE ON FUNCTION {function} TO {SITE}, {OPERATOR}",
            "RESET ROLE",
        ]


def _is_reference(statement: object, table: str, column: str) -> bool:
    if not isinstance(statement, Statement) or "FOREIGN KEY" not in str(statement.template):
        return False
    return statement.parts["table"].table == table and statement.parts["column"].columns == [column]
