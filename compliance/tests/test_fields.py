"""Sealed columns: what opens, what does not, and what is refused on the way in."""

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
from compliance.tests.conftest import everywhere
from compliance.vault.errors import SealError
from compliance.vault.fields import SealedTextField
from compliance.vault.secret import Sealed, Secret

pytestmark = everywhere


# --- In and out -------------------------------------------------------------------------------------------


def test_it_gives_back_what_was_saved(alice: Any, make_box: Any, read_box: Any) -> None:
    for value in ("access-sandbox-1", "", "…ü\0" * 999):
        assert read_box(make_box(alice, value)).token.reveal() == value


def test_it_stores_no_trace_of_the_value(alice: Any, make_box: Any, raw: Any) -> None:
    stored = raw(make_box(alice, "access-sandbox-1"))
    assert b"access" not in stored
    assert len(stored) == len("access-sandbox-1") + 37


def test_it_keeps_null_apart_from_empty(alice: Any, make_box: Any, read_box: Any, Box: Any) -> None:
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


def test_it_leaves_the_ciphertext_alone_when_nothing_was_assigned(
    alice: Any, make_box: Any, read_box: Any, raw: Any
) -> None:
    box = read_box(make_box(alice))
    before = raw(box)
    with tenant(alice.pk):
        box.label = "renamed"
        box.save()
    assert raw(box) == before


def test_it_opens_a_deferred_value(alice: Any, make_box: Any, Box: Any) -> None:
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


def test_it_seals_again_what_is_copied_to_another_row(alice: Any, mallory: Any, make_box: Any, read_box: Any) -> None:
    box = read_box(make_box(alice, "copied"))
    assert read_box(make_box(alice, box.token)).token.reveal() == "copied"
    assert read_box(make_box(mallory, box.token)).token.reveal() == "copied"


# --- Tampering --------------------------------------------------------------------------------------------


def reveal_fails(read: Callable[..., Any], box: Any, field: str = "token") -> bool:
    with pytest.raises(SealError) as caught:
        getattr(read(box), field).reveal()
    return "access" not in str(caught.value)


def test_it_refuses_a_ciphertext_of_another_owner(
    alice: Any, mallory: Any, make_box: Any, read_box: Any, raw: Any, plant: Any
) -> None:
    mine, theirs = make_box(alice, "access-alice"), make_box(mallory, "access-mallory")
    plant(theirs, token=raw(mine))
    assert reveal_fails(read_box, theirs)


def test_it_refuses_a_ciphertext_of_another_row(alice: Any, make_box: Any, read_box: Any, raw: Any, plant: Any) -> None:
    one, other = make_box(alice, "access-1"), make_box(alice, "access-2")
    plant(one, token=raw(other))
    assert reveal_fails(read_box, one)


def test_it_refuses_a_ciphertext_of_another_field(
    alice: Any, make_box: Any, read_box: Any, raw: Any, plant: Any
) -> None:
    box = make_box(alice, "access-1", note="access-2")
    plant(box, token=raw(box, "note"))
    assert reveal_fails(read_box, box)


def test_it_refuses_a_row_that_was_moved_to_another_owner(
    alice: Any, mallory: Any, make_box: Any, read_box: Any, plant: Any
) -> None:
    box = make_box(alice, "access-alice")
    make_box(mallory, "access-mallory")
    plant(box, owner_id=mallory.pk)
    box.owner_id = mallory.pk
    assert reveal_fails(read_box, box)


def test_it_refuses_a_flipped_bit_in_the_tag(alice: Any, make_box: Any, read_box: Any, raw: Any, plant: Any) -> None:
    box = make_box(alice)
    stored = raw(box)
    plant(box, token=stored[:-1] + bytes([stored[-1] ^ 1]))
    assert reveal_fails(read_box, box)


def test_it_refuses_a_flipped_bit_in_the_key_id(alice: Any, make_box: Any, read_box: Any, raw: Any, plant: Any) -> None:
    box = make_box(alice)
    stored = raw(box)
    plant(box, token=stored[:8] + bytes([stored[8] ^ 1]) + stored[9:])
    assert reveal_fails(read_box, box)


def test_it_refuses_planted_plaintext(alice: Any, make_box: Any, read_box: Any, plant: Any) -> None:
    box = make_box(alice)
    plant(box, token=b"access-sandbox-planted-by-mallory-herself")
    assert reveal_fails(read_box, box)


# --- Refusals on the way in -------------------------------------------------------------------------------


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
def test_it_refuses_to_filter_by_a_value(alice: Any, Box: Any, lookup: str) -> None:
    with tenant(alice.pk), pytest.raises(FieldError):
        Box.objects.filter(**{lookup: "access"}).count()


def test_it_refuses_to_seal_a_row_without_owner(Box: Any) -> None:
    with pytest.raises(SealError):
        SealedTextField().seal(Box(token="x"), "x")


def test_it_never_offers_a_form_field() -> None:
    assert not SealedTextField().editable


# --- Secrets stay secret ----------------------------------------------------------------------------------


def test_it_prints_nothing(alice: Any, make_box: Any, read_box: Any) -> None:
    for secret in (read_box(make_box(alice, "access-1")).token, Secret(lambda: "access-1")):
        assert f"{secret} {secret!r} {secret!s} {[secret]} %s" % secret == " ".join(
            ["<secret>"] * 3 + ["[<secret>]", "<secret>"]
        )
    assert "access" not in repr(Sealed(b"access"))


def test_it_refuses_to_be_serialized(alice: Any, make_box: Any, read_box: Any) -> None:
    secret = read_box(make_box(alice, "access-1")).token
    for attempt in (json.dumps, pickle.dumps, copy.deepcopy, lambda s: json.dumps(s, cls=DjangoJSONEncoder)):
        with pytest.raises(TypeError):
            attempt(secret)


def test_it_refuses_to_pickle_a_row_with_a_value_not_yet_sealed(alice: Any, Box: Any) -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Box(owner_id=alice.pk, token="access-1").__dict__)
    assert "access" not in repr(Box(owner_id=alice.pk, token="access-1").__dict__)


def test_it_shows_nothing_in_a_dump_and_takes_nothing_from_one(alice: Any, make_box: Any, read_box: Any) -> None:
    dump = serializers.serialize("json", [read_box(make_box(alice, "access-1"))])
    assert json.loads(dump)[0]["fields"]["token"] == "<secret>"
    with pytest.raises(ValidationError, match="not in a dump"):
        SealedTextField().to_python("<secret>")


def test_it_deconstructs_into_what_made_it() -> None:
    field = SealedTextField(null=True, owner="id")
    _, path, args, options = field.deconstruct()
    assert (path, list(args), options) == ("compliance.vault.fields.SealedTextField", [], {"null": True, "owner": "id"})
    assert field.clone().owner == "id"
