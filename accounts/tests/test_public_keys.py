"""The site's public keys and the program that uses them, for everyone: also for people whose account is deleted."""

import html
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.deletion.emails import RECEIPT_NAME, send_receipt_email
from compliance.export import verify_export
from compliance.personal_data.receipts import ErasureReceipt
from compliance.signing import list_public_keys, public_keys

pytestmark = pytest.mark.django_db

OLDER = b64encode(sha256(b"an older key of the tests").digest()).decode()
OVERVIEW = "/security-overview/"
PROGRAM = "/security-overview/verify_export.py"


def read_page(client: Client, url: str) -> str:
    return html.unescape(client.get(url).content.decode())


def test_it_shows_every_key_with_its_fingerprint_without_an_account(anonymous: Client, settings) -> None:
    settings.SIGNING_KEYS += f",sig-20250101:{OLDER}"
    page = read_page(anonymous, OVERVIEW)
    newest, older = public_keys().items()
    for key_id, value in (newest, older):
        fingerprint = sha256(b64decode(value)).hexdigest()
        assert all(f">{text}</code>" in page for text in (value, fingerprint)), key_id
    assert page.index(newest[1]) < page.index("an earlier key") < page.index(older[1])
    assert page.count("an earlier key") == 1


def test_it_describes_keys_as_the_program_does(settings) -> None:
    settings.SIGNING_KEYS += f",sig-20250101:{OLDER}"
    keys = list_public_keys()
    assert [(key.key_id, key.value) for key in keys] == list(public_keys().items())
    assert [key.signs for key in keys] == [True, False]
    for key in keys:
        sentence = verify_export.describe_signer("receipt", b64decode(key.value), is_given=True)
        assert sentence.endswith(key.fingerprint)


def test_it_shows_no_private_key(anonymous: Client, settings) -> None:
    settings.SIGNING_KEYS += f",sig-20250101:{OLDER}"
    page = read_page(anonymous, OVERVIEW)
    secrets = [entry.partition(":")[2] for entry in settings.SIGNING_KEYS.split(",")]
    assert len(secrets) == 2
    assert not [secret for secret in secrets if secret in page]


def test_it_shows_the_keys_beside_no_other_text(anonymous: Client) -> None:
    for url in ("/terms/", reverse("legal_text", args=["terms", "2026-11-30"])):
        assert next(iter(public_keys().values())) not in read_page(anonymous, url)


def test_it_sends_the_program_without_an_account(anonymous: Client) -> None:
    assert f'href="{PROGRAM}"' in read_page(anonymous, OVERVIEW)
    response = anonymous.get(PROGRAM)
    assert response.content == Path(verify_export.__file__).read_bytes()
    assert response.headers["Content-Disposition"] == 'attachment; filename="verify_export.py"'
    assert response.headers["Content-Type"] == "text/x-python; charset=utf-8"


def test_it_limits_how_often_the_program_is_sent(anonymous: Client, own_cache: None) -> None:
    assert [anonymous.get(PROGRAM).status_code for _ in range(31)] == [200] * 30 + [429]


def test_the_last_email_says_how_to_check_the_receipt() -> None:
    key_id = next(iter(public_keys()))
    receipt = ErasureReceipt(owner=uuid4(), erased_at=timezone.now(), document="{}", key_id=key_id, signature=b"signed")
    send_receipt_email(email="alice@example.com", receipt=receipt)
    [message] = mail.outbox
    assert f"python verify_export.py {RECEIPT_NAME} --key KEY" in message.body
    assert f"https://plumbline.test{OVERVIEW}" in message.body
