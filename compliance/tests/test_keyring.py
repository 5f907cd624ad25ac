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


def encode_key(key: bytes) -> str:
    return b64encode(key).decode()


def test_it_reads_a_ring_whose_first_key_is_primary() -> None:
    keys = parse_keyring(f"kek-20261101:{encode_key(A)}, kek-20260801:{encode_key(B)}")
    assert keys == {"kek-20261101": A, "kek-20260801": B}
    assert Keyring(keys).primary == "kek-20261101"


def test_it_reads_a_single_bare_key() -> None:
    assert parse_keyring(encode_key(A)) == {"kek": A}


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("", "is empty"),
        (" , ", "is empty"),
        (f"kek-1:{encode_key(A)[:-4]}", "has 240 bits"),
        (f"kek-1:{encode_key(A[:16])}", "has 128 bits"),
        ("kek-1:%%%", "is not base64"),
        (f"KEK 1:{encode_key(A)}", "a key id is"),
        (f"{encode_key(A)},{encode_key(B)}", "a key id is"),
        (f"kek-1:{encode_key(A)},kek-1:{encode_key(B)}", "appears twice"),
        (f"kek-1:{encode_key(A)},kek-2:{encode_key(A)}", "appears twice"),
    ],
)
def test_it_rejects_an_invalid_ring(spec: str, reason: str) -> None:
    with pytest.raises(InvalidKeyring, match=reason) as error:
        parse_keyring(spec)
    assert encode_key(A) not in str(error.value)
    assert key_checks.find_key_errors(spec, SECRET_KEY) == [str(error.value)]


@pytest.mark.parametrize(
    "key",
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
def test_it_rejects_a_key_that_is_not_random(key: bytes) -> None:
    (message,) = key_checks.find_key_errors(f"kek-20261101:{encode_key(key)}", SECRET_KEY)
    assert message.startswith("FIELD_KEYS: kek-20261101 is ")
    assert encode_key(key) not in message


def test_it_accepts_random_keys() -> None:
    assert not any(key_checks.find_key_errors(encode_key(os.urandom(32)), SECRET_KEY) for _ in range(2000))


def test_it_rejects_a_key_that_is_part_of_the_secret_key() -> None:
    (message,) = key_checks.find_key_errors(f"kek-1:{encode_key(A)}", f"x{encode_key(A)}y")
    assert "part of SECRET_KEY" in message


def test_it_wraps_under_the_primary_key_and_unwraps_under_any() -> None:
    old, new = Keyring({"old": A}), Keyring({"new": B, "old": A})
    name, wrapped = old.wrap(b"data key", b"alice")
    assert name == "old"
    assert new.unwrap(name, wrapped, b"alice") == b"data key"
    assert new.wrap(b"data key", b"alice")[0] == "new"


def test_it_raises_for_another_owner_or_a_missing_key() -> None:
    ring = Keyring({"old": A})
    name, wrapped = ring.wrap(b"data key", b"alice")
    with pytest.raises(SealError, match="belongs to another owner"):
        ring.unwrap(name, wrapped, b"mallory")
    with pytest.raises(SealError, match="old is not in FIELD_KEYS"):
        Keyring({"new": B}).unwrap(name, wrapped, b"alice")


@pytest.mark.parametrize("length", [0, 5, 12, 20])
def test_it_raises_for_a_truncated_data_key(length: int) -> None:
    ring = Keyring({"old": A})
    name, wrapped = ring.wrap(b"data key", b"alice")
    with pytest.raises(SealError, match="was changed"):
        ring.unwrap(name, wrapped[:length], b"alice")


@pytest.mark.parametrize(
    ("name", "age"), [("kek-20261101", 21), ("kek-20261122", 0), ("kek", None), ("kek-20261399", None)]
)
def test_it_reads_the_primary_keys_age_from_its_id(name: str, age: int | None) -> None:
    assert key_checks.primary_key_age(f"{name}:{encode_key(A)}", date(2026, 11, 22)) == age
