"""The inspection of sealed values, for operators."""

from typing import Any

from django.db import connection

from compliance.isolation import tenant
from compliance.tests.conftest import default_and_ops
from compliance.tests.sample_tables import model
from compliance.vault import inspection

pytestmark = default_and_ops


def list_columns() -> list[Any]:
    box = model("Box")
    return [(box, box._meta.get_field("token")), (box, box._meta.get_field("note"))]


def test_it_lists_values_that_cannot_be_read(alice: Any, make_box: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(inspection, "sealed_columns", list_columns)
    make_box(alice)
    damaged_box = make_box(alice)
    with tenant(alice.pk), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE sample_box SET token = set_byte(token, 30, get_byte(token, 30) # 7) WHERE id = %s", [damaged_box.pk]
        )
    inspected = inspection.inspect(seconds=60)
    assert (inspected.checked, inspected.is_complete) == (2, True)
    assert inspected.unreadable == [f"sample.box.token {damaged_box.pk}"]


def test_it_says_if_it_ran_out_of_time(alice: Any, make_box: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(inspection, "sealed_columns", list_columns)
    make_box(alice)
    inspected = inspection.inspect(seconds=0)
    assert (inspected.checked, inspected.is_complete) == (0, False)
