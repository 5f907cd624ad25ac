"""TOTP codes of authenticator apps: RFC 6238 by django-otp, with the last used time step in the database.

allauth stores used codes in the cache, for one period. With a tolerance a code is valid for longer than that, and
without a cache none is stored. Here the last accepted time step is stored beside the secret and compared under a row
lock, so a code works only once, also with several servers.
"""

import base64
import time
from typing import Final

from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.db import transaction
from django_otp import oath

from accounts.mfa import sealed_secrets
from compliance.vault import SealError

LAST_STEP: Final = "last_step"


def verify_code(authenticator: Authenticator, code: str) -> bool:
    """Accept a code that is valid now and later than any accepted before. Commits with the transaction."""
    number = _parse_code(code)
    if number is None:
        return False
    with transaction.atomic():
        row = Authenticator.objects.select_for_update().filter(pk=authenticator.pk).first()
        if row is None:
            return False
        try:
            totp, first = (
                _make_totp(sealed_secrets.open_secret(row.data.get("secret"), owner=row.user_id)),
                _first_valid_step(row),
            )
        except SealError:
            # The user can still use recovery codes or a passkey.
            return False
        if not totp.verify(number, tolerance=app_settings.TOTP_TOLERANCE, min_t=first):
            return False
        row.data[LAST_STEP] = totp.t()
        row.save(update_fields=["data"])
    authenticator.data = row.data
    return True


def mark_code_used(authenticator: Authenticator, code: str) -> None:
    """Mark the code that has just set up an app as used, so that only later codes are accepted."""
    number = _parse_code(code)
    totp = _make_totp(sealed_secrets.open_secret(authenticator.data["secret"], owner=authenticator.user_id))
    if number is not None and totp.verify(number, tolerance=app_settings.TOTP_TOLERANCE):
        authenticator.data[LAST_STEP] = totp.t()
        authenticator.save(update_fields=["data"])


def patch_allauth_totp() -> None:
    """Make allauth verify codes with ``verify_code``. It has no setting for this; all its code calls this method."""
    TOTP.validate_code = lambda self, code: verify_code(self.instance, code)


def _make_totp(secret: str) -> oath.TOTP:
    totp = oath.TOTP(base64.b32decode(secret), step=app_settings.TOTP_PERIOD, digits=app_settings.TOTP_DIGITS)
    # The time is fixed, so that the stored step is the one that was compared.
    totp.time = time.time()
    return totp


def _first_valid_step(row: Authenticator) -> int:
    """Return the first time step whose code may be accepted: after the last used one, or after the set-up.

    Raises ``SealError`` if the stored step is invalid, because then no code is known to be unused.
    """
    if LAST_STEP in row.data:
        if type(row.data[LAST_STEP]) is not int:
            raise SealError("The last step is no number.")
        return int(row.data[LAST_STEP]) + 1
    return int(row.created_at.timestamp()) // app_settings.TOTP_PERIOD + app_settings.TOTP_TOLERANCE + 1


def _parse_code(code: str) -> int | None:
    digits = normalize_user_code(code)
    if len(digits) != app_settings.TOTP_DIGITS or not (digits.isascii() and digits.isdecimal()):
        return None
    return int(digits)
