"""Passkeys are registered only by a complete ceremony, and an unreadable passkey does not lock its user out."""

import json
import logging
from typing import Any
from urllib.parse import quote

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal.auth import (
    STATE_SESSION_KEY,
    get_authenticator_by_credential_id,
    get_credentials,
)
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse
from fido2.utils import websafe_decode

from accounts.mfa import passkeys
from accounts.mfa.forms import CredentialField
from accounts.models import User
from accounts.tests.conftest import PASSWORD
from accounts.tests.pages import is_signed_in, sign_in
from accounts.tests.passkeys import add_passkey, make_credential
from accounts.tests.totp import AuthenticatorApp

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("cheap_hash")]

# Posted values, each of which is JSON but not an object.
NOT_OBJECTS = ["0", "false", "0.0", "-0", "0e5", "null", '""', "[]", "1", "true", '"x"', "[{}]"]
INVALID_CREDENTIALS = [*NOT_OBJECTS, "{}", r'{"id": "\u0000"}', r'{"id": "\ud800"}', "x", "[" * 100_000]
DAMAGED: list[Any] = [
    {"name": "AuthenticatorApp", "credential": {}},
    {"name": "AuthenticatorApp", "credential": {"response": 0}},
    {"name": "AuthenticatorApp", "credential": {"id": "AA", "rawId": "AA", "type": "public-key", "response": {}}},
    {
        "name": "AuthenticatorApp",
        "credential": {
            "id": "AA",
            "rawId": "AA",
            "type": "public-key",
            "response": {"clientDataJSON": "e30", "attestationObject": "AA"},
        },
    },
    {"credential": {"id": "AA"}},
    {"name": 5, "credential": {"id": "AA"}},
]
WITHOUT_CREDENTIAL: list[Any] = [
    *(0, [], "text", {}, {"name": "AuthenticatorApp"}),
    *({"credential": credential} for credential in (0, False, None, [])),
]


def add_damaged_passkey(user: User, data: Any) -> Authenticator:
    return Authenticator.objects.create(user=user, type="webauthn", data=data)


# --- Adding -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", NOT_OBJECTS)
def test_it_registers_no_value_that_is_not_an_object(alice: User, text: str) -> None:
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    url = reverse("mfa_add_webauthn")
    assert client.get(url).status_code == 200
    response = client.post(url, {"credential": text, "name": "x"})
    assert response.status_code == 200
    assert not Authenticator.objects.filter(user=alice).exists()


@pytest.mark.parametrize("text", INVALID_CREDENTIALS, ids=range(len(INVALID_CREDENTIALS)))
def test_it_validates_that_a_credential_is_an_object_with_values(text: str) -> None:
    with pytest.raises(ValidationError):
        CredentialField().clean(text)
    assert CredentialField().clean('{"id": "AA"}') == {"id": "AA"}


def test_it_stores_only_the_used_parts_of_a_registration(alice: User) -> None:
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    url = reverse("mfa_add_webauthn")
    client.get(url)
    challenge = websafe_decode(client.session[STATE_SESSION_KEY]["challenge"])
    credential = make_credential(challenge, identifier=b"laptop")
    posted = credential | {"more": "x", "response": credential["response"] | {"transports": ["internal"]}}
    assert client.post(url, {"credential": json.dumps(posted), "name": "Laptop"}).status_code == 302
    stored = Authenticator.objects.get(user=alice, type=Authenticator.Type.WEBAUTHN)
    assert stored.data["credential"] == credential


def test_it_registers_nothing_without_its_challenge(alice: User) -> None:
    credential = add_passkey(alice).data["credential"]
    Authenticator.objects.all().delete()
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    response = client.post(reverse("mfa_add_webauthn"), {"credential": json.dumps(credential), "name": "x"})
    assert response.status_code == 200
    assert not Authenticator.objects.filter(user=alice).exists()


@pytest.mark.parametrize("text", NOT_OBJECTS)
@pytest.mark.parametrize("name", ["mfa_login_webauthn", "mfa_authenticate", "mfa_reauthenticate_webauthn"])
def test_it_rejects_a_sign_in_with_a_value_that_is_not_an_object(
    alice: User, authenticator_app: AuthenticatorApp, name: str, text: str
) -> None:
    client = Client()
    if name == "mfa_reauthenticate_webauthn":
        client.force_login(alice)
    elif name == "mfa_authenticate":
        sign_in(client, alice.email, PASSWORD)
    response = client.post(reverse(name), {"credential": text})
    assert response.status_code in (200, 302)
    assert "otp_at" not in client.session


# --- Unreadable passkeys ----------------------------------------------------------------------------------


@pytest.mark.parametrize("data", DAMAGED, ids=range(len(DAMAGED)))
def test_it_skips_and_logs_unreadable_passkeys(alice: User, data: Any, caplog: pytest.LogCaptureFixture) -> None:
    readable, damaged = add_passkey(alice), add_damaged_passkey(alice, data)
    with caplog.at_level(logging.ERROR, logger="accounts.mfa.passkeys"):
        (only,) = get_credentials(alice)
        assert get_authenticator_by_credential_id(alice, only.credential_id) == readable
        assert get_authenticator_by_credential_id(alice, b"other") is None
    messages = {record.getMessage() for record in caplog.records}
    assert messages == {f"passkey-unreadable: second factor {damaged.pk}"}


@pytest.mark.parametrize("data", DAMAGED, ids=range(len(DAMAGED)))
def test_it_tells_the_user_and_lets_them_remove_the_passkey(alice: User, data: Any) -> None:
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    damaged = add_damaged_passkey(alice, data)
    session = client.session
    session["otp_device_id"], session["otp_at"] = f"accounts.secondfactor/{damaged.pk}", 9e9
    session.save()
    page = client.get(reverse("security"))
    assert page.status_code == 200
    assert "t read this passkey. Remove it and create a new one." in page.content.decode()
    assert reverse("mfa_edit_webauthn", args=[damaged.pk]) not in page.content.decode()
    assert client.get(reverse("mfa_add_webauthn")).status_code == 200
    assert client.get(reverse("mfa_edit_webauthn", args=[damaged.pk])).status_code == 200
    assert client.post(reverse("mfa_edit_webauthn", args=[damaged.pk]), {"name": "New"}).status_code == 200
    assert client.get(reverse("mfa_remove_webauthn", args=[damaged.pk])).status_code == 200
    assert client.post(reverse("mfa_remove_webauthn", args=[damaged.pk])).status_code == 302
    assert not Authenticator.objects.filter(pk=damaged.pk).exists()


@pytest.mark.parametrize("data", DAMAGED, ids=range(len(DAMAGED)))
def test_it_still_accepts_readable_factors(alice: User, authenticator_app: AuthenticatorApp, data: Any) -> None:
    add_damaged_passkey(alice, data)
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    url = reverse("mfa_authenticate")
    assert client.get(url).status_code == 200
    assert client.post(url, {"credential": quote("{}")}).status_code == 200
    client.post(url, {"code": authenticator_app.code()})
    client.post(reverse("mfa_trust"), {"action": "skip"})
    assert is_signed_in(client)


def test_it_requires_a_second_step_even_if_the_only_passkey_is_unreadable(alice: User) -> None:
    add_damaged_passkey(alice, {"name": "AuthenticatorApp", "credential": {}})
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    assert client.get(reverse("mfa_authenticate")).status_code == 200
    assert not is_signed_in(client)


@pytest.mark.parametrize("data", WITHOUT_CREDENTIAL, ids=range(len(WITHOUT_CREDENTIAL)))
def test_it_is_rejected_by_the_database_without_a_credential(alice: User, data: Any) -> None:
    with pytest.raises(IntegrityError):
        add_damaged_passkey(alice, data)


def test_it_does_not_count_as_a_second_factor_if_registration_failed(as_staff: Client) -> None:
    url = reverse("mfa_add_webauthn")
    as_staff.get(url)
    as_staff.post(url, {"credential": "0", "name": "x"})
    response = as_staff.get(reverse("admin:index"))
    assert (response.status_code, response.headers["Location"]) == (302, reverse("security"))


def test_it_extracts_only_the_used_parts_of_a_credential(alice: User) -> None:
    credential = add_passkey(alice).data["credential"]
    posted = credential | {"more": "x", "clientExtensionResults": {"credProps": {"rk": [5]}}}
    posted["response"] = credential["response"] | {"transports": 5, "publicKey": [1]}
    assert passkeys.extract_credential(posted) == credential


def test_it_reads_what_it_stored(alice: User) -> None:
    assert passkeys.read_credential(add_passkey(alice)) is not None
