import struct
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from compliance.vault.aad import build_aad
from compliance.vault.envelope_encryption import decrypt, encrypt, key_id
from compliance.vault.errors import SealError
from compliance.vault.key_cache import LoadedKey

RAW = bytes(range(100, 132))
KEY = LoadedKey(7, AESGCM(RAW))


def test_it_writes_version_key_nonce_ciphertext_and_tag() -> None:
    sealed = encrypt(KEY, b"12345678", b"here")
    assert sealed[0] == 0xF1
    assert struct.unpack(">Q", sealed[1:9]) == (7,)
    assert len(sealed) == 1 + 8 + 12 + 8 + 16
    # Without our own ``decrypt``: nonce, then ciphertext and tag, with the header before the context.
    assert AESGCM(RAW).decrypt(sealed[9:21], sealed[21:], sealed[:9] + b"here") == b"12345678"


def test_it_never_returns_the_same_bytes_twice() -> None:
    assert len({encrypt(KEY, b"same", b"here") for _ in range(100)}) == 100


def test_it_decrypts_values_of_any_length() -> None:
    for value in (b"", b"\0", b"x" * 100_000):
        assert decrypt(KEY, encrypt(KEY, value, b"here"), b"here") == value


def test_it_rejects_every_changed_byte() -> None:
    sealed = encrypt(KEY, b"access", b"here")
    for index in range(len(sealed)):
        changed = bytearray(sealed)
        changed[index] ^= 1
        with pytest.raises(SealError):
            decrypt(KEY, bytes(changed), b"here")


def test_it_rejects_another_context() -> None:
    with pytest.raises(SealError):
        decrypt(KEY, encrypt(KEY, b"access", b"here"), b"there")


@pytest.mark.parametrize("value", [b"", b"plaintext", b"\xf1", b"\xf1" + bytes(35), b"access-sandbox-" + b"0" * 60])
def test_it_rejects_other_bytes(value: bytes) -> None:
    with pytest.raises(SealError):
        key_id(value)


def test_it_raises_without_the_value_and_the_cause() -> None:
    sealed = encrypt(KEY, b"access-secret", b"here")
    with pytest.raises(SealError) as error:
        decrypt(KEY, sealed, b"there")
    assert "access" not in str(error.value)
    assert error.value.__cause__ is None


def test_it_encodes_similar_contexts_differently() -> None:
    assert build_aad("a", "bc") != build_aad("ab", "c")
    assert build_aad("a", "") != build_aad("a")
    assert build_aad("a") == b"\0\0\0\1a"
    assert build_aad(UUID(int=1), None) == b"\0\0\0\x10" + bytes(15) + b"\1" + b"\0\0\0\4None"
