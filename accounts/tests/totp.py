"""The second factors of users: an authenticator app and recovery codes."""

import base64
import time
from dataclasses import dataclass
from datetime import timedelta

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.mfa.sealed_secrets import seal_secret
from accounts.models import User
from accounts.tests.pages import sign_in

PERIOD = 30
# The start of a period in the future. Codes of that time are accepted, because no app was added after them.
TOMORROW = (int(time.time()) // PERIOD) * PERIOD + 24 * 60 * 60
SECRET = base64.b32encode(b"12345678901234567890").decode()


@dataclass(frozen=True)
class AuthenticatorApp:
    """An authenticator app. It computes codes by allauth's code, which the site itself does not use."""

    factor: Authenticator
    secret: str = SECRET

    def code(self, steps: int = 0) -> str:
        """The code of now, or of ``steps`` periods from now."""
        return format_hotp_value(hotp_value(self.secret, int(time.time()) // PERIOD + steps))

    def wrong_code(self) -> str:
        """A code that is wrong now and in the periods nearby."""
        near = {self.code(steps) for steps in range(-3, 4)}
        return next(code for code in ("000000", "111111", "222222", "333333") if code not in near)


def add_authenticator_app(user: User, secret: str = SECRET) -> AuthenticatorApp:
    """Give a user an authenticator app, set up yesterday."""
    factor = Authenticator.objects.create(
        user=user,
        type=Authenticator.Type.TOTP,
        data={"secret": seal_secret(secret, owner=user.pk)},
        created_at=timezone.now() - timedelta(days=1),
    )
    return AuthenticatorApp(factor, secret)


def add_recovery_codes(user: User) -> list[str]:
    """Give a user recovery codes, and return them."""
    factor = Authenticator.objects.create(
        user=user,
        type=Authenticator.Type.RECOVERY_CODES,
        data={"seed": seal_secret("ab" * 40, owner=user.pk), "used_mask": 0},
    )
    codes: list[str] = factor.wrap().get_unused_codes()
    return codes


def submit_code(client: Client, code: str) -> HttpResponse:
    """Submit a code in the second step of a sign-in."""
    return client.post(reverse("mfa_authenticate"), {"code": code})


def decline_trust(client: Client) -> HttpResponse:
    """Choose not to trust this browser, which completes the sign-in."""
    return client.post(reverse("mfa_trust"), {"action": "skip"})


def sign_in_with_code(
    client: Client, user: User, password: str, authenticator_app: AuthenticatorApp, steps: int = 0
) -> HttpResponse:
    sign_in(client, user.email, password)
    submit_code(client, authenticator_app.code(steps))
    return decline_trust(client)
