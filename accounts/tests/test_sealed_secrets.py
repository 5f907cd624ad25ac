"""Where the secrets of second factors lie."""

from collections.abc import Callable
from uuid import UUID

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY
from django.test import Client
from django.urls import reverse

from accounts.mfa.models import SecondFactor
from accounts.mfa.recovery_codes import count_unused_codes
from accounts.mfa.sealed_secrets import is_secret_readable, open_secret, seal_secret
from accounts.mfa.second_factors import has_second_factor
from accounts.mfa.totp import verify_code
from accounts.models import User
from accounts.tests.totp import SECRET, AuthenticatorApp, add_authenticator_app, add_recovery_codes
from compliance.vault import SealError
from compliance.vault.data_keys import shred

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_keeps_no_seed_in_the_clear(
    alice: User, authenticator_app: AuthenticatorApp, as_operator: Callable[..., list[tuple[object, ...]]]
) -> None:
    codes = add_recovery_codes(alice)
    rows = str(as_operator("SELECT data::text FROM mfa_authenticator"))
    assert str(alice.pk) in rows
    assert not [secret for secret in (SECRET, "12345678901234567890", "ab" * 40, *codes) if secret in rows]


def test_it_opens_what_it_sealed(alice: User) -> None:
    assert open_secret(seal_secret("a seed", owner=alice.pk)) == "a seed"
    assert open_secret(seal_secret("a seed", owner=alice.pk), owner=alice.pk) == "a seed"


@pytest.mark.parametrize("text", ["", "a seed", "x.y", *(f"{UUID(int=7)}{end}" for end in ("", ".", ".!!!", ".AAAA"))])
def test_it_opens_nothing_else(alice: User, text: str) -> None:
    with pytest.raises(SealError):
        open_secret(text)


def test_it_opens_no_seed_that_was_changed_or_renamed(alice: User, mallory: User) -> None:
    text = seal_secret("a seed", owner=alice.pk)
    seal_secret("another", owner=mallory.pk)
    for forged in (f"{text[:-6]}AAAAA=", text.replace(str(alice.pk), str(mallory.pk))):
        with pytest.raises(SealError):
            open_secret(forged)


def test_it_opens_no_seed_that_was_moved_to_another_person(
    alice: User, authenticator_app: AuthenticatorApp, mallory: User
) -> None:
    hers = add_authenticator_app(mallory, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    Authenticator.objects.filter(pk=authenticator_app.factor.pk).update(data=hers.factor.data)
    assert verify_code(authenticator_app.factor, hers.code()) is False
    with pytest.raises(SealError):
        open_secret(hers.factor.data["secret"], owner=alice.pk)


def test_it_forgets_seeds_with_their_owners_keys(alice: User, authenticator_app: AuthenticatorApp) -> None:
    codes = add_recovery_codes(alice)
    shred(alice.pk)
    assert verify_code(authenticator_app.factor, authenticator_app.code()) is False
    factor = Authenticator.objects.get(user=alice, type="recovery_codes")
    assert factor.wrap().validate_code(codes[0]) is False
    assert (count_unused_codes([factor]), is_secret_readable(factor), is_secret_readable(authenticator_app.factor)) == (
        None,
        False,
        False,
    )


def test_it_counts_recovery_codes_that_are_unused(alice: User, authenticator_app: AuthenticatorApp) -> None:
    assert count_unused_codes([authenticator_app.factor]) is None
    codes = add_recovery_codes(alice)
    factor = Authenticator.objects.get(user=alice, type="recovery_codes")
    assert (len(codes), len(set(codes)), count_unused_codes([authenticator_app.factor, factor])) == (10, 10, 10)
    assert factor.wrap().validate_code(codes[3])
    factor.refresh_from_db()
    assert count_unused_codes([factor]) == 9


def test_it_asks_no_second_step_for_recovery_codes_alone(alice: User) -> None:
    add_recovery_codes(alice)
    assert not has_second_factor(alice)
    add_authenticator_app(alice)
    assert has_second_factor(alice)


def test_it_shows_django_otp_the_same_row(alice: User, authenticator_app: AuthenticatorApp) -> None:
    (device,) = SecondFactor.objects.devices_for_user(alice, confirmed=True)
    assert (device.pk, device.type, device.confirmed, str(device)) == (
        authenticator_app.factor.pk,
        "totp",
        True,
        "totp",
    )
    assert list(SecondFactor.objects.devices_for_user(alice, confirmed=False)) == []
    assert SecondFactor.from_persistent_id(device.persistent_id) == device
    code = authenticator_app.code()
    assert (device.verify_token(code), device.verify_token(code)) == (True, False)


def test_it_begins_anew_where_a_secret_that_waits_cannot_be_read(alice: User, as_alice: Client) -> None:
    place = reverse("mfa_activate_totp")
    as_alice.get(place)
    session = as_alice.session
    session[SECRET_SESSION_KEY] = session[SECRET_SESSION_KEY][:-6] + "AAAAA="
    session.save()
    assert as_alice.post(place, {"code": "123456"}).status_code == 200
    assert open_secret(as_alice.session[SECRET_SESSION_KEY], owner=alice.pk)
    assert not has_second_factor(alice)
