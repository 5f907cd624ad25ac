import os
from base64 import b64encode
from datetime import date
from hashlib import sha256

import pytest

from compliance.vault import key_checks
from compliance.vault.errors import SealError
from compliance.vault.keyring import InvalidKeyring, Keyring, parse_keyring

A, B = sha256(b"a").digest(), sha256(b"b").digest()
SECRET_KEY = "s" * 50


def text(key: bytes) -> str:
    return b64encode(key).decode()


def test_it_reads_a_ring_whose_first_key_is_primary() -> None:
    keys = parse_keyring(f"kek-20261101:{text(A)}, kek-20260801:{text(B)}")
    assert keys == {"kek-20261101": A, "kek-20260801": B}
    assert Keyring(keys).primary == "kek-20261101"


def test_it_reads_a_single_bare_key() -> None:
    assert parse_keyring(text(A)) == {"kek": A}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("", "is empty"),
        (" , ", "is empty"),
        (f"kek-1:{text(A)[:-4]}", "has 240 bits"),
        (f"kek-1:{text(A[:16])}", "has 128 bits"),
        ("kek-1:%%%", "is not base64"),
        (f"KEK 1:{text(A)}", "a key id is"),
        (f"{text(A)},{text(B)}", "a key id is"),
        (f"kek-1:{text(A)},kek-1:{text(B)}", "appears twice"),
        (f"kek-1:{text(A)},kek-2:{text(A)}", "appears twice"),
    ],
)
def test_it_refuses_a_ring_that_it_cannot_read(spec: str, words: str) -> None:
    with pytest.raises(InvalidKeyring, match=words) as caught:
        parse_keyring(spec)
    assert text(A) not in str(caught.value)
    assert key_checks.find_key_errors(spec, SECRET_KEY) == [str(caught.value)]


@pytest.mark.parametrize(
    "weak",
    [
        bytes(32),
        b"k" * 32,
        bytes(range(32)),
        bytes(range(0, 64, 2)),
        bytes(range(255, 223, -1)),
        b"correct horse battery staple 123",
        A[:8] * 4,
    ],
)
def test_it_refuses_a_key_that_is_not_random(weak: bytes) -> None:
    (found,) = key_checks.find_key_errors(f"kek-20261101:{text(weak)}", SECRET_KEY)
    assert found.startswith("FIELD_KEYS: kek-20261101 is ")
    assert text(weak) not in found


def test_it_refuses_no_random_key() -> None:
    assert not any(key_checks.find_key_errors(text(os.urandom(32)), SECRET_KEY) for _ in range(2000))


def test_it_refuses_a_key_that_is_part_of_the_secret_key() -> None:
    (found,) = key_checks.find_key_errors(f"kek-1:{text(A)}", f"x{text(A)}y")
    assert "part of SECRET_KEY" in found


def test_it_wraps_under_the_primary_key_and_unwraps_under_any() -> None:
    old, new = Keyring({"old": A}), Keyring({"new": B, "old": A})
    name, wrapped = old.wrap(b"data key", b"alice")
    assert name == "old"
    assert new.unwrap(name, wrapped, b"alice") == b"data key"
    assert new.wrap(b"data key", b"alice")[0] == "new"


def test_it_refuses_a_data_key_of_another_owner_or_under_a_missing_key() -> None:
    ring = Keyring({"old": A})
    name, wrapped = ring.wrap(b"data key", b"alice")
    with pytest.raises(SealError, match="belongs to another owner"):
        ring.unwrap(name, wrapped, b"mallory")
    with pytest.raises(SealError, match="old is not in FIELD_KEYS"):
        Keyring({"new": B}).unwrap(name, wrapped, b"alice")


@pytest.mark.parametrize("length", [0, 5, 12, 20])
def test_it_refuses_a_data_key_that_was_cut_off(length: int) -> None:
    ring = Keyring({"old": A})
    name, wrapped = ring.wrap(b"data key", b"alice")
    with pytest.raises(SealError, match="was changed"):
        ring.unwrap(name, wrapped[:length], b"alice")


@pytest.mark.parametrize(
    ("name", "age"), [("kek-20261101", 21), ("kek-20261122", 0), ("kek", None), ("kek-20261399", None)]
)
def test_it_reads_the_primary_keys_age_from_its_id(name: str, age: int | None) -> None:
    assert key_checks.primary_key_age(f"{name}:{text(A)}", date(2026, 11, 22)) == age
