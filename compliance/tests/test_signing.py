import os
from base64 import b64decode, b64encode
from hashlib import sha256
from io import StringIO
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.core.management import call_command

from compliance.signing import Signature, SigningKeyMissing, public_key_pem, public_keys, sign, verify
from compliance.signing.key_checks import find_signing_key_errors
from compliance.signing.signatures import build_signed_bytes

CONTEXT = "plumbline/test/v1"
OLD, NEW = (b64encode(sha256(name).digest()).decode() for name in (b"old", b"new"))


@pytest.fixture(autouse=True)
def _signing_keys(settings: Any) -> None:
    settings.SIGNING_KEYS = f"sig-20261101:{NEW},sig-20260801:{OLD}"


def test_it_signs_with_the_first_key_and_verifies_with_any(settings: Any) -> None:
    signature = sign(CONTEXT, b"payload")
    assert (signature.key_id, len(signature.value)) == ("sig-20261101", 64)
    settings.SIGNING_KEYS = f"sig-20270101:{b64encode(os.urandom(32)).decode()},sig-20261101:{NEW}"
    assert verify(CONTEXT, b"payload", signature)
    assert sign(CONTEXT, b"payload").key_id == "sig-20270101"


def test_it_refuses_another_payload_context_key_or_signature() -> None:
    signature = sign(CONTEXT, b"payload")
    assert not verify(CONTEXT, b"payloae", signature)
    assert not verify("plumbline/test/v2", b"payload", signature)
    assert not verify(CONTEXT, b"payload", signature._replace(key_id="sig-20260801"))
    flipped = bytes([signature.value[0] ^ 1]) + signature.value[1:]
    assert not verify(CONTEXT, b"payload", signature._replace(value=flipped))
    assert not verify(CONTEXT, b"payload", signature._replace(value=signature.value[:63]))
    assert not verify(CONTEXT, b"payload", signature._replace(value=b""))


def test_it_does_not_confuse_the_end_of_the_context_with_the_payload() -> None:
    assert not verify("plumbline/test/v1", b"0payload", sign("plumbline/test/v10", b"payload"))


def test_it_names_a_key_that_the_settings_lack() -> None:
    with pytest.raises(SigningKeyMissing, match="sig-20200101 is not in SIGNING_KEYS"):
        verify(CONTEXT, b"payload", Signature("sig-20200101", bytes(64)))


def test_others_verify_with_the_public_key_alone() -> None:
    signature = sign(CONTEXT, b"payload")
    for public_key in (
        Ed25519PublicKey.from_public_bytes(b64decode(public_keys()[signature.key_id])),
        load_pem_public_key(public_key_pem(signature.key_id).encode()),
    ):
        public_key.verify(signature.value, build_signed_bytes(CONTEXT, b"payload"))
        with pytest.raises(InvalidSignature):
            public_key.verify(signature.value, build_signed_bytes(CONTEXT, b"other"))


@pytest.mark.parametrize("options", [[], ["--pem"]])
def test_the_command_prints_public_keys_and_no_private_one(options: list[str]) -> None:
    output = StringIO()
    call_command("signing_keys", *options, stdout=output)
    assert "sig-20261101" in output.getvalue()
    assert (public_key_pem("sig-20261101") if options else public_keys()["sig-20261101"]) in output.getvalue()
    assert NEW not in output.getvalue()


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("", "SIGNING_KEYS is empty"),
        (f"sig-1:{NEW[:-4]}", "SIGNING_KEYS: sig-1 has 240 bits"),
        ("sig-1:%%%", "SIGNING_KEYS: sig-1 is not base64"),
        (f"SIG 1:{NEW}", "SIGNING_KEYS: a key id is"),
        (f"sig-1:{NEW},sig-2:{NEW}", "SIGNING_KEYS: sig-2 appears twice"),
        (f"sig-1:{b64encode(bytes(32)).decode()}", "SIGNING_KEYS: sig-1 is not random"),
        (f"sig-1:{OLD}", "SIGNING_KEYS: sig-1 is part of FIELD_KEYS"),
    ],
)
def test_it_refuses_keys_that_cannot_be_used_and_shows_none(setting: str, reason: str) -> None:
    (message,) = find_signing_key_errors(setting, {"FIELD_KEYS": f"kek-1:{OLD}"})
    assert message.startswith(reason)
    assert NEW[:-4] not in message
    assert OLD not in message


def test_it_accepts_a_single_key_without_an_id(settings: Any) -> None:
    settings.SIGNING_KEYS = NEW
    assert list(public_keys()) == ["sig"]
    assert find_signing_key_errors(NEW, {"FIELD_KEYS": OLD}) == []
