"""Whether sealed values open, as an operator sees it."""

from typing import Any

from django.db import connection

from compliance.isolation import tenant
from compliance.tests.conftest import everywhere
from compliance.tests.sample_tables import model
from compliance.vault import inspection

pytestmark = everywhere


def columns() -> list[Any]:
    box = model("Box")
    return [(box, box._meta.get_field("token")), (box, box._meta.get_field("note"))]


def test_it_names_the_values_that_do_not_open(alice: Any, make_box: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(inspection, "sealed_columns", columns)
    make_box(alice)
    broken = make_box(alice)
    with tenant(alice.pk), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE sample_box SET token = set_byte(token, 30, get_byte(token, 30) # 7) WHERE id = %s", [broken.pk]
        )
    found = inspection.inspect(seconds=60)
    assert (found.checked, found.is_complete) == (2, True)
    assert found.unreadable == [f"sample.box.token {broken.pk}"]


def test_it_says_when_its_time_did_not_suffice(alice: Any, make_box: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(inspection, "sealed_columns", columns)
    make_box(alice)
    found = inspection.inspect(seconds=0)
    assert (found.checked, found.is_complete) == (0, False)
