"""Passkeys: what enrols one, and what becomes of one whose stored half cannot be read."""

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

# As they are posted: each is JSON, and none is an object.
NO_OBJECTS = ["0", "false", "0.0", "-0", "0e5", "null", '""', "[]", "1", "true", '"x"', "[{}]"]
NOTHING_TO_READ = [*NO_OBJECTS, "{}", r'{"id": "\u0000"}', r'{"id": "\ud800"}', "x", "[" * 100_000]
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
NONE_AT_ALL: list[Any] = [
    *(0, [], "text", {}, {"name": "AuthenticatorApp"}),
    *({"credential": each} for each in (0, False, None, [])),
]


def damage_passkey(user: User, data: Any) -> Authenticator:
    return Authenticator.objects.create(user=user, type="webauthn", data=data)


# --- Adding -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", NO_OBJECTS)
def test_it_enrols_nothing_that_no_ceremony_made(alice: User, text: str) -> None:
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    place = reverse("mfa_add_webauthn")
    assert client.get(place).status_code == 200
    answer = client.post(place, {"credential": text, "name": "x"})
    assert answer.status_code == 200
    assert not Authenticator.objects.filter(user=alice).exists()


@pytest.mark.parametrize("text", NOTHING_TO_READ, ids=range(len(NOTHING_TO_READ)))
def test_it_hands_nothing_but_an_object_that_holds_something_on(text: str) -> None:
    with pytest.raises(ValidationError):
        CredentialField().clean(text)
    assert CredentialField().clean('{"id": "AA"}') == {"id": "AA"}


def test_it_keeps_of_a_completed_ceremony_what_is_read_back_and_no_more(alice: User) -> None:
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    place = reverse("mfa_add_webauthn")
    client.get(place)
    question = websafe_decode(client.session[STATE_SESSION_KEY]["challenge"])
    made = make_credential(question, identifier=b"laptop")
    sent = made | {"more": "x", "response": made["response"] | {"transports": ["internal"]}}
    assert client.post(place, {"credential": json.dumps(sent), "name": "Laptop"}).status_code == 302
    kept = Authenticator.objects.get(user=alice, type=Authenticator.Type.WEBAUTHN)
    assert kept.data["credential"] == made


def test_it_enrols_nothing_without_the_question_that_it_answers(alice: User) -> None:
    made = add_passkey(alice).data["credential"]
    Authenticator.objects.all().delete()
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    answer = client.post(reverse("mfa_add_webauthn"), {"credential": json.dumps(made), "name": "x"})
    assert answer.status_code == 200
    assert not Authenticator.objects.filter(user=alice).exists()


@pytest.mark.parametrize("text", NO_OBJECTS)
@pytest.mark.parametrize("place", ["mfa_login_webauthn", "mfa_authenticate", "mfa_reauthenticate_webauthn"])
def test_it_lets_nobody_in_by_what_is_no_object(
    alice: User, authenticator_app: AuthenticatorApp, place: str, text: str
) -> None:
    client = Client()
    if place == "mfa_reauthenticate_webauthn":
        client.force_login(alice)
    elif place == "mfa_authenticate":
        sign_in(client, alice.email, PASSWORD)
    answer = client.post(reverse(place), {"credential": text})
    assert answer.status_code in (200, 302)
    assert "otp_at" not in client.session


# --- What cannot be read ----------------------------------------------------------------------------------


@pytest.mark.parametrize("data", DAMAGED, ids=range(len(DAMAGED)))
def test_it_passes_over_what_cannot_be_read_and_tells_the_operator(
    alice: User, data: Any, caplog: pytest.LogCaptureFixture
) -> None:
    good, bad = add_passkey(alice), damage_passkey(alice, data)
    with caplog.at_level(logging.ERROR, logger="accounts.mfa.passkeys"):
        (only,) = get_credentials(alice)
        assert get_authenticator_by_credential_id(alice, only.credential_id) == good
        assert get_authenticator_by_credential_id(alice, b"other") is None
    told = {record.getMessage() for record in caplog.records}
    assert told == {f"passkey-unreadable: second factor {bad.pk}"}


@pytest.mark.parametrize("data", DAMAGED, ids=range(len(DAMAGED)))
def test_it_tells_the_person_and_lets_it_be_removed(alice: User, data: Any) -> None:
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    bad = damage_passkey(alice, data)
    session = client.session
    session["otp_device_id"], session["otp_at"] = f"accounts.secondfactor/{bad.pk}", 9e9
    session.save()
    page = client.get(reverse("security"))
    assert page.status_code == 200
    assert "t read this passkey. Remove it and create a new one." in page.content.decode()
    assert reverse("mfa_edit_webauthn", args=[bad.pk]) not in page.content.decode()
    assert client.get(reverse("mfa_add_webauthn")).status_code == 200
    assert client.get(reverse("mfa_edit_webauthn", args=[bad.pk])).status_code == 200
    assert client.post(reverse("mfa_edit_webauthn", args=[bad.pk]), {"name": "New"}).status_code == 200
    assert client.get(reverse("mfa_remove_webauthn", args=[bad.pk])).status_code == 200
    assert client.post(reverse("mfa_remove_webauthn", args=[bad.pk])).status_code == 302
    assert not Authenticator.objects.filter(pk=bad.pk).exists()


@pytest.mark.parametrize("data", DAMAGED, ids=range(len(DAMAGED)))
def test_it_still_asks_for_the_factors_that_can_be_read(
    alice: User, authenticator_app: AuthenticatorApp, data: Any
) -> None:
    damage_passkey(alice, data)
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    place = reverse("mfa_authenticate")
    assert client.get(place).status_code == 200
    assert client.post(place, {"credential": quote("{}")}).status_code == 200
    client.post(place, {"code": authenticator_app.code()})
    client.post(reverse("mfa_trust"), {"action": "skip"})
    assert is_signed_in(client)


def test_it_does_not_let_the_password_alone_in_for_a_damaged_passkey(alice: User) -> None:
    damage_passkey(alice, {"name": "AuthenticatorApp", "credential": {}})
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    assert client.get(reverse("mfa_authenticate")).status_code == 200
    assert not is_signed_in(client)


@pytest.mark.parametrize("data", NONE_AT_ALL, ids=range(len(NONE_AT_ALL)))
def test_it_is_refused_by_the_database_too(alice: User, data: Any) -> None:
    with pytest.raises(IntegrityError):
        damage_passkey(alice, data)


def test_it_is_a_second_factor_for_nobody_on_the_operators_site(as_staff: Client) -> None:
    place = reverse("mfa_add_webauthn")
    as_staff.get(place)
    as_staff.post(place, {"credential": "0", "name": "x"})
    answer = as_staff.get(reverse("admin:index"))
    assert (answer.status_code, answer.headers["Location"]) == (302, reverse("security"))


def test_it_keeps_the_parts_that_are_read_back_and_no_others(alice: User) -> None:
    made = add_passkey(alice).data["credential"]
    posted = made | {"more": "x", "clientExtensionResults": {"credProps": {"rk": [5]}}}
    posted["response"] = made["response"] | {"transports": 5, "publicKey": [1]}
    assert passkeys.extract_credential(posted) == made


def test_it_reads_what_it_stored(alice: User) -> None:
    assert passkeys.read_credential(add_passkey(alice)) is not None
