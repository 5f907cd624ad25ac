"""The tenant of a task is its owner."""

from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from compliance.isolation import current_tenant
from compliance.isolation.tasks import TenantTask
from compliance.tests.conftest import default_and_ops
from compliance.tests.sample_tables import list_visible_owners

pytestmark = default_and_ops


class ListOwners(TenantTask):
    """A job that returns its tenant and the owners whose rows it sees."""

    name = "compliance.tests.looking"

    def run(self, owner: str) -> tuple[UUID | None, set[UUID]]:
        with transaction.atomic():
            return current_tenant(), list_visible_owners()


def test_it_sets_the_tenant_to_the_first_argument(both_boxes: Any, alice: Any) -> None:
    assert ListOwners()(str(alice.pk)) == (alice.pk, {alice.pk})
    assert current_tenant() is None


@pytest.mark.parametrize(("arguments", "error"), [((), TypeError), (("x",), ValueError)])
def test_it_raises_for_a_job_without_owner(arguments: tuple[str, ...], error: type[Exception]) -> None:
    with pytest.raises(error):
        ListOwners()(*arguments)
