"""Sealed columns: which values can be read, which cannot, and which cannot be stored."""

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from django.core import serializers
from django.core.exceptions import FieldError, ValidationError
from django.core.serializers.json import DjangoJSONEncoder

from compliance.isolation import tenant
from compliance.tests.conftest import default_and_ops
from compliance.vault.errors import SealError
from compliance.vault.fields import SealedTextField
from compliance.vault.secret import Sealed, Secret

pytestmark = default_and_ops


# --- Storing and reading ----------------------------------------------------------------------------------


def test_it_returns_the_stored_value(alice: Any, make_box: Any, read_box: Any) -> None:
    for value in ("access-sandbox-1", "", "…ü\0" * 999):
        assert read_box(make_box(alice, value)).token.reveal() == value


def test_it_stores_no_part_of_the_value(alice: Any, make_box: Any, read_column: Any) -> None:
    stored = read_column(make_box(alice, "access-sandbox-1"))
    assert b"access" not in stored
    assert len(stored) == len("access-sandbox-1") + 37


def test_it_distinguishes_null_from_empty(alice: Any, make_box: Any, read_box: Any, Box: Any) -> None:
    box = read_box(make_box(alice))
    assert box.note is None
    with tenant(alice.pk):
        assert Box.objects.filter(note__isnull=True, token__isnull=False).count() == 1


def test_it_reveals_before_and_after_saving(alice: Any, Box: Any) -> None:
    box = Box(owner_id=alice.pk, token="first")
    assert box.token.reveal() == "first"
    with tenant(alice.pk):
        box.save()
        assert box.token.reveal() == "first"
        box.token = "second"
        box.save(update_fields=["token"])
        assert Box.objects.get(pk=box.pk).token.reveal() == "second"


def test_it_keeps_the_ciphertext_if_nothing_was_assigned(
    alice: Any, make_box: Any, read_box: Any, read_column: Any
) -> None:
    box = read_box(make_box(alice))
    before = read_column(box)
    with tenant(alice.pk):
        box.label = "renamed"
        box.save()
    assert read_column(box) == before


def test_it_reads_a_deferred_value(alice: Any, make_box: Any, Box: Any) -> None:
    box = make_box(alice, "late")
    with tenant(alice.pk):
        assert Box.objects.defer("token").get(pk=box.pk).token.reveal() == "late"


def test_it_seals_in_bulk(alice: Any, Box: Any) -> None:
    with tenant(alice.pk):
        boxes = Box.objects.bulk_create([Box(owner_id=alice.pk, token=f"t{n}") for n in range(3)])
        assert [b.token.reveal() for b in Box.objects.order_by("id")] == ["t0", "t1", "t2"]
        boxes[0].label = "changed"
        Box.objects.bulk_update(boxes, ["label", "token"])
        assert [b.token.reveal() for b in Box.objects.order_by("id")] == ["t0", "t1", "t2"]


def test_it_reseals_a_value_that_is_copied_to_another_row(
    alice: Any, mallory: Any, make_box: Any, read_box: Any
) -> None:
    box = read_box(make_box(alice, "copied"))
    assert read_box(make_box(alice, box.token)).token.reveal() == "copied"
    assert read_box(make_box(mallory, box.token)).token.reveal() == "copied"


# --- Tampering --------------------------------------------------------------------------------------------


def reveal_fails(read: Callable[..., Any], box: Any, field: str = "token") -> bool:
    with pytest.raises(SealError) as error:
        getattr(read(box), field).reveal()
    return "access" not in str(error.value)


def test_it_rejects_the_ciphertext_of_another_owner(
    alice: Any, mallory: Any, make_box: Any, read_box: Any, read_column: Any, overwrite_box: Any
) -> None:
    alices_box, mallorys_box = make_box(alice, "access-alice"), make_box(mallory, "access-mallory")
    overwrite_box(mallorys_box, token=read_column(alices_box))
    assert reveal_fails(read_box, mallorys_box)


def test_it_rejects_the_ciphertext_of_another_row(
    alice: Any, make_box: Any, read_box: Any, read_column: Any, overwrite_box: Any
) -> None:
    box, other_box = make_box(alice, "access-1"), make_box(alice, "access-2")
    overwrite_box(box, token=read_column(other_box))
    assert reveal_fails(read_box, box)


def test_it_rejects_the_ciphertext_of_another_field(
    alice: Any, make_box: Any, read_box: Any, read_column: Any, overwrite_box: Any
) -> None:
    box = make_box(alice, "access-1", note="access-2")
    overwrite_box(box, token=read_column(box, "note"))
    assert reveal_fails(read_box, box)


def test_it_rejects_a_row_that_was_moved_to_another_owner(
    alice: Any, mallory: Any, make_box: Any, read_box: Any, overwrite_box: Any
) -> None:
    box = make_box(alice, "access-alice")
    make_box(mallory, "access-mallory")
    overwrite_box(box, owner_id=mallory.pk)
    box.owner_id = mallory.pk
    assert reveal_fails(read_box, box)


def test_it_rejects_a_flipped_bit_in_the_tag(
    alice: Any, make_box: Any, read_box: Any, read_column: Any, overwrite_box: Any
) -> None:
    box = make_box(alice)
    stored = read_column(box)
    overwrite_box(box, token=stored[:-1] + bytes([stored[-1] ^ 1]))
    assert reveal_fails(read_box, box)


def test_it_rejects_a_flipped_bit_in_the_key_id(
    alice: Any, make_box: Any, read_box: Any, read_column: Any, overwrite_box: Any
) -> None:
    box = make_box(alice)
    stored = read_column(box)
    overwrite_box(box, token=stored[:8] + bytes([stored[8] ^ 1]) + stored[9:])
    assert reveal_fails(read_box, box)


def test_it_rejects_plain_text_in_the_column(alice: Any, make_box: Any, read_box: Any, overwrite_box: Any) -> None:
    box = make_box(alice)
    overwrite_box(box, token=b"access-sandbox-planted-by-mallory-herself")
    assert reveal_fails(read_box, box)


# --- Rejected operations ----------------------------------------------------------------------------------


def test_it_refuses_update_with_a_plain_value(alice: Any, make_box: Any, Box: Any) -> None:
    make_box(alice)
    with tenant(alice.pk), pytest.raises(SealError):
        Box.objects.update(token="plain")


def test_it_refuses_bulk_update_with_a_plain_value(alice: Any, make_box: Any, read_box: Any, Box: Any) -> None:
    box = make_box(alice, "kept")
    box.token = "plain"
    with tenant(alice.pk), pytest.raises(SealError):
        Box.objects.bulk_update([box], ["token"])
    assert read_box(box).token.reveal() == "kept"


@pytest.mark.parametrize("lookup", ["token", "token__in", "token__contains", "token__gt", "token__length"])
def test_it_refuses_to_filter_by_value(alice: Any, Box: Any, lookup: str) -> None:
    with tenant(alice.pk), pytest.raises(FieldError):
        Box.objects.filter(**{lookup: "access"}).count()


def test_it_refuses_to_seal_a_row_without_owner(Box: Any) -> None:
    with pytest.raises(SealError):
        SealedTextField().seal(Box(token="x"), "x")


def test_it_is_not_editable() -> None:
    assert not SealedTextField().editable


# --- Output -----------------------------------------------------------------------------------------------


def test_it_never_prints_the_value(alice: Any, make_box: Any, read_box: Any) -> None:
    for secret in (read_box(make_box(alice, "access-1")).token, Secret(lambda: "access-1")):
        assert f"{secret} {secret!r} {secret!s} {[secret]} %s" % secret == " ".join(
            ["<secret>"] * 3 + ["[<secret>]", "<secret>"]
        )
    assert "access" not in repr(Sealed(b"access"))


def test_it_refuses_to_be_serialized(alice: Any, make_box: Any, read_box: Any) -> None:
    secret = read_box(make_box(alice, "access-1")).token
    for serialize in (json.dumps, pickle.dumps, copy.deepcopy, lambda s: json.dumps(s, cls=DjangoJSONEncoder)):
        with pytest.raises(TypeError):
            serialize(secret)


def test_it_refuses_to_pickle_an_unsealed_value(alice: Any, Box: Any) -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Box(owner_id=alice.pk, token="access-1").__dict__)
    assert "access" not in repr(Box(owner_id=alice.pk, token="access-1").__dict__)


def test_it_neither_writes_values_to_a_dump_nor_reads_them(alice: Any, make_box: Any, read_box: Any) -> None:
    dump = serializers.serialize("json", [read_box(make_box(alice, "access-1"))])
    assert json.loads(dump)[0]["fields"]["token"] == "<secret>"
    with pytest.raises(ValidationError, match="not in a dump"):
        SealedTextField().to_python("<secret>")


def test_it_deconstructs_into_its_arguments() -> None:
    field = SealedTextField(null=True, owner="id")
    _, path, args, options = field.deconstruct()
    assert (path, list(args), options) == ("compliance.vault.fields.SealedTextField", [], {"null": True, "owner": "id"})
    assert field.clone().owner == "id"
