"""Codes of an authenticator app, each of which is accepted once."""

from collections.abc import Callable

import pytest
import time_machine

from accounts.mfa.totp import verify_code
from accounts.models import User
from accounts.tests.totp import TOMORROW, AuthenticatorApp, add_authenticator_app
from compliance.tests.threads import in_threads

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dates]

# Source: RFC 6238, appendix B (SHA-1), its last six digits.
VECTORS = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
]


@pytest.fixture
def old_app(authenticator_app: AuthenticatorApp) -> AuthenticatorApp:
    """An app that was added before the time of the first test vector."""
    authenticator_app.factor.created_at = authenticator_app.factor.created_at.fromtimestamp(
        -60, tz=authenticator_app.factor.created_at.tzinfo
    )
    authenticator_app.factor.save()
    return authenticator_app


@pytest.mark.parametrize(("moment", "code"), VECTORS)
def test_it_accepts_the_codes_of_the_standard(old_app: AuthenticatorApp, moment: int, code: str) -> None:
    with time_machine.travel(moment, tick=False):
        assert verify_code(old_app.factor, code)


def test_it_accepts_a_code_once(authenticator_app: AuthenticatorApp) -> None:
    with time_machine.travel(TOMORROW, tick=False):
        code = authenticator_app.code()
        assert verify_code(authenticator_app.factor, code)
        assert not verify_code(authenticator_app.factor, code)
    with time_machine.travel(TOMORROW + 30, tick=False):
        assert not verify_code(authenticator_app.factor, code)
        assert verify_code(authenticator_app.factor, authenticator_app.code())


def test_it_accepts_a_code_once_from_ten_threads(authenticator_app: AuthenticatorApp) -> None:
    with time_machine.travel(TOMORROW, tick=False):
        code = authenticator_app.code()
        results = in_threads(10, lambda: verify_code(authenticator_app.factor, code))
    assert sorted(results) == [False] * 9 + [True]


def test_it_accepts_the_code_of_the_previous_period(authenticator_app: AuthenticatorApp) -> None:
    with time_machine.travel(TOMORROW + 29, tick=False):
        code = authenticator_app.code()
    with time_machine.travel(TOMORROW + 31, tick=False):
        assert verify_code(authenticator_app.factor, code)
        assert not verify_code(authenticator_app.factor, code)
        assert verify_code(authenticator_app.factor, authenticator_app.code())


@pytest.mark.parametrize(("tolerance", "steps"), [(1, -2), (1, 2), (0, -1), (0, 1)])
def test_it_rejects_codes_outside_of_the_tolerance(
    authenticator_app: AuthenticatorApp, settings, tolerance: int, steps: int
) -> None:
    settings.MFA_TOTP_TOLERANCE = tolerance
    assert not verify_code(authenticator_app.factor, authenticator_app.code(steps))


def test_it_rejects_codes_older_than_the_last_one(authenticator_app: AuthenticatorApp, settings) -> None:
    settings.MFA_TOTP_TOLERANCE = 1
    with time_machine.travel(TOMORROW, tick=False):
        assert verify_code(authenticator_app.factor, authenticator_app.code(1))
        assert not verify_code(authenticator_app.factor, authenticator_app.code(0))
        assert not verify_code(authenticator_app.factor, authenticator_app.code(-1))


@pytest.mark.parametrize("offset", [-30, -1, 0, 29, 30, 59])
def test_it_accepts_a_code_once_within_the_tolerance(
    authenticator_app: AuthenticatorApp, settings, offset: int
) -> None:
    settings.MFA_TOTP_TOLERANCE = 1
    with time_machine.travel(TOMORROW, tick=False):
        code = authenticator_app.code()
    accepted = 0
    for moment in (TOMORROW + offset, TOMORROW - 30, TOMORROW, TOMORROW + 29, TOMORROW + 59):
        with time_machine.travel(moment, tick=False):
            accepted += verify_code(authenticator_app.factor, code)
    assert accepted == 1


def test_it_rejects_codes_from_before_the_app_was_added(
    alice: User, authenticator_app: AuthenticatorApp, settings
) -> None:
    settings.MFA_TOTP_TOLERANCE = 1
    with time_machine.travel(TOMORROW, tick=False) as clock:
        authenticator_app.factor.delete()
        new_app = add_authenticator_app(alice)
        new_app.factor.created_at = new_app.factor.created_at.fromtimestamp(
            TOMORROW, tz=new_app.factor.created_at.tzinfo
        )
        new_app.factor.save()
        assert not any(verify_code(new_app.factor, new_app.code(steps)) for steps in (-1, 0, 1))
        clock.shift(60)
        assert verify_code(new_app.factor, new_app.code())


def test_it_rejects_another_users_code(authenticator_app: AuthenticatorApp, make_user: Callable[..., User]) -> None:
    other_app = add_authenticator_app(make_user("mallory"), "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    assert not verify_code(authenticator_app.factor, other_app.code())
    assert verify_code(other_app.factor, other_app.code())


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567", "abcdef", "１２３４５６", "٠١٢٣٤٥", "-12345", "1e5000", "\0" * 6, "9" * 9999]
)
def test_it_rejects_texts_that_are_not_codes(authenticator_app: AuthenticatorApp, code: str) -> None:
    assert not verify_code(authenticator_app.factor, code)


def test_it_accepts_a_code_with_spaces(authenticator_app: AuthenticatorApp) -> None:
    with time_machine.travel(TOMORROW, tick=False):
        code = authenticator_app.code()
        assert verify_code(authenticator_app.factor, f" {code[:3]} {code[3:]}")


def test_it_rejects_a_code_of_a_removed_app(authenticator_app: AuthenticatorApp) -> None:
    code = authenticator_app.code()
    authenticator_app.factor.__class__.objects.filter(pk=authenticator_app.factor.pk).delete()
    assert not verify_code(authenticator_app.factor, code)


def test_it_also_applies_to_allauths_validation(authenticator_app: AuthenticatorApp) -> None:
    with time_machine.travel(TOMORROW, tick=False):
        code = authenticator_app.code()
        assert authenticator_app.factor.wrap().validate_code(code)
        assert not authenticator_app.factor.wrap().validate_code(code)
        assert not verify_code(authenticator_app.factor, code)


@pytest.mark.parametrize(
    "damage",
    [{}, {"secret": 0}, {"secret": None}, {"secret": ["a"]}, {"last_step": "x"}, {"last_step": None}],
)
def test_it_rejects_codes_for_a_damaged_row(authenticator_app: AuthenticatorApp, damage: dict[str, object]) -> None:
    authenticator_app.factor.data = authenticator_app.factor.data | damage if damage else {}
    authenticator_app.factor.save()
    with time_machine.travel(TOMORROW, tick=False):
        assert not verify_code(authenticator_app.factor, authenticator_app.code())
