"""How the operators' site reads: as a role that may read some columns and write none.

It reads all users' accounts and audit trails. Of tables with an owner it sees only the rows of the one owner passed to
``operator_view``, and none without one: row-level security applies to it as it does to the site.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from django.db import connections, transaction

from compliance.isolation.roles import VIEWER

VIEWER_ALIAS: Final = "viewer"


@contextmanager
def operator_view(owner: UUID | None = None) -> Iterator[None]:
    """Open a transaction on the alias ``viewer`` that is limited to ``owner``'s rows.

    Raises ``ProgrammingError`` when the alias signs in as another role, which might have more privileges.
    """
    with transaction.atomic(using=VIEWER_ALIAS):
        with connections[VIEWER_ALIAS].cursor() as cursor:
            cursor.execute(f"SET LOCAL ROLE {VIEWER}")
            cursor.execute("SELECT set_config('app.user_id', %s, true)", [str(owner or "")])
        yield
