"""Two owned tables that exist only in tests, created by the same migration operations as the real ones.

A ``Box`` holds secrets; a ``Slip`` refers to a box. Their models are in a migration state and not in the app registry,
so the rest of the project does not see them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connection, connections, migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import ProjectState

from compliance.isolation.migrations import DefinerFunction, IsolateByOwner, OwnedReference
from compliance.isolation.models import Owned
from compliance.vault.fields import SealedTextField

LABEL = "sample"

OPERATIONS = (
    migrations.CreateModel(
        "Box",
        [
            ("label", models.TextField(default="")),
            ("token", SealedTextField()),
            ("note", SealedTextField(null=True)),
        ],
        bases=(Owned,),
    ),
    migrations.CreateModel(
        "Slip",
        [("box", models.ForeignKey("sample.Box", models.CASCADE, related_name="slips"))],
        bases=(Owned,),
    ),
    IsolateByOwner("Box"),
    IsolateByOwner("Slip", owner_key=False),
    OwnedReference("Slip", "box"),
    DefinerFunction(
        "sample_box_owner",
        "wanted text",
        "uuid",
        "SELECT owner_id FROM sample_box WHERE label = wanted",
    ),
    DefinerFunction(
        "sample_relabel",
        "old text, new text",
        "bigint",
        """
        WITH changed AS (UPDATE sample_box SET label = new WHERE label = old RETURNING id)
        SELECT count(*) FROM changed
        """,
        updates={"sample_box": ["label"]},
    ),
)


@cache
def states() -> list[ProjectState]:
    """Return the migration state before the operations, and after each of them."""
    project_states = [ProjectState.from_apps(apps)]
    for operation in OPERATIONS:
        after = project_states[-1].clone()
        operation.state_forwards(LABEL, after)
        project_states.append(after)
    return project_states


def model(name: str) -> Any:
    """Return the model class of ``Box`` or ``Slip``."""
    return states()[-1].apps.get_model(LABEL, name)


@contextmanager
def owner_schema_editor() -> Iterator[BaseDatabaseSchemaEditor]:
    """Yield a schema editor as migrations use it: as the tables' owner, in one transaction."""
    # Django lets a test use the default alias only.
    owner = connections["owner"].copy(DEFAULT_DB_ALIAS)
    try:
        owner.set_autocommit(False)
        with owner.schema_editor(atomic=False) as editor:
            yield editor
        owner.commit()
    finally:
        owner.close()


def create() -> None:
    """Create the tables and functions as their owner, in one migration."""
    with owner_schema_editor() as editor:
        for operation, before, after in zip(OPERATIONS, states(), states()[1:], strict=False):
            operation.database_forwards(LABEL, editor, before, after)


def drop() -> None:
    """Reverse all operations, the last one first."""
    steps = list(zip(OPERATIONS, states(), states()[1:], strict=False))
    with owner_schema_editor() as editor:
        for operation, before, after in reversed(steps):
            operation.database_backwards(LABEL, editor, after, before)


def list_visible_owners() -> set[UUID]:
    """Return the owners of all boxes that the current transaction can see, without the ORM's tenant check."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT owner_id FROM sample_box")
        return {owner for (owner,) in cursor.fetchall()}
