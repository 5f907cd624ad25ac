"""Whether a user has a second factor."""

from typing import Final

from allauth.mfa.models import Authenticator

from accounts.users.models import User

SIGN_IN_TYPES: Final = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
"""The types that make sign-in require a second step. Recovery codes exist only in addition to one of these."""


def has_second_factor(user: User) -> bool:
    """Return whether this user signs in with a second step."""
    return Authenticator.objects.filter(user=user, type__in=SIGN_IN_TYPES).exists()
