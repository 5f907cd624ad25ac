"""How the operators' site reads: as a role that was shown some columns, can write none, and is held to one person.

Who a person is and what stands in the audit trails, it reads of everybody. Rows with an owner it sees of the one person
alone whom ``viewing`` names, and of nobody otherwise: row-level security holds it as it holds the site.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from django.db import connections, transaction

from compliance.isolation.roles import VIEWER as ROLE

VIEWER: Final = "viewer"


@contextmanager
def viewing(person: UUID | None = None) -> Iterator[None]:
    """Open a transaction on the alias ``viewer`` that shows ``person``'s rows and no other owner's.

    Raises ``ProgrammingError`` when the alias signs in as another role, which might be allowed more.
    """
    with transaction.atomic(using=VIEWER):
        with connections[VIEWER].cursor() as cursor:
            cursor.execute(f"SET LOCAL ROLE {ROLE}")
            cursor.execute("SELECT set_config('app.user_id', %s, true)", [str(person or "")])
        yield
