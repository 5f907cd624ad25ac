"""The program inside an export also verifies the receipt of a deletion, which its person gets without an account."""

import json
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from accounts.deletion.emails import format_receipt
from accounts.models import User
from compliance.export import verify_export
from compliance.isolation import tenant
from compliance.personal_data.receipts import create_receipt
from compliance.signing.signatures import build_signed_bytes
from config.tests.exports import export_data, site_key

pytestmark = pytest.mark.django_db(transaction=True)

Verify = Callable[..., tuple[int, str]]


@pytest.fixture
def receipt(alice: User) -> dict[str, str]:
    """What the file in the last email says."""
    at = datetime(2026, 11, 30, 8, 15, tzinfo=UTC)
    deleted = {"accounts.User": 1, "banking.Transaction": 41}
    with tenant(alice.pk):
        stored = create_receipt(
            owner=alice.pk, requested_at=at, erased_at=at, deleted=deleted, kept={"ä": "ü"}, pending={}
        )
    return json.loads(format_receipt(stored))


@pytest.fixture
def verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Verify:
    def run(content: bytes | dict[str, str], *arguments: str) -> tuple[int, str]:
        path = tmp_path / "receipt.json"
        path.write_bytes(json.dumps(content).encode() if isinstance(content, dict) else content)
        return verify_export.main([str(path), *arguments]), capsys.readouterr().out

    return run


def test_it_verifies_a_receipt(receipt: dict[str, str], alice: User, verify: Verify) -> None:
    code, shown = verify(receipt, "--key", site_key())
    fingerprint = sha256(verify_export.decode(site_key())).hexdigest()
    assert (code, shown.splitlines()) == (0, [
        f"OK      The receipt is signed with the key that you gave. Its fingerprint (SHA-256): {fingerprint}",
        f"OK      It says that https://plumbline.test deleted 42 rows of the account {alice.pk}, "
        "completed at 2026-11-30T08:15:00+00:00.",
        "Everything is as the site wrote it.",
    ])  # fmt: skip


def test_it_says_that_a_key_inside_a_receipt_does_not_prove_who_signed_it(
    receipt: dict[str, str], verify: Verify
) -> None:
    code, shown = verify(receipt)
    assert (code, "with a key that is in this file itself" in shown) == (0, True)
    assert shown.endswith("To know who signed it, give the site's key with --key.\n")


def test_it_finds_a_receipt_that_was_changed_or_that_another_site_signed(
    receipt: dict[str, str], verify: Verify
) -> None:
    changed = receipt | {"document": receipt["document"].replace("41", "0")}
    no_text = receipt | {"document": "\ud800"}
    for content, key in ((changed, site_key()), (receipt, b64encode(b"\x01" * 32).decode()), (no_text, site_key())):
        code, shown = verify(content, "--key", key)
        assert (code, shown.splitlines()) == (1, [
            "FAILED  The receipt's signature is not valid: it was changed, or another key signed it.",
            "Do not trust this file.",
        ])  # fmt: skip


def test_it_takes_no_other_signature_of_the_site_for_one_of_a_receipt(alice: User, verify: Verify) -> None:
    archive = export_data(alice).archive
    signature = json.loads(archive.read(verify_export.SIGNATURE))
    forged = {"document": archive.read(verify_export.MANIFEST).decode(), "signature": signature["signature"]}
    assert verify(forged, "--key", site_key())[0] == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"document": 1}', b"\xff", b"[" * 100_000, b" " * (2 << 20)],
    ids=["empty", "a list", "an empty one", "a number", "no text", "nested too deep", "too long"],
)
def test_it_says_that_a_file_is_no_receipt(content: bytes, verify: Verify) -> None:
    code, shown = verify(content, "--key", site_key())
    assert code == 2
    assert shown.startswith("This file cannot be checked: it is neither a complete export nor a receipt.")


@pytest.mark.parametrize(
    "deleted", [{"a": 1, "b": -5.5}, {"a": -1}, {"a": True}, {"a": 1.0}, {"a": 1 << 63}, [1]], ids=str
)
def test_it_repeats_no_counts_that_count_nothing(receipt: dict[str, str], verify: Verify, deleted: object) -> None:
    """A key inside the file may have signed anything."""
    document = json.dumps(json.loads(receipt["document"]) | {"deleted": deleted})
    key = Ed25519PrivateKey.generate()
    forged = {
        "document": document,
        "public_key": b64encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode(),
        "signature": b64encode(key.sign(build_signed_bytes(verify_export.RECEIPT_CONTEXT, document.encode()))).decode(),
    }
    code, shown = verify(forged)
    assert (code, shown) == (
        2, "This file cannot be checked: the receipt has a form that this program does not know.\n"
    )  # fmt: skip


@pytest.mark.parametrize("key", ["", "AAAA"])
def test_it_refuses_what_is_no_key(receipt: dict[str, str], verify: Verify, key: str) -> None:
    code, shown = verify(receipt, "--key", key)
    assert (code, "is not a public key" in shown) == (2, True)
