"""The tenant of a task is its owner."""

from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from compliance.isolation import current_tenant
from compliance.isolation.tasks import TenantTask
from compliance.tests.conftest import everywhere
from compliance.tests.sample_tables import visible_owners

pytestmark = everywhere


class Looking(TenantTask):
    """A job that says whose rows it sees."""

    name = "compliance.tests.looking"

    def run(self, owner: str) -> tuple[UUID | None, set[UUID]]:
        with transaction.atomic():
            return current_tenant(), visible_owners()


def test_it_binds_a_job_to_its_first_argument(both: Any, alice: Any) -> None:
    assert Looking()(str(alice.pk)) == (alice.pk, {alice.pk})
    assert current_tenant() is None


@pytest.mark.parametrize(("arguments", "error"), [((), TypeError), (("x",), ValueError)])
def test_it_refuses_a_job_without_owner(arguments: tuple[str, ...], error: type[Exception]) -> None:
    with pytest.raises(error):
        Looking()(*arguments)
