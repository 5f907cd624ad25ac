"""The ORM raises for queries of owned rows without a tenant, instead of returning none."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from compliance.isolation import NoTenant, tenant
from compliance.isolation.tenant import tenant_context
from compliance.tests.conftest import default_and_ops
from compliance.tests.sample_tables import model

pytestmark = default_and_ops

QUERIES: dict[str, Callable[[Any], Any]] = {
    "iteration": lambda rows: list(rows.all()),
    "iterator": lambda rows: list(rows.iterator()),
    "len": lambda rows: len(rows.all()),
    "bool": lambda rows: bool(rows.all()),
    "get": lambda rows: rows.get(),
    "first": lambda rows: rows.first(),
    "last": lambda rows: rows.last(),
    "count": lambda rows: rows.count(),
    "exists": lambda rows: rows.exists(),
    "aggregate": lambda rows: rows.aggregate(),
    "values": lambda rows: list(rows.values("id")),
    "values_list": lambda rows: list(rows.values_list("id", flat=True)),
    "in_bulk": lambda rows: rows.in_bulk(),
    "filter": lambda rows: list(rows.filter(label="x")[:1]),
    "union": lambda rows: list(rows.all().union(rows.all())),
    "raw": lambda rows: list(rows.raw("SELECT * FROM sample_box")),
    "update": lambda rows: rows.update(label="x"),
    "delete": lambda rows: rows.all().delete(),
    "create": lambda rows: rows.create(owner_id=uuid4(), token="x"),
    "bulk_create": lambda rows: rows.bulk_create([model("Box")(owner_id=uuid4(), token="x")]),
    "bulk_update": lambda rows: rows.bulk_update([model("Box")(owner_id=uuid4(), label="x")], ["label"]),
    "get_or_create": lambda rows: rows.get_or_create(owner_id=uuid4()),
    "update_or_create": lambda rows: rows.update_or_create(owner_id=uuid4()),
    "explain": lambda rows: rows.all().explain(),
    "repr": lambda rows: repr(rows.all()),
}


@pytest.mark.parametrize("name", QUERIES)
def test_it_raises_for_every_query_without_a_tenant(Box: Any, name: str) -> None:
    with pytest.raises(NoTenant, match="without a tenant"):
        QUERIES[name](Box.objects)


@pytest.mark.parametrize("name", QUERIES)
def test_it_raises_for_every_query_outside_a_transaction(alice: Any, Box: Any, name: str) -> None:
    with tenant_context(alice.pk), pytest.raises(NoTenant, match="outside a transaction"):
        QUERIES[name](Box.objects)


def test_it_allows_building_a_queryset_before_there_is_a_tenant(both_boxes: Any, alice: Any, Box: Any) -> None:
    rows = Box.objects.filter(label="alice").order_by("id")
    with tenant(alice.pk):
        assert rows.for_user(alice.pk).count() == 1


def test_it_shows_all_rows_to_operators(both_boxes: Any, Box: Any) -> None:
    assert Box.objects.using("ops").count() == 2


def test_it_follows_relations_both_ways(both_boxes: Any, alice: Any, Box: Any, Slip: Any) -> None:
    box, _ = both_boxes
    with tenant(alice.pk):
        slip = Slip.objects.create(owner_id=alice.pk, box_id=box.pk)
        assert Slip.objects.get(pk=slip.pk).box.label == "alice"
        assert [s.pk for s in Box.objects.get(pk=box.pk).slips.all()] == [slip.pk]
        Box.objects.get(pk=box.pk).delete()
        assert not Slip.objects.exists()


def test_it_finds_no_row_of_another_owner_by_id(both_boxes: Any, alice: Any, Box: Any) -> None:
    _, mallorys_box = both_boxes
    with tenant(alice.pk):
        with pytest.raises(Box.DoesNotExist):
            Box.objects.get(pk=mallorys_box.pk)
        assert Box.objects.filter(pk=mallorys_box.pk).update(label="mine") == 0
        assert Box.objects.filter(pk=mallorys_box.pk).delete() == (0, {})
