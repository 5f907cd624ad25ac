"""A line is an anchor or it is none, whatever it says, and its hashes depend on every head."""

import json
from typing import Any

import pytest
from django.utils import timezone

from compliance.audit.anchors.lines import (
    AnchoredHead,
    AnchorLine,
    InvalidAnchor,
    encode_json,
    hash_leaf,
    merkle_root,
)
from compliance.isolation import SYSTEM
from compliance.tests.anchor_files import forge
from compliance.tests.conftest import default_and_ops

pytestmark = default_and_ops

HEADS = [AnchoredHead(SYSTEM, number, bytes(32)) for number in range(6)]


@pytest.mark.parametrize("count", range(7))
def test_its_root_depends_on_every_head_and_their_order(count: int) -> None:
    leaves = [hash_leaf(head) for head in HEADS[:count]]
    others = {merkle_root(leaves[:number] + leaves[number + 1 :]) for number in range(count)}
    others |= {merkle_root(leaves[::-1])} if count > 1 else set()
    assert merkle_root(leaves) not in others
    assert len(merkle_root(leaves)) == 32


def test_it_does_not_take_a_node_for_a_leaf() -> None:
    left, right = hash_leaf(HEADS[0]), hash_leaf(HEADS[1])
    assert merkle_root([left, right]) != merkle_root([merkle_root([left, right])[:32], left])
    assert merkle_root([left, right]) != hash_leaf(AnchoredHead(SYSTEM, 0, left + right))


def test_it_refuses_to_store_a_line_without_a_signature() -> None:
    line = AnchorLine(timezone.now(), 0, merkle_root([]), (), is_last=True, previous="")
    with pytest.raises(InvalidAnchor):
        line.to_text()
    assert not line.is_signed()
    assert json.loads(encode_json({"b": 1, "a": 2})) == {"a": 2, "b": 1}


NO_VALUES: list[dict[str, Any]] = [
    {"chains": float("inf")}, {"chains": 1.0}, {"chains": "1"}, {"chains": True}, {"chains": -1}, {"chains": 1 << 63},
    {"at": "2026-11-30T08:15:00"}, {"at": 1}, {"last": 1}, {"previous": 1}, {"root": 1}, {"signature": None},
    {"key": 1}, {"key": "\x1b[2J"}, {"key": "\ud800"}, {"heads": {}}, {"heads": 1}, {"heads": [1]},
    {"heads": [[str(SYSTEM), float("inf"), ""]]}, {"heads": [[str(SYSTEM), "1", ""]]},
    {"heads": [[str(SYSTEM), 1 << 63, ""]]}, {"heads": [[str(SYSTEM), -1, ""]]}, {"heads": [[1, 1, ""]]},
]  # fmt: skip


@pytest.mark.parametrize("changes", NO_VALUES, ids=ascii)
def test_a_line_with_another_value_is_no_anchor(changes: dict[str, Any]) -> None:
    line = AnchorLine(timezone.now(), 0, merkle_root([]), (), is_last=True, previous="").sign()
    assert AnchorLine.parse(line.to_text()) == line
    with pytest.raises(InvalidAnchor):
        AnchorLine.parse(forge(line, **changes))


@pytest.mark.parametrize("text", ["[" * 100_000, '{"chains":' + "9" * 5000 + "}"], ids=lambda text: text[:9])
def test_a_line_that_no_site_writes_is_no_anchor(text: str) -> None:
    with pytest.raises(InvalidAnchor):
        AnchorLine.parse(text)
