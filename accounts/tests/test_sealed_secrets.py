"""The secrets of second factors are stored encrypted."""

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


def test_it_stores_no_seed_in_plain_text(
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
def test_it_raises_for_other_texts(alice: User, text: str) -> None:
    with pytest.raises(SealError):
        open_secret(text)


def test_it_raises_for_a_seed_that_was_changed_or_renamed(alice: User, mallory: User) -> None:
    text = seal_secret("a seed", owner=alice.pk)
    seal_secret("another", owner=mallory.pk)
    for forged in (f"{text[:-6]}AAAAA=", text.replace(str(alice.pk), str(mallory.pk))):
        with pytest.raises(SealError):
            open_secret(forged)


def test_it_raises_for_a_seed_that_was_moved_to_another_user(
    alice: User, authenticator_app: AuthenticatorApp, mallory: User
) -> None:
    other_app = add_authenticator_app(mallory, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    Authenticator.objects.filter(pk=authenticator_app.factor.pk).update(data=other_app.factor.data)
    assert verify_code(authenticator_app.factor, other_app.code()) is False
    with pytest.raises(SealError):
        open_secret(other_app.factor.data["secret"], owner=alice.pk)


def test_it_cannot_read_seeds_after_the_owners_keys_are_deleted(
    alice: User, authenticator_app: AuthenticatorApp
) -> None:
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


def test_it_counts_unused_recovery_codes(alice: User, authenticator_app: AuthenticatorApp) -> None:
    assert count_unused_codes([authenticator_app.factor]) is None
    codes = add_recovery_codes(alice)
    factor = Authenticator.objects.get(user=alice, type="recovery_codes")
    assert (len(codes), len(set(codes)), count_unused_codes([authenticator_app.factor, factor])) == (10, 10, 10)
    assert factor.wrap().validate_code(codes[3])
    factor.refresh_from_db()
    assert count_unused_codes([factor]) == 9


def test_it_does_not_count_recovery_codes_as_a_second_factor(alice: User) -> None:
    add_recovery_codes(alice)
    assert not has_second_factor(alice)
    add_authenticator_app(alice)
    assert has_second_factor(alice)


def test_it_shows_the_same_row_to_django_otp(alice: User, authenticator_app: AuthenticatorApp) -> None:
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


def test_it_generates_a_new_secret_if_the_pending_one_is_unreadable(alice: User, as_alice: Client) -> None:
    url = reverse("mfa_activate_totp")
    as_alice.get(url)
    session = as_alice.session
    session[SECRET_SESSION_KEY] = session[SECRET_SESSION_KEY][:-6] + "AAAAA="
    session.save()
    assert as_alice.post(url, {"code": "123456"}).status_code == 200
    assert open_secret(as_alice.session[SECRET_SESSION_KEY], owner=alice.pk)
    assert not has_second_factor(alice)
